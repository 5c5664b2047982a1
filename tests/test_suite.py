"""Positions with known answers: the solver against a plain minimax, scores of scripted players, bad files."""

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import games
from alphamini.arena.players import make_player
from alphamini.arena.solver import Solver, reachable
from alphamini.arena.suite import load_suite, score, score_actions, solved_suite, suite_report, suite_table

TICTACTOE, CONNECT4, GOMOKU9 = games.get("tictactoe"), games.get("connect4"), games.get("gomoku9")
SUITES = Path(__file__).resolve().parent.parent / "bench" / "suites"


@cache
def minimax(x: frozenset[int], o: frozenset[int]) -> int:
    """Tic-tac-toe from scratch: the value for the side to move, `x` its cells."""
    lines = [{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {0, 3, 6}, {1, 4, 7}, {2, 5, 8}, {0, 4, 8}, {2, 4, 6}]
    if any(line <= o for line in lines):
        return -1
    free = set(range(9)) - x - o
    return max((-minimax(o, x | {cell}) for cell in free), default=0)


def cells(state: np.void) -> tuple[frozenset[int], frozenset[int]]:
    """The mover's cells and the opponent's."""
    sides = [frozenset(c for c in range(9) if stones >> c & 1) for stones in state["stones"]]
    return (sides[0], sides[1]) if state["to_play"] == 0 else (sides[1], sides[0])


def test_a_suite_without_end_is_not_read() -> None:
    with pytest.raises(ValueError, match="is no file"):
        load_suite(Path(os.devnull), CONNECT4)  # as is /dev/zero, which has no end


def test_the_solver_agrees_with_minimax_on_every_position() -> None:
    states = reachable(TICTACTOE, 10_000)
    assert states is not None
    assert len(states) == 4520  # known: 5478 positions, 958 of them over
    forwards = Solver(TICTACTOE)
    values = [forwards.value(states[i : i + 1]) for i in range(len(states))]
    assert values == [minimax(*cells(s)) for s in states]
    backwards = Solver(TICTACTOE)  # what its table holds must not depend on what it was asked first
    assert [backwards.value(states[i : i + 1]) for i in reversed(range(len(states)))] == values[::-1]


def test_the_solver_values_every_action() -> None:
    position = TICTACTOE.initial().play_all([0, 4, 8, 2])  # x must stop 2-4-6, and makes two threats by it
    values = Solver(TICTACTOE).action_values(position.state)
    assert values.tolist() == [-2, -1, -2, -1, -2, -1, 1, -1, -2]
    assert reachable(TICTACTOE, 100) is None
    with pytest.raises(ValueError, match="connect4 is too large to be solved"):
        Solver(CONNECT4)


def test_players_are_scored_on_the_solved_game() -> None:
    suite = solved_suite(TICTACTOE)
    teacher = score(suite, make_player(TICTACTOE, "scripted", 2), seed=0, threads=2)
    assert teacher.total.correct == teacher.total.positions == 4520  # the strongest teacher is perfect
    values = [minimax(*cells(s)) for s in suite.states]
    assert {k: t.positions for k, t in teacher.classes.items()} == {
        "won": values.count(1), "drawn": values.count(0), "lost": values.count(-1)}  # fmt: skip
    # A player that keeps the value wherever it must choose wrong: right only where every move is.
    wrong = [next((a for a in np.flatnonzero(mask) if a not in answer.right), int(np.flatnonzero(mask)[0]))
             for mask, answer in zip(TICTACTOE.legal_mask(suite.states), suite.answers, strict=True)]  # fmt: skip
    worst = score_actions(suite, "worst", np.array(wrong, np.int32))
    assert worst.possible.correct == 0
    assert worst.total.correct == worst.total.positions - worst.possible.positions
    assert worst.classes["lost"].correct == worst.classes["lost"].positions


C4 = [
    {"game": "connect4", "moves": "112233", "scores": [-2, -3, -1, 18, 0, -1, -1], "value": 18, "best": [4]},
    {"game": "connect4", "moves": "4", "scores": [-4, -2, -2, -1, -2, -2, -4], "value": -1, "best": [4]},
    {"game": "connect4", "moves": "3 3", "scores": [0, 5, 2, 5, 0, 0, -1], "value": 5, "best": [2, 4]},
    {"game": "connect4", "moves": [4, 4, 4, 4, 4, 4], "scores": [0, -2, 0, None, -1, 0, 0], "value": 0,
     "best": [1, 3, 6, 7]},
]  # fmt: skip
GOMOKU = [
    {"game": "gomoku9", "type": "win", "subtype": "five_in_one", "to_move": "B", "winning_moves": [[4, 0]],
     "moves": [[0, 0], [0, 5], [1, 0], [1, 5], [2, 0], [2, 5], [3, 0], [5, 7]]},
    {"game": "gomoku9", "type": "defend", "subtype": "four", "to_move": "W", "defences": [[4, 0]], "still_lost": False,
     "moves": [[0, 0], [0, 5], [1, 0], [1, 5], [2, 0], [2, 5], [3, 0]]},
    {"game": "gomoku9", "type": "defend", "subtype": "four", "moves": [[0, 0]], "defences": [[1, 1]], "still_lost": True},
]  # fmt: skip


def write(path: Path, rows: list) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_a_small_suite_of_scores(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path / "s.jsonl", C4), CONNECT4)
    perfect = score_actions(suite, "perfect", np.array([3, 3, 1, 0], np.int32))
    assert (perfect.total.correct, perfect.total.positions) == (4, 4)
    assert (perfect.possible.correct, perfect.possible.positions) == (3, 3)  # the lost one forgives every move
    assert perfect.perfect is not None
    assert (perfect.perfect.correct, perfect.perfect.positions) == (4, 4)
    # Gives a win away; loses faster; wins slower; loses a draw.
    known = score_actions(suite, "bad", np.array([4, 0, 2, 1], np.int32))
    assert (known.total.correct, known.possible.correct) == (2, 1)
    assert known.perfect is not None
    assert known.perfect.correct == 0
    report = suite_report(suite, [perfect, known])
    assert {k: report[k] for k in ("game", "suite", "player", "positions", "correct")} == {
        "game": "connect4", "suite": "s.jsonl", "player": "perfect", "positions": 4, "correct": 4}  # fmt: skip
    bad = report["players"][1]["classes"]
    assert {k: (v["positions"], v["correct"]) for k, v in bad.items()} == {
        "won": (2, 1), "drawn": (1, 0), "lost": (1, 1)}  # fmt: skip
    low, high = report["players"][1]["ci95"]
    assert low < 0.5 < high
    assert "50.0%" in suite_table(suite, [known])


def test_a_small_suite_of_tactics(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path / "s.jsonl", GOMOKU), GOMOKU9)
    assert (len(suite.states), suite.left_out) == (2, 1)
    found = score(suite, make_player(GOMOKU9, "scripted"), seed=0)
    assert (found.total.correct, found.total.positions) == (2, 2)  # a teacher sees fives and stops them
    assert {k: t.positions for k, t in found.classes.items()} == {"win five_in_one": 1, "defend four": 1}
    assert score_actions(suite, "bad", np.array([80, 80], np.int32)).total.correct == 0
    assert suite_report(suite, [found])["left_out"] == 1


@pytest.mark.parametrize(("name", "game", "positions", "possible", "left_out"), [
    ("connect4.jsonl", CONNECT4, 1177, 733, 0), ("gomoku9_tactics.jsonl", GOMOKU9, 299, 294, 20)])  # fmt: skip
def test_the_suites_in_the_repository(name, game, positions, possible, left_out) -> None:
    suite = load_suite(SUITES / name, game)
    assert suite.left_out == left_out
    best = np.array([min(answer.right) for answer in suite.answers], np.int32)
    found = score_actions(suite, "the answers", best)
    assert found.total.correct == found.total.positions == positions
    assert found.possible.positions == possible


@pytest.mark.parametrize(("change", "message"), [
    ({"moves": None}, "moves is neither"), ({"moves": "8"}, "line 3"), ({"moves": "3333333"}, "is not legal here"),
    ({"moves": [[1, 2]]}, "is no move of connect4"), ({"moves": "11223344"[:-1]}, "the game is over"),
    ({"game": "gomoku9"}, "a position of gomoku9, not of connect4"), ({"game": None}, "a position of None"),
    ({"scores": [0] * 6}, "not a list of 7"), ({"scores": [0, "a", 0, 0, 0, 0, 0]}, "other than numbers"),
    ({"scores": [0, float("nan"), 0, 0, 0, 0, 0]}, "other than numbers"),
    ({"scores": [None, 5, 2, 5, 0, 0, -1]}, "not null at just the illegal"), ({"value": 4}, "value is 4"),
    ({"best": [2]}, "best are not"), ({"best": 2}, "best is not a list"), ({"to_move": "W"}, "to_move is 'W'"),
])  # fmt: skip
def test_bad_lines_get_one_line_with_their_number(change: dict, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", [C4[0], "", {**C4[2], **change}, C4[1]])
    with pytest.raises(ValueError, match=message) as error:
        load_suite(path, CONNECT4)
    assert str(error.value).startswith(f"{path} line 3: ")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("field", ["game", "moves", "scores", "value", "best"])
def test_missing_fields_are_named(field: str, tmp_path: Path) -> None:
    row = {k: v for k, v in C4[0].items() if k != field}
    with pytest.raises(ValueError, match=f"line 1: n.*'{field}'"):
        load_suite(write(tmp_path / "s.jsonl", [row]), CONNECT4)


@pytest.mark.parametrize(("change", "message"), [
    ({"winning_moves": []}, "winning_moves is empty"), ({"type": "draw"}, 'type is "draw"'),
    ({"winning_moves": [[9, 0]]}, "is no move of gomoku9"), ({"winning_moves": [[0, 0]]}, "a9 is not legal here"),
    ({"type": "defend"}, "no field 'defences'"), ({"winning_moves": [[1.5, 0]]}, "is no move"),
])  # fmt: skip
def test_bad_tactics_are_named(change: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        load_suite(write(tmp_path / "s.jsonl", [{**GOMOKU[0], **change}]), GOMOKU9)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"{", b"[1]", b"7", b"[" * 20_000])
def test_garbage_is_named(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(json.dumps(C4[0]).encode() + b"\n" + data)
    with pytest.raises(ValueError, match="line 2"):
        load_suite(path, CONNECT4)


def test_a_suite_without_positions_is_refused(tmp_path: Path) -> None:
    for rows in ([], [GOMOKU[2]]):
        with pytest.raises(ValueError, match="holds no positions"):
            load_suite(write(tmp_path / "s.jsonl", rows), GOMOKU9)
