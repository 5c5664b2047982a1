"""`python -m alphamini.plot FILE.json`: Elo against seconds a move on a log axis, with 95 % intervals."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path
from typing import Any

from alphamini.arena.plotting import curves, draw_thinking, file_format, is_figure
from alphamini.options import check_writable, parser, run_command


def main() -> None:
    options = parser("plot", "Draws Elo against thinking time from what `evaluate --thinking` wrote.")
    options.add_argument("file", type=Path, nargs="+", metavar="FILE.json", help="written by evaluate --thinking --out")
    options.add_argument("--out", type=Path, metavar="FILE.png", help="the figure (default: beside the first file)")
    arguments = options.parse_args()
    out = arguments.out or arguments.file[0].with_suffix(".png")
    check_writable(out, is_figure)
    file_format(out)
    draw_thinking([read(path) for path in arguments.file], out)
    print(out)


def read(path: Path) -> dict[str, Any]:
    """What the figure needs of the report in a file; ValueError with one line if it is none."""
    try:
        report = json.loads(path.read_text())
        slopes = [_rated(row, "elo_per_doubling") | {"name": str(row["name"])} for row in report.get("curves", [])]
        players = [_player(row) for row in report["players"]]
        found = {"game": str(report["game"]), "players": players, "curves": slopes}
        found |= {"openings": str(report.get("openings") or ""), "untimed": report.get("untimed")}
        curves(found)  # or there is nothing to draw
        return found
    except UnicodeDecodeError:
        wrong = "not text"
    except KeyError as error:
        wrong = f"no field {error}"
    except (AttributeError, TypeError, ValueError, OverflowError, RecursionError) as error:
        wrong = str(error)
    raise ValueError(f"{path} is not a report of evaluate --thinking ({wrong})")


def _player(row: dict[str, Any]) -> dict[str, Any]:
    """A row of "players"; KeyError, TypeError or ValueError if it is none."""
    player = _rated(row, "elo") | _numbers(row, "seconds_per_move")
    if player["seconds_per_move"] <= 0 and row.get("curve"):
        raise ValueError("a time that is not above 0")
    player |= {
        "name": str(row["name"]),
        "curve": str(row.get("curve", "")),
        "simulations": int(row["simulations"] or 0),
    }
    if "oracle" in row:
        oracle = row["oracle"]
        tally = _numbers(oracle["error_possible"], "positions", "correct")
        player["oracle"] = {"suite": str(oracle["suite"]), "error_possible": tally}
    return player


def _rated(row: dict[str, Any], field: str) -> dict[str, Any]:
    """A number and the interval that holds it; ValueError if there is none."""
    found = _numbers(row, field)
    low, high = found["ci95"]
    if not low <= found[field] <= high:
        raise ValueError(f"an interval that does not hold its {field}")
    return found


def _numbers(row: dict[str, Any], *fields: str) -> dict[str, Any]:
    """The numbers of a row and its interval; ValueError if one is none."""
    low, high = map(float, row["ci95"])
    numbers = {field: float(row[field]) for field in fields}
    if not all(map(isfinite, (low, high, *numbers.values()))):
        raise ValueError("a number that is not finite")
    return {"ci95": (low, high), **numbers}


if __name__ == "__main__":
    run_command(main)
