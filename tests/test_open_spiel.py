"""The rules against OpenSpiel's: some hundreds of random games a family here, more than ten thousand in the slow run."""

import numpy as np
import open_spiel_twin as twin  # skips this file where OpenSpiel is not installed
import pytest
from sequences import perft

import games


def same_actions(game):
    return np.arange(game.num_actions, dtype=np.int32)


def breakthrough_actions(game):
    """Theirs: [row, column, direction, capture?] with their player 0 at the top, their row 0: our lowest row."""
    n = game.shape[0]
    row, column, direction, _ = np.unravel_index(np.arange(n * n * 12), (n, n, 6, 2))
    seen = np.where(direction < 3, n - 1 - row, row)  # the row in the mover's view, who goes upwards
    return (direction * n * n + seen * n + column).astype(np.int32)


FAMILIES = {  # our game: (theirs, our action for each of theirs, games in the fast run, and in the slow one)
    "tictactoe": ("tic_tac_toe", same_actions, 500, 10_000),
    "connect4": ("connect_four", same_actions, 500, 10_000),
    "gomoku15": ("gomoku(size=15)", same_actions, 300, 10_000),  # five or more in a row win: freestyle
    "gomoku9": ("gomoku(size=9)", same_actions, 500, 10_000),
    "othello8": ("othello", same_actions, 300, 10_000),
    "breakthrough8": ("breakthrough", breakthrough_actions, 300, 10_000),
    "breakthrough6": ("breakthrough(rows=6,columns=6)", breakthrough_actions, 500, 10_000),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_random_games_are_those_of_open_spiel(name):
    theirs, actions, count, _ = FAMILIES[name]
    game = games.get(name)
    assert twin.play_in_lockstep(game, theirs, actions(game), count, seed=1) > count


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_ten_thousand_random_games_are_those_of_open_spiel(name):
    theirs, actions, _, count = FAMILIES[name]
    game = games.get(name)
    assert twin.play_in_lockstep(game, theirs, actions(game), count, seed=2) > count


def their_perft(theirs, depth):
    """`perft` of OpenSpiel's game; what it draws tells positions apart, and whose turn it is."""
    first = twin.pyspiel.load_game(theirs).new_initial_state()
    layer, counts = {str(first): (first, 1)}, []
    for _ in range(depth):
        following = {}
        for state, ways in layer.values():
            for action in state.legal_actions():
                child = state.child(action)
                key = f"{child}{child.current_player()}"
                following[key] = (child, ways + following.get(key, (child, 0))[1])
        layer = following
        counts.append(sum(ways for _, ways in layer.values()))
    return counts


@pytest.mark.parametrize(("name", "depth"), [("connect4", 7), ("othello8", 6), ("breakthrough8", 3)])
def test_as_many_move_sequences_as_in_open_spiel(name, depth):
    assert perft(games.get(name), depth) == their_perft(FAMILIES[name][0], depth)


@pytest.mark.slow
def test_as_many_connect4_move_sequences_as_in_open_spiel_to_depth_9():
    assert perft(games.get("connect4"), 9) == their_perft("connect_four", 9)


def test_the_twin_sees_another_game():
    """Standard gomoku is not freestyle, and actions in another order are not the same actions."""
    with pytest.raises(AssertionError):
        twin.play_in_lockstep(
            games.get("gomoku9-standard"), "gomoku(size=9)", np.arange(81, dtype=np.int32), 500, seed=1
        )
    with pytest.raises(AssertionError):
        twin.play_in_lockstep(
            games.get("connect4"), "connect_four", np.roll(np.arange(7, dtype=np.int32), 1), 99, seed=1
        )
