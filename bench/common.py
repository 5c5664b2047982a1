"""What every benchmark shares: its options, interleaved timing, the machine, the table and the JSON file."""

from __future__ import annotations

import argparse
import atexit
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import games
from alphamini.arena import ratings
from alphamini.arena.plotting import file_format, is_figure
from alphamini.model.checkpoint import Weights, write_bytes
from alphamini.model.config import NetConfig
from alphamini.options import Parser, check_writable
from alphamini.options import run_command as run_command  # every benchmark ends with it

Row = dict[str, Any]
"""One measurement: `name`, `value`, `unit` and whatever else explains it."""

PACKAGES = ("numpy", "numba", "torch", "openvino", "open_spiel")


def parser(description: str) -> argparse.ArgumentParser:
    """The options that every benchmark takes."""
    options = Parser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    options.add_argument("--json", type=REPORT, metavar="FILE", help="write the rows to FILE as well")
    options.add_argument("--quick", action="store_true", help="a few repeats, to see that it runs (for CI)")
    return options


def to_write(
    ours: Callable[[bytes], bool], check: Callable[[Path], object] = lambda path: None
) -> Callable[[str], Path]:
    """The type of an option that names a file to write: refused before the work, see `options.check_writable`."""

    def path(text: str) -> Path:
        try:
            check(Path(text))
            check_writable(Path(text), ours)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return Path(text)

    return path


FIGURE = to_write(is_figure, file_format)
REPORT = to_write(lambda content: content.startswith(b'{\n "benchmark": '))  # as `report` writes it


def scratch() -> Path:
    """A folder that goes when the benchmark ends."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def medians(tasks: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """The median of `repeats` results of each task.

    The tasks take turns, so that whatever else the machine does meets all of them; one round before is not counted.
    """
    results: dict[str, list[float]] = {name: [] for name in tasks}
    for repeat in range(repeats + 1):
        for name, task in tasks.items():
            result = task()
            if repeat:
                results[name].append(result)
    return {name: statistics.median(values) for name, values in results.items()}


def rate(count: int, task: Callable[[], object]) -> float:
    """`count` things done by one call of `task`: how many a second."""
    start = time.perf_counter()
    task()
    return count / (time.perf_counter() - start)


def elo_row(name: str, pair: ratings.Pair) -> Row:
    """A match as a row: Elo of its first player over its second, with the 95 % interval."""
    elo, half = ratings.elo_of_score(pair)
    interval, games = f"{elo - half:+z.0f} to {elo + half:+z.0f}", f"+{pair.wins} ={pair.draws} -{pair.losses}"
    return {"name": name, "value": elo, "unit": "Elo", "95 %": interval, "games": games}


def train(game: str, folder: Path, minutes: float, options: list[str]) -> None:
    """A run of the main job, by its own command; one that is there goes on."""
    command = [sys.executable, "-m", "alphamini.selfplay", "--game", game, "--run", str(folder)]
    if status := subprocess.run([*command, "--minutes", str(minutes), *options]).returncode:
        sys.exit(status)  # it has said why


def random_net(game: games.Game, blocks: int, channels: int) -> tuple[NetConfig, Weights]:
    """A net as it is before training."""
    from alphamini.model.net import Net  # torch, which not every benchmark needs

    config = NetConfig.for_game(game, blocks, channels)
    return config, {name: weight.numpy() for name, weight in Net(config).state_dict().items()}


def machine() -> dict[str, Any]:
    """The computer and the versions, as far as they bear on a measurement."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def report(benchmark: str, rows: list[Row], file: Path | None) -> None:
    """Prints the rows as a table, and writes them to `file` if there is one."""
    about = machine()
    print(f"{benchmark}: {about['cpu']}, {about['cores']} cores, Python {about['python']}")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns, *([_cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        first, *rest = zip(line, widths, strict=True)
        print("  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]))
    if file:
        content = json.dumps({"benchmark": benchmark, "machine": about, "rows": rows}, indent=1) + "\n"
        write_bytes(file, content.encode())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
