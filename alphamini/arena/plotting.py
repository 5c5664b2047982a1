"""The project's figures: Elo (and error against an oracle) against thinking time, and Elo against learning time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alphamini.model.checkpoint import write_bytes

MARK = "drawn by alphamini"  # in every figure's file
FORMATS = ("png", "svg", "pdf", "eps")  # that can be marked so
SIZE = (8.0, 5.0)  # inches of a panel: what it says can be read in a page of text


def draw_thinking(reports: Sequence[dict[str, Any]], path: Path) -> None:
    """Elo (with 95 % intervals) against seconds a move on a log axis, a panel for each `evaluate --thinking` report.

    A panel has a curve for each net, or for each stage of its training; its leftmost, hollow point is the raw policy
    (one simulation). Where the report holds errors against an oracle, a second panel shows them.
    ValueError, one line, if a report has no such players.
    """
    panels = [(report, draw) for report in reports
              for draw in (_draw_elo, _draw_error) if draw is _draw_elo or _judged(report)]  # fmt: skip
    figure, all_axes = _figure(len(panels))
    for axes, (report, draw) in zip(all_axes, panels, strict=True):
        draw(axes, report)
        axes.set_xscale("log")
        _show_a_decade(axes)
        taken = "as the games took: not to compare" if report.get("untimed") else "many games at once"
        played = f"\nopenings: {_plain(report['openings'])}" if draw is _draw_elo and report.get("openings") else ""
        axes.set_xlabel(f"seconds a move of one core, {taken} (log scale){played}")
        axes.legend(fontsize=10)  # where it hides least
    save(figure, path)


def curves(report: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The players of a report's curves, each in rising order of thinking. ValueError, one line, if there are none."""
    found: dict[str, list[dict[str, Any]]] = {}
    for player in report["players"]:
        if player.get("curve"):
            found.setdefault(player["curve"], []).append(player)
    if not found:
        raise ValueError("no player with several budgets")
    return {
        name: sorted(players, key=lambda p: (p["simulations"], p["seconds_per_move"]))
        for name, players in found.items()
    }


def slope_text(curve: dict[str, Any]) -> str:
    """One entry of a report's "curves" for people."""
    low, high = curve["ci95"]
    return f"{curve['name']}: {curve['elo_per_doubling']:+z.0f} ± {(high - low) / 2:.0f} Elo a doubling"


def _plain(text: str) -> str:
    """The text as it stands: matplotlib reads $ as a formula's, and its legends leave out what begins with _."""
    return (" " if text.startswith("_") else "") + text.replace("$", r"\$")


def _draw_elo(axes: Any, report: dict[str, Any]) -> None:
    labels = {curve["name"]: slope_text(curve) for curve in report.get("curves", [])}
    found = curves(report)
    for number, (name, players) in enumerate(found.items()):
        elo = np.array([p["elo"] for p in players])
        low, high = np.array([p["ci95"] for p in players]).T
        _draw_curve(axes, number, labels.get(name, name), players, elo, np.array([elo - low, high - elo]))
    for p in next(reversed(found.values())):  # the simulations, at the last curve alone: they would hide the others
        axes.annotate(str(p["simulations"] or ""), (p["seconds_per_move"], p["elo"]), textcoords="offset points",
                      xytext=(-4, 9), ha="right", fontsize=9)  # fmt: skip
    anchor = report["players"][0]
    axes.axhline(anchor["elo"], color="0.5", linestyle="--", linewidth=1, label=f"{anchor['name']} (0)")
    axes.set_ylabel("Elo, 95 % intervals")
    axes.set_title(f"{report['game']}: strength against thinking time")


def _draw_error(axes: Any, report: dict[str, Any]) -> None:
    judged = _judged(report)  # not all of them where Ctrl-C has stopped the suite
    for number, (name, players) in enumerate(curves({**report, "players": judged}).items()):
        tallies = [p["oracle"]["error_possible"] for p in players]
        share = np.array([100 - 100 * t["correct"] / t["positions"] for t in tallies])
        low, high = 100 - 100 * np.array([t["ci95"] for t in tallies]).T
        _draw_curve(axes, number, name, players, share, np.abs([share - high, low - share]))
    oracle = judged[0]["oracle"]
    axes.set_ylim(bottom=0)
    axes.set_ylabel("% of moves that lose the game's value")
    axes.set_title(
        f"{report['game']}: errors on {oracle['error_possible']['positions']:.0f} positions ({_plain(oracle['suite'])})"
    )


def _show_a_decade(axes: Any) -> None:
    """Widens the axis to a factor of ten at least: points of a single budget, a short run's, are microseconds apart. Few
    ticks, as all of a decade would be named where there are one or two of them."""
    from matplotlib.ticker import LogLocator

    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    low, high = axes.get_xlim()
    if high < 10 * low:
        middle = (low * high) ** 0.5
        axes.set_xlim(middle / 10**0.5, middle * 10**0.5)


def _judged(report: dict[str, Any]) -> list[dict[str, Any]]:
    found = [player for players in curves(report).values() for player in players if "oracle" in player]
    return [player for player in found if player["oracle"]["error_possible"]["positions"]]


def _draw_curve(axes: Any, number: int, label: str, players: Sequence[dict[str, Any]], y: Any, errors: Any) -> None:
    """A curve with its bars; the raw policy is hollow."""
    seconds = [p["seconds_per_move"] for p in players]
    colour = f"C{number}"
    axes.errorbar(seconds, y, errors, fmt="o-", capsize=3, color=colour, label=_plain(label), linewidth=1.8)
    raw = [i for i, p in enumerate(players) if p["simulations"] == 1]
    axes.plot([seconds[i] for i in raw], [y[i] for i in raw], "o", color="white", markeredgecolor=colour,
              markersize=7, zorder=3)  # fmt: skip


def draw_learning(metrics: Sequence[dict[str, Any]], path: Path) -> None:
    """Elo over the starting net against the run's minutes; nothing is drawn before the first rating."""
    rated = [row for row in metrics if row.get("elo") is not None]
    if not rated:
        return
    figure, (axes,) = _figure(1)
    minutes = [row["seconds"] / 60 for row in rated]
    axes.errorbar(
        minutes, [r["elo"] for r in rated], [r["elo_half_interval"] for r in rated], fmt="o-", capsize=3, markersize=4
    )
    axes.axhline(0, color="0.5", linestyle="--", linewidth=1)
    axes.set_xlabel("minutes since the run began")
    axes.set_ylabel("Elo over the net that self-play began with")
    axes.set_title("Learning by self-play (quick matches, 95 % intervals)")
    save(figure, path)


def draw_paths(game: str, points: Sequence[dict[str, Any]], path: Path) -> None:
    """Elo against minutes of learning, a curve for each `name` of the points ("start, seed n": a colour for each start)."""
    figure, (axes,) = _figure(1)
    names = list(dict.fromkeys(point["name"] for point in points))
    starts = list(dict.fromkeys(name.split(",")[0] for name in names))
    for name in names:
        mine = [point for point in points if point["name"] == name]
        elo = np.array([point["value"] for point in mine])
        errors = [elo - [point["low"] for point in mine], [point["high"] for point in mine] - elo]
        start = name.split(",")[0]
        seed = sum(other.startswith(start) for other in names[: names.index(name)])
        axes.errorbar([point["minutes"] for point in mine], elo, errors, fmt="os^Dv"[seed % 5] + "-", capsize=3,
                      markersize=5, color=f"C{starts.index(start)}", alpha=0.85, label=name)  # fmt: skip
    axes.axhline(0, color="0.5", linestyle="--", linewidth=1, label="strongest scripted teacher (0)")
    axes.set_xlabel("minutes since the run began")
    axes.set_ylabel("Elo, 95 % intervals")
    axes.set_title(f"{game}: what a supervised start is worth")
    axes.legend(fontsize=10, loc="lower right")
    save(figure, path)


def is_figure(content: bytes) -> bool:
    """Is this the file of one of our figures?"""
    return MARK.encode() in content


def file_format(path: Path) -> str:
    """What a figure of that name is written as; ValueError, one line, if the name's ending is of no format."""
    kind = path.suffix[1:].lower()
    if kind not in FORMATS:
        raise ValueError(f"{path}: the name of a figure ends in .{', .'.join(FORMATS)}")
    return kind


def _figure(panels: int) -> tuple[Any, list[Any]]:
    """A figure and the axes of its panels."""
    import matplotlib  # slow to import: only when something is drawn

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = 1 if panels <= 2 else 2
    rows = -(-panels // columns)
    size = SIZE[0] * columns, SIZE[1] * rows
    figure, grid = pyplot.subplots(rows, columns, figsize=size, dpi=120, layout="constrained", squeeze=False)
    all_axes = list(grid.flat)
    for axes in all_axes[panels:]:
        axes.remove()
    for axes in all_axes[:panels]:
        axes.grid(alpha=0.3)
        axes.xaxis.label.set_size(11)
        axes.yaxis.label.set_size(11)
        axes.title.set_size(13)
    return figure, all_axes[:panels]


def save(figure: Any, path: Path) -> None:
    """Writes it whole or not at all, with the mark that lets a newer one replace it. ValueError: see `file_format`."""
    from matplotlib import pyplot

    kind = file_format(path)
    drawn = io.BytesIO()
    figure.savefig(drawn, format=kind, metadata={"Creator": MARK})
    pyplot.close(figure)
    write_bytes(path, drawn.getvalue())
