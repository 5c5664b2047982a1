"""The commands as a user types them: bad input gets one line and exit status 2; good input leaves whole files."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import games
from alphamini import __version__, evaluate, plot
from alphamini.arena import plotting
from alphamini.arena.openings import is_book
from alphamini.arena.plotting import FORMATS, curves, draw_thinking, is_figure
from alphamini.evaluate import read_report
from alphamini.learn.run import RunFolder
from alphamini.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, write_bytes
from alphamini.model.config import NetConfig
from alphamini.model.net import Net
from alphamini.options import check_writable

TINY = [
    "--game", "tictactoe", "--blocks", "1", "--channels", "8", "--scripted-games", "200", "--pretrain-steps", "50",
    "--iteration-moves", "200", "--first-training", "50", "--games", "16", "--full-sims", "16", "--fast-sims", "4",
    "--batch", "32", "--precision", "fp32",
]  # fmt: skip
POINT = {"name": "x 1 sims", "curve": "x", "elo": 1.0, "ci95": [0.0, 2.0], "simulations": 1, "seconds_per_move": 0.1}


def run(command: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"alphamini.{command}", *arguments],
        cwd=cwd, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("selfplay", ["--game", "chess"], "no game 'chess'"),
        ("selfplay", ["--minutes", "0"], "--minutes must be above 0"),
        ("selfplay", ["--minutes", "soon"], "argument --minutes"),
        ("selfplay", ["--unknown", "1"], "unrecognized arguments"),
        ("selfplay", ["--full-sims", "0"], "--full-sims must be above 0, not 0"),
        ("selfplay", ["--noise-share", "1.5"], "--noise-share must be from 0 to 1"),
        ("selfplay", ["--learning-rate", "nan"], "--learning-rate must be above 0"),
        ("selfplay", ["--precision", "fp7"], "--precision is one of"),
        ("selfplay", ["--run", "occupied"], "not empty and holds no run"),
        ("pretrain", ["--game", "tictactoe", "--from-scratch"], "unrecognized arguments: --from-scratch"),
        ("evaluate", ["--game", "tictactoe"], "give --player at least twice"),
        ("evaluate", ["--game", "tictactoe", "--player", "random", "--player", "x"], "no kind 'x'"),
        ("evaluate", ["--game", "tictactoe", "--thinking", "1,two"], "--thinking takes whole numbers"),
        ("evaluate", ["--game", "tictactoe", "--player", "random", "--player", "random", "--games", "0"], "--games"),
        (
            "evaluate",
            ["--game", "tictactoe", "--player", "random", "--player", "scripted", "--games", "3"],
            "--games must be an even number",
        ),
        (
            "evaluate",
            ["--game", "tictactoe", "--player", "random", "--player", "scripted", "--elo1", "30"],
            "--elo1 goes with --sprt",
        ),
        ("evaluate", ["--game", "tictactoe", "--suite", "solved", "--player", "random", "--games", "4"], "--games"),
        ("evaluate", ["--game", "tictactoe", "--suite", "solved"], "--suite needs a --player"),
        ("evaluate", ["--game", "gomoku9", "--suite", "solved", "--player", "random"], "too large to be solved"),
        (
            "evaluate",
            ["--game", "connect4", "--suite", "bad.jsonl", "--player", "random"],
            "bad.jsonl line 2: not JSON",
        ),
        (
            "evaluate",
            ["--game", "tictactoe", "--sprt", "--player", "random", "--player", "random", "--elo1", "-5"],
            "--elo0 must be below --elo1",
        ),
        ("book", ["--game", "tictactoe", "--player", "random"], "only a search with a number of simulations"),
        (
            "evaluate",
            ["--game", "tictactoe", "--player", "random", "--player", "scripted", "--out", "occupied"],
            "cannot write occupied: it is a folder",
        ),
        ("book", ["--game", "tictactoe", "--out", "occupied/file/book.jsonl"], "cannot write occupied/file/book.jsonl"),
        (
            "evaluate",
            ["--game", "tictactoe", "--player", "random", "--player", "scripted", "--out", "bad.jsonl"],
            "cannot write bad.jsonl: what is there is something else",
        ),
        ("book", ["--game", "tictactoe", "--out", "bad.jsonl"], "cannot write bad.jsonl: what is there"),
        ("plot", ["missing.json", "--out", "bad.jsonl"], "cannot write bad.jsonl: what is there"),
        ("gtp", ["--log", "bad.jsonl"], "cannot write bad.jsonl: what is there"),
        ("gomocup", ["--log", "bad.jsonl"], "cannot write bad.jsonl: what is there"),
        ("plot", ["missing.json", "--out", ""], "cannot write .: it is a folder"),
        ("plot", ["missing.json"], "error: missing.json: No such file or directory"),
        ("plot", ["occupied/file"], "not a report of evaluate"),
    ],
)
def test_bad_input_gets_one_line(command: str, arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "occupied").mkdir()
    (tmp_path / "occupied" / "file").write_bytes(b"\x00\xff")
    line = (
        '{"game": "connect4", "moves": "4", "scores": [0, 0, 0, 0, 0, 0, 0], "value": 0, "best": [1, 2, 3, 4, 5, 6, 7]}'
    )
    (tmp_path / "bad.jsonl").write_text(text := f"{line}\ngarbage\n")
    before = sorted(p for p in tmp_path.rglob("*"))
    done = run(command, *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert (done.stdout, len(done.stderr.splitlines())) == ("", 1)  # and before any work
    assert message in done.stderr
    assert sorted(p for p in tmp_path.rglob("*")) == before  # nothing half-made stays behind
    assert (tmp_path / "bad.jsonl").read_text() == text


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ({"game": "x", "players": 5}, "not iterable"),
        ({"game": "x", "players": [5]}, "not subscriptable"),
        ({"game": "x", "suite": "s", "players": [{"player": "random", "ci95": [0, 1]}]}, "no field 'elo'"),
        ({"game": "x", "players": []}, "no player with several budgets"),
        ({"game": "x", "players": [{**POINT, "elo": "high"}]}, "could not convert"),
        ({"game": "x", "players": [{**POINT, "ci95": [1]}]}, "not enough values"),
        ({"game": "x", "players": [{**POINT, "oracle": 1}]}, "not subscriptable"),
        ({"game": "x", "players": [POINT], "curves": [{}]}, "no field 'ci95'"),
        ([], "no attribute"),
        ({"game": "x", "players": [{**POINT, "elo": 1, "ci95": [2, 3]}]}, "an interval that does not hold its elo"),
        ({"game": "x", "players": [{**POINT, "seconds_per_move": 0}]}, "a time that is not above 0"),
        ({"game": "x", "players": [{**POINT, "simulations": float("inf")}]}, "infinity"),
        ({"game": "x", "players": [{**POINT, "elo": float("nan")}]}, "not finite"),
        ({"game": "x", "players": [{**POINT, "ci95": [0, float("inf")]}]}, "not finite"),
    ],
)
def test_what_is_no_figure_gets_one_line(report: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps(report))
    with pytest.raises(ValueError, match=message) as error:
        draw_thinking([plot.read(tmp_path / "r.json")], tmp_path / "r.png")
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_a_match_of_one_net_at_several_budgets_is_a_figure(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(plotting, "save", lambda figure, path: shown.append(figure.axes[0]))
    shown: list[Any] = []
    point = {"elo": 0, "ci95": [-1, 1], "seconds_per_move": 0.1, "games": 4}
    specs = [("random", None), ("net:a.safetensors@sims=4", 4), ("net:a.safetensors@sims=1", 1), ("net@sims=1", 1)]
    players = [{**point, "name": spec, "spec": spec, "simulations": sims} for spec, sims in specs]
    (tmp_path / "r.json").write_text(json.dumps({"game": "x", "players": players}))  # the fields that every report has
    report = plot.read(tmp_path / "r.json")
    assert {name: [p["simulations"] for p in ps] for name, ps in curves(report).items()} == {
        "net:a.safetensors": [1, 4]
    }
    draw_thinking([report], tmp_path / "r.png")
    assert "not to compare" in shown[0].get_xlabel()


def test_budgets_left_out_and_budgets_of_time_have_their_places_in_a_figure(tmp_path: Path) -> None:
    point = {"elo": 0, "ci95": [-1, 1], "games": 4}
    specs = [("rollouts@seconds=1", None, 0.9), ("rollouts@seconds=0.1", None, 0.1), ("rollouts", 100, 0.01),
             ("rollouts@sims=10", 10, 0.001), ("scripted", None, 0.001)]  # fmt: skip
    players = [{**point, "name": s, "spec": s, "simulations": n, "seconds_per_move": t} for s, n, t in specs]
    (tmp_path / "r.json").write_text(json.dumps({"game": "x", "players": players}))
    found = {name: [p["name"] for p in ps] for name, ps in curves(plot.read(tmp_path / "r.json")).items()}
    assert found == {
        "rollouts": ["rollouts@sims=10", "rollouts"],
        "rollouts under a clock": ["rollouts@seconds=0.1", "rollouts@seconds=1"],
    }


def test_where_no_error_is_possible_no_errors_are_drawn(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(plotting, "save", lambda figure, path: panels.append(len(figure.axes)))
    panels: list[int] = []
    for positions in (0, 1):
        tally = {"positions": positions, "correct": 0, "ci95": [0, 1]}
        player = {**POINT, "oracle": {"suite": "s", "error_possible": tally}}
        draw_thinking([{"game": "x", "players": [player]}], tmp_path / "r.png")
    assert panels == [1, 2]


@pytest.mark.parametrize(
    ("bounds", "accepted", "said"),
    [
        ((0, 30), "H1", "H1 accepted: the first player is stronger, +30 Elo rather than +0"),
        ((0, 30), "H0", "H0 accepted: no proof of strength, +0 Elo rather than +30"),
        ((-60, 0), "H1", "H1 accepted: +0 Elo rather than -60"),
        ((500, 600), "H0", "H0 accepted: +500 Elo rather than +600"),
    ],
)
def test_a_verdict_claims_no_more_than_its_hypothesis(bounds: tuple[int, int], accepted: str, said: str) -> None:
    tested = {"elo0": bounds[0], "elo1": bounds[1], "accepted": accepted, "llr": 3.0, "bounds": [-2.9, 2.9]}
    assert evaluate.verdict({**tested, "openings": 32}).startswith(f"SPRT: {said}; LLR +3.00 in ")


def test_the_figure_of_a_net_that_ships_is_drawn_by_the_name_of_its_game(tmp_path: Path) -> None:
    (tmp_path / "hex7").mkdir()  # as where runs lie
    done = run("plot", "hex7", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "hex7.png\n"), done.stderr
    assert is_figure((tmp_path / "hex7.png").read_bytes())


@pytest.mark.parametrize("openings", [5, ["e5"], True])
def test_openings_that_are_no_text_are_drawn_all_the_same(openings: Any, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps({"game": "x", "players": [POINT], "openings": openings}))
    draw_thinking([plot.read(tmp_path / "r.json")], tmp_path / "r.png")


def test_a_figure_says_which_openings_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps({"game": "x", "players": [POINT], "openings": "7 random plies"}))
    draw_thinking([plot.read(tmp_path / "r.json")], tmp_path / "r.svg")
    assert "openings: 7 random plies" in (tmp_path / "r.svg").read_text()


def test_a_figure_of_one_budget_shows_no_differences_in_time_that_are_none(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(plotting, "save", lambda figure, path: shown.append(figure.axes[0].get_xlim()))
    shown: list[tuple[float, float]] = []
    alike = [{**POINT, "curve": name, "seconds_per_move": time} for name, time in (("a", 9.8e-5), ("b", 10.1e-5))]
    draw_thinking([{"game": "x", "players": alike}], tmp_path / "r.svg")
    assert shown[0][1] / shown[0][0] > 9.99


def test_a_suite_that_was_stopped_after_the_anchor_leaves_the_figure_without_errors(tmp_path: Path) -> None:
    anchor = {
        **POINT,
        "name": "scripted level 3",
        "curve": "",
        "simulations": None,
        "oracle": {"suite": "s", "positions": 4},
    }
    draw_thinking([{"game": "x", "players": [anchor, POINT], "curves": []}], tmp_path / "r.svg")
    assert "lose the game's value" not in (tmp_path / "r.svg").read_text()


def test_half_a_ladder_is_printed_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "levels.json"
    evaluate.write_and_print(evaluate.EvaluateOptions(levels=True), out, False, {"stopped": True}, ["stopped"])
    assert capsys.readouterr().out == f"stopped\nnot written to {out}: half a ladder\n"
    assert not out.exists()


def test_a_report_replaces_its_like_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tictactoe, options = games.get("tictactoe"), evaluate.EvaluateOptions(games=2, player=("random", "scripted"))
    out = tmp_path / "report.json"
    evaluate.evaluate(tictactoe, options, out)
    evaluate.evaluate(tictactoe, replace(options, seed=1), out)
    whole = out.read_bytes()
    assert json.loads(whole)["options"]["seed"] == 1
    evaluate.write_and_print(options, out, evaluate.is_whole(out), {"stopped": True}, ["stopped"])
    assert capsys.readouterr().out.endswith(f"stopped\nnot written to {out}: the report there is whole\n")
    others = [
        (games.get("connect4"), options),
        (tictactoe, evaluate.EvaluateOptions(levels=True)),
        (tictactoe, evaluate.EvaluateOptions(thinking="1,2")),
        (tictactoe, evaluate.EvaluateOptions(suite="solved", player=("random",))),
    ]
    for game, other in others:
        with pytest.raises(ValueError, match="what is there is something else"):
            evaluate.evaluate(game, other, out)
    assert out.read_bytes() == whole


def test_a_link_to_itself_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    path = tmp_path / "loop" / "x.json"
    with pytest.raises(ValueError, match=r"cannot write .*x\.json"):
        check_writable(path, lambda content: True)
    with pytest.raises(OSError, match="loop"):
        write_bytes(path, b"x")


def test_a_benchmark_leaves_what_is_not_its_own_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    bench = Path(__file__).resolve().parent.parent / "bench" / "solved.py"
    for options in (
        ["--json", "thesis.txt"],
        ["--out", "thesis.txt"],
        ["--out", "thesis.txt/x"],
        ["--seed", "-1", "--out", "new"],
    ):
        done = subprocess.run(
            [sys.executable, bench, *options], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["years of work"]


def test_a_figure_says_what_it_is_of(tmp_path: Path) -> None:
    """By the names as they are, and that its times do not compare where a stop came before they were taken."""
    players = [{**POINT, "curve": name} for name in ("_old", r"$\bad{$")]
    draw_thinking([{"game": "x", "players": players, "untimed": True}], tmp_path / "r.svg")
    drawn = (tmp_path / "r.svg").read_text()
    for text in ("_old", r"$\bad{$", "not to compare"):
        assert text in drawn


def test_an_anchor_that_searches_is_no_curve() -> None:
    anchor = {**POINT, "name": "rollouts 1000 sims", "simulations": 1000, "curve": ""}
    assert curves({"players": [anchor, POINT]}) == {"x": [POINT]}
    with pytest.raises(ValueError, match="no player with several budgets"):
        curves({"players": [anchor, anchor]})


def test_deep_nesting_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"r\.json is not a report of evaluate"):
        plot.read(tmp_path / "r.json")


def test_a_figure_has_a_format(tmp_path: Path) -> None:
    report = {"game": "x", "players": [POINT]}
    with pytest.raises(ValueError, match=r"^figure: the name of a figure ends in \.png"):
        draw_thinking([report], Path("figure"))
    draw_thinking([report], tmp_path / "figure.SVG")
    assert [path.name for path in tmp_path.iterdir()] == ["figure.SVG"]
    for kind in FORMATS:
        draw_thinking([report], tmp_path / f"figure.{kind}")
        assert is_figure((tmp_path / f"figure.{kind}").read_bytes())


def test_what_can_be_written_is_known_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("old")
    (tmp_path / "other.json").write_text("another's")
    (tmp_path / "empty.json").touch()
    (tmp_path / "folder").mkdir()
    there = sorted(tmp_path.iterdir())
    for good in ("old.json", "empty.json", "new.json", "not/yet/there.json"):
        check_writable(tmp_path / good, b"old".__eq__)
    for bad in ("folder", "other.json", "old.json/new.json", "x" * 300, "/proc/x/y.json", "net.safetensors"):
        with pytest.raises(ValueError, match=r"^cannot write ") as error:
            check_writable(tmp_path / bad, b"old".__eq__)
        assert "\n" not in str(error.value)
    assert sorted(tmp_path.iterdir()) == there
    assert (tmp_path / "old.json").read_text() == "old"


def test_commands_work_where_folders_have_our_packages_names(tmp_path: Path) -> None:
    for name in ("games", "alphamini"):  # every run has the former
        (tmp_path / name).mkdir()
    done = run("plot", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_an_output_without_our_characters_costs_nothing_else(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    players = ["--player", "random", "--player", "scripted"]
    done = run("evaluate", "--game", "tictactoe", *players, "--games", "2", "--out", "ä.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ä.json").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("library", ["numpy", "numba"])
def test_ctrl_c_is_no_traceback_while_a_command_still_loads(library: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "alphamini.evaluate", "--game", "gomoku9", "--player", "random", "--player", "net"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while library not in Path(f"/proc/{process.pid}/maps").read_text():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert "Traceback" not in process.communicate(timeout=300)[1]


def test_the_whole_path_is_stopped_and_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "alphamini.selfplay", *TINY]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    folder = RunFolder(tmp_path / "runs" / "tictactoe")
    deadline = time.monotonic() + 600
    while not any(row.get("iteration") == 2 for row in folder.metrics()):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    python, *arguments = shlex.split(output.partition("To go on: ")[2])
    assert arguments == ["-m", "alphamini.selfplay", *TINY]
    subprocess.run([python, "-c", "import alphamini.selfplay"], cwd=tmp_path, check=True)  # this one has what it needs
    before = folder.metrics()

    # The final figure has its share of the minutes: what is left for self-play must be above 0 on a slow machine, too.
    seconds = 1.2 * before[-1]["seconds"] + 4
    done = run("selfplay", *TINY, "--minutes", str(seconds / 60), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "going on with the run" in done.stdout
    after = folder.metrics()
    assert after[: len(before)] == before
    assert [row["iteration"] for row in after if row["stage"] == "selfplay"] == [*range(1, after[-1]["iteration"] + 1)]
    assert after[-1]["iteration"] > before[-1]["iteration"]
    for name in ("thinking.png", "thinking.json", "learning.png", "checkpoints/supervised.safetensors"):
        assert (folder.path / name).stat().st_size > 0
    latest = load_checkpoint(folder.checkpoints / "latest.safetensors", games.get("tictactoe"))
    assert latest.step == after[-1]["iteration"]
    assert any(os.scandir(folder.path / "tensorboard"))

    other = run("selfplay", *TINY, "--seed", "5", cwd=tmp_path)
    assert other.returncode == 2
    assert "begun with other options" in other.stderr
    assert folder.metrics() == after


def test_a_match_is_written_and_is_no_figure(tmp_path: Path) -> None:
    players = ["--player", "random", "--player", "scripted", "--player", "rollouts@sims=50"]
    done = run("evaluate", "--game", "tictactoe", *players, "--games", "20", "--out", "match.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "scripted level 2" in done.stdout
    assert read_report((tmp_path / "match.json").read_bytes())
    report = json.loads((tmp_path / "match.json").read_text())
    assert [p["name"] for p in report["players"]] == ["random", "scripted level 2", "rollouts 50 sims"]
    assert {(p["wins"] + p["draws"] + p["losses"]) for p in report["pairs"]} == {20}
    assert len(report["games"]) == 60
    plotted = run("plot", "match.json", cwd=tmp_path)
    assert (plotted.returncode, plotted.stdout) == (2, "")
    assert (
        "match.json is not a report of evaluate with something to draw (no player with several budgets)"
        in plotted.stderr
    )
    assert [path.name for path in tmp_path.iterdir()] == ["match.json"]


def test_a_book_a_sequential_test_and_a_suite(tmp_path: Path) -> None:
    search = ["--player", "rollouts@sims=100"]
    made = run(
        "book", "--game", "tictactoe", "--plies", "2", "--openings", "5", "--within", "0.5", *search, cwd=tmp_path
    )
    assert made.returncode == 0, made.stderr
    book = ["--openings", "tictactoe.book.jsonl"]
    two = [*search, "--player", "random"]
    done = run("evaluate", "--game", "tictactoe", *two, *book, "--sprt", "--out", "test.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "SPRT: undecided" in done.stdout
    assert "note: no different openings are left" in done.stdout
    assert "note: every seed has this book's openings" in done.stdout
    report = json.loads((tmp_path / "test.json").read_text())
    assert (report["sprt"]["accepted"], report["sprt"]["openings"]) == (None, 5)
    assert report["options"]["test"] == {"elo0": 0.0, "elo1": 30.0, "alpha": 0.05, "beta": 0.05}
    opening = {tuple(game["moves"].split()[: game["opening"]]) for game in report["games"]}
    assert is_book((tmp_path / "tictactoe.book.jsonl").read_bytes())
    rows = [json.loads(line) for line in (tmp_path / "tictactoe.book.jsonl").read_text().splitlines()]
    assert opening == {tuple(row["moves"].split()) for row in rows[1:]}

    done = run("evaluate", "--game", "tictactoe", "--suite", "solved", "--player", "scripted", "--player", "random",
               "--player", "net@sims=1", "--out", "suite.json", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert read_report((tmp_path / "suite.json").read_bytes())
    report = json.loads((tmp_path / "suite.json").read_text())
    assert (report["player"], report["positions"], report["correct"]) == ("scripted level 2", 4520, 4520)
    assert set(report["classes"]["won"]) >= {"positions", "correct"}
    assert [row["player"] for row in report["players"]] == ["scripted level 2", "random", "tictactoe 1 sims"]
    assert (list(report["nets"]), len(report["inference"])) == (["net"], 1)


def test_stages_of_a_net_are_curves_of_one_figure(tmp_path: Path) -> None:
    game = games.get("tictactoe")
    config = NetConfig.for_game(game, 1, 8)
    for name in ("early", "late"):
        weights = {k: v.numpy() for k, v in Net(config).state_dict().items() if v.is_floating_point()}
        save_checkpoint(tmp_path / f"{name}.safetensors", Checkpoint(game.name, game.rules_version, config, weights))
    done = run("evaluate", "--game", "tictactoe", "--thinking", "1,4", "--checkpoint", "first=early.safetensors",
               "--checkpoint", "late.safetensors", "--games", "4", "--suite", "solved", "--out", "t.json",
               cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Elo a doubling" in done.stdout
    report = json.loads((tmp_path / "t.json").read_text())
    assert [curve["name"] for curve in report["curves"]] == ["first", "late"]
    assert report["alphamini"] == __version__
    assert report["nets"] == {f"net:{name}.safetensors": sha256((tmp_path / f"{name}.safetensors").read_bytes())
                              .hexdigest()[:16] for name in ("early", "late")}  # fmt: skip
    assert [p.get("curve") for p in report["players"]] == [None, "first", "first", "late", "late"]
    assert all(p["oracle"]["positions"] == 4520 for p in report["players"])
    (tmp_path / "both").mkdir()
    for reports in (["t.json"], ["t.json", "t.json"]):
        plotted = run("plot", *reports, "--out", "both/figure.png", cwd=tmp_path)
        assert plotted.returncode == 0, plotted.stderr
        assert (tmp_path / "both" / "figure.png").read_bytes()[:4] == b"\x89PNG"
    twice = run("evaluate", "--game", "tictactoe", "--thinking", "1", "--checkpoint", "x=early.safetensors",
                "--checkpoint", "x=late.safetensors", cwd=tmp_path)  # fmt: skip
    assert (twice.returncode, len(twice.stderr.splitlines())) == (2, 1)
    assert "'x' stands for two curves" in twice.stderr
