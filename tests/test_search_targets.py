"""What searches hand to the learner: improved policies, and the positions that they have proven."""

import numpy as np
import pytest
from reference_mcts import HashEvaluator

import games
from alphamini.search.search import Search, SearchConfig
from games.playout import random_actions

CONFIG = SearchConfig()


def searched(name: str, plies: int, budget: int, noise: float = 0.0, count: int = 16) -> tuple[Search, np.ndarray]:
    game = games.get(name)
    rng = np.random.default_rng(7)
    states = game.new_states(count)
    for _ in range(plies):
        game.step(states, random_actions(game, states, rng))
    states = states[states["outcome"] == games.ONGOING]
    rows = np.arange(len(states), dtype=np.int32)
    search = Search(game, len(states), max(budget, 1), CONFIG)
    search.set_noise(rows, rng.gamma(0.2, size=(len(rows), game.num_actions)).astype(np.float32), noise)
    search.reset(rows, states)
    search.budget[:] = budget
    search.run(HashEvaluator(game.num_actions), rows)
    return search, rows


def test_an_improved_policy_is_the_formula() -> None:
    search, rows = searched("gomoku7", 4, 40)
    found = search.statistics(rows)
    policy = search.improved_policy(rows)
    checked = 0
    for row in rows[found.root_proof == 0]:
        q = [found.q[row, a] if found.visits[row, a] else found.value[row] for a in range(49)]
        scale = (CONFIG.q_visits + found.visits[row].max()) * CONFIG.q_scale
        weights = np.array(
            [
                0.0
                if found.prior[row, a] == 0 or found.proof[row, a] < 0
                else np.exp(
                    (CONFIG.prior_temperature * np.log(found.prior[row, a]) + scale * (q[a] - found.value[row]))
                    / CONFIG.target_temperature
                )
                for a in range(49)
            ]
        )
        np.testing.assert_allclose(policy[row], weights / weights.sum(), rtol=1e-3, atol=1e-6)
        checked += 1
    assert checked > 8


def test_the_best_move_is_the_formulas_with_little_trust_in_few_visits() -> None:
    search, rows = searched("gomoku7", 4, 4, count=128)
    found, best = search.statistics(rows), search.best(rows)
    assert (best != found.visits.argmax(1)).any()
    assert (best != search.improved_policy(rows).argmax(1)).any()
    for row in rows[found.root_proof == 0]:
        scale = (CONFIG.q_visits + found.visits[row].max()) * CONFIG.q_scale
        scores = np.full(49, -np.inf)
        for a in np.flatnonzero((found.prior[row] > 0) & (found.proof[row] >= 0)):
            n = found.visits[row, a]
            gain = (found.q[row, a] - found.value[row]) * n / (n + CONFIG.q_doubt) if n else 0
            scores[a] = CONFIG.prior_temperature * np.log(found.prior[row, a]) + scale * gain
        assert best[row] == scores.argmax()
    assert [search.principal_variation(row)[0] for row in rows] == best.tolist()


def test_without_a_search_the_best_move_is_the_evaluators() -> None:
    search, rows = searched("gomoku7", 4, 1)
    np.testing.assert_array_equal(search.best(rows), search.policy(rows).argmax(1))


def test_without_a_search_only_the_temperature_shows() -> None:
    search, rows = searched("gomoku7", 4, 1)
    exponent = CONFIG.prior_temperature / CONFIG.target_temperature
    prior = search.statistics(rows).prior.astype(np.float64) ** exponent
    np.testing.assert_allclose(search.improved_policy(rows), prior / prior.sum(1, keepdims=True), rtol=1e-4, atol=1e-7)


def test_without_a_search_the_policy_is_the_evaluators_own() -> None:
    """The priors of the tree are flatter; what a budget of 1 plays is not."""
    search, rows = searched("gomoku7", 4, 1)
    states = search._states[rows * search.capacity].view(search.rules.dtype)[:, 0]
    logits, _ = HashEvaluator(49).evaluate(states)
    own = np.where(games.get("gomoku7").legal_mask(states), np.exp(logits.astype(np.float64)), 0)
    np.testing.assert_allclose(search.policy(rows), own / own.sum(1, keepdims=True), rtol=1e-4)


def test_noise_does_not_enter_the_target() -> None:
    """After the root's evaluation alone the noise has changed the priors, but not the target."""
    quiet, rows = searched("gomoku7", 4, 1)
    noisy, _ = searched("gomoku7", 4, 1, noise=0.5)
    assert np.abs(quiet.statistics(rows).prior - noisy.statistics(rows).prior).max() > 0.1
    np.testing.assert_allclose(quiet.improved_policy(rows), noisy.improved_policy(rows), rtol=1e-5, atol=1e-8)


def test_noise_that_is_set_for_later_roots_changes_nothing_of_this_one() -> None:
    for noise in (0.0, 0.5):
        search, rows = searched("gomoku7", 4, 60, noise=noise)
        before, best = search.improved_policy(rows), search.best(rows)
        for share in (0.25, 0.0):
            search.set_noise(rows, np.ones((len(rows), 49), np.float32), share)
            np.testing.assert_array_equal(search.improved_policy(rows), before)
            np.testing.assert_array_equal(search.best(rows), best)


def test_noise_does_not_enter_the_target_of_a_kept_tree() -> None:
    search, rows = searched("gomoku7", 4, 60)
    game = games.get("gomoku7")
    actions = search.policy(rows).argmax(1).astype(np.int32)
    states = search._states[rows * search.capacity].view(game.dtype)[:, 0].copy()
    game.step(states, actions)
    live = rows[states["outcome"] == games.ONGOING]
    search.set_noise(live, np.random.default_rng(0).gamma(0.2, size=(len(live), 49)).astype(np.float32), 0.0)
    twin, _ = searched("gomoku7", 4, 60)
    twin.advance(live, actions[live], states[live])
    search.set_noise(live, np.random.default_rng(0).gamma(0.2, size=(len(live), 49)).astype(np.float32), 0.5)
    search.advance(live, actions[live], states[live])
    evaluated = live[search.visits(live) > 0]
    assert len(evaluated) > 8
    np.testing.assert_allclose(search.improved_policy(evaluated), twin.improved_policy(evaluated), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ["tictactoe", "connect4"])
def test_a_proven_root_is_learned_as_it_is_played(name: str) -> None:
    search, rows = searched(name, 5 if name == "tictactoe" else 24, 400, count=64)
    proven = rows[search.statistics(rows).root_proof != 0]
    assert len(proven) > 4
    np.testing.assert_allclose(search.improved_policy(proven), search.policy(proven), atol=1e-6)
    np.testing.assert_array_equal(search.best(proven), search.policy(proven).argmax(1))


def test_proven_nodes_are_exact() -> None:
    """Every node that a tic-tac-toe search calls proven is solved again, slowly."""
    game = games.get("tictactoe")

    def solve(position: games.Position) -> int:
        if position.is_over:
            return round(games.outcome_value(position.outcome, position.to_play))
        return max(-solve(position.play(a)) for a in position.legal_actions)

    search, rows = searched("tictactoe", 3, 150, count=8)
    trees, nodes = search.proven_nodes(rows)
    assert (search.statistics(rows).root_proof != 0).any()
    assert (nodes > 0).all()  # a root is a sample in its own right
    states, policy, result = search.proven(trees, nodes)
    assert set(result) == {-1, 0, 1}
    for state, target, value in zip(states, policy, result, strict=True):
        position = games.Position(game, state.reshape(1))
        assert not position.is_over
        assert solve(position) == value
        winning = [a for a in position.legal_actions if solve(position.play(a)) == -1] if value == 1 else []
        assert set(np.flatnonzero(target)) <= set(winning)
        assert target.sum() == pytest.approx(1 if value == 1 else 0)


def test_a_proven_node_is_named_once_though_its_tree_is_kept() -> None:
    search, rows = searched("connect4", 24, 400, count=16)
    rows = rows[search.statistics(rows).root_proof == 0]
    before = search.proven(*search.proven_nodes(rows))[0]
    assert not search.proven_nodes(rows)[0].size
    actions = search.policy(rows).argmax(1).astype(np.int32)
    search.advance(rows, actions, np.zeros(len(rows), search.rules.dtype))
    assert (search.visits(rows) > 1).all()  # their trees are kept
    assert not search.proven_nodes(rows)[0].size
    search.budget[:] = 800
    search.run(HashEvaluator(7), rows)
    after = search.proven(*search.proven_nodes(rows))[0]
    assert len(before) > 0
    assert len(after) > 0


def test_a_policy_of_what_is_left_when_the_favourites_have_lost() -> None:
    """The net likes c3 alone, which loses at once: the others' priors are squared, and too small for it."""
    game = games.get("tictactoe")
    position = game.initial().play_all([game.parse_action(move) for move in ("b1", "a3", "a1", "c1")])
    likes = np.full((1, game.num_actions), -110, np.float32)
    likes[0, game.parse_action("c3")] = 0

    class Evaluator:
        def evaluate(self, states):
            return np.repeat(likes, len(states), 0), np.zeros(len(states), np.float32)

    search, rows = Search(game, 1, 3, CONFIG), np.zeros(1, np.int32)
    search.reset(rows, position.state)
    search.budget[:] = 3
    search.run(Evaluator(), rows)
    assert search.statistics(rows).root_proof[0] == 0
    policy = search.policy(rows)[0]
    assert policy.sum() == pytest.approx(1)
    assert not policy[game.legal_mask(position.state)[0] == 0].any()
