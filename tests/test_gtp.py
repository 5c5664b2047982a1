"""GTP: transcripts, analysis, time, and the process as a controller meets it."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import games
from alphamini.arena.coordinates import from_vertex, to_vertex
from alphamini.interfaces.door import is_log
from alphamini.interfaces.engine import Engine
from alphamini.interfaces.gtp import GTP
from alphamini.lines import Lines
from alphamini.model.evaluators import Uniform
from tests.doors import StubWire, gtp

REQUIRED = """protocol_version name version known_command list_commands quit boardsize clear_board komi play
genmove"""


def stones(talk):
    """{vertex: 1 for black, 2 for white}."""
    game, board = talk.door.session.game, talk.door.session.position.state["stones"][0].reshape(-1)
    return {to_vertex(game, int(cell)): int(board[cell]) for cell in board.nonzero()[0]}


def test_a_transcript():
    talk = gtp()
    for line, answer in [
        ("protocol_version", "= 2\n"),
        ("1 name", "=1 alphamini\n"),
        ("boardsize 5", "= \n"),
        ("007 clear_board # a comment", "=007 \n"),
        ("komi 6.5", "= \n"),
        ("play black C3", "= \n"),
        ("play W a1", "= \n"),
        ("\x01play\tb   E5\x7f", "= \n"),
        ("# nothing but a comment", ""),
        ("   ", ""),
        ("undo", "= \n"),
        (
            "showboard",
            "= \n   A B C D E\n 5 . . . . . 5\n 4 . . . . . 4\n 3 . . x . . 3\n 2 . . . . . 2\n 1(o). . . . 1\n",
        ),
        ("known_command genmove", "= true\n"),
        ("known_command GENMOVE", "= false\n"),
        ("known_command", "= false\n"),
        ("final_score", "? cannot score\n"),
        ("quit", "= \n"),
    ]:
        assert talk.ask(line) == answer
    assert not talk.open
    assert stones(talk) == {"C3": 1, "A1": 2}


def test_the_required_commands_are_there():
    listed = gtp().ask("list_commands").split()[1:]
    assert set(REQUIRED.split()) <= set(listed)
    assert {"undo", "time_settings", "time_left", "reg_genmove", "lz-analyze", "kata-analyze"} <= set(listed)
    assert all(gtp().ask(f"known_command {name}") == "= true\n" for name in listed)


@pytest.mark.parametrize(("line", "answer"), [
    ("play b C3", "? illegal move\n"),
    ("play b D4", "? illegal move\n"),  # white is to move, and nobody passes in gomoku
    ("play w I5", "? illegal move\n"),
    ("play w F1", "? illegal move\n"),
    ("play w A0", "? illegal move\n"),
    ("play w pass", "? illegal move\n"),
    ("play w", "? syntax error\n"),
    ("play green A1", "? syntax error\n"),
    ("play w A1 A2", "? syntax error\n"),
    ("genmove", "? syntax error\n"),
    ("genmove b", "? it is the other side's turn\n"),
    ("12 frobnicate", "?12 unknown command\n"),
    ("12", "?12 unknown command\n"),
    ("PLAY w A1", "? unknown command\n"),
    ("boardsize", "? syntax error\n"),
    ("boardsize 4", "? unacceptable size\n"),
    ("boardsize 21", "? unacceptable size\n"),
    ("boardsize -5", "? syntax error\n"),
    ("boardsize 99999999999", "? syntax error\n"),
    ("komi many", "? syntax error\n"),
    ("komi nan", "? syntax error\n"),
    ("time_settings 1 2", "? syntax error\n"),
    ("time_left w 1", "? syntax error\n"),
    ("final_status_list", "? syntax error\n"),
    ("lz-analyze purple", "="),
    ("x" * 100_000, "? unknown command\n"),
    ("pläy w A1", "? unknown command\n"),
])  # fmt: skip
def test_wrong_input_changes_nothing(line, answer):
    talk = gtp()
    talk.ask("play b C3")
    before = talk.door.session.position
    assert talk.ask(line).startswith(answer)
    assert talk.door.session.position is before
    assert talk.open


def test_nothing_to_undo():
    talk = gtp()
    assert talk.ask("undo") == "? cannot undo\n"
    talk.ask("play b C3", "clear_board")
    assert talk.ask("undo") == "? cannot undo\n"


def test_genmove_plays_and_reg_genmove_does_not():
    talk = gtp()
    (vertex,) = re.findall(r"^= ([A-HJ-Z]\d+)\n$", talk.ask("genmove b"))
    assert stones(talk) == {vertex: 1}
    assert re.match(r"^= [A-HJ-Z]\d+\n$", talk.ask("reg_genmove white"))
    assert stones(talk) == {vertex: 1}
    talk.ask("undo")
    assert stones(talk) == {}


def test_the_end_of_a_game():
    talk = gtp()
    talk.ask(*(f"play {c} {x}{y}" for x in "ABCD" for c, y in (("b", 1), ("w", 2))), "play b E1")
    assert talk.ask("final_score") == "= B+1\n"
    assert talk.ask("genmove w") == "? the game is over\n"
    assert talk.ask("lz-analyze w 10") == "? the game is over\n"
    assert talk.ask("play w E2") == "? illegal move\n"
    assert talk.ask("undo", "genmove b").startswith("= ")


def test_boardsize_changes_the_game():
    talk = gtp("gomoku9-standard")
    assert talk.ask("play b J9", "boardsize 5") == "= \n\n= \n"
    assert talk.door.session.game is games.get("gomoku5-standard")
    assert stones(talk) == {}
    for name, size in (("tictactoe", 3), ("connect4", 6)):
        talk = gtp(name)
        assert talk.ask(f"boardsize {size}") == "= \n"
        assert talk.ask("boardsize 19") == "? unacceptable size\n"
    assert gtp("connect4").ask("play b 4", "showboard").count("x") == 1
    talk = gtp("connect6")  # whose names have their size elsewhere
    for size, name in ((9, "connect6-9"), (13, "connect6-13"), (19, "connect6")):
        assert talk.ask(f"boardsize {size}") == "= \n"
        assert talk.door.session.game is games.get(name)
    assert talk.ask("boardsize 8") == "? unacceptable size\n"


@pytest.mark.parametrize("name", ["tictactoe", "connect4", "gomoku5", "gomoku9", "gomoku20"])
def test_every_action_has_its_vertex(name):
    game = games.get(name)
    vertices = [to_vertex(game, action) for action in range(game.num_actions)]
    assert len(set(vertices)) == game.num_actions
    assert [from_vertex(game, vertex.lower()) for vertex in vertices] == list(range(game.num_actions))
    if game.family == "gomoku":
        assert not any("I" in vertex for vertex in vertices)
        assert vertices[0] == f"A{game.shape[0]}"
        assert vertices[-1] == f"{'ABCDEFGHJKLMNOPQRSTUVWXYZ'[game.shape[1] - 1]}1"


# As GUIs talk


def test_as_sabaki_keeps_an_engine_in_step():
    """The order is its own: the komi before the size, then the settings of time, then all moves at once; later it takes
    back to what both have in common. A handicap is one step."""
    talk = gtp("go9")
    for line in ("name", "version", "protocol_version", "list_commands", "komi 6.5", "boardsize 13"):
        assert talk.ask(line).startswith("= ")
    assert talk.door.session.game is games.get("go13-komi6.5")
    assert talk.engines._engine.game is talk.door.session.game  # loaded before a clock runs
    assert talk.ask("time_settings 60 10 5", "clear_board", "play B E5", "play W C3", "play B G7") == "\n".join(
        ["= \n"] * 5
    )
    assert talk.ask("undo", "play B C7") == "= \n\n= \n"
    assert stones(talk) == {"E5": 1, "C3": 2, "C7": 1}
    assert talk.ask("clear_board", "set_free_handicap C3 G7 C7", "play W E5") == "\n".join(["= \n"] * 3)
    assert stones(talk) == {"C3": 1, "G7": 1, "C7": 1, "E5": 2}
    assert talk.door.session.position.to_play == 0
    assert talk.ask("undo", "undo") == "= \n\n= \n"
    assert stones(talk) == {}


@pytest.mark.parametrize(("game", "line", "answer"), [
    ("go9", "set_free_handicap", "? bad vertex list\n"),
    ("go9", "set_free_handicap C3", "? bad vertex list\n"),
    ("go9", "set_free_handicap C3 C3", "? bad vertex list\n"),
    ("go9", "set_free_handicap C3 pass", "? bad vertex list\n"),
    ("go9", "set_free_handicap C3 K10", "? bad vertex list\n"),
    ("gomoku5", "set_free_handicap C3 A1", "? bad vertex list\n"),
])  # fmt: skip
def test_a_wrong_handicap_changes_nothing(game, line, answer):
    talk = gtp(game)
    assert talk.ask(line) == answer
    assert stones(talk) == {}
    talk.ask("play b A1")
    assert talk.ask("set_free_handicap A3 B3") == "? board not empty\n"
    assert stones(talk) == {"A1": 1}


def test_as_gogui_plays_a_game_with_byo_yomi():
    talk = gtp("go9")
    for line in ("protocol_version", "name", "version", "list_commands", "boardsize 9", "clear_board", "komi 7.5"):
        assert talk.ask(line).startswith("= ")
    talk.ask("time_settings 60 30 5", "play B E5", "time_left W 60 0")
    assert re.fullmatch(r"= ([A-HJ]\d|pass)\n", talk.ask("genmove W"))
    assert asked(talk) == (None, pytest.approx(60 / 25 + 30 / 5 - 0.05 - 0.05 * 8.4))
    talk.ask("play B pass", "time_left W 20 4", "genmove W")
    assert asked(talk) == (None, pytest.approx(5 - 0.05 - 0.25))
    talk.ask("undo", "undo", "time_left W 0 0", "genmove W")  # the main time is over: the first of five moves in 30 s
    assert asked(talk) == (None, pytest.approx(6 - 0.05 - 0.3))


def test_a_game_without_a_limit_has_none_whatever_time_is_told():
    talk = gtp("go9")
    talk.ask("genmove b")
    unlimited = asked(talk)
    talk.ask("time_settings 0 30 0", "play w E5", "time_left b 0 0", "genmove b")
    assert asked(talk) == unlimited


def test_a_player_may_move_again_after_a_pass_of_its_own():
    talk = gtp("go5")
    assert talk.ask("play b D4", "play w pass", "play w E5", "play w C3") == "= \n\n= \n\n= \n\n= \n"
    assert stones(talk) == {"D4": 1, "E5": 2, "C3": 2}
    talk.ask("play b pass")
    assert re.fullmatch(r"= ([A-E][1-5]|pass)\n", talk.ask("genmove b"))
    assert not talk.door.session.is_over or talk.door.session.position.last_action == 25
    talk.ask("undo", "undo", "undo", "undo")
    assert stones(talk) == {"D4": 1}


# Two moves of one colour, which GTP allows: the other one has not passed


def test_only_passes_of_both_players_end_a_game():
    talk = gtp("go5")
    talk.ask("play w pass", "play w pass", "play w C3", "play w pass")
    assert talk.ask("final_score") == "? cannot score\n"
    talk.ask("play b D4", "play b pass", "play b pass", "play w A1", "play b pass")
    assert talk.ask("final_score") == "? cannot score\n"
    talk.ask("play w pass")
    assert talk.ask("final_score") == "= W+8.5\n"
    talk.ask("clear_board", "set_free_handicap C3 D4", "play w pass")
    assert talk.ask("final_score") == "? cannot score\n"
    assert talk.ask("play b pass", "final_score") == "= \n\n= B+17.5\n"


@pytest.mark.parametrize("command", ["genmove", "reg_genmove", "lz-analyze", "kata-genmove_analyze"])
@pytest.mark.parametrize("before", ["", "play b pass", "play w C3"])
def test_the_engine_is_asked_for_the_other_colour(command, before):
    talk, asked = gtp("go5"), []
    engine = talk.engines.get(talk.door.session.game)
    analyse, no_stone = engine.analyse, talk.door.session.game.num_actions - 1

    def passes(position, *arguments, **named):
        asked.append(position)
        return replace(analyse(position, *arguments, **named), action=no_stone)

    engine.analyse = passes
    talk.ask(*before.splitlines())
    player = 0 if "pass" in before else 1
    talk.ask(f"{command} {'bw'[player]}")
    assert [position.to_play for position in asked] == [player]
    assert not asked[0].state["passed"][0]
    assert talk.ask("final_score") == "? cannot score\n"  # its own pass is the first


def test_another_komi_keeps_the_moves_of_both():
    talk = gtp("go5")
    talk.ask("play w C3", "play w D4", "play b pass", "play w pass")
    assert talk.ask("final_score") == "= W+32.5\n"
    assert talk.ask("komi 25", "final_score") == "= \n\n= W+50\n"
    assert stones(talk) == {"C3": 2, "D4": 2}
    talk.ask("undo", "undo", "undo")
    assert stones(talk) == {"C3": 2}
    talk.ask("undo", "play b C3", "play w pass", "play b pass")
    assert talk.ask("final_score") == "= 0\n"
    assert talk.door.session.winner is None
    talk.ask("komi 7.5")
    assert talk.door.session.winner == 0


def test_who_cannot_move_in_othello_passes():
    talk = gtp("othello6")
    position = talk.door.session.position
    assert talk.ask("play w d6") == "? illegal move\n"
    rng = random.Random(0)
    while [position.action_text(action) for action in position.legal_actions] != ["pass"]:
        position = position.play(rng.choice(position.legal_actions))
        position = talk.door.session.game.initial() if position.is_over else position
    talk.ask(*(f"play {'bw'[before.to_play]} {before.action_text(action)}" for before, action in line(position)))
    assert talk.ask(f"genmove {'wb'[position.to_play]}").startswith("= ")
    assert talk.ask("undo") == "= \n"
    assert talk.door.session.position.moves == position.moves


def line(position):
    """(position, action) of each move so far."""
    before = position.game.initial()
    for action in position.moves:
        yield before, action
        before = before.play(action)


def test_other_boards_of_stones_have_vertices_without_an_i():
    game = games.get("connect6")
    assert to_vertex(game, from_vertex(game, "J10")) == "J10"
    assert from_vertex(game, "J10") == from_vertex(games.get("go19"), "J10")
    assert "H J K" in gtp("connect6").ask("showboard")


@pytest.mark.parametrize("name", ["connect4", "tictactoe"])
def test_stones_that_are_no_board_have_no_status(name):
    assert gtp(name).ask("final_status_list alive") == "? cannot score\n"


def test_a_pass_is_written_as_guis_read_it():
    game = games.get("go9")
    assert to_vertex(game, game.parse_action("pass")) == "pass"
    assert from_vertex(game, "PASS") == game.parse_action("pass")


# Time


def clocks(talk):
    return [(clock.left, clock.stones) for clock in talk.door.session.clocks]


def asked(talk):
    return talk.engines.get(talk.door.session.game).asked[-1]


def test_time():
    talk = gtp()
    talk.ask("genmove b")
    assert asked(talk) == (None, None)
    talk.ask("clear_board", "time_settings 300 0 0")
    assert clocks(talk) == [(300, 0), (300, 0)]
    talk.ask("time_left w 10 0", "genmove b")
    assert clocks(talk) == [(300, 0), (10, 0)]
    assert asked(talk) == (None, pytest.approx(300 / 13 - 0.5 - 0.05))  # 13 moves are left to black on 5x5
    talk.ask("time_settings 0 10 1", "clear_board", "genmove b")
    assert asked(talk) == (None, pytest.approx(9.45))
    talk.ask("time_settings 0 10 0", "genmove w")
    assert asked(talk) == (None, None)  # the standard: no limit
    talk.ask("time_settings 0 0 0", "genmove b")
    assert asked(talk) == (None, None)


# Analysis


def real(name="gomoku5"):
    """A door with a search behind it, and its wire."""
    game = games.get(name)
    engine = Engine(game, evaluator=Uniform(game))

    class Engines:
        def get(self, asked):
            assert asked is game
            return engine

    wire = StubWire()
    return GTP(game, Engines(), wire, sims=200), wire


LZ = r"info move [A-E][1-5] visits \d+ winrate \d+ prior \d+ lcb \d+ order \d+ pv( [A-E][1-5])+"
KATA = (
    r"info move [A-E][1-5] visits \d+ utility -?\d\.\d+ winrate \d\.\d+ scoreMean 0 scoreStdev 0 scoreLead 0 "
    r"scoreSelfplay 0 prior \d\.\d+ lcb \d\.\d+ utilityLcb -?\d\.\d+ order \d+ pv( [A-E][1-5])+"
)


@pytest.mark.parametrize(("command", "pattern"), [("lz", LZ), ("kata", KATA)])
def test_analysis(command, pattern):
    door, wire = real()
    for vertex in ("A2", "A4", "B2", "B4", "C2", "C4", "D2", "D4"):
        door.obey(f"play {'bw'[len(door.session.position.moves) % 2]} {vertex}")
    wire.take()
    wire.waiting = False

    def wait(seconds):
        wire.waiting = True

    wire.wait = wait
    before = door.session.position
    door.obey(f"9 {command}-analyze b 1")  # it ends by itself: black wins at once, at E2
    first, *lines, end = wire.take().split("\n")
    assert (first, end) == ("=9", "")
    assert door.session.position is before
    assert all(re.fullmatch(rf"{pattern}( {pattern})*", line) for line in lines)
    assert re.match(r"info move E2 ", lines[-1])


@pytest.mark.parametrize(
    "line", ["lz-analyze", "lz-analyze 20", "lz-analyze w", "kata-analyze interval 5 rootInfo true"]
)
def test_analysis_stops_when_a_command_waits(line, monkeypatch):
    monkeypatch.setattr("alphamini.interfaces.gtp.time", SimpleNamespace(monotonic=lambda: 0.0))  # no interval passes
    door, wire = real()
    door.obey("play b C3")
    wire.take()
    door.obey(line)  # the stub's command always waits
    first, info, end = wire.take().split("\n")
    assert (first, end) == ("=", "")
    assert info.startswith("info move ")


def test_an_analysis_of_other_moves_than_asked_for_is_refused_and_a_short_one_given(monkeypatch):
    door, wire = real()
    for line in ("lz-analyze b 30 avoid b C3 1", "kata-analyze b 30 allow b A1 1"):
        door.obey(line)
        assert re.fullmatch(r"\? (avoid|allow) is not known here\n\n?", wire.take())
    door.obey("kata-analyze b 30 maxmoves 1")
    assert wire.take().count("info move ") == 1


@pytest.mark.parametrize("line", ["lz-genmove_analyze b 1", "kata-genmove_analyze black 1"])
def test_genmove_with_analysis(line):
    door, wire = real()
    door.obey(line)
    first, *_, last, end = wire.take().split("\n")
    assert (first, end) == ("=", "")
    assert re.fullmatch(r"play [A-E][1-5]", last)
    assert len(door.session.position.moves) == 1


# The process


def command(*arguments):
    return [sys.executable, "-m", "alphamini.gtp", *arguments]


def test_the_process_survives_whatever_comes(tmp_path):
    log = tmp_path / "gtp.log"
    lines = [
        b"\xff\xfe\x00\x01", b"boardsize " + b"9" * 2**20, b"\r", b"1 boardsize 5\r", b"2 play b c3\r",
        b"x" * 2**20, b"3 play w c3", b"4 lz-analyze 10", b"5 genmove w", b"\x1b[31m\x00", b"6 quit", b"7 name",
    ]  # fmt: skip
    done = subprocess.run(
        command("--game", "gomoku9", "--sims", "4", "--log", str(log)),
        input=b"\n".join(lines) + b"\n",
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == 0
    answers = [answer.split()[0] for answer in re.split(r"\n\n", done.stdout.decode()) if answer.strip()]
    assert answers == ["?", "?", "=1", "=2", "?", "?3", "=4", "=5", "?", "=6"]
    assert "Traceback" not in done.stderr.decode()
    written = log.read_text()
    assert "< 5 genmove w" in written
    assert is_log(log.read_bytes())  # the next conversation may follow
    assert "'3 play w c3': illegal move" in written


def test_a_log_that_ended_before_the_first_command_goes_on(tmp_path):
    log = str(tmp_path / "gtp.log")
    for _ in range(2):
        done = subprocess.run(command("--game", "gomoku9", "--log", log), input=b"", capture_output=True, timeout=300)
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_log_that_cannot_be_written_ends_and_the_game_does_not():
    done = subprocess.run(
        command("--game", "gomoku9", "--sims", "4", "--log", "/dev/full"),
        input=b"name\ngenmove b\nquit\n",
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == 0
    assert [answer[:1] for answer in done.stdout.split(b"\n\n")] == [b"=", b"=", b"=", b""]
    assert done.stderr == b"alphamini: /dev/full: No space left on device; the log ends here\n"


@pytest.mark.parametrize("arguments", [["--game", "chess"], ["--checkpoint", "missing"], ["--sims", "0"]])
def test_bad_options_are_one_line(arguments):
    done = subprocess.run(command(*arguments), input=b"", capture_output=True, timeout=120)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1


def test_lines_are_cut_and_kept_apart(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"one\r\n\n" + b"x" * 100_000 + b"\n\xfftwo\nlast")
    with path.open("rb", buffering=0) as file:
        lines = Lines(file)
        got = [lines.next(timeout=60) for _ in range(5)]
        assert got == ["one", "", "x" * 8192, "\ufffdtwo", "last"]
        assert lines.next(timeout=60) is None
        assert lines.next(timeout=60) is None
        assert lines.waiting


def test_nothing_comes():
    class Silent:
        def read(self, size):
            threading.Event().wait()

    lines = Lines(Silent())
    assert not lines.waiting
    with pytest.raises(TimeoutError):
        lines.next(timeout=0.01)
