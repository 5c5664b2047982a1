"""Random games a second on one core, from the start position; beside OpenSpiel's C++ if `pyspiel` is installed.

    python bench/playouts.py [--games connect4 gomoku9 …] [--quick] [--json FILE]

OpenSpiel's rollouts run in C++ without a step of Python: an MCTS bot with one simulation evaluates the root by
`RandomRolloutEvaluator(n)`, which clones the state and plays it to its end n times.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from common import Row, medians, parser, rate, report, run_command

import games
from games.playout import generic_kernel

try:
    import pyspiel
except ImportError:
    pyspiel = None

GAMES = ("tictactoe", "connect4", "gomoku9", "gomoku15", "connect6", "othello6", "othello8", "breakthrough8")
GAMES += ("hex11", "go9", "go19")
OPENSPIEL = {  # our name: (its name, rollouts in one call)
    "tictactoe": ("tic_tac_toe", 20_000),
    "connect4": ("connect_four", 4_000),
    "gomoku9": ("gomoku(size=9)", 1_000),
    "gomoku15": ("gomoku(size=15)", 300),
    "othello8": ("othello", 300),
    "breakthrough8": ("breakthrough", 300),
    "hex11": ("hex(board_size=11)", 500),
    "go9": ("go(board_size=9)", 300),
    "go19": ("go(board_size=19)", 20),
}
BATCH = 4096  # games in one call of ours: the records stay in the cache


def ours(name: str, generic: bool = False) -> Callable[[], float]:
    """Plays BATCH games; gives games a second."""
    game, rng = games.get(name), np.random.default_rng(1)
    batch = BATCH // 4 if generic else BATCH
    kernel = generic_kernel(game) if generic or game.playout is None else game.playout

    def task() -> float:
        states = game.new_states(batch)
        seeds = rng.integers(2**64, size=batch, dtype=np.uint64)
        return rate(batch, lambda: kernel(states, seeds))

    return task


def openspiel(name: str) -> Callable[[], float]:
    """Lets OpenSpiel roll out from the start position; gives games a second."""
    short, rollouts = OPENSPIEL[name]
    game = pyspiel.load_game(short)
    evaluator = pyspiel.RandomRolloutEvaluator(n_rollouts=rollouts, seed=1)
    bot = pyspiel.MCTSBot(game, evaluator, 1.0, 1, 10, False, 1, False)
    state = game.new_initial_state()

    def task() -> float:
        return rate(rollouts, lambda: bot.mcts_search(state))

    return task


def main() -> None:
    options = parser("Random games a second on one core, beside OpenSpiel's C++.")
    options.add_argument("--games", nargs="+", default=GAMES, metavar="NAME", help="which games")
    arguments = options.parse_args()
    rows: list[Row] = []
    for name in arguments.games:
        try:
            games.get(name)
        except ValueError as error:
            options.error(str(error))
    for name in arguments.games:
        compared = pyspiel is not None and name in OPENSPIEL
        tasks = {"ours": ours(name), "generic": ours(name, generic=True)}
        if compared:
            tasks["openspiel"] = openspiel(name)
        found = medians(tasks, repeats=3 if arguments.quick else 15)
        row: Row = {"name": name, "value": found["ours"], "unit": "games/s", "move by move": found["generic"]}
        if compared:
            row |= {"openspiel": found["openspiel"], "ratio": found["ours"] / found["openspiel"]}
        rows.append(row)
    report("playouts", rows, arguments.json)
    if pyspiel is None:
        print("OpenSpiel skipped: pyspiel is not installed (pip install open_spiel)")


if __name__ == "__main__":
    run_command(main)
