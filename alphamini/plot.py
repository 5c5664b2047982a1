"""`python -m alphamini.plot FILE.json`: Elo against seconds a move on a log axis, with 95 % intervals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from alphamini.arena.plotting import draw_thinking
from alphamini.options import check_writable, parser, run_command


def main() -> None:
    options = parser("plot", "Draws Elo against thinking time from what `evaluate --thinking` wrote.")
    options.add_argument("file", type=Path, nargs="+", metavar="FILE.json", help="written by evaluate --thinking --out")
    options.add_argument("--out", type=Path, metavar="FILE.png", help="the figure (default: beside the first file)")
    arguments = options.parse_args()
    out = arguments.out or arguments.file[0].with_suffix(".png")
    check_writable(out)
    draw_thinking([read(path) for path in arguments.file], out)
    print(out)


def read(path: Path) -> dict[str, Any]:
    """The report in a file; ValueError with one line if it is none."""
    try:
        report = json.loads(path.read_text())
        if not isinstance(report, dict) or not {"game", "players"} <= report.keys():
            raise ValueError("no players in it")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a report of evaluate (not text)") from None
    except ValueError as error:
        raise ValueError(f"{path} is not a report of evaluate ({error})") from None
    return report


if __name__ == "__main__":
    run_command(main)
