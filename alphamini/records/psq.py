"""PSQ, the records of Piskvork (https://github.com/plastovicka/Piskvork, savePsq and openPsq in its source).

A line `Piskvorky WIDTHxHEIGHT, LEVEL:LEVEL, BEGINS`; then a line `COLUMN,ROW,MILLISECONDS` for each move, counted from
1 at the upper left; then perhaps the programs' names (the second one had the first move where BEGINS is 1), and how the
game ended (a number, in some files with a rule after a comma). The rule is not in it, nor who won: the board tells.
"""

from __future__ import annotations

import re

from alphamini.records.record import Record, decode, one_line, play
from games import Game, get, names

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
    game = _game(width, height, expected)
    position, line = game.initial(), 1
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
    if head[3] == "1":
        first, second = second, first
    result = position.outcome if position.is_over else None
    return Record(game, position.moves, result, (one_line(first), one_line(second)))


def write(record: Record) -> bytes:
    """Names get letters in front where they would read as numbers."""
    if record.game.family not in ("gomoku", "renju"):
        raise ValueError(f"a PSQ file holds gomoku, not {record.game.name}: choose a name without .psq")
    height, width = record.game.shape
    moves = [f"{action % width + 1},{action // width + 1},0" for action in record.moves]
    players = []
    for name, side in zip(record.names, record.game.sides, strict=True):
        name = one_line(name)[:60] or side
        players.append(name if name[0].isalpha() else f"{side} {name}")
    return "\n".join([f"Piskvorky {width}x{height}, 0:0, 0", *moves, *players, "0", ""]).encode()


def _game(width: int, height: int, expected: Game | None) -> Game:
    if expected is not None and expected.family in ("gomoku", "renju") and expected.shape == (height, width):
        return expected
    if width != height or f"gomoku{width}" not in names():
        raise ValueError(f"line 1: no gomoku on {width} x {height} here")
    return get(f"gomoku{width}")
