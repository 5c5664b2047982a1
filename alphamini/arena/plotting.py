"""The project's figures: Elo against thinking time, and Elo against learning time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alphamini.arena.thinking import slope


def draw_thinking(reports: Sequence[dict[str, Any]], path: Path) -> None:
    """Elo (with 95 % intervals) against seconds a move on a log axis, from `evaluate --thinking` reports.

    A curve for each net: its players are named "NAME N sims". The leftmost point is the raw policy (one simulation).
    ValueError, one line, if a report has no such players.
    """
    figure, axes = _figure()
    game = ""
    for report in reports:
        game = report["game"]
        for number, (name, players) in enumerate(curves(report).items()):
            players.sort(key=lambda p: p["simulations"])
            seconds = [p["seconds_per_move"] for p in players]
            elo = np.array([p["elo"] for p in players])
            low, high = np.array([p["ci95"] for p in players]).T
            label = f"{name}: {slope(players):+.0f} Elo a doubling" if len(players) > 1 else name
            axes.errorbar(seconds, elo, [elo - low, high - elo], fmt="o-", capsize=3, color=f"C{number}", label=label)
            for x, y, p in zip(seconds, elo, players, strict=True):
                axes.annotate(str(p["simulations"]), (x, y), textcoords="offset points", xytext=(5, -11), fontsize=8)
        anchor = report["players"][0]
        axes.axhline(anchor["elo"], color="0.5", linestyle="--", linewidth=1, label=f"{anchor['name']} (0)")
    axes.set_xscale("log")
    axes.set_xlabel("seconds a move, one core, games played in batches (log scale); figures: simulations")
    axes.set_ylabel("Elo")
    axes.set_title(f"{game}: Elo against thinking time")
    axes.legend(loc="lower right")
    _save(figure, path)


def curves(report: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The searching players of a report by the net's name; ValueError, one line, if there are none."""
    found: dict[str, list[dict[str, Any]]] = {}
    for player in report["players"]:
        if player["simulations"]:
            found.setdefault(player["name"].rsplit(" ", 2)[0], []).append(player)
    if not found:
        raise ValueError("no player with a number of simulations in this file: was it made with --thinking?")
    return found


def draw_learning(metrics: Sequence[dict[str, Any]], path: Path) -> None:
    """Elo over the starting net against the run's minutes; nothing is drawn before the first rating."""
    rated = [row for row in metrics if row.get("elo") is not None]
    if not rated:
        return
    figure, axes = _figure()
    minutes = [row["seconds"] / 60 for row in rated]
    axes.errorbar(
        minutes, [r["elo"] for r in rated], [r["elo_half_interval"] for r in rated], fmt="o-", capsize=3, markersize=4
    )
    axes.axhline(0, color="0.5", linestyle="--", linewidth=1)
    axes.set_xlabel("minutes since the run began")
    axes.set_ylabel("Elo over the net that self-play began with")
    axes.set_title("Learning by self-play (quick matches, 95 % intervals)")
    _save(figure, path)


def _figure() -> Any:
    import matplotlib  # slow to import: only when something is drawn

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), dpi=120, layout="constrained")
    axes.grid(alpha=0.3)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    """Beside its place, then renamed: a viewer never sees half a picture."""
    from matplotlib import pyplot

    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.tmp{path.suffix}")
    figure.savefig(beside)
    pyplot.close(figure)
    os.replace(beside, path)
