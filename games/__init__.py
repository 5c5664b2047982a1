"""The registry of games: `get("gomoku9")`, `names()`. A game file offers `GAMES`: name -> a function that makes it."""

from __future__ import annotations

import importlib
from functools import cache

from games.game import DRAW, ONGOING, WIN_0, WIN_1, Game, Position, States, outcome_value

_FILES = ("tictactoe", "connect4", "gomoku", "connect6", "othello", "breakthrough")

__all__ = ["DRAW", "ONGOING", "WIN_0", "WIN_1", "Game", "Position", "States", "get", "names", "outcome_value"]


def names() -> list[str]:
    """Every game, in the order of the files."""
    return [name for file in _FILES for name in importlib.import_module(f"games.{file}").GAMES]


@cache
def get(name: str) -> Game:
    """The game called `name`; ValueError with one line if there is none. The same object each time."""
    for file in _FILES:
        games = importlib.import_module(f"games.{file}").GAMES
        if name in games:
            game: Game = games[name]()
            return game
    raise ValueError(f"no game {name!r}; there are {', '.join(names())}")
