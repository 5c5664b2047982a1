"""What the commands that train have in common: their options, the run's folder, and how they are stopped."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from alphamini.learn.recipe import Recipe, check, for_game
from alphamini.learn.run import RunFolder
from alphamini.learn.teachers import has_teacher
from alphamini.model.checkpoint import load_checkpoint
from alphamini.model.engines import check_precision
from alphamini.model.threads import cores
from alphamini.options import Parser, add_fields, parser, python_command, read_fields
from alphamini.progress import tell
from alphamini.signals import handle
from games import get

if TYPE_CHECKING:  # torch takes seconds to import: what is wrong with the input is said before
    from alphamini.learn.loop import Loop


def run_parser(module: str, description: str, skip: tuple[str, ...] = ()) -> tuple[Parser, Recipe]:
    """A parser with --run and the recipe's options but for those to `skip`, and the recipe that is default for the game on
    the command line."""
    options = parser(module, description)
    first = Parser(prog=options.prog, add_help=False, allow_abbrev=False)
    first.add_argument("--game", default="gomoku9")
    defaults = for_game(get(first.parse_known_args()[0].game))
    options.add_argument("--game", default="gomoku9", help="the game, or a file of your own: path/to/mygame.py")
    options.add_argument("--run", type=Path, help="the run's folder (default: runs/GAME); a run that is there goes on")
    add_fields(options, defaults, skip=("game", *skip))
    return options, defaults


FEW_GAMES = 16  # of a thread: with so small batches it computes less than its share (measured with 4: a third)


def open_run(arguments: argparse.Namespace, defaults: Recipe) -> Loop:
    """The run: a new one takes the command line's recipe, an old one must not be contradicted.

    ValueError, one line, if it is.
    """
    arguments.game = defaults.game  # a file's game goes by its name, as the run and its checkpoints do
    recipe = read_fields(defaults, arguments)
    folder = RunFolder(arguments.run or Path("runs") / recipe.game)
    config = folder.config()
    if config is None:
        check(recipe)
        _check_used(recipe, defaults)
        check_precision(recipe.precision)
        if recipe.start:
            net = load_checkpoint(Path(recipe.start), get(recipe.game)).net
            recipe = read_fields(replace(recipe, blocks=net.blocks, channels=net.channels), arguments)
        loop = _begin(folder, recipe)
        if (games := recipe.selfplay.games // loop.workers) < FEW_GAMES:
            print(
                f"note: {games} games at once for each of {loop.workers} threads; more (--games) would use the cores better"
            )
        if not has_teacher(get(recipe.game)):
            print(
                f"no scripted teacher knows {recipe.game}: its net learns from self-play alone, as with --from-scratch"
            )
        return loop
    found = config.recipe
    if found.game != recipe.game:
        raise ValueError(f"{folder.path} is a run of {found.game}; choose another --run for {recipe.game}")
    try:
        check(found)
    except ValueError as error:  # somebody has changed it
        raise ValueError(f"{folder.path / 'config.json'}: {error}") from None
    if read_fields(found, arguments) != found:
        raise ValueError(f"{folder.path} was begun with other options; leave them out, or choose another --run")
    version = get(found.game).rules_version
    if config.rules_version != version:
        raise ValueError(
            f"{folder.path} was begun with rules version {config.rules_version} of {found.game}; this is version "
            f"{version}: choose another --run"
        )
    folder.lock()
    loop = _loop(folder, found, config.workers)
    print(f"going on with the run in {folder.path}")
    return loop


def _check_used(recipe: Recipe, defaults: Recipe) -> None:
    """ValueError, one line, for an option that this run would never look at."""
    if not (recipe.from_scratch or recipe.start):
        return
    unused = ["scripted_games", "pretrain_steps", "pretrain_learning_rate"]
    named = [name for name in unused if getattr(recipe, name) != getattr(defaults, name)]
    if recipe.from_scratch and recipe.selfplay.teacher_share != defaults.selfplay.teacher_share:
        named.append("teacher_share")
    if named:
        why = "learns from no teacher" if recipe.from_scratch else "has no supervised stage: it goes on from --start"
        raise ValueError(f"--{named[0].replace('_', '-')} is of no use: this run {why}")


def _begin(folder: RunFolder, recipe: Recipe) -> Loop:
    """A new run, which leaves nothing behind if it cannot begin."""
    workers = cores()
    folder.create(recipe, workers)
    try:
        return _loop(folder, recipe, workers)
    except BaseException as error:
        folder.discard()
        if isinstance(error, RuntimeError) and "memory" in str(error):  # torch's way to say so
            raise MemoryError from None
        raise


def _loop(folder: RunFolder, recipe: Recipe, workers: int) -> Loop:
    from alphamini.learn.loop import Loop

    return Loop(folder, recipe, workers)


def stop_on_signals(loop: Loop) -> None:
    """Ctrl-C (or a plain kill) ends the loop at its next commit; a second one ends it at once."""

    def stop(number: int, frame: object) -> None:
        if loop.stop.is_set():
            raise KeyboardInterrupt
        loop.stop.set()
        # Nobody may be reading standard output: a pipe's reader got the same Ctrl-C.
        tell("stopping: what this step has done is saved first (Ctrl-C again: stop at once)")

    handle(stop)


def how_to_go_on(module: str, folder: RunFolder) -> str:
    """The line that a stopped run ends with."""
    command = shlex.join([python_command(), "-m", f"alphamini.{module}", *sys.argv[1:]])
    return f"stopped; all is saved in {folder.path}. To go on: {command}"
