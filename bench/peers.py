"""Search with a net beside peers that pip installs: simulations a second, random 6x64 nets, 100 simulations a move.

Ours is self-play with its default inference (`selfplay.py` says what counts). pgx + mctx (jax) are joined as in pgx's own
AlphaZero: games in a batch, PUCT with Dirichlet noise, the net in fp32. OpenSpiel's AlphaZero (Python, jax) is one of
its actors; it starts one a core, each with a game and a net of its own. Peers play by their own rules and planes, and
may use all cores. What is not installed is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import common
import numpy as np
from selfplay import HUNDRED, SelfPlay

import games
from alphamini.model.evaluators import make_backend
from alphamini.model.threads import cores

BLOCKS, CHANNELS, SIMULATIONS = 6, 64, HUNDRED.full_sims
BATCHES = (32, 128)
PGX = {"connect4": "connect_four", "othello8": "othello", "go9": "go_9x9"}
OPENSPIEL = {"connect4": "connect_four", "gomoku9": "gomoku(size=9)"}
PIP = "jax flax optax orbax-checkpoint pgx mctx open_spiel"
NEEDED = {"pgx + mctx": ("jax", "pgx", "mctx"), "OpenSpiel": ("pyspiel", "jax", "flax", "optax", "orbax")}


def ours(name: str, seconds: float) -> Callable[[], float]:
    game = games.get(name)
    play = SelfPlay(make_backend(game, *common.random_net(game, BLOCKS, CHANNELS), workers=cores()), HUNDRED)
    return lambda: play(seconds)["simulations"]


def jax_net(planes: int, cells: int, actions: int) -> tuple[list[Any], Callable[[Any, Any], tuple[Any, Any]]]:
    """Weights and function (weights, planes [B, rows, columns, planes]) -> policy logits [B, actions], values [B]."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    conv = [(3, 3, planes, CHANNELS)] + [(3, 3, CHANNELS, CHANNELS)] * 2 * BLOCKS + [(1, 1, CHANNELS, 3)]
    shapes = [*conv, (2 * cells, actions), (cells, CHANNELS), (CHANNELS, 1)]
    weights = [jnp.asarray(rng.normal(0, np.prod(shape[:-1]) ** -0.5, shape), jnp.float32) for shape in shapes]

    def convolve(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def apply(weights: list[Any], x: Any) -> tuple[Any, Any]:
        stem, *blocks, heads, policy, value, last = weights
        x = jax.nn.relu(convolve(x.astype(jnp.float32), stem))
        for first, second in zip(blocks[::2], blocks[1::2], strict=True):
            x = jax.nn.relu(x + convolve(jax.nn.relu(convolve(x, first)), second))
        x = jax.nn.relu(convolve(x, heads))
        rows = len(x)
        hidden = jax.nn.relu(x[..., 2].reshape(rows, -1) @ value)
        return x[..., :2].reshape(rows, -1) @ policy, jnp.tanh(hidden @ last)[:, 0]

    return weights, apply


def pgx(name: str, batch: int) -> Callable[[], float]:
    import jax
    import jax.numpy as jnp
    import mctx
    import pgx
    from pgx.experimental.wrappers import auto_reset

    env: Any = pgx.make(PGX[name])  # type: ignore[arg-type]
    rows, columns, planes = env.observation_shape
    weights, net = jax_net(planes, rows * columns, env.num_actions)
    step = jax.vmap(auto_reset(env.step, env.init))

    def recurrent(weights: list[Any], key: Any, action: Any, state: Any) -> tuple[Any, Any]:
        mover = state.current_player
        state = jax.vmap(env.step)(state, action)
        logits, value = net(weights, state.observation)
        logits = jnp.where(state.legal_action_mask, logits, jnp.finfo(jnp.float32).min)
        output = mctx.RecurrentFnOutput(
            reward=state.rewards[jnp.arange(batch), mover],
            discount=jnp.where(state.terminated, 0.0, -1.0),
            prior_logits=logits,
            value=jnp.where(state.terminated, 0.0, value),
        )
        return output, state

    @jax.jit
    def move(weights: list[Any], state: Any, key: Any) -> Any:
        search_key, step_key = jax.random.split(key)
        logits, value = net(weights, state.observation)
        root = mctx.RootFnOutput(prior_logits=logits, value=value, embedding=state)
        found = mctx.muzero_policy(
            weights, search_key, root, recurrent, SIMULATIONS, invalid_actions=~state.legal_action_mask
        )
        return step(state, found.action, jax.random.split(step_key, batch))

    keys = iter(jax.random.split(jax.random.PRNGKey(0), 10**4))
    state = jax.vmap(env.init)(jax.random.split(next(keys), batch))

    def one_move() -> None:
        nonlocal state
        state = jax.block_until_ready(move(weights, state, next(keys)))

    return lambda: common.rate(batch * SIMULATIONS, one_move)


def openspiel(name: str) -> Callable[[], float]:
    import pyspiel
    from open_spiel.python.algorithms import mcts
    from open_spiel.python.algorithms.alpha_zero import evaluator, utils

    game = pyspiel.load_game(OPENSPIEL[name])
    model = utils.api_selector("linen").Model.build_model(
        "resnet", game.observation_tensor_shape(), game.num_distinct_actions(), CHANNELS, BLOCKS, 1e-4, 1e-3, ""
    )
    bot = mcts.MCTSBot(
        game, 2, SIMULATIONS, evaluator.AlphaZeroEvaluator(game, model), solve=False, dirichlet_noise=(0.25, 1),
        child_selection_fn=mcts.SearchNode.puct_value, dont_return_chance_node=True,
    )  # fmt: skip
    state = game.new_initial_state()

    def one_move() -> None:
        nonlocal state
        state.apply_action(bot.step(state))
        if state.is_terminal():
            state = game.new_initial_state()

    return lambda: common.rate(SIMULATIONS, one_move)


def main() -> None:
    options = common.parser(__doc__).parse_args()
    repeats, seconds = (1, 1.0) if options.quick else (3, 4.0)
    missing = {peer: [name for name in needed if not find_spec(name)] for peer, needed in NEEDED.items()}
    rows: list[common.Row] = []
    for name in dict.fromkeys([*PGX, *OPENSPIEL]):
        tasks = {"ours": ours(name, seconds)}
        if name in PGX and not missing["pgx + mctx"]:
            tasks |= {f"pgx + mctx, {batch} games": pgx(name, batch) for batch in BATCHES[: 1 if options.quick else 2]}
        if name in OPENSPIEL and not missing["OpenSpiel"]:
            tasks["OpenSpiel, one game"] = openspiel(name)
        found = common.medians(tasks, repeats)
        for task, value in found.items():
            row: common.Row = {"name": f"{name}: {task}", "value": value, "unit": "simulations/s"}
            rows.append(row | ({} if task == "ours" else {"ours over it": found["ours"] / value}))
    common.report("peers", rows, options.json)
    for peer, names in missing.items():
        if names:
            print(f"{peer} skipped: no {', '.join(names)} (pip install {PIP})")


if __name__ == "__main__":
    common.run_command(main)
