"""Engines of other people as players: what they do wrong loses the game, and the match goes on."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import games
from alphamini.arena import command
from alphamini.arena.match import play_match
from alphamini.arena.openings import RandomOpenings
from alphamini.arena.players import RandomPlayer, make_player
from alphamini.arena.pool import Entry, Pool, table
from alphamini.lines import Lines

BRAIN = """
import sys
size, taken, mine = 0, set(), MISCHIEF
print("hello", file=sys.stderr)
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "START":
        size, taken = int(rest), set()
        print("MESSAGE I am here\\nOK" if size == 5 else "ERROR too large", flush=True)
    elif word in ("BEGIN", "DONE"):
        if mine == "crash" and len(taken) > 4:
            raise SystemExit("I have had enough")
        if mine == "sleep" and len(taken) > 4:
            import time
            time.sleep(60)
        while mine == "flood":
            print("MESSAGE " + "x" * 50, flush=True)
        if mine == "illegal" and taken:
            print("%d,%d" % next(iter(taken)), flush=True)
        elif mine == "nonsense":
            print("7,7,7", flush=True)
        else:
            print("%d,%d" % next((x, y) for y in range(size) for x in range(size) if (x, y) not in taken), flush=True)
    elif word.count(",") == 2:
        x, y, _ = word.split(",")
        taken.add((int(x), int(y)))
"""


@pytest.fixture
def brain(tmp_path, monkeypatch):
    """Makes a brain with some mischief in it; its SPEC."""
    monkeypatch.chdir(tmp_path)

    def make(mischief="", seconds=20.0):  # on a busy machine a move may take some
        path = tmp_path / "pbrain-other"
        path.write_text(f"#!{sys.executable}\n" + BRAIN.replace("MISCHIEF", repr(mischief)))
        path.chmod(0o755)
        return f"command:{path}@seconds={seconds:g}"

    return make


def test_another_engine_plays_a_match(brain, tmp_path):
    game = games.get("gomoku5")
    player = make_player(game, brain())
    assert player.name == "pbrain-other 20 s"
    result = play_match(game, player, RandomPlayer(game), 4, seed=1, openings=RandomOpenings(game, 1))
    assert len(result.games) == 4
    for record in result.games:
        position = game.initial().play_all(record.moves)
        assert position.is_over
        assert position.outcome == record.outcome
        seen = game.initial().play_all(record.moves[: record.opening])
        for action in record.moves[record.opening :]:
            if seen.to_play == record.first:  # the brain's move: the first empty cell
                assert action == seen.legal_actions[0]
            seen = seen.play(action)
    assert (tmp_path / "pbrain-other.log").read_text() == "hello\n"
    player.close()


def test_matches_share_their_engines(brain):
    game = games.get("gomoku5")
    player = make_player(game, brain())
    for seed in range(3):
        play_match(game, player, RandomPlayer(game), 4, seed=seed, threads=2, openings=RandomOpenings(game, 1))
    assert 1 <= len(player._open) <= 2
    player.close()


GTP_ENGINE = """
import sys
for line in sys.stdin:
    open("asked", "a").write(line)
    known = "true" if "KNOWS_TIME" in __file__ else "false"
    print({"genmove": "= pass\\n", "known_command": f"= {known}\\n"}.get(line.split()[0], "=\\n"), flush=True)
"""


@pytest.mark.parametrize("name", ["engine.py", "KNOWS_TIME.py"])
def test_another_engine_is_told_the_time_if_it_knows_how(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(GTP_ENGINE)
    make_player(games.get("go5"), f"command:{sys.executable} {name}@seconds=3,protocol=gtp").close()
    assert ("time_settings 0 3 1" in (tmp_path / "asked").read_text()) == (name == "KNOWS_TIME.py")


@pytest.mark.parametrize(("name", "komi"), [("go5", "7.5"), ("go5-komi0.5", "0.5"), ("go5-komi6", "6")])
def test_another_engine_is_told_the_komi(tmp_path, monkeypatch, name, komi):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "engine.py").write_text(GTP_ENGINE)
    player = make_player(games.get(name), f"command:{sys.executable} engine.py@seconds=1,protocol=gtp")
    player.close()
    assert f"komi {komi}" in (tmp_path / "asked").read_text().splitlines()


@pytest.mark.parametrize(("mischief", "words"), [
    ("crash", "it ended"),
    ("sleep", "it ran over its time"),
    ("illegal", "which is not legal"),
    ("nonsense", "it answered '7,7,7'"),
])  # fmt: skip
def test_what_loses_a_game(brain, tmp_path, caplog, monkeypatch, mischief, words):
    game = games.get("gomoku5")
    player = make_player(game, brain(mischief, 0.5 if mischief == "sleep" else 20))
    with caplog.at_level(logging.WARNING):
        result = play_match(game, player, RandomPlayer(game), 2, seed=3, openings=RandomOpenings(game, 2))
    player.close()
    assert [record.winner() for record in result.games] == [1, 1]
    assert all(not game.initial().play_all(record.moves).is_over for record in result.games)
    assert all(record.forfeit for record in result.games)
    assert sum(words in line for line in caplog.messages) == 2
    log = (tmp_path / "pbrain-other.log").read_text()
    assert log.count("alphamini: a game of gomoku5 lost: ") == 2
    assert ("I have had enough" in log) == (mischief == "crash")


def test_an_engine_that_cannot_be_started_again_loses_and_the_report_says_so(brain, tmp_path):
    """It may be a passing lack of memory; the games of the others count all the same."""
    game = games.get("gomoku5")
    players = [make_player(game, brain("crash")), RandomPlayer(game)]
    (tmp_path / "pbrain-other").unlink()
    pool = Pool(game, [Entry("", player) for player in players], threads=1)
    pool.play(0, 1, 4, seed=3, openings=RandomOpenings(game, 2))
    players[0].close()
    report = pool.report()
    assert [one.get("forfeit") for one in report["games"]] == [True] * 4
    assert "note: pbrain-other 20 s resigned 4 games, or lost them by a crash" in table(pool)
    assert "No such file" in (tmp_path / "pbrain-other.log").read_text()


@pytest.mark.parametrize(("name", "spec", "words"), [
    ("gomoku9", "BRAIN", "does not play gomoku9 over gomocup: it answered 'ERROR too large' to START"),
    ("tictactoe", "BRAIN", "Gomocup's protocol has no tictactoe"),
    ("gomoku5", "command:", "command needs a program"),
    ("gomoku5", "command:/no/such/pbrain", "there is no program '/no/such/pbrain'"),
    ("gomoku5", "command:true@protocol=smoke", "no protocol 'smoke'; there are gomocup, gtp"),
    ("gomoku5", "command:true", "does not play gomoku5 over gtp: "),
    ("gomoku5", "command:true@seconds=0", "seconds must be a number above 0"),
    ("gomoku5", "command:true@sims=5", "no option 'sims'; command takes seconds, protocol"),
])  # fmt: skip
def test_what_cannot_play_is_one_line(brain, name, spec, words):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        make_player(games.get(name), spec.replace("BRAIN", brain()))
    assert words in str(error.value)


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_what_an_engine_has_started_ends_with_it(brain, tmp_path):
    program = brain().removeprefix("command:").partition("@")[0]
    script = tmp_path / "pbrain-script"
    script.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {tmp_path}/pid\n{program}\n")
    script.chmod(0o755)
    player = make_player(games.get("gomoku5"), f"command:{script}@seconds=5")
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, 0)
    player.close()
    for _ in range(500):  # whoever inherits it has to notice its end
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").is_file() and ") Z " in Path(f"/proc/{pid}/stat").read_text():
                return  # nobody does
        except (ProcessLookupError, FileNotFoundError):
            return
        time.sleep(0.02)
    pytest.fail("it still runs")


def test_an_engine_that_talks_on_and_on_runs_over_its_time(brain, monkeypatch):
    game = games.get("gomoku5")
    player = make_player(game, brain("flood", 0.5))
    monkeypatch.setattr(command, "GRACE", 0.5)  # not before: to start takes its time on a busy machine
    with pytest.raises(command.EngineError, match="ran over its time"):
        player._take([12]).move([12], 1)
    player.close()


def test_a_pipe_is_not_closed_before_its_reader_has_met_the_end():
    """Else the reader may go on in whatever file gets the pipe's number next: the pipe of the next engine, say."""
    end, start = os.pipe()
    with os.fdopen(end, "rb", buffering=0) as file:
        lines = Lines(file)
        assert not lines.ended(0.05)
        with os.fdopen(start, "wb") as talk:
            talk.write(b"x\n" * 5000)  # more than is read ahead
        assert lines.ended(10)


def test_our_own_gtp_door_as_an_opponent(tmp_path, monkeypatch):
    """Both sides of GTP: what the player writes, the door of the same project reads."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "door.py").write_text(
        "import sys\nsys.path.insert(0, sys.argv[1])\n"
        "from tests.doors import StubEngines\nfrom alphamini.interfaces.door import Wire, serve\n"
        "from alphamini.interfaces.gtp import GTP\nfrom games import get\n"
        "wire = Wire()\nserve(GTP(get('gomoku5'), StubEngines(), wire), wire)\n"
    )
    game = games.get("gomoku5")
    root = command.__file__.removesuffix("/alphamini/arena/command.py")
    player = make_player(game, f"command:{sys.executable} {tmp_path}/door.py {root}@seconds=20")
    result = play_match(game, player, RandomPlayer(game), 2, seed=1)
    player.close()
    assert all(game.initial().play_all(record.moves).is_over for record in result.games)


def test_the_raw_batch_question_is_refused(brain):
    game = games.get("gomoku5")
    player = make_player(game, brain())
    with pytest.raises(ValueError, match="follows games"):
        player.choose(game.new_states(1), np.random.default_rng(0))
    player.close()
