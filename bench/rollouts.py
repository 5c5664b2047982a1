"""Tree search with random playouts and no net, one core, one playout a leaf: simulations a second beside OpenSpiel's C++.

`one tree` is a search that somebody waits for, as OpenSpiel's MCTSBot does it, of as many simulations as our doors think
without a net; `256 trees` are shorter searches in turn, as a match does them. The search starts from the empty board and
is thrown away afterwards, on both sides.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from common import Row, medians, parser, rate, report, run_command

import games
from alphamini.interfaces.engine import ROLLOUT_SIMS
from alphamini.model.evaluators import RandomRollouts
from alphamini.search.search import Search

try:
    import pyspiel
except ImportError:
    pyspiel = None

OPENSPIEL = {"connect4": "connect_four", "gomoku9": "gomoku(size=9)"}
SIMULATIONS = {1: ROLLOUT_SIMS, 256: 2000}  # of a tree, by how many trees


def ours(name: str, trees: int) -> Callable[[], float]:
    game = games.get(name)
    evaluator, rows = RandomRollouts(game, 1), np.arange(trees, dtype=np.int32)
    search = Search(game, trees, SIMULATIONS[trees])
    search.budget[:] = SIMULATIONS[trees]

    def task() -> float:
        start = time.perf_counter()
        search.reset(rows, game.new_states(trees))
        if trees == 1:
            while search.searching(rows)[0]:
                search.hasty_wave(evaluator, rows)
        else:
            search.run(evaluator, rows)
        return int(search.visits(rows).sum()) / (time.perf_counter() - start)

    return task


def openspiel(name: str, simulations: int) -> Callable[[], float]:
    game = pyspiel.load_game(OPENSPIEL[name])
    evaluator = pyspiel.RandomRolloutEvaluator(n_rollouts=1, seed=1)
    bot = pyspiel.MCTSBot(game, evaluator, 1.4, simulations, 1000, True, 1, False)
    state = game.new_initial_state()
    return lambda: rate(simulations, lambda: bot.mcts_search(state))


def main() -> None:
    options = parser(__doc__).parse_args()
    rows: list[Row] = []
    for name in OPENSPIEL:
        tasks = {f"{trees}": ours(name, trees) for trees in SIMULATIONS}
        if pyspiel is not None:
            tasks |= {
                f"openspiel {trees}": openspiel(name, 500 if options.quick else simulations)
                for trees, simulations in SIMULATIONS.items()
            }
        found = medians(tasks, repeats=1 if options.quick else 7)
        for trees, simulations in SIMULATIONS.items():
            label = "one tree" if trees == 1 else f"{trees} trees"
            row: Row = {
                "name": f"{name}, {label} of {simulations}",
                "value": found[f"{trees}"],
                "unit": "simulations/s",
            }
            if pyspiel is not None:
                row |= {
                    "openspiel": found[f"openspiel {trees}"],
                    "ratio": found[f"{trees}"] / found[f"openspiel {trees}"],
                }
            rows.append(row)
    report("rollouts", rows, options.json)
    if pyspiel is None:
        print("OpenSpiel skipped: pyspiel is not installed (pip install open_spiel)")


if __name__ == "__main__":
    run_command(main)
