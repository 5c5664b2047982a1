"""Self-play against the wall that inference sets: gomoku9, random nets, one worker thread a core, as in a run.

For each net: what pure inference does at its best batch; what self-play does with the same backend; and the same loop
on torch in fp32. All take turns. Of simulations, what a kept subtree brought along does not count, what the cache answered
and ends of games do; evaluations are what the net computed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import common
import numpy as np
from inference import positions_a_second

import games
from alphamini.learn.actor import Actor, SelfPlayConfig
from alphamini.learn.recipe import for_game
from alphamini.model.evaluators import NetBackend, make_backend
from alphamini.model.threads import cores

GAME = games.get("gomoku9")
BATCHES = (64, 128, 256)
HUNDRED = replace(SelfPlayConfig(), full_sims=100, full_share=1.0)


class SelfPlay:
    """Workers that go on with the same games at every call."""

    def __init__(self, backend: NetBackend, config: SelfPlayConfig):
        self.backend = backend
        workers = min(cores(), config.games)
        seeds = np.random.SeedSequence(0).spawn(workers)
        self.actors = [Actor(backend.game, config, config.games // workers, seed) for seed in seeds]

    def __call__(self, seconds: float) -> dict[str, float]:
        """A stretch of play: leaves (the cache answers some), evaluations by the net, simulations and moves a second."""
        # New workers have empty caches: the trees begin anew, too, and what was known would be simulated for nothing.
        workers, end = [self.backend.selfplay_worker() for _ in self.actors], threading.Event()
        for worker in workers:
            worker.evaluate(self.backend.game.new_states(2))  # compiles
        timer = threading.Timer(seconds, end.set)
        timer.start()
        start = time.perf_counter()
        with ThreadPoolExecutor(len(self.actors)) as pool:
            calls = [
                pool.submit(actor.play, worker, 10**9, stop=end.is_set)
                for actor, worker in zip(self.actors, workers, strict=True)
            ]
            parts = [call.result() for call in calls]
        spent = time.perf_counter() - start
        leaves = sum(part.evaluations for part in parts)
        simulations = sum(part.visits for part in parts)  # of the moves made; now those of the searches under way
        simulations += sum(int((actor.search.visits(actor.rows) - actor.kept).sum()) for actor in self.actors)
        return {
            "leaves": leaves / spent,
            "evaluations": sum(worker.cache.computed for worker in workers) / spent,
            "simulations": simulations / spent,
            "moves": sum(part.moves for part in parts) / spent,
        }


def tasks_of(blocks: int, channels: int, config: SelfPlayConfig, seconds: float) -> dict[str, Callable[[], object]]:
    net, weights = common.random_net(GAME, blocks, channels)
    fast = make_backend(GAME, net, weights, workers=cores())
    slow = make_backend(GAME, net, weights, "fp32", workers=cores(), device="torch")
    tasks: dict[str, Callable[[], object]] = {
        f"inference {batch}": partial(positions_a_second, fast.current[0], cores(), batch, seconds) for batch in BATCHES
    }
    return tasks | {
        "play": partial(SelfPlay(fast, config), seconds),
        "torch": partial(SelfPlay(slow, config), seconds),
    }


def main() -> None:
    options = common.parser(__doc__).parse_args()
    repeats, seconds = (1, 2.0) if options.quick else (5, 4.0)
    rows: list[common.Row] = []
    for blocks, channels, label, config in (
        (6, 64, "100 simulations a move", HUNDRED),
        (4, 32, "100 simulations a move", HUNDRED),
        (6, 48, "as by default", for_game(GAME).selfplay),
    ):
        tasks = tasks_of(blocks, channels, config, seconds)
        rounds = [{name: task() for name, task in tasks.items()} for _ in range(repeats + 1)][1:]
        wall = [max(one[f"inference {batch}"] for batch in BATCHES) for one in rounds]
        name = f"{blocks}x{channels}, {label}"
        rows.append({"name": f"{name}: inference", "value": float(np.median(wall)), "unit": "evaluations/s"})
        for figure in ("evaluations", "simulations", "moves"):
            values = [one["play"][figure] for one in rounds]
            ratios = [value / best for value, best in zip(values, wall, strict=True)]
            row = {"name": f"{name}: {figure}", "value": float(np.median(values)), "unit": f"{figure}/s"}
            if figure != "moves":
                row["over inference"] = float(np.median(ratios))
                row["over torch fp32"] = float(
                    np.median([one["play"][figure] / one["torch"][figure] for one in rounds])
                )
            rows.append(row)
    common.report("selfplay", rows, options.json)


if __name__ == "__main__":
    common.run_command(main)
