"""The registry of games: `get("gomoku9")`, `names()`. A game file offers `GAMES`: name -> a function that makes it.

A file may offer `variant(name)` as well, for names with a number in them, too many to list: `get("go9-komi5.5")`.
`get("path/to/mygame.py")` takes a game from a file of one's own (games/files.py); from then on its name works too.
"""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Callable
from functools import cache
from pathlib import Path

from games import files
from games.game import DRAW, ONGOING, WIN_0, WIN_1, Game, Position, States, outcome_value

_FILES = ("tictactoe", "connect4", "gomoku", "connect6", "othello", "breakthrough", "hex", "go")
_added: dict[str, tuple[Path, Callable[[], Game]]] = {}  # games from files: where from, and what makes them
_families: dict[str, Path] = {}  # theirs, of those that were made
_tried: set[str] = set()  # those that can be played

__all__ = [
    "DRAW",
    "ONGOING",
    "WIN_0",
    "WIN_1",
    "Game",
    "Position",
    "States",
    "get",
    "in_shell",
    "named",
    "names",
    "outcome_value",
]


def names() -> list[str]:
    """Every game that ships, in the order of the files."""
    return [name for file in _FILES for name in importlib.import_module(f"games.{file}").GAMES]


def get(name: str, tried: bool = True) -> Game:
    """The game called `name`, or the game in a file; ValueError with one line if there is none.

    The same object each time. `tried`: a game from a file is tried out first, and refused if it cannot be played.
    """
    if (place := files.split(name)) is not None:
        name = _add(*place)
    game = _make(name)
    if tried and name in _added and name not in _tried:
        files.try_out(_added[name][0], game)
        _tried.add(name)
    return game


def in_shell(game: Game) -> str:
    """The game as commands take it: its name, or its file with it, quoted where a shell needs that."""
    return shlex.quote(f"{_added[game.name][0]}:{game.name}" if game.name in _added else game.name)


@cache
def _make(name: str) -> Game:
    game = _shipped(name)
    if game is not None:
        return game if game.name == name else _make(game.name)
    if name in _added:
        path, maker = _added[name]
        return _made(path, name, maker)
    raise ValueError(f"no game {name!r}; there are {_listed()}, or a file like mygame.py")


def _shipped(name: str) -> Game | None:
    """The game that ships with this name; None if there is none. ValueError, one line, for a variant's name gone wrong."""
    for file in _FILES:
        module = importlib.import_module(f"games.{file}")
        game: Game | None = None
        if name in module.GAMES:
            game = module.GAMES[name]()
        elif hasattr(module, "variant"):
            game = module.variant(name)
        if game is not None:
            return game
    return None


def _is_taken(name: str) -> bool:
    """Is the name one of a game that ships, even if it is a wrong one?"""
    try:
        return _shipped(name) is not None
    except ValueError:
        return True


def _listed() -> str:
    """`names` for people: of many sizes that follow one another the first and the last."""
    groups: dict[tuple[str, int], list[str]] = {}
    for name in names():
        kind, size = re.sub("[0-9]+", "#", name, count=1), int((re.findall("[0-9]+", name) or [0])[0])
        rank = sum(len(group) for (other, _), group in groups.items() if other == kind)
        groups.setdefault((kind, size - rank), []).append(name)  # alike for sizes without a gap
    return ", ".join(f"{group[0]} to {group[-1]}" if len(group) > 2 else ", ".join(group) for group in groups.values())


def named(name: str) -> Game:
    """`get` for names that come out of a file: they never make it run a file of games. ValueError, one line."""
    if files.split(name) is not None:
        raise ValueError(f"no game {name[:60]!r}")
    return get(name)


def _made(path: Path, name: str, maker: Callable[[], Game]) -> Game:
    """The game `name` of the file at `path`; ValueError, one line, where it cannot be made or its family is taken."""
    game = files.make(path, name, maker)
    if any(get(one).family == game.family for one in names()):
        raise ValueError(f"{path}: the family {game.family!r} is taken by a game that ships; choose a new one")
    if (owner := _families.setdefault(game.family, path)) != path:
        raise ValueError(f"{path}: the family {game.family!r} is taken by a game of {owner}; choose a new one")
    return game


@cache
def _add(path: Path, name: str | None) -> str:
    """Registers the games of a file; returns the name of the one that is meant. ValueError, one line, if it is wrong.

    Names and families belong to one file: a net, a teacher or a saved game that names another game's would be taken
    for its own.
    """
    games, whole = files.read(path), path.resolve()
    if name is None and len(games) > 1:
        raise ValueError(f"{path} holds {len(games)} games ({', '.join(games)}); write {path}:{next(iter(games))}")
    name = next(iter(games)) if name is None else name
    if name not in games:
        raise ValueError(f"{path} has no game {name!r}; it has {', '.join(games)}")
    for key in games:
        if _is_taken(key) or (key in _added and _added[key][0] != whole):
            raise ValueError(f"{path}: the name {key!r} is taken by another game; choose a new one")
    _made(whole, name, games[name])  # nothing is registered of a file that is going to be mended
    for key, maker in games.items():
        _added.setdefault(key, (whole, maker))
    return name
