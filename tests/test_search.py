"""The batched kernels against the plain reference: visit for visit, proof for proof."""

from __future__ import annotations

import numpy as np
import pytest
import toy_games
from reference_mcts import HashEvaluator, ReferenceSearch, UniformEvaluator

import games
from alphamini.search.search import Search, SearchConfig

CONFIG = SearchConfig()
BOARDS = ["tictactoe", "connect4", "gomoku7"]


def opened(game, plies: int, count: int, seed: int):
    """[count] different positions after `plies` random moves; games that end on the way stay where they ended."""
    rng = np.random.default_rng(seed)
    states = game.new_states(count)
    for _ in range(plies):
        mask = np.zeros((count, game.num_actions), np.uint8)
        game.legal(states, mask)
        live = np.flatnonzero(mask.any(1))
        actions = np.array([rng.choice(np.flatnonzero(mask[row])) for row in live], np.int32)
        moved = states[live]
        game.step(moved, actions)
        states[live] = moved
    return states


def assert_same(search: Search, references: list[ReferenceSearch]) -> None:
    rows = np.arange(len(references), dtype=np.int32)
    found = search.statistics(rows)
    for row, reference in enumerate(references):
        np.testing.assert_array_equal(found.visits[row], reference.visits())
        np.testing.assert_array_equal(found.proof[row], reference.proofs())
        assert found.total[row] == reference.root.visits
        assert found.root_proof[row] == reference.root.proof
        assert search._counts[row] == reference.root.size()
        if reference.root.proof == 0:
            np.testing.assert_allclose(found.value[row], reference.root.value_sum / reference.root.visits, atol=1e-6)
        for action, total in reference.root.edge_values.items():
            np.testing.assert_allclose(found.q[row, action], total / reference.root.edge_visits[action], atol=1e-6)


def compare(game, evaluator, states, budget: int, moves: int, share: float = 0.0, capacity: int | None = None) -> None:
    """Searches `states` with both, then plays the most visited move and searches on, `moves` times."""
    count, rng = len(states), np.random.default_rng(1)
    rows = np.arange(count, dtype=np.int32)
    capacity = capacity or budget
    search = Search(game, count, capacity, CONFIG)
    search.budget[:] = budget
    references = [ReferenceSearch(game, evaluator, CONFIG, capacity) for _ in range(count)]
    states = states.copy()

    def draw_noise():
        noise = rng.gamma(0.3, size=(count, game.num_actions)).astype(np.float32)
        search.set_noise(rows, noise, share)
        for row, reference in enumerate(references):
            reference.set_noise(noise[row], share)

    draw_noise()
    search.reset(rows, states)
    for row, reference in enumerate(references):
        reference.reset(states[row : row + 1])
    for _ in range(moves + 1):
        search.run(evaluator, rows)
        for reference in references:
            reference.run(budget)
        assert_same(search, references)
        mask = np.zeros((count, game.num_actions), np.uint8)
        game.legal(states, mask)
        # Every fourth tree plays a move that may never have been tried, so it loses its subtree.
        actions = np.where(rows % 4 == 3, mask.argmax(1), search.policy(rows).argmax(1)).astype(np.int32)
        live = np.flatnonzero(mask.any(1)).astype(np.int32)
        moved = states[live]
        game.step(moved, actions[live])
        states[live] = moved
        draw_noise()
        search.advance(live, actions[live], moved)
        for row in live:
            references[row].advance(actions[row], states[row : row + 1])


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("budget", [1, 2, 30, 150])
def test_agrees_with_the_reference(name, budget):
    game = games.get(name)
    compare(game, HashEvaluator(game.num_actions), opened(game, 5, 4, seed=budget), budget, moves=3)


@pytest.mark.parametrize(("name", "plies"), [("connect6-7", 5), ("othello6", 24), ("breakthrough6", 20)])
def test_agrees_where_turns_do_not_alternate_or_pieces_move(name, plies):
    """Two stones a turn, passes, and many more actions than are ever legal."""
    game = games.get(name)
    compare(game, HashEvaluator(game.num_actions), opened(game, plies, 4, seed=plies), 100, moves=3)


@pytest.mark.parametrize("name", BOARDS)
def test_agrees_with_noise(name):
    game = games.get(name)
    compare(game, HashEvaluator(game.num_actions, seed=3), opened(game, 3, 4, seed=2), 60, moves=3, share=0.25)


@pytest.mark.parametrize("name", BOARDS)
def test_agrees_where_everything_is_a_tie(name):
    game = games.get(name)
    compare(game, UniformEvaluator(game.num_actions), opened(game, 2, 2, seed=3), 120, moves=1)


@pytest.mark.parametrize("plies", [4, 6])
def test_agrees_near_the_end_of_games(plies):
    game = games.get("tictactoe")
    compare(game, HashEvaluator(9, seed=5), opened(game, plies, 8, seed=plies), 400, moves=3)


def test_agrees_when_trees_are_full():
    game = games.get("connect4")
    compare(game, HashEvaluator(7), opened(game, 8, 4, seed=1), 200, moves=2, capacity=50)


@pytest.mark.parametrize("game", toy_games.ALL, ids=lambda game: game.name)
@pytest.mark.parametrize("budget", [3, 20, 300])
def test_agrees_on_toy_games(game, budget):
    compare(game, HashEvaluator(game.num_actions, peak=2.0), game.new_states(2), budget, moves=3)
    compare(game, UniformEvaluator(game.num_actions), game.new_states(2), budget, moves=3, share=0.5)


@pytest.mark.slow
def test_agrees_in_large_trees():
    game = games.get("gomoku7")
    compare(game, HashEvaluator(49, seed=9, peak=12.0), opened(game, 4, 3, seed=4), 2000, moves=2)
    game = toy_games.two_moves_a_turn(60)
    compare(game, HashEvaluator(3), game.new_states(1), 20000, moves=0)
