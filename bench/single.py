"""One tree that somebody waits for, all cores: simulations a second against the latency of one position at a time.

`wave` takes one leaf at a time, `hasty wave` up to eight, as `play` and every player under a clock do. Ratios are
simulations a second times the latency of a single inference: 1 is a search that costs nothing besides the net.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import common
import numpy as np

import games
from alphamini.model.evaluators import NetBackend, make_backend
from alphamini.search.search import MOST_LEAVES, Search

GAME = games.get("gomoku9")
ROW = np.zeros(1, np.int32)


def latency(backend: NetBackend, calls: int) -> Callable[[], float]:
    """Seconds an inference of one position."""
    session, planes = backend.current[0].session(1), GAME.planes(GAME.new_states(1))

    def task() -> float:
        return 1 / common.rate(calls, lambda: [session.infer(planes) for _ in range(calls)])

    return task


def search(backend: NetBackend, kind: str, simulations: int) -> Callable[[], float]:
    """Simulations a second, from the empty board with an empty tree and an empty cache."""
    evaluator, tree = backend.worker(MOST_LEAVES), Search(GAME, 1, simulations)
    wave = getattr(tree, kind)
    tree.budget[:] = simulations

    def task() -> float:
        backend.forget()
        tree.reset(ROW, GAME.new_states(1))
        start = time.perf_counter()
        while tree.searching(ROW)[0]:
            wave(evaluator, ROW)
        return simulations / (time.perf_counter() - start)

    return task


def main() -> None:
    options = common.parser(__doc__).parse_args()
    backend = make_backend(GAME, *common.random_net(GAME, 6, 64))
    simulations = 200 if options.quick else 1600
    tasks = {
        "latency": latency(backend, simulations // 4),
        "wave": search(backend, "wave", simulations),
        "hasty wave": search(backend, "hasty_wave", simulations),
    }
    found = common.medians(tasks, repeats=1 if options.quick else 9)
    rows: list[common.Row] = [{"name": "latency of one position", "value": 1e6 * found["latency"], "unit": "us"}]
    rows += [
        {"name": name, "value": found[name], "unit": "simulations/s", "times latency": found[name] * found["latency"]}
        for name in ("wave", "hasty wave")
    ]
    common.report("single", rows, options.json)


if __name__ == "__main__":
    common.run_command(main)
