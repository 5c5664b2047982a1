"""Positions a second of a net on a 9 x 9 board, by library, precision, size of net, batch and number of streams.

A stream is one worker thread with batches of its own. One stream has all the cores, as a person waits for a single
search; as many streams as cores is how self-play runs.
The engines take turns, round after round, so that a busy machine is unfair to all of them alike.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time

import torch

import games
from alphamini.model.config import NetConfig
from alphamini.model.engines import Engine, openvino_net
from alphamini.model.net import Net
from alphamini.model.quantize import random_positions
from alphamini.model.threads import cores
from alphamini.model.torch_net import TorchEngine, precisions

GAME = games.get("gomoku9")
NETS = ((4, 32), (6, 64), (10, 96))
BATCHES = (1, 8, 32, 128, 512)
SECONDS = 0.3  # a figure


def engines_of(blocks: int, channels: int, streams: int) -> list[Engine]:
    """Every library and precision that this machine has, the fastest first."""
    config = NetConfig.for_game(GAME, blocks, channels)
    weights = {name: w.numpy() for name, w in Net(config).state_dict().items()}
    made: list[Engine] = []
    if openvino_net is not None:
        sample = GAME.planes(random_positions(GAME, 64))
        ranges = openvino_net.measure(config, weights, GAME.shape, sample)[2]
        for precision in openvino_net.precisions():
            given = ranges if precision == "int8" else None
            made.append(openvino_net.OpenVinoEngine(config, weights, GAME.shape, precision, streams, given))
    for device in ("cuda", "cpu") if torch.cuda.is_available() else ("cpu",):
        made += [TorchEngine(config, weights, precision, device, streams) for precision in precisions(device)]
    return made


def positions_a_second(engine: Engine, streams: int, batch: int, seconds: float) -> float:
    """`streams` threads at once, each with its own session and `batch` positions a call."""
    planes = GAME.planes(random_positions(GAME, batch))
    calls = [0] * streams
    clock = {}  # when the threads, all of them ready, began

    def begin() -> None:
        clock["start"] = time.perf_counter()

    ready = threading.Barrier(streams, begin)

    def work(i: int) -> None:
        session, mine = engine.session(), planes.copy()
        session.infer(mine)  # compiles
        ready.wait()
        while time.perf_counter() < clock["start"] + seconds:
            session.infer(mine)
            calls[i] += 1

    threads = [threading.Thread(target=work, args=(i,)) for i in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(calls) * batch / (time.perf_counter() - clock["start"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the figures here too")
    parser.add_argument("--quick", action="store_true", help="the 6 x 64 net alone, batches of 1 and 32, 2 rounds")
    options = parser.parse_args()
    nets, batches, rounds = (((6, 64),), (1, 32), 2) if options.quick else (NETS, BATCHES, 5)
    rows = []
    for blocks, channels in nets:
        ready = [
            (engine, streams) for streams in sorted({1, cores()}) for engine in engines_of(blocks, channels, streams)
        ]
        for batch in batches:
            figures: list[list[float]] = [[] for _ in ready]
            for _ in range(rounds):
                for (engine, streams), found in zip(ready, figures, strict=True):
                    found.append(positions_a_second(engine, streams, batch, SECONDS))
            for (engine, streams), found in zip(ready, figures, strict=True):
                rows.append(
                    {
                        "name": f"{blocks}x{channels} {engine.name}, {streams} streams, batch {batch}",
                        "value": statistics.median(found),
                        "best": max(found),
                        "unit": "positions/s",
                    }
                )
                print(f"{rows[-1]['name']:<52}{rows[-1]['value']:>10.0f}{rows[-1]['best']:>10.0f}", flush=True)


if __name__ == "__main__":
    main()
