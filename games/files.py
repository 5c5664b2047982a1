"""Games from a file of one's own: `path/to/mygame.py`, or `path/to/mygame.py:name` where it holds several.

The file is one like those of this folder: numba kernels and, at its end, `GAMES`: name -> a function that makes it.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from games.game import Game
from games.violation import Violation


def split(text: str) -> tuple[Path, str | None] | None:
    """`PATH.py` or `PATH.py:NAME` as path and name; None if `text` is neither."""
    match = re.fullmatch(r"(.+\.py)(?::([^/\\]*))?", text, re.DOTALL)
    return (Path(match[1]), match[2]) if match else None


def read(path: Path) -> Mapping[str, Callable[[], Game]]:
    """The `GAMES` of the file at `path`; ValueError with one line if there is none or the file cannot be run.

    The module keeps its own path as the place of its source, so numba caches its kernels in a `__pycache__` beside it
    (or in the user's cache folder, where that place is read-only).
    """
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    name = f"game_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None  # the path ends with .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module  # dataclasses and numba look the module up by its name
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise ValueError(f"{path}{where(error, path.resolve())}: {told(error)}") from None
    games = getattr(module, "GAMES", None)
    if not isinstance(games, Mapping) or not games:
        raise ValueError(f'{path} holds no game: it must end with GAMES = {{"name": function that makes the Game}}')
    for key, maker in games.items():  # names become file names
        if not isinstance(key, str) or not re.fullmatch(r"\w[\w-]*", key, re.ASCII) or not callable(maker):
            raise ValueError(f"{path}: GAMES[{key!r}]: names are of letters, digits, - and _, values are functions")
    return games


def make(path: Path, name: str, maker: Callable[[], Game]) -> Game:
    """The game `name` of the file at `path`; ValueError with one line if it cannot be made."""
    try:
        game = maker()
    except (Exception, SystemExit) as error:
        raise ValueError(f"{path}{where(error, path.resolve())}: making {name!r}: {told(error)}") from None
    if not isinstance(game, Game):
        raise ValueError(f"{path}: GAMES[{name!r}] makes a {type(game).__name__}, not a games.Game")
    if game.name != name:
        raise ValueError(f"{path}: GAMES[{name!r}] makes a game that calls itself {game.name!r}")
    return game


def try_out(path: Path, game: Game) -> None:
    """Runs every kernel once; ValueError with one line if the game of the file at `path` cannot be played at all."""
    from games.check import check_statics  # it tells exceptions by this file

    try:
        check_statics(game, np.random.default_rng(0))
        states = game.new_states(1)
        game.planes(states)
        game.step(states, game.legal_mask(states).argmax(1).astype(np.int32))
    except Exception as error:
        raise ValueError(f"{path}{where(error, path.resolve())}: {told(error)} (check_game says more)") from None


def told(error: BaseException) -> str:
    """An exception in one line."""
    if isinstance(error, Violation):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def where(error: BaseException, path: Path) -> str:
    """ ", line N": the last line of the file at `path` that an exception went through; "" if none."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
