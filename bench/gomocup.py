"""A game under the limits of a Gomocup tournament: the engine's process on 15 x 15 against random moves. Only on Linux.

How much memory it takes at its peak, as the system counts it (VmHWM), and how long its longest move takes.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
from pathlib import Path

import common

SIZE = 15
MEMORY = 350  # MB
GOMOCUP = [sys.executable, "-m", "alphamini.gomocup"]


class Manager:
    def __init__(self) -> None:
        self._process = subprocess.Popen(GOMOCUP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def send(self, *lines: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(line + "\n" for line in lines))

    def ask(self, line: str) -> tuple[str, float]:
        """The answer, and the seconds until it came."""
        assert self._process.stdout is not None
        start = time.perf_counter()
        self.send(line)
        return self._process.stdout.readline().strip(), time.perf_counter() - start

    def peak(self) -> float:
        """MB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def end(self) -> None:
        self.send("END")
        self._process.wait()


def main() -> None:
    options = common.parser(__doc__ or "")
    options.add_argument("--seconds", type=float, default=5.0, help="timeout_turn")
    arguments = options.parse_args()
    seconds = 0.5 if arguments.quick else arguments.seconds
    manager, rng = Manager(), random.Random(1)
    manager.send(f"INFO max_memory {MEMORY << 20}", f"INFO timeout_turn {round(1000 * seconds)}")
    answer, start = manager.ask(f"START {SIZE}")
    assert answer == "OK", answer
    started = manager.peak()
    empty = {f"{x},{y}" for x in range(SIZE) for y in range(SIZE)}
    times: list[float] = []
    answer, took = manager.ask("BEGIN")
    while re.fullmatch(r"\d+,\d+", answer):
        times.append(took)
        empty.remove(answer)
        move = rng.choice(sorted(empty))
        empty.remove(move)
        answer, took = manager.ask(f"TURN {move}")
    rows: list[common.Row] = [
        {"name": "START", "value": start, "unit": "s", "peak MiB": started},
        {"name": "longest move", "value": max(times), "unit": "s", "timeout_turn": seconds, "moves": len(times)},
        {"name": "peak memory", "value": manager.peak(), "unit": "MiB", "max_memory": MEMORY},
    ]
    manager.end()
    common.report("gomocup", rows, arguments.json)


if __name__ == "__main__":
    common.run_command(main)
