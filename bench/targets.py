"""How good are the policies that self-play gives the net to learn? Short searches against a long one of the same net.

For positions of the net's own games a search of `--reference` simulations says which move is best. Each row is a way
to make a target from a short search: how often its first choice is that move, its mean log-probability of it, and
what the target would score by the long search's values, less what the long search itself scores (0 is as good).
The raw policy is the row to beat: a target that is no better teaches nothing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from common import parser, report, run_command
from numpy.typing import NDArray
from tqdm import tqdm

import games
from alphamini.learn.actor import SEARCH
from alphamini.learn.recipe import SelfPlayConfig
from alphamini.model.checkpoint import load_checkpoint
from alphamini.model.evaluators import NetEvaluator, make_backend
from alphamini.model.shipped import shipped_checkpoint
from alphamini.search.search import Search, choose, exact_value

UNKNOWN = 0.3  # a move that the long search hardly tried counts as so much worse than its position
TRUSTED = 4  # visits that make a move's value known


def positions(game: games.Game, evaluator: NetEvaluator, count: int, rng: np.random.Generator) -> games.States:
    """[count] positions from games of the raw policy at temperature 1, one a game, at a random ply."""
    states, found = game.new_states(count), game.new_states(count)
    stop = rng.integers(2, max(3, game.max_plies // 2), count)
    for ply in range(int(stop.max())):
        live = states["outcome"] == games.ONGOING
        found[live & (stop > ply)] = states[live & (stop > ply)]
        logits = evaluator.evaluate(states)[0].astype(np.float64)
        logits[game.legal_mask(states) == 0] = -np.inf
        logits[~live] = 0
        policy = np.exp(logits - logits.max(1, keepdims=True)).astype(np.float32)
        game.step(states, choose(policy, 1.0, rng.random(count)))
    return found


class Reference:
    """What a long search says of the positions."""

    def __init__(self, game: games.Game, evaluator: NetEvaluator, states: games.States, simulations: int):
        rows = np.arange(len(states), dtype=np.int32)
        search = Search(game, len(states), simulations, SEARCH)
        search.reset(rows, states)
        search.budget[:] = simulations
        with tqdm(total=simulations, desc="reference search", unit="wave", leave=False) as bar:
            while len(rows := rows[search.searching(rows)]):
                search.wave(evaluator, rows)
                bar.update()
        rows = np.arange(len(states), dtype=np.int32)
        statistics = search.statistics(rows)
        policy = search.policy(rows)
        known = np.nan_to_num(statistics.q)
        self.best = policy.argmax(1)
        seen = np.where(statistics.visits >= TRUSTED, known, statistics.value[:, None] - UNKNOWN)
        self.q = np.where(statistics.proof != 0, exact_value(statistics.proof), seen)
        self.own = (policy * self.q).sum(1)

    def rows(self, name: str, target: NDArray[np.float32]) -> list[dict[str, object]]:
        best = target[np.arange(len(target)), self.best]
        figures = {
            "first choice": (float(np.mean(target.argmax(1) == self.best)), "share"),
            "log p(best)": (float(np.log(np.maximum(best, 1e-4)).mean()), "nats"),
            "score": (float(((target * self.q).sum(1) - self.own).mean()), "value"),
        }
        return [{"name": f"{name}: {key}", "value": value, "unit": unit} for key, (value, unit) in figures.items()]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--game", default="gomoku9")
    options.add_argument("--checkpoint", type=Path, help="the net (default: the shipped one)")
    options.add_argument("--reference", type=int, default=1600, help="simulations of the long search")
    options.add_argument("--positions", type=int, default=256)
    options.add_argument("--simulations", type=int, default=64, help="of the short searches")
    arguments = options.parse_args()
    game = games.get(arguments.game)
    checkpoint = load_checkpoint(arguments.checkpoint or shipped_checkpoint(game), game)
    evaluator = make_backend(game, checkpoint.net, checkpoint.weights).worker()
    rng = np.random.default_rng(0)
    states = positions(game, evaluator, 16 if arguments.quick else arguments.positions, rng)
    reference = Reference(game, evaluator, states, 100 if arguments.quick else arguments.reference)
    trees = np.arange(len(states), dtype=np.int32)
    legal = game.legal_mask(states).sum(1, keepdims=True)
    table: list[dict[str, object]] = []
    for noise in (0.25, 0.1, 0.0):
        search = Search(game, len(states), arguments.simulations, SEARCH)
        alpha = np.broadcast_to(SelfPlayConfig().noise_total / legal, (len(states), game.num_actions))
        search.set_noise(trees, rng.standard_gamma(alpha).astype(np.float32), noise)
        search.reset(trees, states)
        search.budget[:] = 1
        search.run(evaluator, trees)
        if not table:
            search.config = replace(SEARCH, target_temperature=1.0)  # nothing tried: this is the net's own policy
            table += reference.rows("raw policy", search.improved_policy(trees))
        search.budget[:] = arguments.simulations
        search.run(evaluator, trees)
        label = f"{noise:.0%} noise"
        table += reference.rows(f"{label}, visits", search.policy(trees))
        for q_scale, temperature in ((0.1, 1.0), (0.3, 1.0), (0.3, 0.75), (0.6, 0.75)):
            search.config = replace(SEARCH, q_scale=q_scale, target_temperature=temperature)
            name = f"{label}, completed values, scale {q_scale}, temperature {temperature}"
            table += reference.rows(name, search.improved_policy(trees))
    report("targets", table, arguments.json)


if __name__ == "__main__":
    run_command(main)
