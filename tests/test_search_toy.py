"""Whole searches of games whose values are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
import toy_games
from reference_mcts import HashEvaluator, UniformEvaluator
from toy_games import ALL_DRAWS, BEST_IS_A_DRAW, FORCED_WIN, LONGEST_RESISTANCE, WIN_AT_ONCE, nim, two_moves_a_turn

import games
from alphamini.search import kernels as k
from alphamini.search.search import LEAVES, MOST_LEAVES, Search, proof_plies

ROW = np.zeros(1, np.int32)


def search(game, simulations: int, evaluator=None, position: int = 0) -> Search:
    tree = Search(game, 1, simulations)
    tree.budget[:] = simulations
    states = game.new_states(1)
    game._write(states, np.array([position]))
    tree.reset(ROW, states)
    tree.run(evaluator or UniformEvaluator(game.num_actions), ROW)
    return tree


def root(tree: Search) -> tuple[float, int, int]:
    """(value, plies to the end, move played)."""
    found = tree.statistics(ROW)
    assert found.root_proof[0] != 0
    return float(found.value[0]), proof_plies(int(found.root_proof[0])), int(tree.best(ROW)[0])


@pytest.mark.parametrize("heaps", [(1, 2, 3), (2, 3), (1, 3, 3), (4,), (2, 2), (1, 1, 2)])
def test_nim_is_won_exactly_if_the_xor_is_not_zero(heaps):
    expected = 1 if np.bitwise_xor.reduce(heaps) else -1
    assert nim(*heaps).solve()[0] == expected
    assert root(search(nim(*heaps), 5000))[0] == expected


@pytest.mark.parametrize("game", toy_games.ALL, ids=lambda game: game.name)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_position_is_proven_right(game, seed):
    for position in np.flatnonzero(game.outcome == -1)[:12]:
        exact, plies = game.solve(position)
        tree = search(game, 5000, HashEvaluator(game.num_actions, seed, peak=2.0), position)
        value, found_plies, move = root(tree)
        assert value == exact
        # The quickest win and the longest defence among the lines it looked at: never quicker than the truth.
        assert found_plies >= plies
        after = game.children[position, move]
        kept = game.solve(after)[0] * (1 if game.to_play[after] == game.to_play[position] else -1)
        assert kept == exact


def test_the_forced_win_is_played_to_the_end():
    tree = search(FORCED_WIN, 200)
    assert root(tree) == (1.0, 3, 2)
    assert len(tree.principal_variation(0)) == 3
    assert tree.principal_variation(0)[0] == 2
    np.testing.assert_array_equal(tree.policy(ROW)[0], [0, 0, 1])


def test_a_draw_is_kept_where_nothing_better_is_left():
    assert root(search(BEST_IS_A_DRAW, 200)) == (0.0, 0, 1)
    value, plies, _ = root(search(ALL_DRAWS, 200))
    assert (value, plies) == (0.0, 0)


def test_the_loser_holds_out_longest():
    tree = search(LONGEST_RESISTANCE, 200)
    assert root(tree) == (-1.0, 4, 1)
    np.testing.assert_array_equal(tree.policy(ROW)[0], [0, 1, 0])


def test_a_win_at_once_ends_the_search():
    tree = search(WIN_AT_ONCE, 200)
    assert root(tree) == (1.0, 1, 1)
    assert tree.statistics(ROW).total[0] == 3  # the root, and one visit each to 0 and 1
    np.testing.assert_array_equal(tree.principal_variation(0), [1])


def test_a_proven_loss_is_left_out_of_the_policy():
    # The root is not proven yet; its action 0 is a loss in one and must not be played, however it is liked.
    game = toy_games.tree("poisoned", (0, [1, (1, [(0, [(1, [(0, [0, 1]), 0]), 1]), 1])]))

    class LikesTheFirst(UniformEvaluator):
        def evaluate(self, states):
            logits, values = super().evaluate(states)
            logits[:, 0] = 5
            return logits, values

    tree = search(game, 3, LikesTheFirst(game.num_actions))
    found = tree.statistics(ROW)
    assert found.root_proof[0] == 0
    assert proof_plies(int(found.proof[0, 0])) == 1
    assert found.proof[0, 0] < 0
    np.testing.assert_array_equal(tree.policy(ROW)[0], [0, 1])
    assert tree.best(ROW) == [1]


@pytest.mark.parametrize("heap", range(2, 13))
def test_two_moves_a_turn_have_the_right_signs(heap):
    game = two_moves_a_turn(heap)
    value, plies, _ = root(search(game, 20000))
    assert value == game.solve()[0]
    if heap <= 6:  # the mover takes it all before the other has moved
        assert value == 1
        assert plies <= 2


def test_values_of_unproven_roots_have_the_right_sign_too():
    """An evaluator that knows the winner: the mean value leans to it, whoever moves next."""
    game = two_moves_a_turn(30)

    class Knows(UniformEvaluator):
        def evaluate(self, states):
            logits, _ = super().evaluate(states)
            return logits, np.where(states["to_play"] == 0, 0.5, -0.5).astype(np.float32)

    for plies in range(4):  # to_play is 0, 0, 1, 1
        states = game.new_states(1)
        for _ in range(plies):
            game.step(states, np.zeros(1, np.int32))
        tree = Search(game, 1, 50)
        tree.budget[:] = 50
        tree.reset(ROW, states)
        tree.run(Knows(game.num_actions), ROW)
        found = tree.statistics(ROW)
        expected = 0.5 if plies < 2 else -0.5
        np.testing.assert_allclose(found.value[0], expected, atol=1e-6)
        np.testing.assert_allclose(found.q[0], expected, atol=1e-6)


def hasty(game, simulations: int, evaluator, position: int = 0) -> Search:
    tree = Search(game, 1, simulations)
    tree.budget[:] = simulations
    states = game.new_states(1)
    game._write(states, np.array([position]))
    tree.reset(ROW, states)
    while tree.searching(ROW)[0]:
        tree.hasty_wave(evaluator, ROW)
    return tree


@pytest.mark.parametrize("game", toy_games.ALL, ids=lambda game: game.name)
def test_hasty_searches_prove_every_position_right_too(game):
    for position in np.flatnonzero(game.outcome == -1)[:12]:
        exact, plies = game.solve(position)
        value, found_plies, _ = root(hasty(game, 5000, HashEvaluator(game.num_actions, 0, peak=2.0), position))
        assert value == exact
        assert found_plies >= plies


@pytest.mark.parametrize(("at_once", "most"), [(1, 1), (None, MOST_LEAVES), (20, 20), (1000, LEAVES)])
def test_no_virtual_loss_stays_in_the_tree(at_once, most):
    """After several leaves a wave every slot still says what its child says, and a budget is met exactly."""
    game = games.get("gomoku7")
    tree = Search(game, 1, 3000)
    tree.reset(ROW, game.new_states(1))
    tree.budget[:] = 2500
    evaluator = HashEvaluator(game.num_actions, 0, peak=2.0)
    if at_once is not None:
        evaluator.at_once = at_once
    sizes = []
    while tree.searching(ROW)[0]:
        sizes.append(tree.hasty_wave(evaluator, ROW))
    assert max(sizes) == most
    assert tree.visits(ROW)[0] == 2500
    for node in range(int(tree._counts[0])):
        at = node * tree._stride
        slots = range(at + k.HEADER, at + k.HEADER + k.SLOT_WORDS * tree._ints[at + k.OPENED], k.SLOT_WORDS)
        for slot in slots:
            child = tree._ints[slot + k.S_CHILD] * tree._stride
            assert tree._ints[slot + k.S_VISITS] == tree._ints[child + k.VISITS] > 0
            total = -tree._floats[child + k.VALUE_SUM]  # but for rounding: a virtual loss would be 1
            assert tree._floats[slot + k.S_VALUE_SUM] == pytest.approx(total, abs=0.01)
