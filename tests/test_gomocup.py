"""Gomocup's protocol: transcripts, the clock, and the process as a manager meets it."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import games
from alphamini import gomocup as door
from alphamini.arena.coordinates import from_xy
from alphamini.interfaces import swap2
from alphamini.interfaces.clock import Clock
from alphamini.interfaces.engine import Engine
from alphamini.interfaces.session import Session
from alphamini.model.checkpoint import Checkpoint, save_checkpoint
from alphamini.model.config import NetConfig
from alphamini.model.evaluators import Uniform
from tests.doors import StubEngine, StubWire, gomocup

MOVE = re.compile(r"[0-9]{1,2},[0-9]{1,2}")


def board(conversation):
    """{(x, y): 1 for black, 2 for white}, from the record of the position."""
    stones = conversation.door.session.position.state["stones"][0]
    return {(x, y): int(stones[y, x]) for y, x in zip(*stones.nonzero(), strict=True)}


def test_a_game_as_second_player():
    talk = gomocup()
    assert talk.ask("START 9") == "OK"
    answer = talk.ask("TURN 3,4")
    x, y = map(int, answer.split(","))
    assert board(talk) == {(3, 4): 1, (x, y): 2}
    assert talk.ask(f"TAKEBACK {answer}") == "OK"
    assert board(talk) == {(3, 4): 1}
    assert talk.ask("TURN 0,0") == "ERROR it is not the opponent's turn"
    assert talk.ask("TAKEBACK 3,4") == "OK"
    assert board(talk) == {}
    assert MOVE.fullmatch(talk.ask("TURN 0,0"))


def test_a_game_as_first_player():
    talk = gomocup()
    talk.ask("START 9")
    assert MOVE.fullmatch(talk.ask("BEGIN"))
    assert set(board(talk).values()) == {1}
    assert talk.ask("BEGIN") == "ERROR BEGIN needs an empty board"
    assert talk.ask("RESTART") == "OK"
    assert board(talk) == {}
    assert talk.door.session.game is games.get("gomoku9")


@pytest.mark.parametrize("size", [5, 9, 20])
@pytest.mark.parametrize(("rule", "suffix"), [(0, ""), (1, "-standard")])
def test_sizes_and_rules(size, rule, suffix):
    talk = gomocup()
    assert talk.ask(f"INFO rule {rule}", f"START {size}") == "OK"
    assert talk.door.session.game is games.get(f"gomoku{size}{suffix}")


def test_a_rule_holds_at_once_on_an_empty_board_only():
    talk = gomocup()
    assert talk.ask("START 9", "INFO timeout_match 9000", "INFO time_left 7000", "INFO rule 1") == "OK"
    assert talk.door.session.game is games.get("gomoku9-standard")
    assert talk.door.session.clocks[0].left == 7
    talk.ask("BEGIN", "INFO rule 0")
    assert talk.door.session.game is games.get("gomoku9-standard")
    assert talk.ask("RESTART") == "OK"
    assert talk.door.session.game is games.get("gomoku9")


def test_rule_4_is_renju():
    talk = gomocup()
    talk.ask("START 15")
    assert talk.ask("INFO rule 4") == ""
    assert talk.door.session.game is games.get("gomoku15-renju")


def test_end_ends_a_search_and_nothing_is_said_any_more():
    talk = gomocup()
    talk.ask("START 9")
    talk.wire.waiting, talk.wire.coming = False, ["INFO x", "end"]
    engine = talk.engines.get(talk.door.session.game)
    assert talk.ask("BEGIN") == talk.ask("SWAP2BOARD", "DONE") == ""
    assert engine.stopped
    assert board(talk) == {}
    assert not talk.door.obey("end")


@pytest.mark.parametrize(("line", "stopped"), [
    ("INFO timeout_turn 0", True), ("INFO timeout_turn 60000", False), ("INFO timeout_match 0", False), ("INFO", False),
])  # fmt: skip
def test_piskvorks_move_now_ends_a_search(line, stopped):
    talk = gomocup()
    talk.ask("START 9")
    talk.wire.waiting, talk.wire.coming = False, [line]
    assert MOVE.fullmatch(talk.ask("BEGIN"))
    assert talk.engines.get(talk.door.session.game).stopped == stopped


def test_a_conversation_out_of_a_file_is_answered_to_its_end():
    talk = gomocup()
    talk.ask("START 9")
    talk.wire.waiting, talk.wire.coming = True, ["INFO timeout_turn 0", "END"]
    assert MOVE.fullmatch(talk.ask("BEGIN"))
    assert not talk.engines.get(talk.door.session.game).stopped


@pytest.mark.parametrize("length", [6, 7, 9])
def test_a_board_in_any_order_is_played_in_one_that_ends_no_game(length):
    """On the way to more than five in a row there may be five, which win by the rule of exactly five."""
    talk = gomocup()
    talk.ask("INFO rule 1", "START 15")
    own = [f"{x},0,1" for x in range(length)]
    theirs = [f"{2 * x},{2 + 2 * (x % 4)},2" for x in range(7)] + ["1,13,2", "7,13,2"]
    assert MOVE.fullmatch(talk.ask("BOARD", *own, *theirs[:length], "DONE"))
    assert [*board(talk).values()].count(1) == length + 1
    over = [f"{x},0,1" for x in range(5)]
    talk.ask("RESTART")
    assert talk.ask("BOARD", *over, *theirs[:5], "DONE") == "ERROR the game is over"


def test_a_rule_that_cannot_be_played_is_said_when_a_move_is_asked_for():
    talk = gomocup()
    assert talk.ask("START 9", "INFO rule 2") == "OK"
    wrong = "ERROR no rule 2; there are 0 (five or more), 1 (exactly five) and 4 (renju)"
    assert talk.ask("BEGIN") == talk.ask("TURN 1,1") == talk.ask("BOARD", "1,1,2", "DONE") == wrong
    assert talk.ask("START 9") == wrong
    assert talk.ask("INFO rule 1") == ""
    assert talk.door.session.game is games.get("gomoku9-standard")
    assert MOVE.fullmatch(talk.ask("BEGIN"))


@pytest.mark.parametrize(("waiting", "expected"), [(True, 4.5), (False, 4.7)])
def test_a_rule_after_start_is_loaded_in_the_first_moves_time(monkeypatch, waiting, expected):
    """If the manager has said more by then: else it is the opponent who thinks."""
    talk, now = gomocup(), 0.0
    talk.wire.waiting = waiting
    talk.ask("INFO timeout_turn 5000", "START 9")
    get = talk.engines.get

    def slow(game):
        nonlocal now
        now += 0.2
        return get(game)

    monkeypatch.setattr("alphamini.interfaces.gomocup.time", SimpleNamespace(perf_counter=lambda: now))
    monkeypatch.setattr(talk.engines, "get", slow)
    talk.ask("INFO rule 1")
    monkeypatch.setattr(talk.engines, "get", get)
    talk.ask("BEGIN", "TURN 0,0" if (0, 0) not in board(talk) else "TURN 1,1")
    (_, first), (_, second) = talk.engines.get(games.get("gomoku9-standard")).asked
    assert (first, second) == (pytest.approx(expected), pytest.approx(4.7))


@pytest.mark.parametrize(("lines", "own", "opponent"), [
    (["2,2,2"], 2, 1),
    (["2,2,1", "3,3,2"], 1, 2),
    (["2,2,1", "1,1,1", "3,3,2", "0,4,2"], 1, 2),
    (["1,1,2", "2,2,2", "3,3,1"], 2, 1),
])  # fmt: skip
def test_a_board(lines, own, opponent):
    talk = gomocup()
    talk.ask("START 5")
    answer = talk.ask("BOARD", *lines, "DONE")
    expected = {}
    for line in lines:
        x, y, field = map(int, line.split(","))
        expected[x, y] = own if field == 1 else opponent
    x, y = map(int, answer.split(","))
    assert board(talk) == {**expected, (x, y): own}


def test_an_empty_board_asks_for_the_first_move():
    talk = gomocup()
    talk.ask("START 9", "TURN 1,1")
    assert MOVE.fullmatch(talk.ask("BOARD", "DONE"))
    assert list(board(talk).values()) == [1]


@pytest.mark.parametrize("lines", [
    ["1,1,1"],  # not our turn
    ["1,1,2", "2,2,2"],
    ["1,1,2", "1,1,1"],
    ["1,1,3"],
    ["1,1"],
    ["5,0,2"],
    ["x"],
    ["1,1,2"] * 401,
    ["0,0,2", "0,1,1", "1,0,2", "1,1,1", "2,0,2", "2,1,1", "3,0,2", "3,1,1", "4,0,2", "4,1,1"],  # it was won before
])  # fmt: skip
def test_a_wrong_board_is_refused_whole(lines):
    talk = gomocup()
    talk.ask("START 5", "TURN 2,2")
    before = talk.door.session.position
    answer = talk.ask("BOARD", *lines, "DONE")
    assert answer.startswith("ERROR ")
    assert "\n" not in answer
    assert talk.door.session.position is before


@pytest.mark.parametrize("block", [("BOARD", "0,1,2", "0,1,1"), ("SWAP2BOARD", "0,1", "2,2", "0,1")])
def test_an_illegal_stone_of_a_board_is_named_as_the_protocol_writes_cells(block):
    talk = gomocup()
    talk.ask("START 5")
    assert talk.ask(*block, "DONE") == "ERROR 0,1 is not legal here"


@pytest.mark.parametrize(("line", "answer"), [
    ("TURN 2,2", "ERROR 2,2 is not legal here"),
    ("TURN 5,0", "ERROR 5,0 is outside of the board (0,0 to 4,4)"),
    ("TURN -1,0", "ERROR expected a cell as x,y"),
    ("TURN", "ERROR expected a cell as x,y"),
    ("TURN １,２", "ERROR expected a cell as x,y"),
    ("TAKEBACK 2,2", "ERROR that is not the last move"),
    ("START", "ERROR START needs a size"),
    ("START 4", "ERROR no board of size 4 with rule 0"),
    ("START 21", "ERROR no board of size 21 with rule 0"),
    ("START 1e9", "ERROR START needs a size"),
    ("START 05", "OK"),
    ("RECTSTART 15,15", "OK"),
    ("RECTSTART 15,10", "ERROR only square boards"),
    ("RECTSTART 15", "ERROR RECTSTART needs a width and a height as w,h"),
    ("INFO rule 2", ""),  # a manager would take an ERROR for the answer to its next command
    ("INFO timeout_turn soon", ""),
    ("INFO time_left 4611686018427387903", ""),  # INT64_MAX // 2: c-gomoku-cli without a limit
    ("INFO", ""),
    ("INFO folder /tmp", ""),
    ("INFO evaluate 1,1", ""),
    ("", ""),
    ("DONE", "UNKNOWN command"),
    ("PLAY 1,1", "UNKNOWN command"),
    ("x" * 100_000, "UNKNOWN command"),
    ("begin\x00", "UNKNOWN command"),
])  # fmt: skip
def test_answers(line, answer):
    talk = gomocup()
    talk.ask("START 5", "TURN 2,2")
    assert talk.ask(line) == answer
    assert talk.open


@pytest.mark.parametrize("line", ["BEGIN", "TURN 1,1", "RESTART", "TAKEBACK 1,1"])
def test_nothing_goes_before_start(line):
    assert gomocup().ask(line) == "ERROR no board yet: START comes first"


def test_blocks_need_a_board_too():
    assert gomocup().ask("BOARD", "1,1,2", "DONE") == "ERROR no board yet: START comes first"
    assert gomocup().ask("SWAP2BOARD", "DONE") == "ERROR no board yet: START comes first"


def test_the_end_of_a_game():
    talk = gomocup()
    talk.ask("START 5")
    row = [f"{x},0,2" for x in range(4)] + [f"{x},4,1" for x in (0, 2, 4)]
    answer = talk.ask("BOARD", *row, "DONE")
    assert answer != "4,0"  # the stub does not see it
    assert talk.ask("TURN 4,0") == "MESSAGE the game is over"
    assert talk.ask("TURN 1,1") == "ERROR the game is over"
    assert talk.ask("TAKEBACK 4,0") == "OK"
    assert talk.ask("START 5") == "OK"


def test_about_and_end():
    talk = gomocup()
    assert re.fullmatch(r'name="alphamini", version="[^"]+", author="[^"]+", country="[^"]*"', talk.ask("ABOUT"))
    assert talk.ask("END") == ""
    assert not talk.open


def test_info_reaches_the_clock_and_the_engine():
    talk = gomocup()
    talk.ask("INFO timeout_turn 1000", "INFO timeout_match 60000", "INFO max_memory 123456789", "START 9")
    assert talk.engines.memory == 123456789
    clock = talk.door.session.clocks[0]
    assert (clock.turn, clock.left) == (1, 60)
    talk.ask("BEGIN")
    (asked,) = talk.engines.get(games.get("gomoku9")).asked
    assert asked == (None, pytest.approx(0.9))
    talk.ask("INFO time_left 2500", "INFO max_node 77")
    reply = talk.ask("TURN 0,0") if (0, 0) not in board(talk) else talk.ask("TURN 1,1")
    assert MOVE.fullmatch(reply)
    assert talk.engines.get(games.get("gomoku9")).asked[-1] == (77, pytest.approx(0.05))
    talk.ask("INFO timeout_turn 0", "INFO max_memory 0", "RESTART", "BEGIN")
    assert talk.engines.get(games.get("gomoku9")).asked[-1][1] == 0
    assert talk.engines.memory is None
    talk.ask("INFO max_memory 350000000", "INFO max_memory -2147483648")  # Piskvork's 2048 MB, in an int
    assert talk.engines.memory is None
    assert talk.door.session.clocks[0].left == 60


# The clock


@pytest.mark.parametrize(("clock", "moves", "budget"), [
    (Clock(), 10, None),
    (Clock(turn=0), 10, 0),
    (Clock(turn=1), 10, 0.9),
    (Clock(turn=30), 10, 29.45),
    (Clock(turn=0.02), 10, 0.01),
    (Clock(left=100), 100, 4 - 0.05 - 0.2),
    (Clock(left=100), 2, 50 - 0.05 - 0.5),
    (Clock(left=100, turn=1), 100, 0.9),
    (Clock(left=0), 100, 0),
    (Clock(left=60, stones=10), 100, 6 - 0.05 - 0.3),
    (Clock(left=100, period=20, period_stones=10), 100, 4 + 2 - 0.05 - 0.3),
])  # fmt: skip
def test_budgets(clock, moves, budget):
    assert clock.budget(moves) == (None if budget is None else pytest.approx(budget))


def test_a_game_never_uses_more_than_its_time():
    clock, used = Clock(left=10), 0.0
    for _ in range(1000):
        budget = clock.budget(1000)
        clock.spend(budget)
        used += budget
    assert 5 < used < 10


def test_byo_yomi():
    clock = Clock(left=10, period=30, period_stones=3)
    clock.spend(4)
    assert (clock.left, clock.stones) == (6, 0)
    clock.spend(8)  # 2 of them in the first period
    assert (clock.left, clock.stones) == (28, 2)
    clock.spend(20)
    assert (clock.left, clock.stones) == (8, 1)
    clock.spend(1)
    assert (clock.left, clock.stones) == (30, 3)
    clock = Clock(left=1, period=5, period_stones=1)
    clock.spend(4)
    assert (clock.left, clock.stones) == (5, 1)


# Swap2


@pytest.mark.parametrize(("rule", "suffix"), [(0, ""), (1, "-standard"), (4, "-renju")])
@pytest.mark.parametrize("size", [5, 9, 20])
def test_swap2_as_the_manager_asks(size, rule, suffix):
    """Both sides of the opening; every answer is legal, and nothing of it is on the board."""
    talk = gomocup()
    talk.ask(f"INFO rule {rule}", f"START {size}")
    stones = talk.ask("SWAP2BOARD", "DONE").split()
    assert len(set(stones)) == 3
    two = talk.ask("SWAP2BOARD", *stones, "DONE").split()  # to the stub all is even: a balanced choice is left to us
    assert len(set(stones + two)) == 5
    sixth = talk.ask("SWAP2BOARD", *stones, *two, "DONE")
    assert len({*stones, *two, sixth}) == 6
    game = games.get(f"gomoku{size}{suffix}")
    game.initial().play_all([from_xy(game, stone) for stone in (*stones, *two, sixth)])
    assert board(talk) == {}
    # The game goes on with BOARD: here as white, who has placed the sixth stone.
    own, others = [stones[1], two[0], sixth], [stones[0], stones[2], two[1]]
    others.append(next(f"{x},{y}" for y in (0, 1) for x in range(size) if f"{x},{y}" not in own + others))
    answer = talk.ask("BOARD", *(f"{stone},1" for stone in own), *(f"{stone},2" for stone in others), "DONE")
    assert MOVE.fullmatch(answer)
    assert len(board(talk)) == 8


def test_wrong_stones_for_swap2():
    talk = gomocup()
    talk.ask("START 9")
    for wrong in (["7,7", "8,7"], ["7,7"] * 3, ["7,7,1"] * 3, ["99,1"] * 5, ["1,1", "2,2", "3,3", "4,4"]):
        assert talk.ask("SWAP2BOARD", *wrong, "DONE").startswith("ERROR ")


class Judge(Uniform):
    """White's win rate, by how many stones there are and how many of them are on the edge."""

    def __init__(self, game, rates, edge=0.0):
        super().__init__(game)
        self._rates, self._edge = rates, edge

    def evaluate(self, states):
        stones = states["stones"]
        on_edge = (stones != 0).sum((1, 2)) - (stones[:, 1:-1, 1:-1] != 0).sum((1, 2))
        white = np.array([self._rates.get(int((board != 0).sum()), 0.5) for board in stones]) + self._edge * on_edge
        sign = states["to_play"] * 2.0 - 1
        return super().evaluate(states)[0], ((2 * white - 1) * sign).astype("f4")


def swap2_answer(stones, judge_of, name="gomoku9"):
    game = games.get(name)
    engine = Engine(game, evaluator=judge_of(game))
    session = Session(game, lambda: engine, frozenset({0, 1}), sims=1)
    position = game.initial().play_all([game.parse_action(text) for text in stones.split()])
    return position, swap2.answer(session, position, random.Random(1))


@pytest.mark.parametrize(("stones", "rates", "placed"), [
    ("c3 d4 e5", {3: 0.7}, 1),  # white is better: we keep it
    ("c3 d4 e5", {3: 0.3}, 0),  # black is: we swap
    ("c3 d4 e5", {3: 0.52}, 2),  # hardly anything between them, and two stones make it as even
    ("c3 d4 e5", {3: 0.48}, 2),
    ("c3 d4 e5", {3: 0.52, 5: 0.8}, 1),  # whatever two stones we place, the other side gains by it
    ("c3 d4 e5", {3: 0.48, 5: 0.2}, 0),
    ("c3 d4 e5 f6 g7", {5: 0.51}, 1),  # with five stones there are two choices
    ("c3 d4 e5 f6 g7", {5: 0.49}, 0),
])  # fmt: skip
def test_swap2_takes_what_promises_most(stones, rates, placed):
    _, answer = swap2_answer(stones, lambda game: Judge(game, rates))
    assert len(answer) == placed


@pytest.mark.parametrize(("stones", "rates", "on_edge"), [("", {3: 0.1}, 2), ("c3 d4 e5", {5: 0.3}, 1)])
def test_swap2_places_balanced_stones(stones, rates, on_edge):
    """Every stone on the edge is worth 0.2 to white here."""
    position, answer = swap2_answer(stones, lambda game: Judge(game, rates, edge=0.2))
    edge = {cell for cell in range(81) if {cell // 9, cell % 9} & {0, 8}}
    assert len(edge & set(answer)) == on_edge
    position.play_all(answer)


@pytest.mark.parametrize("overhead", [0.0, 0.004, 0.03])
@pytest.mark.parametrize("stones", ["", "c3 d4 e5", "c3 d4 e5 f6 g7"])
def test_swap2_takes_the_time_of_one_move(monkeypatch, stones, overhead):
    """Each search costs a little more than it was given; the clock here is the stub's."""
    now = 0.0

    class Slow(StubEngine):
        def analyse(self, position, sims=None, seconds=None, watch=None):
            nonlocal now
            now += (seconds or 0) + overhead
            return super().analyse(position, sims, seconds, watch)

    monkeypatch.setattr(swap2, "perf_counter", lambda: now)
    game = games.get("gomoku9")
    engine = Slow(game)
    session = Session(game, lambda: engine, frozenset({0, 1}))
    session.clocks = (Clock(turn=1, left=100),) * 2
    position = game.initial().play_all([game.parse_action(text) for text in stones.split()])
    swap2.answer(session, position, random.Random(1))
    assert 0.8 < now <= 0.9 + (swap2.SEARCHED + 1) * overhead
    assert session.clocks[0].left == pytest.approx(100 - now)


# The process


def test_the_process_survives_whatever_comes():
    lines = [
        b"\xff\xfe\x00\x01", b"START " + b"9" * 2**20, b"\r", b"START 9\r", b"INFO timeout_turn 0\r", b"TURN 4,4\r",
        b"x" * 2**20, b"TURN 4,4\r", b"BOARD", b"\x80" * 5000, b"DONE", b"INFO max_memory 1", b"RESTART", b"BEGIN", b"END",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "alphamini.gomocup"], input=b"\n".join(lines) + b"\n", capture_output=True, timeout=300
    )
    assert done.returncode == 0
    answers = done.stdout.decode().splitlines()
    words = [answer.split()[0] if not MOVE.fullmatch(answer) else "MOVE" for answer in answers]
    assert words == ["UNKNOWN", "ERROR", "OK", "MOVE", "UNKNOWN", "ERROR", "ERROR", "OK", "MOVE"]
    log = done.stderr.decode()
    assert "bytes of a line beyond the first 8192 were dropped" in log
    assert "'TURN 4,4': 4,4 is not legal here" in log
    assert "Traceback" not in log


def test_the_process_hears_what_comes_while_it_thinks():
    """Its limit is an hour a move."""
    with subprocess.Popen(
        [sys.executable, "-m", "alphamini.gomocup", "--seconds", "3600"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    ) as process:  # fmt: skip

        def say(*lines):
            for line in lines:
                process.stdin.write(f"{line}\n")

        say("START 15")
        assert process.stdout.readline() == "OK\n"
        say("BEGIN")
        time.sleep(0.5)
        say("INFO timeout_turn 0")
        assert MOVE.fullmatch(process.stdout.readline().strip())
        say("INFO timeout_turn 3600000", "RESTART")
        assert process.stdout.readline() == "OK\n"
        say("BEGIN")
        time.sleep(0.5)
        say("END")
        assert process.stdout.read() == ""
        assert process.wait(timeout=60) == 0


def test_a_closed_pipe_ends_the_process_quietly():
    process = subprocess.Popen(
        [sys.executable, "-m", "alphamini.gomocup"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.close()
    with process.stdin as stdin:
        stdin.write(b"ABOUT\n" * 3)
    log = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=120) == 0
    assert log == b""


def test_a_net_that_no_game_here_can_use_is_refused_at_the_start(tmp_path, monkeypatch, capsys):
    """And one of either family, gomoku's or renju's, is not."""

    def start(path):
        monkeypatch.setattr(sys, "argv", ["gomocup", "--checkpoint", str(path)])
        with pytest.raises(SystemExit) as ended:
            door.command()
        return ended.value.code, capsys.readouterr()

    assert start("/nope") == (2, ("", "error: no checkpoint at /nope\n"))
    monkeypatch.setattr(door, "serve", lambda *_: sys.exit(0))
    monkeypatch.setattr(door, "keep_log", lambda path, warning: None)
    monkeypatch.setattr(door, "Wire", StubWire)
    for name, code in (("connect4", 2), ("gomoku9", 0), ("gomoku15-renju", 0)):
        game = games.get(name)
        config = NetConfig.for_game(game, 1, 8)
        weights = {key: np.zeros(shape, np.float32) for key, shape in config.shapes().items()}
        save_checkpoint(tmp_path / name, Checkpoint(name, game.rules_version, config, weights))
        assert start(tmp_path / name)[0] == code
