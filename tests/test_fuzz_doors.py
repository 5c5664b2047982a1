"""Ten thousand mutated commands at each door: no crash, no hang, and the board is what the accepted moves say.

The model of the board in each test knows the protocol and nothing of the program: it follows commands and answers.
"""

from __future__ import annotations

import io
import logging
import random
import re

import pytest

import games
from alphamini.arena.coordinates import to_vertex
from alphamini.interfaces.session import Session
from alphamini.interfaces.terminal import Terminal
from tests.doors import StubEngine, gomocup, gtp

COMMANDS = 10_000
JUNK = "\x00\x01\x1b\x7f \t,;:#-+.0123456789aAbBcCxyzéß漢\ufffd\udcff\\/'\"%{}()"


@pytest.fixture(autouse=True)
def _whole_characters():
    """Doors log what they are sent; half a character of it cannot be passed on by a test worker (pytest-xdist)."""
    factory = logging.getLogRecordFactory()

    def record(*args, **kwargs):
        made = factory(*args, **kwargs)
        made.msg, made.args = made.getMessage().encode(errors="replace").decode(), ()
        return made

    logging.setLogRecordFactory(record)
    yield
    logging.setLogRecordFactory(factory)


def mutated(line, rng):
    """The line, half of the time with something wrong."""
    if rng.random() < 0.5:
        return line
    kind, at = rng.randrange(7), rng.randrange(len(line) + 1)
    junk = "".join(rng.choices(JUNK, k=rng.randrange(1, 5)))
    if kind == 0:
        return line[:at] + junk + line[at:]
    if kind == 1:
        return line[:at] + line[at + rng.randrange(1, 4) :]
    if kind == 2:
        return line[:at] + rng.choice(JUNK) + line[at + 1 :]
    if kind == 3:
        return line.swapcase()
    if kind == 4:
        return f"{line} {rng.choice(['', junk, line])}"
    if kind == 5:
        return junk
    return line[:at] + rng.choice(JUNK) * rng.choice([10, 1000, 100_000]) + line[at:]


def test_gomocup():
    rng, talk = random.Random(1), gomocup()
    own, opponent, order = set(), set(), []
    xy = r"\s*(\d+)\s*,\s*(\d+)\s*"
    block, block_word = None, ""
    played = refused = 0

    def cell():
        return f"{rng.randrange(6)},{rng.randrange(6)}"

    for _ in range(COMMANDS):
        line = rng.choice([
            f"TURN {cell()}", f"TURN {cell()}", f"TURN {cell()}", f"TAKEBACK {cell()}", "BEGIN", "BOARD", "DONE",
            f"{cell()},{rng.randrange(1, 4)}", cell(), "SWAP2BOARD", "RESTART", "ABOUT", f"INFO rule {rng.randrange(3)}",
            f"INFO time_left {rng.randrange(-9, 99)}", "INFO max_memory 9", "INFO timeout_turn 1", f"PLAY {cell()}",
            *([f"TAKEBACK {order[-1][0]},{order[-1][1]}"] * 2 if order else []),
        ])  # fmt: skip
        if block is not None and rng.random() < 0.3:
            line = "DONE"
        line = mutated(line, rng)
        if rng.random() < 0.01:  # not mutated: each size that is understood would compile its rules
            line = rng.choice(["START 5", "START 5", "RECTSTART 5,5", "START 4", "START 99999", "START", "START 5,5"])
        if line.strip().split(" ")[0].upper() in ("END", "START", "RECTSTART") and not line.startswith(
            ("START", "RECT")
        ):
            continue
        answer = talk.ask(line)
        assert talk.open
        assert "\n" not in answer
        word = line.strip().split(" ")[0].upper()
        reply = re.fullmatch(r"(\d+),(\d+)", answer)
        if block is not None:
            assert (answer == "") == (line.strip().upper() != "DONE")
            if answer == "":
                block.append(line.strip())
                continue
            lines, swap, block = [item for item in block if item], block_word == "SWAP2BOARD", None
            if swap or answer.startswith("ERROR"):
                assert swap or answer.startswith("ERROR ")
                refused, reply = refused + 1, None  # a choice of swap2 is not on the board
            else:
                stones = [tuple(map(int, re.findall(r"\d+", item))) for item in lines]
                own = {(x, y) for x, y, field in stones if field == 1}
                opponent = {(x, y) for x, y, field in stones if field == 2}
                order = []  # in which order they came is for the door to say: read below
        elif word in ("BOARD", "SWAP2BOARD"):
            assert answer == ""
            block, block_word = [], word
            continue
        elif answer == "OK" and word in ("START", "RECTSTART", "RESTART"):
            own, opponent = set(), set()
        elif answer == "OK":
            assert word == "TAKEBACK"
            taken = tuple(map(int, re.search(xy, line).groups()))
            assert order[-1] == taken
            own, opponent = own - {taken}, opponent - {taken}
        elif word == "TURN" and (reply or answer.startswith("MESSAGE")):
            opponent = opponent | {tuple(map(int, re.search(xy, line).groups()))}
        elif reply:
            assert word == "BEGIN"
        else:
            assert re.match(r"$|ERROR |UNKNOWN |name=", answer)
            refused += answer != ""
        if reply:
            stone = int(reply[1]), int(reply[2])
            assert stone not in own | opponent
            own = own | {stone}
            played += 1
        session = talk.door.session
        if session is None:
            assert not own | opponent
            continue
        board = session.position.state["stones"][0]
        colours = [{(x, y) for y, x in zip(*(board == colour).nonzero(), strict=True)} for colour in (1, 2)]
        assert sorted(map(sorted, colours)) == sorted(map(sorted, (own, opponent)))
        order = [(action % 5, action // 5) for action in session.position.moves]
        assert set(order) == own | opponent
    assert played > COMMANDS / 50
    assert refused > COMMANDS / 10


def test_gtp():
    rng, talk = random.Random(2), gtp()
    moves = []  # (colour, vertex)
    played = refused = 0

    def vertex():
        return f"{rng.choice('ABCDEFI')}{rng.randrange(7)}"

    for _ in range(COMMANDS):
        line = rng.choice([
            f"play {'bw'[len(moves) % 2]} {vertex()}", f"play {'bw'[len(moves) % 2]} {vertex()}",
            f"play {rng.choice(['b', 'W', 'black', 'white', 'red'])} {vertex()}", "undo", "genmove b", "genmove w",
            "reg_genmove b", f"time_left b {rng.randrange(9)} 0", f"time_settings {rng.randrange(9)} 1 1",
            "showboard", "final_score", "lz-analyze 5", "kata-genmove_analyze w 5", "name", "komi 7.5", "list_commands",
            "known_command play", "final_status_list alive",
        ])  # fmt: skip
        line = mutated(rng.choice(["", "", "17 "]) + line, rng)
        if rng.random() < 0.01:
            line = rng.choice(["clear_board", "boardsize 5", "boardsize 4", "boardsize 99", "boardsize", "boardsize x"])
        words = re.sub(r"[\x00-\x08\x0a-\x1f\x7f]", "", line.split("#")[0]).split()
        words = words[1:] if words and re.fullmatch("[0-9]{1,10}", words[0]) and len(words[0]) <= 10 else words
        if words[:1] == ["quit"]:
            continue
        answer = talk.ask(line)
        assert talk.open
        if not answer:
            assert not line.split("#")[0].strip().strip("".join(map(chr, [*range(32), 127])))
            continue
        assert re.match(r"[=?][0-9]*[ \n]", answer)
        assert answer.endswith("\n")
        assert "\n\n" not in answer[:-1] or words[0].startswith("list")
        if answer.startswith("?"):
            refused += 1
        elif words[0] == "play":
            moves.append((words[1][0].lower(), words[2].upper()))
            played += 1
        elif words[0] == "undo":
            moves.pop()
        elif words[0] in ("clear_board", "boardsize"):
            moves.clear()
        elif words[0] == "genmove":
            moves.append((words[1][0].lower(), answer.split()[1]))
        elif words[0] in ("kata-genmove_analyze", "lz-genmove_analyze"):
            moves.append(("bw"[len(moves) % 2], answer.split()[-1]))
        game, board = talk.door.session.game, talk.door.session.position.state["stones"][0].reshape(-1)
        assert {to_vertex(game, int(cell)): " bw"[board[cell]] for cell in board.nonzero()[0]} == {
            v: c for c, v in moves
        }
        assert len(talk.door.session.position.moves) == len(moves)
    assert played > COMMANDS / 50
    assert refused > COMMANDS / 5


def test_terminal(tmp_path, monkeypatch):
    """Two people at the board: moves, undo and redo, followed by what is shown."""
    monkeypatch.chdir(tmp_path)
    rng, game = random.Random(3), games.get("gomoku5")
    engine = StubEngine(game)
    session = Session(game, lambda: engine, frozenset({0, 1}))
    moves, undone, out = [], [], io.StringIO()
    counts = {"played": 0, "asked": 0, "line": "", "resigned": False}

    def check():
        """What the last line did, by what is shown after it."""
        shown, line = out.getvalue(), counts["line"]
        out.seek(0)
        out.truncate()
        word = line.split(" ")[0].lower()
        if "   a b c d e\n" in shown:
            if word == "undo":
                if counts["resigned"]:
                    counts["resigned"] = False
                else:
                    undone.append(moves.pop())
            elif word == "redo":
                moves.append(undone.pop())
            elif word == "new":
                moves.clear()
                undone.clear()
                counts["resigned"] = False
            elif word != "load" and counts["asked"]:
                moves.append(re.sub(r"\s", "", line).lower())
                undone.clear()
                counts["played"] += 1
        elif " resigns, " in shown:
            counts["resigned"] = True
        assert [game.action_text(action) for action in session.position.moves] == moves
        assert session.resigned == counts["resigned"]

    def read(prompt):
        check()
        if counts["asked"] == COMMANDS:
            raise EOFError
        while True:
            cell = f"{rng.choice('abcdef')}{rng.randrange(7)}"
            line = rng.choice([
                cell, cell, cell, cell, "undo", "redo", "new", "moves", "hint", "help", "level 5", "sims 3", "load x",
                "analysis on", "analysis off", "resign" if rng.random() < 0.1 else cell,
            ])  # fmt: skip
            line = mutated(line, rng)
            if line.strip().split(" ")[0].lower() not in ("quit", "exit", "save"):
                break
        counts["asked"] += 1
        counts["line"] = line.strip()
        return line

    Terminal(session, read, out).run()
    assert out.getvalue().endswith("bye\n")
    assert counts["asked"] == COMMANDS
    assert counts["played"] > COMMANDS / 50
