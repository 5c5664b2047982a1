"""Games from a file of one's own: `path/to/mygame.py`, or `path/to/mygame.py:name` where it holds several.

The file is one like those of this folder: numba kernels and, at its end, `GAMES`: name -> a function that makes it.
"""

from __future__ import annotations

import contextlib
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
    names = _module_names(path)
    spec = importlib.util.spec_from_file_location(names[0], path.resolve())
    assert spec is not None  # the path ends with .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(dict.fromkeys(names, module))  # dataclasses and numba look the module up by its name
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        for name, module_before in before.items():
            del sys.modules[name]
            if module_before is not None:
                sys.modules[name] = module_before
        raise ValueError(f"{path}{where(error, path.resolve())}: {told(error)}") from None
    games = getattr(module, "GAMES", None)
    if not isinstance(games, Mapping) or not games:
        raise ValueError(f'{path} holds no game: it must end with GAMES = {{"name": function that makes the Game}}')
    for key, maker in games.items():  # names become file names
        if not isinstance(key, str) or not re.fullmatch(r"\w[\w-]*", key, re.ASCII) or not callable(maker):
            raise ValueError(f"{path}: GAMES[{key!r}]: names are of letters, digits, - and _, values are functions")
    return games


def _module_names(path: Path) -> list[str]:
    """The names of a file's module; numba's cache knows kernels that others call by the first one.

    That is the name by which `import` knows the file, for whoever imports it shares the cache; the other one, by which
    versions before knew it, where `import` means something else by it."""
    other = f"game_file_{path.stem}"
    if "." not in path.stem:  # else Python would look for a package
        with contextlib.suppress(ImportError, ValueError):
            found = importlib.util.find_spec(path.stem)
            if found is None or (found.origin and Path(found.origin).resolve() == path.resolve()):
                return [path.stem, other]
    return [other]


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
    if type(error).__module__.startswith("numba") and len(lines) > 1:
        del lines[0]  # it says that compiling failed; what failed is in the next one
    return ", ".join([": ".join([type(error).__name__, *lines[:1]])[:300], *getattr(error, "__notes__", [])])


def where(error: BaseException, path: Path) -> str:
    """ ", line N": the last line of the file at `path` that an exception went through; "" if none."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
