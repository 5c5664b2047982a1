"""PSQ, the records of Piskvork (https://github.com/plastovicka/Piskvork, savePsq and openPsq in its source).

A line `Piskvorky WIDTHxHEIGHT, LEVEL:LEVEL, BEGINS`; then a line `COLUMN,ROW,MILLISECONDS` for each move, counted from
1 at the upper left; then perhaps the players' names (the second one had the first move where BEGINS is 1), and how the
game ended (a number, in some files with a rule after a comma). The rule is not in it, nor who won: the board tells.
Piskvork would start the program of a name, unless it begins with "homo-".
"""

from __future__ import annotations

import re

from alphamini.records.record import Record, decode, first_that_fits, one_line, play
from games import Game, get, names

HUMAN = "homo-"  # begins the name of a player who is no program
MOST_AFTER = 3  # lines after the moves: two names, and how it ended


def read(data: bytes, expected: Game | None) -> Record:
    """See `read_record`."""
    lines = [line.strip() for line in decode(data).split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    head = re.fullmatch(
        r"Piskvorky ([0-9]{1,3})x([0-9]{1,3}), *[0-9]{1,9}:[0-9]{1,9}, *([01])", lines[0] if lines else ""
    )
    if not head:
        raise ValueError("line 1: expected 'Piskvorky WIDTHxHEIGHT, LEVEL:LEVEL, BEGINS'")
    width, height = int(head[1]), int(head[2])
    return first_that_fits(_games(width, height, expected), lambda game: _replay(game, lines, head[3] == "1"))


def _replay(game: Game, lines: list[str], turned: bool) -> Record:
    """The record of the lines as a game of `game`. `turned`: the second player had the first move."""
    (height, width), position, line = game.shape, game.initial(), 1
    for line in range(1, len(lines) + 1):
        move = re.fullmatch(r"([0-9]{1,3}),([0-9]{1,3})(,-?[0-9]{1,18})?", lines[line] if line < len(lines) else "")
        if not move:
            break
        column, row = int(move[1]) - 1, int(move[2]) - 1
        if not (0 <= column < width and 0 <= row < height):
            raise ValueError(f"line {line + 1}: {move[1]},{move[2]} is outside the board")
        position = play(position, row * width + column, f"line {line + 1}")
    after = lines[line:]
    for number, text in enumerate(after, line + 1):
        ending = number == len(lines) and re.fullmatch(r"-?[0-9]{1,9}(,\w{1,40})?", text)
        if len(after) > MOST_AFTER or (re.match(r"[-0-9,]*$|-?[0-9]+,", text) and not ending):
            raise ValueError(
                f"line {number}: expected COLUMN,ROW,MILLISECONDS or how the game ended, got {text[:30]!r}"
            )
    first, second = after[:2] if len(after) > 1 else ("", "")
    if turned:
        first, second = second, first
    result = position.outcome if position.is_over else None
    return Record(game, position.moves, result, (_name(first), _name(second)))


def write(record: Record) -> bytes:
    """Nobody's name is a program's: whoever opens the file can play on."""
    if record.game.family not in ("gomoku", "renju"):
        raise ValueError(f"a PSQ file holds gomoku, not {record.game.name}: choose a name without .psq")
    height, width = record.game.shape
    moves = [f"{action % width + 1},{action // width + 1},0" for action in record.moves]
    players = [HUMAN + (one_line(name)[:60] or str(number)) for number, name in enumerate(record.names, 1)]
    return "\n".join([f"Piskvorky {width}x{height}, 0:0, 0", *moves, *players, "0", ""]).encode()


def _name(text: str) -> str:
    """A player's, from its line; "" where it is only a number."""
    name = one_line(text)
    if name[: len(HUMAN)].lower() == HUMAN:
        name = name[len(HUMAN) :]
        return "" if name in ("1", "2") else name
    return name


def _games(width: int, height: int, expected: Game | None) -> list[Game]:
    """The games that the file may hold, the likeliest first; `expected` alone where it fits."""
    if expected is not None and expected.family in ("gomoku", "renju") and expected.shape == (height, width):
        return [expected]
    if width != height or f"gomoku{width}" not in names():
        raise ValueError(f"line 1: no gomoku on {width} x {height} here")
    return [get(name) for rule in ("", "-standard", "-renju") if (name := f"gomoku{width}{rule}") in names()]
