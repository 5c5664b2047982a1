"""Records of games in files that other programs read too: SGF, Piskvork's PSQ, and plain moves.

`read_record` and `write_record` go by the end of the file's name: .sgf, .psq, and plain moves for any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alphamini.model.checkpoint import write_bytes
from alphamini.records import psq, sgf, text
from alphamini.records.record import Record, check_result
from games import Game

__all__ = ["Record", "read_record", "record_bytes", "write_record"]

MOST_BYTES = 4_000_000  # no record of one game is longer


def read_record(path: Path, game: Game | None = None) -> Record:
    """The game in the file at `path`, every move of it legal; ValueError, one line with the place, if it holds none.

    `game` is the one that is expected, where there is one: a file of another is refused. Where the file leaves the
    rule open (PSQ does, and many SGF files), it is taken for this one, else for the first that allows its
    moves of freestyle, standard and renju gomoku, of hex without swap and with it; go has the usual komi.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("too long for a record of one game")
        data = path.read_bytes()
        reader = {".sgf": sgf.read, ".psq": psq.read}.get(path.suffix.lower(), text.read)
        record = reader(data, game)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if game is not None and record.game is not game:
        raise ValueError(f"{path}: a game of {record.game.name}, not of {game.name}")
    return record


def write_record(
    path: Path, game: Game, moves: Sequence[int], result: int | None = None, names: tuple[str, str] = ("", "")
) -> None:
    """Writes a game from its start position; ValueError, one line, if it cannot be written so.

    `result` is WIN_0, WIN_1, DRAW or None. It is only needed for a game that is not over on the board: a win then
    means that the other side has resigned, a draw that both agreed. PSQ keeps no such result. `names` are the players'.
    """
    write_bytes(Path(path), record_bytes(path, game, moves, result, names))


def record_bytes(
    path: Path, game: Game, moves: Sequence[int], result: int | None = None, names: tuple[str, str] = ("", "")
) -> bytes:
    """What `write_record` would write."""
    position = game.initial().play_all(moves)
    record = Record(game, position.moves, check_result(position, result), names)
    writer = {".sgf": sgf.write, ".psq": psq.write}.get(Path(path).suffix.lower(), text.write)
    return writer(record)
