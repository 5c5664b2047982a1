"""Games from a user's own file: the README's example, and what the commands say of files that are broken."""

import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import games
from alphamini.arena.openings import choose_openings
from alphamini.learn.recipe import for_game
from alphamini.model.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from alphamini.model.config import NetConfig
from games.check import check_game, findings

ROOT = Path(__file__).resolve().parent.parent
SNORT = ROOT / "examples" / "snort.py"
SOURCE = SNORT.read_text()


def run(command: str, *arguments: str, cwd: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"alphamini.{command}", *arguments],
        cwd=cwd, capture_output=True, text=True, timeout=600, input=text,
    )  # fmt: skip


def written(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    """The example under another name, with changes."""
    source = SOURCE.replace('"snort"', f'"{name}"')
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    path = folder / f"{name}.py"
    path.write_text(source)
    return path


def test_the_readme_quotes_the_example():
    section = re.search(r"^## Add a game$(.*?)^## ", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"^```python\n(.*?)^```$", section[1], re.MULTILINE | re.DOTALL)
    assert SOURCE in blocks


def test_the_example_keeps_the_contract():
    game = games.get(str(SNORT))
    assert game.name == "snort"
    assert games.get("snort") is game
    check_game(game)


def test_the_example_against_a_slow_twin():
    game, rng = games.get(str(SNORT)), random.Random(1)
    for _ in range(300):
        position, board = game.initial(), {}
        while True:
            free = {
                (r, c)
                for r in range(5)
                for c in range(5)
                if (r, c) not in board
                and 1 - position.to_play
                not in {board.get((r + dr, c + dc)) for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0))}
            }
            if not free:
                assert position.outcome == 1 - len(position.moves) % 2  # who would be to move has lost
                break
            assert not position.is_over
            assert position.legal_actions == sorted(5 * r + c for r, c in free)
            r, c = rng.choice(sorted(free))
            board[r, c] = len(position.moves) % 2
            position = position.play(5 * r + c)


def test_the_cats_win_as_the_example_says():
    """Centre, then always the field opposite: against random dogs."""
    game, rng = games.get(str(SNORT)), random.Random(2)
    for _ in range(200):
        position = game.initial().play(12)
        while not position.is_over:
            position = position.play(rng.choice(position.legal_actions))
            position = position.play(24 - position.moves[-1])  # legal, or ValueError
        assert position.outcome == games.WIN_0


def test_several_games_in_one_file(tmp_path):
    path = written(tmp_path, "pair", ('GAMES = {"pair": make}', 'GAMES = {"pair": make, "other": lambda: 1 / 0}'))
    with pytest.raises(ValueError, match=r"^\S*pair\.py holds 2 games \(pair, other\); write \S*pair\.py:pair$"):
        games.get(str(path))
    with pytest.raises(ValueError, match=r"pair\.py has no game 'third'; it has pair, other$"):
        games.get(f"{path}:third")
    with pytest.raises(ValueError, match=r"pair\.py, line 82: making 'other': ZeroDivisionError: division by zero$"):
        games.get(f"{path}:other")
    game = games.get(f"{path}:pair", tried=False)
    assert game.name == "pair"
    assert games.get("pair", tried=False) is game


@pytest.mark.parametrize(("name", "module"), [("kittens", "kittens"), ("random", "game_file_random")])
def test_the_file_is_the_module_that_an_import_would_give(name, module, tmp_path):
    """Its kernels are known by that name in numba's cache; but no other module is replaced."""
    game = games.get(str(written(tmp_path, name)), tried=False)
    assert game.legal.py_func.__module__ == module
    assert sys.modules["random"] is random


def test_what_a_line_advises_names_the_file(tmp_path):
    path = written(tmp_path, "cats")
    with pytest.raises(ValueError, match=r"alphamini\.book --game \S*cats\.py:cats$"):
        choose_openings(games.get(str(path), tried=False), "book")
    assert games.in_shell(games.get("hex7")) == "hex7"


def test_a_family_belongs_to_one_file(tmp_path):
    both = '{"near": make, "far": lambda: dataclasses.replace(make(), name="far", family="gomoku")}'
    change = (('GAMES = {"near": make}', f"import dataclasses\nGAMES = {both}"),)
    path = written(tmp_path, "near", *change)
    games.get(f"{path}:near", tried=False)
    with pytest.raises(ValueError, match=r"near\.py: the family 'gomoku' is taken by a game that ships"):
        games.get("far", tried=False)
    stranger = written(tmp_path, "stranger", ('family="stranger"', 'family="near"'))
    with pytest.raises(ValueError, match=r"stranger\.py: the family 'near' is taken by a game of \S*near\.py"):
        games.get(str(stranger))


BAD_FILES = {
    "empty": ("", "holds no game: it must end with GAMES"),
    "no_python": ("def f(:\n", "line 1: SyntaxError: invalid syntax"),
    "lacking": (
        "import numpy\nimport no_such_module\n",
        "line 2: ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "leaving": ("raise SystemExit(3)\n", "line 1: SystemExit: 3"),
    "a_list": ("GAMES = ['x']\n", "holds no game"),
    "a_number": ("GAMES = {'x': 3}\n", r"GAMES\['x'\]: names are of letters"),
    "a_path": ("GAMES = {'../x': print}\n", r"GAMES\['../x'\]: names are of letters"),
    "not_a_game": ("GAMES = {'x': lambda: 3}\n", r"GAMES\['x'\] makes a int, not a games.Game"),
    "taken": ("GAMES = {'gomoku9': lambda: 3}\n", "the name 'gomoku9' is taken"),
    "a_variant": ("GAMES = {'go9-komi6': lambda: 3}\n", "the name 'go9-komi6' is taken"),
    "a_wrong_variant": ("GAMES = {'go9-komi999': lambda: 3}\n", "the name 'go9-komi999' is taken"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_refused_in_one_line(name, tmp_path):
    source, message = BAD_FILES[name]
    path = tmp_path / f"{name}.py"
    path.write_text(source)
    with pytest.raises(ValueError, match=message) as refused:
        games.get(str(path))
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("name", "old", "new", "message"), [
    ("renamed", 'name="renamed"', 'name="another"', r"makes a game that calls itself 'another'$"),
    ("related", 'family="related"', 'family="gomoku"', r"the family 'gomoku' is taken by a game that ships"),
    ("untyped", "s.to_play = 0", "s.to_play = nobody", r"TypingError: NameError: name 'nobody' is not defined \(check_"),
    ("short", '("pad", "u1", (5,))', '("pad", "u1", (6,))', r"a record has 33 bytes, not whole 8-byte words \(check_"),
])  # fmt: skip
def test_broken_games_are_refused_in_one_line(name, old, new, message, tmp_path):
    path = written(tmp_path, name, (old, new))
    with pytest.raises(ValueError, match=message) as refused:
        games.get(str(path))
    assert "\n" not in str(refused.value)


def test_findings_go_on_after_the_first():
    """Every check that fails is told, and the one that would never end is left out."""
    from dataclasses import replace

    tictactoe = games.get("tictactoe")
    found = {f.check: f.wrong for f in findings(replace(tictactoe, max_plies=8, action_text=lambda action: "a1"))}
    assert found["check_statics"] == ""
    assert "reads as another" in found["check_text"]
    assert "longer than max_plies = 8" in found["check_positions"]
    assert "longer than max_plies = 8" in found["check_random_games"]
    assert found["check_playout"] == "left out until all of the others hold"


def test_a_game_without_a_teacher_begins_from_scratch():
    game = games.get(str(SNORT))
    assert for_game(game).from_scratch
    assert for_game(game).selfplay.opening_plies == 6
    assert not for_game(games.get("gomoku9")).from_scratch


def test_checkpoints_keep_the_name(tmp_path):
    game = games.get(str(SNORT))
    config = NetConfig.for_game(game, 1, 8)
    weights = {name: np.zeros(shape, np.float32) for name, shape in config.shapes().items()}
    save_checkpoint(tmp_path / "net.safetensors", Checkpoint(game.name, game.rules_version, config, weights))
    assert load_checkpoint(tmp_path / "net.safetensors", game).game == "snort"
    with pytest.raises(CheckpointError, match="was trained for snort, not for tictactoe"):
        load_checkpoint(tmp_path / "net.safetensors", games.get("tictactoe"))


@pytest.mark.parametrize(("command", "arguments", "message"), [
    ("check_game", ["nowhere.py"], "there is no file nowhere.py"),
    ("selfplay", ["--game", "nowhere.py"], "there is no file nowhere.py"),
    ("pretrain", ["--game", str(SNORT)], "no scripted teacher for snort"),
    ("evaluate", ["--game", str(SNORT), "--thinking", "1,2"], "no net ships for snort"),
])  # fmt: skip
def test_commands_refuse_in_one_line(command, arguments, message, tmp_path):
    done = run(command, *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_check_game_sees_a_wild_index(tmp_path):
    """A kernel that reads beyond its board: without bounds checks nobody would notice."""
    path = written(tmp_path, "wild", ("0 <= r + dr < N and ", ""))
    done = run("check_game", str(path), cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert re.search(
        r"^BROKEN check_positions +IndexError: index is out of bounds, in legal$", done.stdout, re.MULTILINE
    )
    assert re.search(r"^holds +check_text", done.stdout, re.MULTILINE)


@pytest.mark.slow
def test_the_example_learns_and_plays(tmp_path):
    small = ["--blocks", "1", "--channels", "8", "--iteration-moves", "500", "--first-training", "50", "--games", "16",
             "--full-sims", "16", "--fast-sims", "4", "--batch", "32", "--precision", "fp32"]  # fmt: skip
    done = run("selfplay", "--game", str(SNORT), *small, "--minutes", "0.3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no scripted teacher knows snort" in done.stdout
    net = tmp_path / "runs" / "snort" / "checkpoints" / "latest.safetensors"
    assert load_checkpoint(net, games.get(str(SNORT))).step > 0
    played = run(
        "play", "--game", str(SNORT), "--checkpoint", str(net), "--sims", "8", cwd=tmp_path, text="c3\nhint\nquit\n"
    )
    assert played.returncode == 0, played.stderr
    assert "dogs (o) plays" in played.stdout
    players = ["--player", "random", "--player", f"net:{net}@sims=8"]
    rated = run("evaluate", "--game", str(SNORT), *players, "--games", "4", "--out", "match.json", cwd=tmp_path)
    assert rated.returncode == 0, rated.stderr
    assert '"game": "snort"' in (tmp_path / "match.json").read_text()
