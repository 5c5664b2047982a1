"""Positions a second of a net on a 9 x 9 board, by library, precision, size of net, batch and number of workers.

A worker is a thread with batches of its own. One worker has all the cores, as a person waits for a single search; as many
workers as cores is how self-play runs.
The engines take turns, round after round, so that a busy machine is unfair to all of them alike.
"""

from __future__ import annotations

import threading
import time
from functools import partial

import common
import torch

import games
from alphamini.model.engines import Engine, openvino_net
from alphamini.model.quantize import random_positions
from alphamini.model.threads import cores
from alphamini.model.torch_net import TorchEngine, precisions

GAME = games.get("gomoku9")
NETS = ((4, 32), (6, 64), (10, 96))
BATCHES = (1, 8, 32, 128, 512)


def engines_of(blocks: int, channels: int, workers: int) -> list[Engine]:
    """Every library and precision that this machine has, the fastest first."""
    config, weights = common.random_net(GAME, blocks, channels)
    made: list[Engine] = []
    if openvino_net is not None:
        sample = GAME.planes(random_positions(GAME, 64))
        peaks = openvino_net.measure(config, weights, GAME.shape, sample)[2]
        for precision in openvino_net.precisions():
            given = peaks if precision == "int8" else None
            made.append(openvino_net.OpenVinoEngine(config, weights, GAME.shape, precision, workers, given))
    for device in ("cuda", "cpu") if torch.cuda.is_available() else ("cpu",):
        made += [TorchEngine(config, weights, precision, device, workers) for precision in precisions(device)]
    return made


def positions_a_second(engine: Engine, workers: int, batch: int, seconds: float) -> float:
    """`workers` threads at once, each with its own session and `batch` positions a call."""
    planes = GAME.planes(random_positions(GAME, batch))
    calls = [0] * workers
    clock = {}  # when the threads, all of them ready, began

    def begin() -> None:
        clock["start"] = time.perf_counter()

    ready = threading.Barrier(workers, begin)

    def work(i: int) -> None:
        session, mine = engine.session(1 if workers == 1 else 0), planes.copy()
        session.infer(mine)  # compiles
        ready.wait()
        while time.perf_counter() < clock["start"] + seconds:
            session.infer(mine)
            calls[i] += 1

    threads = [threading.Thread(target=work, args=(i,)) for i in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(calls) * batch / (time.perf_counter() - clock["start"])


def main() -> None:
    options = common.parser(__doc__).parse_args()
    rows: list[common.Row] = []
    for blocks, channels in NETS[1:2] if options.quick else NETS:
        ready = [(engine, n) for n in sorted({1, cores()}) for engine in engines_of(blocks, channels, n)]
        for batch in (1, 32) if options.quick else BATCHES:
            tasks = {
                f"{blocks}x{channels} {engine.name}, {n} workers, batch {batch}": partial(
                    positions_a_second, engine, n, batch, seconds=0.1 if options.quick else 0.4
                )
                for engine, n in ready
            }
            figures = common.medians(tasks, repeats=2 if options.quick else 5)
            rows += [{"name": name, "value": value, "unit": "positions/s"} for name, value in figures.items()]
    common.report("inference", rows, options.json)


if __name__ == "__main__":
    common.run_command(main)
