"""Several leaves of one tree at a time: a match at equal time against the same search with one leaf a wave.

With the net of gomoku9 and with random playouts of connect4, one tree at a time, as a person waits for it; every
opening from both seats, each side with an evaluation cache of its own. A difference whose interval holds 0 is none that it
could show.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import common

import games
from alphamini.arena.match import play_match
from alphamini.arena.players import SearchPlayer
from alphamini.model.checkpoint import load_checkpoint
from alphamini.model.evaluators import NetEvaluator, RandomRollouts, make_backend
from alphamini.model.shipped import shipped_checkpoint
from alphamini.search.search import MOST_LEAVES


def player(game: games.Game, name: str, make: Callable[[], Any], one: bool, seconds: float) -> SearchPlayer:
    def worker(rng: object) -> Any:
        evaluator = make()
        if one:
            evaluator.at_once = 1
        return evaluator

    return SearchPlayer(game, name, worker, None, seconds)


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("--games", type=int, default=200, help="of each match")
    arguments = options.parse_args()
    gomoku, connect4 = games.get("gomoku9"), games.get("connect4")
    checkpoint = load_checkpoint(shipped_checkpoint(gomoku), gomoku)

    def net() -> NetEvaluator:
        return make_backend(gomoku, checkpoint.net, checkpoint.weights, workers=1).worker(MOST_LEAVES)

    rows: list[common.Row] = []
    for game, name, make, seconds in (
        (gomoku, "gomoku9, the net", net, 0.05),
        (connect4, "connect4, playouts", lambda: RandomRollouts(connect4, 1), 0.02),
    ):
        count = 2 if arguments.quick else arguments.games
        several, one = (player(game, name, make, single, seconds) for single in (False, True))
        pair = play_match(game, several, one, count, seed=1).pair()
        rows.append(common.elo_row(f"{name}, {seconds:g} s a move: several leaves over one", pair))
    common.report("batches", rows, arguments.json)


if __name__ == "__main__":
    common.run_command(main)
