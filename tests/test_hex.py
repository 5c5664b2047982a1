"""Hex: the contract, an independent twin, OpenSpiel, the swap, and small boards solved."""

from functools import cache

import numpy as np
import pytest
from hex_twin import HexTwin

import games
from games import hex as rules
from games.check import CHECKS, check_game

EVERY = [name for name in games.names() if games.get(name).family == "hex"]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ["hex5", "hex7-swap"])
def test_contract(name, check):
    check(games.get(name), np.random.default_rng(1))


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_contract_of_every_size(name):
    check_game(games.get(name))


def play_beside_the_twin(game, count, seed):
    """Random games in step with the twin; every other one is swapped where it can be."""
    rng = np.random.default_rng(seed)
    slow = [HexTwin(game.shape[0], game.name.endswith("-swap")) for _ in range(count)]
    states = game.new_states(count)
    while any(twin.outcome == -1 for twin in slow):
        mask = np.zeros((count, game.num_actions), np.uint8)
        actions = np.zeros(count, np.int32)
        for row, twin in enumerate(slow):
            legal = twin.legal()
            mask[row, legal] = 1
            if legal:
                actions[row] = legal[-1] if row % 2 and twin.may_swap() else rng.choice(legal)
        np.testing.assert_array_equal(game.legal_mask(states), mask)
        np.testing.assert_array_equal(game.planes(states), [twin.planes() for twin in slow])
        game.step(states, actions)
        for row, twin in enumerate(slow):
            if twin.outcome == -1:
                twin.play(int(actions[row]))
        assert states["outcome"].tolist() == [twin.outcome for twin in slow]
        assert states["to_play"].tolist() == [twin.to_play for twin in slow]


@pytest.mark.parametrize(("name", "count"), [("hex5", 60), ("hex5-swap", 60), ("hex7", 20)])
def test_rules_match_the_twin(name, count):
    play_beside_the_twin(games.get(name), count, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_rules_of_every_size_match_the_twin(name):
    play_beside_the_twin(games.get(name), 40, seed=3)


def beside_open_spiel(name, count):
    open_spiel_twin = pytest.importorskip("open_spiel_twin")
    game = games.get(name)
    swap = name.endswith("-swap")
    actions = np.arange(game.num_actions - (not swap), dtype=np.int32)
    theirs = f"hex(board_size={game.shape[0]}" + ",swap=True)" * swap + ")" * (not swap)
    assert open_spiel_twin.play_in_lockstep(game, theirs, actions, count, seed=4) > count


@pytest.mark.parametrize(("name", "count"), [("hex5", 500), ("hex5-swap", 500), ("hex7", 200)])
def test_random_games_are_those_of_open_spiel(name, count):
    beside_open_spiel(name, count)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("hex5-swap", 5000), ("hex7", 5000), ("hex11-swap", 1000), ("hex13", 300)])
def test_thousands_of_random_games_are_those_of_open_spiel(name, count):
    beside_open_spiel(name, count)


def test_swap_takes_over_the_mirrored_stone():
    game = games.get("hex5-swap")
    swap = game.parse_action("Swap")
    start = game.initial()
    assert swap not in start.legal_actions
    opened = start.play(game.parse_action("c4"))
    assert opened.legal_actions == [a for a in range(26) if a != game.parse_action("c4")]
    swapped = opened.play(swap)
    assert str(swapped).splitlines() == [
        "   a b c d e",
        " 1 . . . . . 1",
        "  2 . . . . . 2",
        "   3 . . .(o). 3",
        "    4 . . . . . 4",
        "     5 . . . . . 5",
        "        a b c d e",
    ]
    assert swapped.to_play == 0
    assert swapped.legal_actions == [a for a in range(25) if a != game.parse_action("d3")]
    assert swap not in swapped.play(0).legal_actions
    assert swap not in opened.play(0).play(1).legal_actions
    assert swap not in games.get("hex5").initial().play(0).legal_actions


def test_bent_chains_win_and_touching_corners_do_not():
    game = games.get("hex5")
    row = ["a3", "b3", "c2", "d2", "e1"]  # each touches the next; player 1 goes from the left to the right
    moves = [text for pair in zip(["a1", "b1", "a5", "c5", "d5"], row, strict=True) for text in pair]
    position = game.initial().play_all([game.parse_action(text) for text in moves])
    assert position.outcome == games.WIN_1
    column = ["c1", "d2", "c3", "c4", "c5"]  # c1 and d2 only meet at a corner of the square grid
    moves = [text for pair in zip(column, ["a1", "a2", "a3", "a4", "a5"], strict=True) for text in pair]
    position = game.initial().play_all([game.parse_action(text) for text in moves])
    assert not position.is_over
    assert position.play(game.parse_action("d1")).outcome == games.WIN_0


def wins(game, state, known):
    """Does the side to move win? `state` [1]; `known` keeps the answers."""
    key = state.tobytes()
    if key not in known:
        actions = np.flatnonzero(game.legal_mask(state)[0]).astype(np.int32)
        children = np.repeat(state, len(actions))
        game.step(children, actions)
        player = state["to_play"][0]
        known[key] = bool((children["outcome"] == player).any()) or any(
            not wins(game, children[k : k + 1], known) for k in range(len(children))
        )
    return known[key]


def test_the_3_x_3_board_is_solved():
    """First-player win; by which openings, an independent search says. With swap the second player wins."""
    game, known = rules.make(3), {}

    @cache
    def twin_wins(first, second):
        """Does the side to move win, with these cells taken by the two players?"""
        twin, last = HexTwin(3), int(len(first) == len(second))
        twin.stones = [first, second]
        if any(cell[last] == 2 for cell in twin.joined(last, {0})):
            return False
        empty = [{cell} for cell in twin.cells if cell not in first | second]
        return any(not (twin_wins(first | cell, second) if last else twin_wins(first, second | cell)) for cell in empty)

    start = game.new_states(1)
    assert wins(game, start, known)
    children = np.repeat(start, 9)
    game.step(children, np.arange(9, dtype=np.int32))
    winning = [not wins(game, children[k : k + 1], known) for k in range(9)]
    assert winning[4]
    assert winning == winning[::-1]
    assert winning == [not twin_wins(frozenset({divmod(k, 3)}), frozenset()) for k in range(9)]
    swap = rules.make(3, swap=True)
    assert not wins(swap, swap.new_states(1), {})


@pytest.mark.slow
def test_the_4_x_4_board_is_a_first_player_win():
    game = rules.make(4)
    assert wins(game, game.new_states(1), {})
