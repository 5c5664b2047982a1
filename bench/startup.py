"""How long until `play` shows its first prompt, beside `import torch`: whole processes, caches warm, in turns."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial

import common

PLAY = [sys.executable, "-m", "alphamini.play", "--game", "gomoku9"]
TORCH = [sys.executable, "-c", "import torch"]


def first_prompt() -> float:
    """Seconds from the start of `play` to the "> " that asks for a move."""
    start = time.perf_counter()
    process = subprocess.Popen(PLAY, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    seen = b""
    while not seen.endswith(b"> "):
        one = process.stdout.read(1)
        if not one:
            raise RuntimeError(f"play ended before it asked for a move: {seen.decode(errors='replace')}")
        seen += one
    seconds = time.perf_counter() - start
    process.communicate(b"quit\n")
    return seconds


def whole(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def main() -> None:
    options = common.parser(__doc__).parse_args()
    tasks = {"play": first_prompt, "import torch": partial(whole, TORCH)}
    found = common.medians(tasks, repeats=1 if options.quick else 7)
    rows: list[common.Row] = [
        {"name": name, "value": seconds, "unit": "s", "over import torch": seconds / found["import torch"]}
        for name, seconds in found.items()
    ]
    common.report("startup", rows, options.json)


if __name__ == "__main__":
    common.run_command(main)
