"""Plain moves: a line `game NAME`, then the moves as people type them, ten a line.

A game that is not over on the board may end with `resign` (the side to move) or a result: 1-0, 0-1, 1/2.
"""

from __future__ import annotations

import re

from alphamini.records.record import Record, decode, play
from games import DRAW, WIN_0, WIN_1, Game, named

MOVES_A_LINE = 10
RESIGN = "resign"
RESULTS = {"1-0": WIN_0, "0-1": WIN_1, "1/2": DRAW}


def read(data: bytes, expected: Game | None) -> Record:
    """See `read_record`."""
    first, _, rest = decode(data).partition("\n")
    words = first.split()
    if len(words) != 2 or words[0] != "game":
        raise ValueError(f"line 1: expected 'game NAME', got {first.strip()[:40]!r}")
    game = expected if expected is not None and words[1] == expected.name else named(words[1][:60])
    position, result, resigned = game.initial(), None, False
    for line, text in enumerate(rest.split("\n"), 2):
        for word in re.finditer(r"\S+", text):
            place = f"line {line}, column {word.start() + 1}"
            if result is not None:
                raise ValueError(f"{place}: {word[0][:20]!r} after the result")
            if word[0].lower() == RESIGN or word[0] in RESULTS:
                if position.is_over:
                    raise ValueError(f"{place}: {word[0]!r}, but the game is over on the board")
                result, resigned = RESULTS.get(word[0], 1 - position.to_play), word[0] not in RESULTS
                continue
            try:
                action = game.parse_action(word[0])
            except ValueError as error:
                raise ValueError(f"{place}: {error}") from None
            position = play(position, action, place)
    return Record(game, position.moves, position.outcome if position.is_over else result, resigned=resigned)


def write(record: Record) -> bytes:
    """The players' names find no place here."""
    position = record.position()
    words = [record.game.action_text(action) for action in record.moves]
    if record.result is not None and not position.is_over:
        resigned = record.result == 1 - position.to_play
        words.append(RESIGN if resigned else next(word for word, r in RESULTS.items() if r == record.result))
    lines = [" ".join(words[i : i + MOVES_A_LINE]) for i in range(0, len(words), MOVES_A_LINE)]
    return "\n".join([f"game {record.game.name}", *lines, ""]).encode()
