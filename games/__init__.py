"""The registry of games: `get("gomoku9")`, `names()`. A game file offers `GAMES`: name -> a function that makes it.

A file may offer `variant(name)` as well, for names with a number in them, too many to list: `get("go9-komi5.5")`.
"""

from __future__ import annotations

import importlib
from functools import cache

from games.game import DRAW, ONGOING, WIN_0, WIN_1, Game, Position, States, outcome_value

_FILES = ("tictactoe", "connect4", "gomoku", "connect6", "othello", "breakthrough", "hex", "go")

__all__ = ["DRAW", "ONGOING", "WIN_0", "WIN_1", "Game", "Position", "States", "get", "names", "outcome_value"]


def names() -> list[str]:
    """Every game, in the order of the files."""
    return [name for file in _FILES for name in importlib.import_module(f"games.{file}").GAMES]


@cache
def get(name: str) -> Game:
    """The game called `name`; ValueError with one line if there is none. The same object each time."""
    for file in _FILES:
        module = importlib.import_module(f"games.{file}")
        game: Game | None = None
        if name in module.GAMES:
            game = module.GAMES[name]()
        elif hasattr(module, "variant"):
            game = module.variant(name)
        if game is not None:
            return game if game.name == name else get(game.name)
    raise ValueError(f"no game {name!r}; there are {', '.join(names())}")
