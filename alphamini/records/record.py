"""One game as it is read from a file and written to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from games import DRAW, WIN_0, WIN_1, Game, Position


@dataclass(frozen=True)
class Record:
    """`moves` are actions, legal from the start position. `result` is WIN_0, WIN_1 or DRAW, None if nobody knows: a game
    that is not over on the board was resigned (`resigned`), lost on time, counted or agreed on."""

    game: Game
    moves: tuple[int, ...]
    result: int | None = None
    names: tuple[str, str] = ("", "")  # of player 0 and player 1, "" where unknown
    resigned: bool = False

    def position(self) -> Position:
        """The last position, the others before it."""
        return self.game.initial().play_all(self.moves)


def check_result(position: Position, result: int | None) -> int | None:
    """The result of a game that ends here; ValueError if `result` is not one, or contradicts the board."""
    if result not in (None, WIN_0, WIN_1, DRAW):
        raise ValueError(f"a result is WIN_0, WIN_1, DRAW or None, not {result!r}")
    if not position.is_over:
        return result
    if result not in (None, position.outcome):
        raise ValueError("the result is another than the one on the board")
    return position.outcome


def play(position: Position, action: int, place: str) -> Position:
    """`position.play(action)`; what is wrong with the move is told with its place in the file."""
    try:
        return position.play(action)
    except ValueError as error:
        raise ValueError(f"{place}: move {len(position.moves) + 1}: {error}") from None


def first_that_fits(games: Sequence[Game], replay: Callable[[Game], Record]) -> Record:
    """The record as a game of the first of `games` that allows its moves; the first one's ValueError if none does."""
    wrong: ValueError | None = None
    for game in games:
        try:
            return replay(game)
        except ValueError as error:
            wrong = wrong or error
    assert wrong is not None
    raise wrong


def decode(data: bytes, encodings: tuple[str, ...] = ("utf-8-sig",)) -> str:
    """A file's text by the first of the encodings that fits, else byte by byte; all line ends are one character."""
    for encoding in (*encodings, "latin-1"):
        try:
            return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError:
            continue
    raise AssertionError  # latin-1 fits everything


def one_line(name: str) -> str:
    """A player's name without line breaks and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())
