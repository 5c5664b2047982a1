"""bench/solved.py: connect four's exact results, against plain negamax over the game contract and the suite."""

import sys
from pathlib import Path

import numpy as np
import pytest

import games

sys.path.append(str(Path(__file__).resolve().parent.parent / "bench"))
import solved

GAME = games.get("connect4")


@pytest.fixture(scope="module")
def table():
    return np.zeros(100_003, np.int64)


def negamax(position: games.Position) -> int:
    """The value for the side to move, by looking at everything."""
    if position.is_over:
        return int(games.outcome_value(position.outcome, position.to_play))
    return max(-negamax(position.play(action)) for action in position.legal_actions)


def test_columns_have_the_values_of_plain_negamax(table):
    rng, values = np.random.default_rng(0), np.empty(7, np.int8)
    seen = set()
    for _ in range(100):
        moves = solved.random_game(int(rng.integers(33, 42)), rng)
        position = GAME.initial().play_all([int(move) - 1 for move in moves])
        expected = np.full(7, -2)
        for action in position.legal_actions:
            expected[action] = -negamax(position.play(action))
        solved.column_values(*solved.boards(moves), table, values)
        assert values.tolist() == expected.tolist(), moves
        seen |= set(values.tolist())
    assert seen == {-2, -1, 0, 1}


def test_the_suite_has_the_same_results(table):
    assert solved.disagreements(table, 26) == (246, 0)


def test_a_suite_for_development_holds_new_positions_that_a_move_can_spoil(table):
    rows = solved.positions(60, [24, 27], 0, table)
    taken = {solved.key(row["moves"]) for row in map(solved.json.loads, solved.SUITE.read_text().splitlines())}
    keys = [solved.key(row["moves"]) for row in rows]
    assert len(set(keys)) == 60
    assert not taken & set(keys)
    assert {len(row["moves"]) for row in rows} == {24, 27}
    for row in rows:
        legal = [score for score in row["scores"] if score is not None]
        assert min(legal) < max(legal) == row["value"]
        assert row["best"] == [c + 1 for c, score in enumerate(row["scores"]) if score == row["value"]]


def test_a_position_and_its_mirror_are_one():
    assert solved.key("4435") == solved.key("4453") != solved.key("4436")
