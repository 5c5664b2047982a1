"""`python -m alphamini.plot FILE.json` (or GAME, whose net ships): Elo against seconds a move, log x, 95 % intervals."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path
from typing import Any

from alphamini.arena.plotting import curves, draw_thinking, file_format, is_figure
from alphamini.arena.specs import parse_spec
from alphamini.model.shipped import shipped_report
from alphamini.options import check_writable, parser, run_command

BUDGETS = ("sims", "seconds")  # of a SPEC


def main() -> None:
    options = parser(
        "plot", "Draws Elo against thinking time from what `evaluate` wrote of players with several budgets."
    )
    options.add_argument(
        "file",
        nargs="+",
        metavar="FILE.json",
        help="written by evaluate --out; or a game: of the net that ships for it",
    )
    options.add_argument(
        "--out",
        type=Path,
        metavar="FILE.png",
        help="the figure (default: beside the first file; of a game: GAME.png here)",
    )
    arguments = options.parse_args()
    out = arguments.out or Path(arguments.file[0]).with_suffix(".png")
    check_writable(out, is_figure)
    file_format(out)
    draw_thinking([read(find(name)) for name in arguments.file], out)
    print(out)


def find(name: str) -> Path:
    """The file of that name, or the shipped one of that game (whose name a run's folder may have)."""
    path = Path(name)
    return path if path.exists() and not path.is_dir() else shipped_report(name) or path


def read(path: Path) -> dict[str, Any]:
    """What the figure needs of the report in a file; ValueError with one line if it is none, or has nothing to draw."""
    try:
        report = json.loads(path.read_text())
        slopes = [_rated(row, "elo_per_doubling") | {"name": str(row["name"])} for row in report.get("curves", [])]
        players = [_player(row) for row in report["players"]]
        found: dict[str, Any] = {"game": str(report["game"]), "players": players, "curves": slopes}
        found |= {"openings": str(report.get("openings") or ""), "untimed": report.get("untimed")}
        if not any(player["curve"] for player in players):  # a match: its moves were not timed by themselves
            _join(players)
            found["untimed"] = True
        curves(found)  # or there is nothing to draw
        return found
    except UnicodeDecodeError:
        wrong = "not text"
    except KeyError as error:
        wrong = f"no field {error}"
    except (AttributeError, TypeError, ValueError, OverflowError, RecursionError) as error:
        wrong = str(error)
    raise ValueError(f"{path} is not a report of evaluate with something to draw ({wrong})")


def _join(players: list[dict[str, Any]]) -> None:
    """Makes curves of players whose SPECs differ in nothing but their budgets, which may be left out."""
    names = []
    for player in players:
        spec = parse_spec(player["spec"])
        rest = [f"{name}={value}" for name, value in spec.options.items() if name not in BUDGETS]
        name = " ".join([f"{spec.kind}:{spec.argument}" if spec.argument else spec.kind, *rest])
        if "seconds" in spec.options:  # has no number of simulations to be ordered by among the others
            name += " under a clock"
        names.append(name if player["simulations"] or len(rest) < len(spec.options) else "")
    for player, name in zip(players, names, strict=True):
        if name and names.count(name) > 1:
            player["curve"] = name
            if player["seconds_per_move"] <= 0:
                raise ValueError("a time that is not above 0")


def _player(row: dict[str, Any]) -> dict[str, Any]:
    """A row of "players"; KeyError, TypeError or ValueError if it is none."""
    player = _rated(row, "elo") | _numbers(row, "seconds_per_move")
    if player["seconds_per_move"] <= 0 and row.get("curve"):
        raise ValueError("a time that is not above 0")
    player |= {
        "name": str(row["name"]),
        "spec": str(row.get("spec", "")),
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
