"""How a run begins, and how it goes on: what the commands refuse, in one line, before anything is done or lost."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import games
from alphamini import pretrain
from alphamini.learn.command import how_to_go_on, open_run, run_parser, stop_on_signals
from alphamini.learn.loop import Iteration, Loop
from alphamini.learn.recipe import Recipe, for_game, to_json
from alphamini.learn.run import RunFolder
from alphamini.model import engines
from alphamini.model.threads import _quota
from alphamini.options import python_command, run_command
from alphamini.selfplay import flat, line
from alphamini.signals import handle, restore

TICTACTOE = games.get("tictactoe")
SMALL = ["--game", "tictactoe", "--blocks", "1", "--channels", "8", "--batch", "32", "--games", "16"]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch):
    """Opens a run as a command would with these arguments."""

    def opened(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["pretrain", *SMALL, *arguments])
        options, defaults = run_parser("pretrain", "")
        return open_run(options.parse_args(), defaults)

    return opened


def edit(path: Path, **changes: object) -> None:
    """Writes other values into a run's config.json; None takes the key out."""
    config = json.loads((path / "config.json").read_text()) | changes
    (path / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


def a_run(path: Path, workers: int = 1) -> Recipe:
    recipe = for_game(TICTACTOE)
    parts = {"train": replace(recipe.train, batch=32), "selfplay": replace(recipe.selfplay, games=16)}
    recipe = replace(recipe, blocks=1, channels=8, **parts)
    RunFolder(path / "begun").create(recipe, workers)
    shutil.copy(path / "begun" / "config.json", path)  # a run that no process has locked
    return recipe


def test_a_run_of_other_rules_is_refused(begin, tmp_path: Path) -> None:
    a_run(tmp_path)
    config = RunFolder(tmp_path).config()
    assert config is not None
    assert config.rules_version == TICTACTOE.rules_version
    edit(tmp_path, rules_version=99)
    with pytest.raises(ValueError, match="was begun with rules version 99 of tictactoe; this is version 1"):
        begin("--run", str(tmp_path))


def test_an_option_of_a_run_may_be_named_again_without_the_others(begin, tmp_path: Path) -> None:
    """By itself it would contradict a default."""
    recipe = to_json(a_run(tmp_path)) | {"first_training": 50, "window_most": 700}
    edit(tmp_path, recipe=recipe)
    assert begin("--run", str(tmp_path), "--window-most", "700").recipe.first_training == 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from-scratch", "--teacher-share", "0.5"), "--teacher-share is of no use: this run learns from no teacher"),
        (("--from-scratch", "--scripted-games", "50"), "--scripted-games is of no use"),
        (("--start", "tictactoe", "--pretrain-steps", "5"), "--pretrain-steps is of no use: .* goes on from --start"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(arguments, message: str, begin, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        begin("--run", str(tmp_path / "run"), *arguments)
    assert not (tmp_path / "run").exists()


def test_a_run_keeps_its_number_of_workers_on_another_machine(begin, tmp_path: Path, monkeypatch) -> None:
    recipe = a_run(tmp_path, workers=3)
    loop = Loop(RunFolder(tmp_path), recipe, workers=3)
    loop.commit({"stage": "selfplay", "iteration": 0})
    monkeypatch.setattr("alphamini.learn.command.cores", lambda: 2)
    assert begin("--run", str(tmp_path)).workers == 3
    edit(tmp_path, workers=0)
    with pytest.raises(ValueError, match=r"config.json is not a run's configuration \(workers must be from 1"):
        begin("--run", str(tmp_path))


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("selfplay", {"games": -1}, "--games must be above 0, not"),
        ("train", {"batch": 0}, "--batch must be above 0, not"),
        ("", {"window_start": 0}, "--window-start must be above 0, not"),
        ("", {"reuse": float("inf")}, "--reuse must be"),
    ],
)
def test_a_recipe_that_somebody_has_spoiled_is_refused_by_its_file(part, changes, message, begin, tmp_path) -> None:
    a_run(tmp_path)
    recipe = json.loads((tmp_path / "config.json").read_text())["recipe"]
    (recipe[part] if part else recipe).update(changes)
    edit(tmp_path, recipe=recipe)
    with pytest.raises(ValueError, match=f"config.json: {message}"):
        begin("--run", str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--channels", "900000000"], "--channels must be 2048 or less"),
        (["--window-most", "999999999"], "--window-most must be 100000000 or less"),
        (["--games", "500000000"], "--games must be 65536 or less"),
        (["--batch", "999999999"], "--batch must be 65536 or less"),
        (["--scripted-games", "1"], "--scripted-games must be 20 or more"),
        (["--opening-plies", "9"], "--opening-plies must be below 9, the longest game of tictactoe"),
        (["--first-training", "500001", "--window-most", "500000"], "--first-training must not be above --window-most"),
        (["--full-share", "0", "--harvest-share", "0"], "--full-share and --harvest-share must not both be 0"),
        (["--full-sims", "999999999", "--games", "65536"], "not enough memory"),
    ],
)
def test_a_failed_start_does_not_stand_in_the_way(arguments, message, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pretrain", *SMALL, *arguments])
    with pytest.raises(SystemExit) as ended:
        run_command(pretrain.main)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_precision_that_this_machine_lacks_is_refused_before_any_work(begin, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engines, "_device", lambda wish: "cpu")
    with pytest.raises(ValueError, match=r"torch on cpu does not compute int8 here"):
        begin("--precision", "int8")
    assert list(tmp_path.iterdir()) == []


def test_a_run_from_scratch_has_no_supervised_stage_to_end(begin, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(RunFolder, "lock", lambda self: None)  # this process would keep it
    begin("--from-scratch")
    monkeypatch.setattr(sys, "argv", ["pretrain", "--game", "tictactoe"])
    with pytest.raises(SystemExit):
        run_command(pretrain.main)
    assert "is a run without a supervised stage; choose another --run" in capsys.readouterr().err


def test_what_a_failed_start_has_begun_goes_again(begin, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "mine").mkdir()

    def fail(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    with monkeypatch.context() as patched:
        patched.setattr("alphamini.learn.loop.RunFolder.save_checkpoint", fail)
        for name in ("mine", "new"):
            with pytest.raises(MemoryError):
                begin("--run", str(tmp_path / name), "--from-scratch")
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]
    assert begin("--run", str(tmp_path / "new"), "--from-scratch").iterations == 0


def test_a_start_that_was_killed_does_not_stand_in_the_way(begin, tmp_path: Path) -> None:
    left = tmp_path / "run" / ".config.json.123.tmp"
    left.parent.mkdir()
    left.write_text('{"alphamini": "0.')
    mine = tmp_path / "mine" / ".notes.tmp"
    mine.parent.mkdir()
    mine.write_text("years of work")
    assert begin("--run", str(left.parent)).iterations == 0
    assert not left.exists()
    with pytest.raises(ValueError, match="not empty and holds no run"):
        begin("--run", str(mine.parent))
    assert mine.read_text() == "years of work"


def test_halves_of_files_go_when_the_run_goes_on(begin, tmp_path: Path) -> None:
    a_run(tmp_path)
    left, mine = tmp_path / "state" / ".state.npz.123.tmp", tmp_path / "games" / ".mine.tmp"
    for path in (left, mine):
        path.parent.mkdir()
        path.write_text("half")
    begin("--run", str(tmp_path))
    assert (left.exists(), mine.exists()) == (False, True)


def test_tensorboard_shows_each_step_once(tmp_path: Path, monkeypatch) -> None:
    """A killed session's last step is made again; steps of another stage are others."""
    for session, (stage, key, steps) in enumerate([
        ("supervised", "step", (50, 100)),
        ("selfplay", "iteration", (1, 2, 3)),
        ("selfplay", "iteration", (3, 4)),
    ]):  # fmt: skip
        # TensorBoard reads the files in the order of their names: second, host, process, number of the file in it. In one
        # process and one second the tenth file would come before the ninth.
        monkeypatch.setattr(os, "getpid", lambda session=session: session)
        folder = RunFolder(tmp_path)
        for step in steps:
            folder.log({"stage": stage, key: step, "loss": 1.0})
    for stage, steps in (("supervised", [50, 100]), ("selfplay", [1, 2, 3, 4])):
        shown = EventAccumulator(str(tmp_path / "tensorboard" / stage)).Reload()
        assert [event.step for event in shown.Scalars(f"{stage}/loss")] == steps


def test_a_disk_that_is_full_for_tensorboard_gets_one_line(tmp_path: Path) -> None:
    code = """
import errno, sys
from pathlib import Path
from tensorboard.summary.writer import record_writer
from alphamini.learn.run import RunFolder
from alphamini.options import run_command
def full(writer, data):
    raise OSError(errno.ENOSPC, "No space left on device")
record_writer.RecordWriter.write = full
folder = RunFolder(Path(sys.argv[1]))
run_command(lambda: [folder.log({"stage": "selfplay", "iteration": i}) for i in range(1000)])
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"error: {tmp_path}: No space left on device"
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="knows no such lock")
def test_one_process_at_a_time_works_on_a_run(begin, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from alphamini.learn.run import RunFolder\n"
        "RunFolder(Path(sys.argv[1])).lock(); print('locked', flush=True); input()"
    )
    a_run(tmp_path)
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(ValueError, match="another process is at work on the run in"):
            begin("--run", str(tmp_path))
        other.kill()
    assert begin("--run", str(tmp_path)).iterations == 0
    with pytest.raises(ValueError, match="another process is at work"):
        begin("--run", str(tmp_path))
    begin("--run", str(tmp_path / "new"), "--from-scratch")
    with pytest.raises(ValueError, match="another process is at work"):
        begin("--run", str(tmp_path / "new"), "--from-scratch")


@pytest.mark.skipif(sys.platform == "win32", reason="knows no such lock")
@pytest.mark.parametrize("another", [False, True])
def test_a_run_whose_folder_was_moved_leaves_its_old_place_alone(begin, tmp_path: Path, another: bool) -> None:
    small = ["--from-scratch", "--iteration-moves", "32", "--full-sims", "2", "--fast-sims", "1", "--precision", "fp32"]
    place, moved = tmp_path / "run", tmp_path / "moved"
    loop = begin("--run", str(place), *small)
    loop.iterate()
    loop.commit({"stage": "selfplay", "iteration": 1})
    place.rename(moved)
    if another:
        place.mkdir()
    steps = [loop.iterate, lambda: loop.commit({"stage": "selfplay", "iteration": 2})]
    for step in (*steps, lambda: loop.folder.save_checkpoint("iteration000010", loop.checkpoint("iteration"))):
        with pytest.raises(ValueError, match="run has been moved or deleted; the run ends with its last whole step"):
            step()
    assert place.exists() == another
    assert list(place.rglob("*")) == []
    assert [row["iteration"] for row in RunFolder(moved).metrics()] == [1]


def test_broken_lines_of_metrics_cost_their_numbers_alone(tmp_path: Path) -> None:
    whole = [b'{"iteration": 1}', b'{"iteration": 2}']
    broken = [bytes(50), b'{"iteration": \xff}', b"5", b"null", b'{"iteration": "x"}', b"[" * 100_000, b'{"iter']
    (tmp_path / "metrics.jsonl").write_bytes(
        b"\n".join([whole[0], *broken[:-1], whole[1], b'{"iteration": 3}', broken[-1]])
    )
    folder = RunFolder(tmp_path)
    folder.truncate(0, 2)
    assert folder.metrics() == [{"iteration": 1}, {"iteration": 2}]


def test_an_iteration_in_which_no_game_ended_has_no_mean_of_them(tmp_path: Path) -> None:
    nan = float("nan")
    iteration = Iteration(3, 0, 0, 0, nan, nan, 0.0, 5000.0, 1000.0, 1.5, None, 0.0, 1.0, 0.0, "openvino int8")
    assert line(iteration, 60, nan) == (
        "  1.0 min | iteration 3 | 0.0 games/s, 5,000 sims/s | collecting, entropy 1.50"
    )
    RunFolder(tmp_path).log({"stage": "selfplay", "iteration": 3, **flat(iteration)})
    row = json.loads((tmp_path / "metrics.jsonl").read_text(), parse_constant=pytest.fail)
    assert {"plies", "draws"}.isdisjoint(row)
    assert row["games"] == 0
    assert "4 plies, 50% drawn | " in line(replace(iteration, games=2, plies=4.0, draws=0.5), 60, nan)


def test_how_to_go_on_can_be_pasted(monkeypatch) -> None:
    arguments = ["--run", "my runs/it's gomoku", "--minutes", "5"]
    monkeypatch.setattr(sys, "argv", ["selfplay", *arguments])
    said = how_to_go_on("selfplay", RunFolder(Path(arguments[1])))
    assert shlex.split(said.partition("To go on: ")[2]) == [python_command(), "-m", "alphamini.selfplay", *arguments]


def test_the_python_to_type_is_the_one_that_runs(tmp_path: Path, monkeypatch) -> None:
    ours = tmp_path / "venv" / "bin"
    ours.mkdir(parents=True)
    for name in ("python", "python3"):
        (ours / name).symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(ours / "python3"))
    monkeypatch.setenv("PATH", str(ours))
    assert python_command() == "python"
    monkeypatch.setenv("PATH", "")  # the environment is not active
    assert python_command() == str(ours / "python3")
    monkeypatch.chdir(tmp_path)
    assert python_command() == "venv/bin/python3"


def test_a_stop_needs_no_reader_of_standard_output(capsys) -> None:
    """With `| tee log` the same Ctrl-C has ended the reader, and the step must be saved all the same."""
    loop, before = SimpleNamespace(stop=Event()), {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        stop_on_signals(loop)
        signal.raise_signal(signal.SIGINT)
        assert loop.stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    said = capsys.readouterr()
    assert (said.out, said.err[:9]) == ("", "stopping:")


def test_a_signal_that_is_ignored_stays_so() -> None:
    """A script's Ctrl-C is not for what it has put in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        loop = SimpleNamespace(stop=Event())
        restore(handle(lambda number, frame: loop.stop.set()))
        taken = handle(lambda number, frame: loop.stop.set())
        signal.raise_signal(signal.SIGINT)
        assert not loop.stop.is_set()
        signal.raise_signal(signal.SIGTERM)
        assert loop.stop.is_set()
        restore(taken)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


UNREAD = """
import os, sys
from alphamini.progress import progress_bar, tell
for _ in progress_bar(range(3)):
    tell("before")
os.read(0, 1)  # the reader of standard error has gone
for _ in progress_bar(range(3)):
    tell("after")
open("saved", "x").close()
"""


@pytest.mark.skipif(os.name != "posix", reason="pipes end otherwise")
def test_a_stop_needs_no_reader_of_standard_error_either(tmp_path: Path) -> None:
    """`command 2>&1 | tee log`: bars and lines must not end what is being saved."""
    process = subprocess.Popen(
        [sys.executable, "-c", UNREAD], cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    said = b""
    while b"3/3" not in said:
        said += os.read(process.stderr.fileno(), 4096)
    process.stderr.close()
    process.stdin.write(b"x")
    process.stdin.close()
    assert process.wait(60) == 0
    assert b"before" in said
    assert (tmp_path / "saved").exists()


def test_few_games_for_many_threads_are_told(begin, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("alphamini.learn.command.cores", lambda: 1)
    begin("--run", str(tmp_path / "one"), "--from-scratch")
    assert "note" not in capsys.readouterr().out
    monkeypatch.setattr("alphamini.learn.command.cores", lambda: 4)
    begin("--run", str(tmp_path / "four"), "--from-scratch")
    assert "note: 4 games at once for each of 4 threads" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("max 100000", sys.maxsize), ("200000 100000", 2), ("150000 100000", 2), ("1000 100000", 1), ("", sys.maxsize)],
)
def test_a_container_has_no_more_cores_than_its_share(text: str, cpus: int, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert _quota(tmp_path / "cpu.max") == cpus
    assert _quota(tmp_path / "no such file") == sys.maxsize


def test_a_forgotten_game_gets_one_line(begin, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        begin("--game")
    assert ended.value.code == 2
    assert capsys.readouterr().err == "python -m alphamini.pretrain: argument --game: expected one argument\n"
