"""How engines of other people write moves: Gomocup's x,y and GTP's vertices."""

from __future__ import annotations

import re

from games import Game

LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"  # of GTP, without I


def to_xy(game: Game, action: int) -> str:
    """An action that is a cell as Gomocup has it: column, row, from 0, the first row at the top."""
    row, column = divmod(action, game.shape[1])
    return f"{column},{row}"


def from_xy(game: Game, text: str) -> int:
    """The inverse of `to_xy`; ValueError, one line, if that is no cell of the board."""
    match = re.fullmatch(r"\s*([0-9]{1,2})\s*,\s*([0-9]{1,2})\s*", text)
    if not match:
        raise ValueError("expected a cell as x,y")
    (height, width), column, row = game.shape, int(match[1]), int(match[2])
    if column >= width or row >= height:
        raise ValueError(f"{column},{row} is outside of the board (0,0 to {width - 1},{height - 1})")
    return row * width + column


def to_vertex(game: Game, action: int) -> str:
    """An action as a GTP vertex: Go's coordinates for boards of stones; other games write as they always do.

    A pass is in small letters, as Leela Zero and KataGo write it: Sabaki does not show a variation with a PASS in it.
    """
    if not as_in_go(game) or action >= game.shape[0] * game.shape[1]:
        text = game.action_text(action)
        return text if text == "pass" else text.upper()
    row, column = divmod(action, game.shape[1])
    return f"{LETTERS[column]}{game.shape[0] - row}"


def from_vertex(game: Game, text: str) -> int:
    """The inverse of `to_vertex`, either letter case; ValueError, one line, if that is no move of the game."""
    match = re.fullmatch(r"([A-HJ-Z])([0-9]{1,2})", text.upper()) if text.isascii() else None
    if not as_in_go(game) or not match:
        if match is None and as_in_go(game) and text.lower() != "pass":
            raise ValueError("expected a vertex")
        return game.parse_action(text)
    column, row = LETTERS.index(match[1]), game.shape[0] - int(match[2])
    if column >= game.shape[1] or not 0 <= row < game.shape[0]:
        raise ValueError("the vertex is outside of the board")
    return row * game.shape[1] + column


def as_in_go(game: Game) -> bool:
    """Is it a board of stones, whose vertices are go's?"""
    return game.family in ("go", "gomoku", "renju", "connect6")
