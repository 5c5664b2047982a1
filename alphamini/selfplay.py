"""`python -m alphamini.selfplay --game gomoku9`: the whole path, from scripted games to a figure that shows it worked."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from alphamini.arena.judge import Judge
from alphamini.arena.plotting import draw_learning, draw_thinking
from alphamini.arena.thinking import play_thinking
from alphamini.learn.loop import Iteration, Loop
from alphamini.learn.recipe import Recipe, for_game
from alphamini.learn.run import RunFolder
from alphamini.model.checkpoint import write_bytes
from alphamini.model.threads import cores
from alphamini.options import add_fields, parser, read_fields, run_command
from games import get

FINAL_SHARE, FINAL_MOST = 0.1, 180.0  # the final evaluation's part of --minutes, and at most so many seconds
MILESTONE = 600.0  # seconds until the first figure; each later one comes after twice the time
JUDGE_SHARE = 0.05  # of the time goes into the Elo of each iteration's line


def main() -> None:
    first = parser("selfplay", __doc__.split("\n")[0])
    first.add_argument("--game", default="gomoku9", help="the game; see the README for names")
    game = get(first.parse_known_args([a for a in sys.argv[1:] if a not in ("-h", "--help")])[0].game)
    defaults = for_game(game)
    options = parser("selfplay", "Scripted games, a supervised net, then self-play; runs until stopped.")
    options.add_argument("--game", default="gomoku9", help="the game")
    options.add_argument("--run", type=Path, help="the run's folder (default: runs/GAME); a run that is there goes on")
    options.add_argument("--minutes", type=float, help="end after so many minutes in all (default: never)")
    add_fields(options, defaults, skip=("game",))
    arguments = options.parse_args()
    if arguments.minutes is not None and not arguments.minutes > 0:
        raise ValueError("--minutes must be above 0")
    recipe = read_fields(defaults, arguments)
    folder = RunFolder(arguments.run or Path("runs") / game.name)
    train(folder, agree(folder, recipe, arguments), arguments.minutes)


def agree(folder: RunFolder, recipe: Recipe, arguments: Any) -> Recipe:
    """The recipe of the run in `folder`: a new run takes the command line's, an old one must not be contradicted."""
    found = folder.recipe()
    if found is None:
        folder.create(recipe)
        return recipe
    if found.game != recipe.game:
        raise ValueError(f"{folder.path} is a run of {found.game}; choose another --run for {recipe.game}")
    if read_fields(found, arguments) != found:
        raise ValueError(f"{folder.path} was begun with other options; leave them out, or choose another --run")
    print(f"going on with the run in {folder.path}")
    return found


def train(folder: RunFolder, recipe: Recipe, minutes: float | None) -> None:
    """The path, until `minutes` are over or somebody stops it."""
    loop = Loop(folder, recipe, cores())
    limit = float("inf")
    if minutes is not None:
        limit = minutes * 60 - min(minutes * 60 * FINAL_SHARE, FINAL_MOST)
    stop_on_signals(loop)
    if not loop.supervised:
        loop.pretrain()
    judge = Judge(loop.game, folder.checkpoints / f"{loop.baseline}.safetensors", loop.workers, recipe.seed)
    milestone = MILESTONE
    while milestone <= loop.elapsed():
        milestone *= 2
    elo: dict[str, float] = {}
    while not loop.stop.is_set() and loop.elapsed() < limit:
        iteration = loop.iterate()
        if judge.seconds < JUDGE_SHARE * loop.elapsed() and not loop.stop.is_set():
            elo = judge.compare(loop.checkpoint("now"), loop.iterations)
        loop.commit({"stage": "selfplay", "iteration": iteration.number, **flat(iteration), **elo})
        tqdm.write(line(iteration, loop.elapsed(), elo.get("elo")))
        if iteration.number % 10 == 0:
            folder.save_checkpoint(f"iteration{iteration.number:06d}", loop.checkpoint("iteration"))
        draw_learning(folder.metrics(), folder.path / "learning.png")
        if loop.elapsed() >= milestone and not loop.stop.is_set():
            thinking(loop, folder, games=20, budgets=(1, 8, 64))
            milestone *= 2
    if loop.stop.is_set():
        command = " ".join(["python -m alphamini.selfplay", *sys.argv[1:]])
        print(f"\nstopped; all is saved in {folder.path}. To go on: {command}")
        return
    thinking(loop, folder, games=40, budgets=tuple(2**i for i in range(10)))
    print(f"the net: {folder.checkpoints / 'latest.safetensors'}")


def stop_on_signals(loop: Loop) -> None:
    """Ctrl-C (or a plain kill) ends the loop at its next commit; a second one ends it at once."""

    def stop(number: int, frame: object) -> None:
        if loop.stop.is_set():
            raise KeyboardInterrupt
        loop.stop.set()
        tqdm.write("stopping: this step is finished and saved first (Ctrl-C again: stop at once)")

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def flat(iteration: Iteration) -> dict[str, Any]:
    """An iteration as one level of numbers."""
    row = asdict(iteration)
    losses = row.pop("losses")
    row.pop("number")
    return row if losses is None else {**row, **{f"{name}_loss": losses[name] for name in ("policy", "value")}}


def line(iteration: Iteration, seconds: float, elo: float | None) -> str:
    """One line for people."""
    losses = iteration.losses
    learned = "collecting" if losses is None else f"loss {losses.policy:.2f} + {losses.value:.2f}"
    strength = "" if elo is None or np.isnan(elo) else f" | Elo {elo:+.0f}"
    return (
        f"{seconds / 60:5.1f} min | iteration {iteration.number} | {iteration.games_per_s:.1f} games/s, "
        f"{iteration.sims_per_s:,.0f} sims/s | {iteration.plies:.0f} plies, {iteration.draws:.0%} drawn | "
        f"{learned}, entropy {iteration.entropy:.2f}{strength}"
    )


def thinking(loop: Loop, folder: RunFolder, games: int, budgets: tuple[int, ...]) -> None:
    """Elo against thinking time for the net as it is and the one it started from, as JSON and as a figure."""
    start = folder.checkpoints / f"{loop.baseline}.safetensors"
    report = play_thinking(
        loop.game,
        [(loop.baseline, start), ("now", folder.checkpoints / "latest.safetensors")],
        budgets,
        games,
        loop.recipe.seed,
        loop.workers,
    )
    write_bytes(folder.path / "thinking.json", (json.dumps(report) + "\n").encode())
    draw_thinking([report], folder.path / "thinking.png")
    print(f"Elo against thinking time: {folder.path / 'thinking.png'}")


if __name__ == "__main__":
    run_command(main)
