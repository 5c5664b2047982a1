"""`python -m alphamini.selfplay --game gomoku9`: the whole path, from scripted games to a figure of what it learned."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from alphamini.arena.judge import Judge
from alphamini.arena.openings import choose_openings
from alphamini.arena.plotting import draw_learning, draw_thinking
from alphamini.arena.pool import play_pairs, table
from alphamini.arena.thinking import Net, thinking_pool
from alphamini.learn.command import how_to_go_on, open_run, run_parser, stop_on_signals
from alphamini.learn.run import RunFolder
from alphamini.model.checkpoint import write_bytes
from alphamini.options import run_command

if TYPE_CHECKING:  # slow to import, see alphamini.learn.command
    from alphamini.learn.loop import Iteration, Loop

FINAL_SHARE, FINAL_MOST = 0.07, 180.0  # the final evaluation's part of --minutes, and at most so many seconds
MILESTONE, MILESTONE_SHARE = 600.0, 0.05  # seconds until the first figure, then twice as long; time spent on it
BUDGETS = tuple(2**i for i in range(10))  # simulations in the figure
ROUND_GAMES = 10  # a pair, in one round of the figure's games
OVERTIME = 0.1  # of the run's time, that the first of these rounds may take more than its share
JUDGE_SHARE = 0.05  # of the time goes into the Elo of each iteration's line


def main() -> None:
    options, defaults = run_parser("selfplay", "Scripted games, a supervised net, then self-play; runs until stopped.")
    options.add_argument(
        "--minutes",
        type=float,
        help="end after so many minutes in all, but not before self-play's first iteration (default: never)",
    )
    arguments = options.parse_args()
    if arguments.minutes is not None and not arguments.minutes > 0:
        raise ValueError("--minutes must be above 0")
    train(open_run(arguments, defaults), arguments.minutes)


def train(loop: Loop, minutes: float | None) -> None:
    """The path, until `minutes` are over or somebody stops it."""
    folder, recipe = loop.folder, loop.recipe
    final = 0.0 if minutes is None else min(minutes * 60 * FINAL_SHARE, FINAL_MOST)
    limit = float("inf") if minutes is None else minutes * 60 - final
    stop_on_signals(loop)
    if not loop.supervised:
        loop.pretrain()
    if not loop.supervised:
        print(how_to_go_on("selfplay", folder))
        return
    if last_figure(folder) >= max(limit, loop.seconds):  # minutes of work, for the same figure
        print(
            f"the run in {folder.path} has had its --minutes, and its figure; with more of them, or without, it goes on"
        )
        return
    judge = Judge(
        loop.game, folder.checkpoints / f"{loop.baseline}.safetensors", loop.workers, recipe.seed, recipe.precision
    )
    begun, milestone = loop.elapsed(), next_milestone(last_figure(folder))
    elo = float("nan")  # as last measured
    while not loop.stop.is_set() and (loop.elapsed() < limit or not loop.iterations):
        iteration = loop.iterate(max(0.0, 1 - loop.elapsed() / limit))
        measured: dict[str, float] = {}
        if judge.seconds < JUDGE_SHARE * (loop.elapsed() - begun) and not loop.stop.is_set():
            measured = judge.compare(loop.checkpoint("now"), loop.iterations, loop.stop.is_set)
            elo = measured.get("elo", elo)
        if iteration.number % 10 == 0:  # before the commit: after it a kill would lose it for good
            folder.save_checkpoint(f"iteration{iteration.number:06d}", loop.checkpoint("iteration"))
        loop.commit({"stage": "selfplay", "iteration": iteration.number, **flat(iteration), **measured})
        tqdm.write(line(iteration, loop.elapsed(), elo))
        if loop.backend and loop.backend.name != iteration.inference:  # the new net has been judged anew
            tqdm.write(f"inference: {loop.backend.describe()}")
        if measured:
            draw_learning(folder.metrics(), folder.path / "learning.png")
        if milestone <= loop.elapsed() < limit and not loop.stop.is_set():
            thinking(loop, folder, BUDGETS[:7], MILESTONE_SHARE * loop.elapsed())
            milestone = next_milestone(loop.elapsed())
    if not loop.stop.is_set():
        thinking(loop, folder, BUDGETS, final)
    if loop.stop.is_set():
        print(how_to_go_on("selfplay", folder))
        return
    print(f"the net: {folder.checkpoints / 'latest.safetensors'}")


def flat(iteration: Iteration) -> dict[str, Any]:
    """An iteration as one level of numbers."""
    row = asdict(iteration)
    losses = row.pop("losses")
    row.pop("number")
    return row if losses is None else {**row, **{f"{name}_loss": losses[name] for name in ("policy", "value")}}


def line(iteration: Iteration, seconds: float, elo: float) -> str:
    """One line for people."""
    losses = iteration.losses
    learned = "collecting" if losses is None else f"loss {losses.policy:.2f} + {losses.value:.2f}"
    ended = f"{iteration.plies:.0f} plies, {iteration.draws:.0%} drawn | " if iteration.games else ""
    strength = "" if np.isnan(elo) else f" | Elo {elo:+z.0f}"
    return (
        f"{seconds / 60:5.1f} min | iteration {iteration.number} | {iteration.games_per_s:.1f} games/s, "
        f"{iteration.sims_per_s:,.0f} sims/s | {ended}"
        f"{learned}, entropy {iteration.entropy:.2f}{strength}"
    )


def next_milestone(seconds: float) -> float:
    """The first of the times for a figure that is later than `seconds`."""
    milestone = MILESTONE
    while milestone <= seconds:
        milestone *= 2
    return milestone


def last_figure(folder: RunFolder) -> float:
    """How long the run had taken when its figure was drawn; 0 if there is none (one that was stopped is drawn anew)."""
    try:
        return float(json.loads((folder.path / "thinking.json").read_text())["run_seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


def thinking(loop: Loop, folder: RunFolder, budgets: tuple[int, ...], seconds: float) -> None:
    """Elo against thinking time for the net as it is and the one it started from, as JSON and as a figure.

    Whole rounds of games are played for about so many seconds, one at least. The first goes from the smallest budget up,
    and leaves out those that would take too long. None after a stop, and no figure then.
    """
    run_seconds = loop.elapsed()
    start = Net(loop.baseline, folder.checkpoints / f"{loop.baseline}.safetensors", budgets[:9:3])
    now = Net("self-play", folder.checkpoints / "latest.safetensors", budgets)
    pool, pairs = thinking_pool(loop.game, [start, now], loop.workers, loop.recipe.precision)
    openings = choose_openings(loop.game, "auto")
    seed, stop = loop.recipe.seed, loop.stop.is_set

    played: list[tuple[int, int]] = []
    begun, rung_seconds = time.monotonic(), 0.0
    end = begun + seconds
    latest = end + OVERTIME * run_seconds
    for budget in budgets:
        before = time.monotonic()
        if played and before + 2 * rung_seconds > latest:  # a rung takes about twice as long as the one before
            break
        rung = [pair for pair in pairs if budget == max(pool.entries[i].player.simulations or 0 for i in pair if i)]
        play_pairs(pool, rung, ROUND_GAMES, seed + len(played), openings, stop)
        played += rung
        rung_seconds = time.monotonic() - before
    round_seconds = time.monotonic() - begun
    while time.monotonic() + round_seconds <= end and not stop():
        seed += len(played)
        play_pairs(pool, played, ROUND_GAMES, seed, openings, stop)
    if not stop():
        pool.time_curves(seed, stop)
    if stop():  # a figure is of whole rounds
        return
    folder.check_place()
    report = {**pool.report(), "openings": openings.about, "run_seconds": run_seconds}
    draw_thinking([report], folder.path / "thinking.png")
    write_bytes(folder.path / "thinking.json", (json.dumps(report) + "\n").encode())
    print(table(pool))
    print(f"Elo against thinking time: {folder.path / 'thinking.png'}")


if __name__ == "__main__":
    run_command(main)
