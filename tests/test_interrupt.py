"""Ctrl-C: what plays ends soon, what is finished is kept, nothing is left half-written."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest

import games
from alphamini import evaluate, selfplay
from alphamini.arena import players
from alphamini.arena.interrupt import interruptible
from alphamini.arena.judge import Judge
from alphamini.arena.match import play_match
from alphamini.arena.players import make_player
from alphamini.arena.pool import Entry, Pool, play_pairs, table
from alphamini.arena.suite import score, score_actions, solved_suite
from alphamini.learn.run import RunFolder
from alphamini.model.checkpoint import Checkpoint, save_checkpoint
from alphamini.model.config import NetConfig
from alphamini.model.evaluators import make_backend
from alphamini.model.net import Net
from alphamini.selfplay import last_figure, thinking

TICTACTOE = games.get("tictactoe")


def test_a_stopped_match_keeps_the_openings_that_both_seats_have_finished() -> None:
    player, stop = make_player(TICTACTOE, "random"), Event()
    seen = []

    def progress(record) -> None:
        seen.append(record)
        if len(seen) == 13:
            stop.set()

    result = play_match(TICTACTOE, player, player, 60, seed=1, progress=progress, stop=stop.is_set)
    numbers = [record.number for record in seen]
    finished = {number for number in numbers if numbers.count(number) == 2}
    assert 13 <= len(seen) < 60
    assert len(finished) < len(set(numbers))  # some have one game alone
    assert {game.number for game in result.games} == finished
    assert len(result.games) == 2 * len(finished)


def test_a_suite_that_is_broken_off_leaves_a_whole_report(tmp_path: Path, monkeypatch, capsys) -> None:
    options = evaluate.EvaluateOptions(thinking="1,2", games=2, suite="solved")
    out = tmp_path / "report.json"
    monkeypatch.setattr(evaluate, "score", lambda suite, *_: score_actions(suite, "x", np.zeros(4520, np.int32)))
    evaluate.evaluate(TICTACTOE, options, out)
    whole = out.read_bytes()
    assert all("oracle" in player for player in json.loads(whole)["players"])
    monkeypatch.setattr(evaluate, "score", lambda *_: None)  # as after Ctrl-C
    with pytest.raises(KeyboardInterrupt):
        evaluate.evaluate(TICTACTOE, options, out)
    assert out.read_bytes() == whole
    assert "the report there is whole" in capsys.readouterr().out
    out.unlink()
    with pytest.raises(KeyboardInterrupt):  # what there is, where nothing was
        evaluate.evaluate(TICTACTOE, options, out)
    assert json.loads(out.read_text())["stopped"]


@pytest.mark.parametrize("suite", ["", "solved"])
def test_games_that_all_were_played_are_whole_though_their_timing_was_broken_off(
    suite: str, tmp_path: Path, monkeypatch, capsys
) -> None:
    options = evaluate.EvaluateOptions(thinking="1,2", games=2, suite=suite)
    monkeypatch.setattr(Pool, "time_curves", lambda *_: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        evaluate.evaluate(TICTACTOE, options, tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["untimed"], report.get("stopped")) == (True, True if suite else None)
    said = capsys.readouterr().out
    assert "all games were played" in said
    assert "over-represented" not in said
    assert not evaluate.is_whole(tmp_path / "report.json")


def test_players_without_games_are_not_rated() -> None:
    specs, stop = ["random", "scripted", "scripted@level=1", "rollouts@sims=4"], Event()
    pool = Pool(TICTACTOE, [Entry(s, make_player(TICTACTOE, s), "x" * (i > 1)) for i, s in enumerate(specs)], threads=1)
    play_pairs(pool, [(2, 3), (0, 1)], 4, seed=0, stop=stop.is_set)
    assert pool.rated() == [0, 1]  # the others have met, but nobody who has met the anchor
    stop.set()
    play_pairs(pool, [(0, 2)], 4, seed=0, stop=stop.is_set)
    pool.play(0, 3, 4, seed=0, stop=stop.is_set)
    report = pool.report()
    assert [player["name"] for player in report["players"]] == ["random", "scripted level 2"]
    assert [(pair["a"], pair["wins"] + pair["draws"] + pair["losses"]) for pair in report["pairs"]] == [
        ("scripted level 1", 4),
        ("random", 4),
    ]
    assert "rollouts" not in table(pool)


def test_a_suite_stops_between_its_positions() -> None:
    stop = Event()

    class Player:
        name, one_by_one = "one", True

        def choose(self, states, rng):
            stop.set()
            assert len(states) == 1
            return np.zeros(1, np.int32)

    assert score(solved_suite(TICTACTOE), Player(), 0, stop=stop.is_set) is None


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals no thread")
@pytest.mark.parametrize(
    "work",
    [
        lambda player, stop: play_match(TICTACTOE, player, player, 2, seed=1, stop=stop),
        lambda player, stop: score(solved_suite(TICTACTOE), player, seed=1, stop=stop),
    ],
)
def test_an_interrupt_that_does_not_wake_the_main_thread_is_noticed(work) -> None:
    """As one does not that comes just when it begins to wait; here it is another thread's."""
    noticed = []

    class Player:
        name, one_by_one = "one", True

        def choose(self, states, rng):
            if not noticed:
                time.sleep(0.5)  # meanwhile the main thread begins to wait
                signal.pthread_kill(threading.get_ident(), signal.SIGINT)
                deadline = time.monotonic() + 60
                while not stop() and time.monotonic() < deadline:
                    time.sleep(0.01)
                noticed.append(stop())
            return TICTACTOE.legal_mask(states).argmax(1).astype(np.int32)

    with interruptible() as stop:
        work(Player(), stop)
    assert noticed == [True]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_interrupt_asks_and_the_second_one_raises(number: signal.Signals, capsys) -> None:
    before = signal.getsignal(number)
    with interruptible() as stop:
        assert not stop()
        signal.raise_signal(number)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before
    assert capsys.readouterr().out == ""  # perhaps nobody reads it any more


# Whoever is the first to be asked for a move, of as many as play at once, presses Ctrl-C and goes on thinking.
INTERRUPTER = """
import os, signal, sys, time
for line in sys.stdin:
    if line.startswith("genmove"):
        try:
            open("asked", "x").close()
            os.kill(os.getppid(), signal.SIGINT)
        except FileExistsError:
            pass
        time.sleep(3)
        print("= resign\\n", flush=True)
    else:
        print("=\\n", flush=True)
"""


def test_evaluate_rates_and_writes_what_is_finished(tmp_path: Path) -> None:
    (tmp_path / "engine.py").write_text(INTERRUPTER)
    players = ["random", "scripted", f"command:{sys.executable} engine.py@seconds=60,protocol=gtp"]
    done = subprocess.run(
        [sys.executable, "-m", "alphamini.evaluate", "--game", "tictactoe", "--games", "10", "--out", "match.json",
         *(word for player in players for word in ("--player", player))],
        cwd=tmp_path, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 130, done.stderr
    assert "stopped: of finished openings there are 10 games" in done.stdout
    report = json.loads((tmp_path / "match.json").read_text())
    assert report["stopped"] is True
    assert [player["name"] for player in report["players"]] == ["random", "scripted level 2"]
    (pair,) = report["pairs"]
    assert pair["wins"] + pair["draws"] + pair["losses"] == len(report["games"]) == 10


def test_a_report_outlives_its_reader(tmp_path: Path) -> None:
    players = ["--player", "random", "--player", "rollouts@sims=1000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "alphamini.evaluate", "--game", "tictactoe", *players, "--out", "match.json"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout.readline().startswith(b"openings:")
    process.stdout.close()
    errors = process.communicate(timeout=600)[1].decode()
    assert process.returncode == 141, errors
    assert "rror" not in errors
    assert len(json.loads((tmp_path / "match.json").read_text())["games"]) == 100


def test_a_report_that_cannot_be_written_is_printed(tmp_path: Path, monkeypatch, capsys) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(evaluate, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        evaluate.evaluate(
            TICTACTOE, evaluate.EvaluateOptions(player=("random", "scripted"), games=4), tmp_path / "match.json"
        )
    assert "scripted level 2" in capsys.readouterr().out


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_ends_a_command_without_noise(unbuffered: str) -> None:
    program = "from alphamini.options import run_command; run_command(lambda: print('nobody listens'))"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=write, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="no descriptors to close")
def test_a_command_needs_no_standard_error(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-m", "alphamini.evaluate", "--game", "tictactoe",
         "--player", "random", "--player", "scripted", "--games", "2", "--out", "match.json"],
        cwd=tmp_path, stdout=subprocess.PIPE, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0
    assert len(json.loads((tmp_path / "match.json").read_text())["games"]) == 2


def test_a_book_does_not_wait_for_its_threads(tmp_path: Path) -> None:
    program = """
import time, alphamini.book as book
from concurrent.futures import ThreadPoolExecutor
def make_book(*arguments):
    with ThreadPoolExecutor(1) as pool:
        print("ready", flush=True)
        pool.submit(time.sleep, 600).result()
book.make_book = make_book
book.main()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, "--game", "tictactoe"], cwd=tmp_path, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 130
    assert not list(tmp_path.iterdir())


@pytest.fixture
def loop(tmp_path: Path) -> SimpleNamespace:
    """As much of a run as its figure needs."""
    folder = RunFolder(tmp_path)
    config = NetConfig.for_game(TICTACTOE, 1, 8)
    weights = {k: v.numpy() for k, v in Net(config).state_dict().items() if v.is_floating_point()}
    for name in ("supervised", "latest"):
        net = Checkpoint(TICTACTOE.name, TICTACTOE.rules_version, config, weights)
        save_checkpoint(folder.checkpoints / f"{name}.safetensors", net)
    return SimpleNamespace(
        game=TICTACTOE,
        baseline="supervised",
        workers=1,
        recipe=SimpleNamespace(seed=0, precision="fp32"),
        stop=Event(),
        elapsed=lambda: 100.0,
        folder=folder,
    )


def test_a_stop_ends_the_figure_of_a_run(loop, tmp_path: Path, capsys) -> None:
    assert last_figure(loop.folder) == 0
    thinking(loop, loop.folder, (1, 2), 0.0)
    assert json.loads((tmp_path / "thinking.json").read_text())["openings"] == "1 random ply"
    assert last_figure(loop.folder) == 100
    (tmp_path / "thinking.json").unlink()
    capsys.readouterr()
    loop.stop.set()
    thinking(loop, loop.folder, (1, 2), 60.0)
    assert not (tmp_path / "thinking.json").exists()
    assert last_figure(loop.folder) == 0
    assert capsys.readouterr().out == ""


def test_a_figure_leaves_out_what_would_take_too_long(loop, tmp_path: Path, monkeypatch) -> None:
    """On a clock by which a budget takes as many seconds as it has simulations, and a tenth of the run is ten."""
    clock, played = [0.0], []

    def play(pool, pairs, *rest):
        play_pairs(pool, pairs, *rest)
        played.append(max(pool.entries[i].player.simulations or 0 for pair in pairs for i in pair))
        clock[0] += played[-1]

    monkeypatch.setattr(selfplay, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(selfplay, "play_pairs", play)
    thinking(loop, loop.folder, (1, 2, 4, 8), 0.0)
    assert played == [1, 2, 4]
    players = json.loads((tmp_path / "thinking.json").read_text())["players"]
    assert [p["simulations"] for p in players if p.get("curve") == "self-play"] == [1, 2, 4]


def test_a_run_is_judged_at_its_precision(loop, tmp_path: Path, monkeypatch) -> None:
    asked = []

    def backend(*arguments, **named):
        asked.append(arguments[3])
        return make_backend(*arguments, **named)

    monkeypatch.setattr(players, "make_backend", backend)
    thinking(loop, loop.folder, (1, 2), 0.0)
    Judge(TICTACTOE, loop.folder.checkpoints / "latest.safetensors", 1, 0, "fp32")
    assert asked == ["fp32"] * 3
