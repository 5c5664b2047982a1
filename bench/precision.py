"""What int8 and bf16 cost a trained net: agreement with fp32 on positions of its own games, and matches against fp32.

Agreement as `alphamini.model.quantize` defines it, on self-play positions that calibration did not see. The match is
at equal simulations, every opening (random plies) from both seats; a difference whose interval holds 0 is none that it
could show.
"""

from __future__ import annotations

from pathlib import Path

import common
import numpy as np
from numpy.typing import NDArray

import games
from alphamini.arena.match import play_match
from alphamini.arena.players import SearchPlayer
from alphamini.learn.actor import Actor, SelfPlayConfig
from alphamini.model.checkpoint import Checkpoint, load_checkpoint
from alphamini.model.evaluators import NetBackend, make_backend
from alphamini.model.quantize import agreement
from alphamini.model.shipped import shipped_checkpoint
from alphamini.model.threads import cores


def positions(game: games.Game, backend: NetBackend, count: int) -> games.States:
    """[count] positions of self-play as a run plays it."""
    actor = Actor(game, SelfPlayConfig(), 128, np.random.SeedSequence(5))
    found = [game.new_states(0)]
    while sum(map(len, found)) < count:
        played = actor.play(backend.worker(), count)
        found += [samples["state"] for samples in played.samples]
    return np.concatenate(found)[:count]


def answers(backend: NetBackend, states: games.States) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits f4[N, A] and values f4[N]."""
    worker = backend.worker()
    parts = [[x.copy() for x in worker.evaluate(states[i : i + 256])] for i in range(0, len(states), 256)]
    logits, values = zip(*parts, strict=True)
    return np.concatenate(logits), np.concatenate(values)


def player(game: games.Game, backend: NetBackend, simulations: int) -> SearchPlayer:
    return SearchPlayer(game, backend.name, lambda rng: backend.worker(), simulations, None)


def backend_of(game: games.Game, checkpoint: Checkpoint, precision: str) -> NetBackend:
    return make_backend(game, checkpoint.net, checkpoint.weights, precision, workers=cores())


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("--game", default="gomoku9")
    options.add_argument("--checkpoint", type=Path, help="the net (default: the shipped one)")
    options.add_argument("--positions", type=int, default=10_000)
    options.add_argument("--games", type=int, default=400, help="of each match")
    options.add_argument("--simulations", type=int, default=64, help="a move, in the matches")
    arguments = options.parse_args()
    count, matches, simulations = arguments.positions, arguments.games, arguments.simulations
    if arguments.quick:
        count, matches, simulations = 200, 4, 8
    game = games.get(arguments.game)
    checkpoint = load_checkpoint(arguments.checkpoint or shipped_checkpoint(game), game)
    exact = backend_of(game, checkpoint, "fp32")
    states = positions(game, backend_of(game, checkpoint, "auto"), count)
    legal, reference = game.legal_mask(states), answers(exact, states)
    rows: list[common.Row] = []
    for precision in ("int8", "bf16"):
        try:
            low = backend_of(game, checkpoint, precision)
        except ValueError as error:
            print(f"{precision} skipped: {error}")
            continue
        found = agreement(reference, answers(low, states), legal)
        result = play_match(
            game, player(game, low, simulations), player(game, exact, simulations), matches, seed=1, threads=cores()
        )
        rows += [
            {"name": f"{precision}: policy KL", "value": found.divergence, "unit": f"nats, {count} positions"},
            {"name": f"{precision}: best move as good", "value": found.top, "unit": "share"},
            {"name": f"{precision}: value error", "value": found.value_error, "unit": "mean absolute"},
            common.elo_row(f"{precision}: match against fp32, {simulations} simulations", result.pair(0, 1)),
        ]
    common.report("precision", rows, arguments.json)


if __name__ == "__main__":
    common.run_command(main)
