"""A game of ours against the same game of OpenSpiel, whole random games in lockstep.

OpenSpiel (https://github.com/google-deepmind/open_spiel) is a twin that somebody else wrote: its rules share neither a
line nor an author with ours.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from games import DRAW, ONGOING, Game

pyspiel = pytest.importorskip("pyspiel", reason="OpenSpiel is not installed (pip install open_spiel)")


def play_in_lockstep(game: Game, theirs: str, ours: NDArray[np.int32], count: int, seed: int, batch: int = 1000) -> int:
    """Plays `count` random games in both and compares them before every ply and at the end; returns the plies.

    `theirs` is what `pyspiel.load_game` is given. `ours` i4[their number of actions] is our action for each of theirs;
    several of theirs may be one of ours (a move and a capture from and to the same cells), as long as no two of them
    are ever legal together. AssertionError if the legal actions, the side to move, the end or the result differ.
    """
    rng = np.random.default_rng(seed)
    spiel = pyspiel.load_game(theirs)
    assert len(ours) == spiel.num_distinct_actions()
    plies = 0
    for start in range(0, count, batch):
        states = game.new_states(min(batch, count - start))
        twins = [spiel.new_initial_state() for _ in states]
        while (states["outcome"] == ONGOING).any():
            plies += _ply(game, states, twins, ours, rng)
        _compare_sides(states, twins)
    return plies


def _ply(game: Game, states, twins: list, ours: NDArray[np.int32], rng: np.random.Generator) -> int:
    """One random move in every game that goes on; returns how many these are."""
    _compare_sides(states, twins)
    mask = np.zeros((len(states), game.num_actions), np.uint8)
    actions = np.zeros(len(states), np.int32)
    moving = [row for row, twin in enumerate(twins) if not twin.is_terminal()]
    for row, fraction in zip(moving, rng.random(len(moving)), strict=True):
        legal = np.array(twins[row].legal_actions())
        images = ours[legal]
        mask[row, images] = 1
        assert mask[row].sum() == len(legal), f"two legal actions are one of ours:\n{twins[row]}"
        chosen = int(fraction * len(legal))
        actions[row] = images[chosen]
        twins[row].apply_action(int(legal[chosen]))
    wrong = np.flatnonzero((game.legal_mask(states) != mask).any(axis=1))
    assert len(wrong) == 0, f"the legal actions differ here:\n{game.board_text(states[wrong[0]], None, False)}"
    game.step(states, actions)
    return len(moving)


def _compare_sides(states, twins: list) -> None:
    """Is it over, who has won, and if not, whose turn is it?"""
    for state, twin in zip(states, twins, strict=True):
        if twin.is_terminal():
            first, second = twin.returns()
            assert state["outcome"] == (DRAW if first == second else int(first < second)), str(twin)
        else:
            assert state["outcome"] == ONGOING, str(twin)
            assert state["to_play"] == twin.current_player(), str(twin)
