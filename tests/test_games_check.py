"""The conformance checks themselves: they see a game that is broken, each in its way."""

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

import games
from alphamini.records import text
from games.check import RESULTS, check_game
from games.check_playout import check_playout
from games.violation import Violation

TICTACTOE = games.get("tictactoe")


CALLS = count()


def _counts_its_calls(states, actions):
    TICTACTOE.step(states, actions)
    states["pad"][:, 0] = next(CALLS) % 251


def _remembers_the_last_move(states, actions):
    live = states["outcome"] == games.ONGOING
    TICTACTOE.step(states, actions)
    states["pad"][live, 0] = actions[live]


def _plays_on(states, actions):
    TICTACTOE.step(states, actions)
    states["to_play"] ^= 1


def _forgets_to_clear(states, mask):
    fresh = np.zeros_like(mask)
    TICTACTOE.legal(states, fresh)
    mask |= fresh


def _looks_at_its_neighbour(states, planes):
    TICTACTOE.observe(states, planes)
    planes[1:, 2] = planes[:-1, 0]


def _counts_on_a_record(states, planes):
    planes[:, :] = states["to_play"][0]
    TICTACTOE.observe(states, planes)


def _explains_at_length(text):
    try:
        return TICTACTOE.parse_action(text)
    except ValueError as error:
        raise ValueError(f"{error}\nLet me explain.") from None


def _written(form, names=None):
    """The game with its actions written in another form, some of them under names."""
    texts = [form.format(TICTACTOE.action_text(action)) for action in range(9)]
    texts = [(names or {}).get(text, text) for text in texts]
    return replace(
        TICTACTOE, action_text=texts.__getitem__, parse_action=lambda text: texts.index(text.strip().lower())
    )


def _takes_anything(text):
    try:
        return TICTACTOE.parse_action(text)
    except ValueError:
        return 4


def _opens_at_a3(states, seeds):
    empty = states["stones"].sum(axis=1) == 0
    opened = states[empty]
    TICTACTOE.step(opened, np.zeros(len(opened), np.int32))
    states[empty] = opened
    TICTACTOE.playout(states, seeds)


def _favours_the_second_player(states, seeds):
    """Legal games, not uniform: of two, the one that the second player wins."""
    again = states.copy()
    TICTACTOE.playout(states, seeds)
    TICTACTOE.playout(again, seeds + np.uint64(1))
    better = again["outcome"] == games.WIN_1
    states[better] = again[better]


def _stops_early(states, seeds):
    live = states["outcome"] == games.ONGOING
    states["outcome"][live] = games.DRAW


BROKEN = {
    "state outside": (replace(TICTACTOE, step=_counts_its_calls), "copy|after the end"),
    "history": (replace(TICTACTOE, step=_remembers_the_last_move), "order of moves"),
    "plays on": (replace(TICTACTOE, step=_plays_on), "after the end"),
    "dirty mask": (replace(TICTACTOE, legal=_forgets_to_clear), "other than 0 and 1"),
    "neighbours": (replace(TICTACTOE, observe=_looks_at_its_neighbour), "observe depends on the neighbours"),
    "empty batch": (
        replace(TICTACTOE, observe=_counts_on_a_record),
        "observe fails on a batch of no records: IndexErr",
    ),
    "blanks": (_written("{0[0]} {0[1]}"), "'a 3': files have blanks between the moves"),
    "results": (_written("1-{0}", {"1-a1": "1-0"}), "'1-0', by which files tell a result"),
    "one side": (replace(TICTACTOE, sides=("x",)), "not the names of two"),
    "no sides": (replace(TICTACTOE, sides=None), "not the names of two"),
    "real number": (replace(TICTACTOE, max_plies=9.0), "max_plies is 9.0, not a whole number"),
    "no version": (replace(TICTACTOE, rules_version=None), "rules_version is None"),
    "typing error": (replace(TICTACTOE, policy="cell"), "neither 'cells' nor 'columns'"),
    "short games": (replace(TICTACTOE, max_plies=8), "longer than max_plies"),
    "not a group": (
        replace(
            TICTACTOE,
            action_symmetries=TICTACTOE.action_symmetries[:2],
            cell_symmetries=TICTACTOE.cell_symmetries[:2],
        ),
        "not closed",
    ),
    "not a symmetry": (
        replace(
            TICTACTOE,
            action_symmetries=np.array([range(9), [1, 0, *range(2, 9)]], np.int32),
            cell_symmetries=np.array([range(9), [1, 0, *range(2, 9)]], np.int32),
        ),
        "symmetry 1",
    ),
    "too few actions": (replace(TICTACTOE, action_planes=2), "too few for the layout"),
    "actions apart": (
        replace(
            TICTACTOE,
            action_symmetries=TICTACTOE.action_symmetries[[0, 4]],
            cell_symmetries=TICTACTOE.cell_symmetries[[0, 6]],
        ),
        "actions and cells apart",
    ),
    "silent": (
        replace(TICTACTOE, action_text=lambda action: TICTACTOE.action_text(action) if action else ""),
        "has no text",
    ),
    "deaf": (replace(TICTACTOE, parse_action=lambda text: 0), "reads as another"),
    "long answers": (replace(TICTACTOE, parse_action=_explains_at_length), "not one line"),
    "polite": (replace(TICTACTOE, parse_action=_takes_anything), "is not refused"),
    "opening book": (replace(TICTACTOE, playout=_opens_at_a3), "standard errors"),
    "biased": (replace(TICTACTOE, playout=_favours_the_second_player), "uniformly"),
    "impossible ends": (replace(TICTACTOE, playout=_stops_early), "legal moves|neighbours"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_the_checks_see(fault):
    game, message = BROKEN[fault]
    with pytest.raises(Violation, match=message):
        check_game(game, seed=3)


def test_a_game_without_its_own_playout_is_checked_too():
    check_playout(replace(TICTACTOE, playout=None), np.random.default_rng(4))


def test_words_that_tell_a_result_are_those_of_the_files():
    assert set(RESULTS) == {text.RESIGN, *text.RESULTS}


def test_a_violation_names_the_game_and_the_check():
    with pytest.raises(Violation, match=r"^tictactoe: check_positions: a game is longer than max_plies = 8$"):
        check_game(replace(TICTACTOE, max_plies=8))
