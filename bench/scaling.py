"""How the cost of self-play grows: leaves a second over games at once, simulations a move, and board size.

    python bench/scaling.py [--json FILE] [--figure FILE.png]

A random 6x64 net, every move searched with the same budget, one worker a core, as in a run, but no more than games. What
does not vary is 256 games, 100 simulations, 9 x 9.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import common
import matplotlib
from selfplay import SelfPlay

import games
from alphamini.arena.plotting import save
from alphamini.learn.actor import SelfPlayConfig
from alphamini.model.evaluators import NetBackend, make_backend
from alphamini.model.threads import cores

GAMES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
SIMULATIONS = (50, 100, 200, 400, 800, 1600, 3200)
SIZES = (9, 11, 13, 15, 17, 19)
USUAL = (256, 100, 9)


def backend_of(game: games.Game) -> NetBackend:
    return make_backend(game, *common.random_net(game, 6, 64), workers=cores())


def leaves_a_second(backend: NetBackend, count: int, simulations: int, seconds: float) -> float:
    config = replace(SelfPlayConfig(), games=count, full_sims=simulations, full_share=1.0)
    return SelfPlay(backend, config)(seconds)["leaves"]


def draw(rows: list[common.Row], file: Path) -> None:
    """One panel a variable."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = list(dict.fromkeys(row["over"] for row in rows))
    figure, axes = pyplot.subplots(1, len(panels), figsize=(9, 2.8), dpi=150, sharey=True, layout="constrained")
    for axis, panel in zip(axes, panels, strict=True):
        points = [(row["at"], row["value"]) for row in rows if row["over"] == panel]
        axis.plot(*zip(*points, strict=True), "o-")
        if panel != "board size":
            axis.set_xscale("log", base=2)
        ticks = [at for at, _ in points][:: max(1, len(points) // 3)]
        axis.set_xticks(ticks, labels=[str(at) for at in ticks])
        axis.minorticks_off()
        axis.set_xlabel(panel)
        axis.grid(alpha=0.3)
    axes[0].set(ylabel="leaves a second", ylim=(0, 1.05 * max(row["value"] for row in rows)))
    save(figure, file)


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("--figure", type=common.FIGURE, metavar="FILE.png", help="draw it, too")
    arguments = options.parse_args()
    counts, budgets, sizes = (GAMES, SIMULATIONS, SIZES)
    if arguments.quick:
        counts, budgets, sizes = (1, 8), (50,), (9, 11)
    points = {("games at once", count): (count, *USUAL[1:]) for count in counts}
    points |= {("simulations a move", budget): (USUAL[0], budget, USUAL[2]) for budget in budgets}
    points |= {("board size", size): (*USUAL[:2], size) for size in sizes}
    backends = {size: backend_of(games.get(f"gomoku{size}")) for size in {size for _, _, size in points.values()}}
    seconds = 0.3 if arguments.quick else 3.0
    tasks = {
        f"{over} {at}": partial(leaves_a_second, backends[size], count, budget, seconds)
        for (over, at), (count, budget, size) in points.items()
    }
    found = common.medians(tasks, repeats=1 if arguments.quick else 3)
    rows: list[common.Row] = [
        {"name": f"{over} {at}", "value": found[f"{over} {at}"], "unit": "leaves/s", "over": over, "at": at}
        for over, at in points
    ]
    common.report("scaling", rows, arguments.json)
    if arguments.figure:
        draw(rows, arguments.figure)


if __name__ == "__main__":
    common.run_command(main)
