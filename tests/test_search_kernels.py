"""The search's parts, each alone: budgets, independence of the trees, noise, softmax, the choice of a move."""

from __future__ import annotations

import numpy as np
import pytest
import toy_games
from reference_mcts import HashEvaluator, UniformEvaluator

import games
from alphamini.search import kernels, priors
from alphamini.search.search import Search, SearchConfig, choose


def searched(game, states, budget, evaluator=None, capacity: int | None = None) -> Search:
    search = Search(game, len(states), capacity or max(budget, 1))
    search.budget[:] = budget
    rows = np.arange(len(states), dtype=np.int32)
    search.reset(rows, states)
    search.run(evaluator or HashEvaluator(game.num_actions), rows)
    return search


def positions(game, count: int):
    """[count] positions, the i-th after i moves of a random game."""
    rng = np.random.default_rng(0)
    states, now = game.new_states(count), game.new_states(1)
    for row in range(count):
        states[row] = now[0]
        mask = np.zeros((1, game.num_actions), np.uint8)
        game.legal(now, mask)
        game.step(now, np.array([rng.choice(np.flatnonzero(mask[0]))], np.int32))
    return states


# --- golden trees: few visits, each explained ---


class Fixed:
    """The same logits everywhere; value 0 for both sides."""

    def __init__(self, *logits: float):
        self.logits = np.array(logits, np.float32)

    def evaluate(self, states):
        return np.tile(self.logits, (len(states), 1)), np.zeros(len(states), np.float32)


def test_golden_visits_follow_the_priors():
    """All values 0: the visits share the budget as the priors 0.6, 0.3, 0.1 do, less what first-play urgency delays."""
    game = games.get("connect4")
    logits = np.full(7, -60.0)
    logits[:3] = SearchConfig().prior_temperature * np.log([0.6, 0.3, 0.1])
    states = game.new_states(1)
    golden = {
        1: [0, 0, 0],  # the root alone
        2: [1, 0, 0],  # the highest prior first
        3: [2, 0, 0],  # 1.77 * 0.6 / 2 = 0.53 against 1.77 * 0.3 - 0.1 * sqrt(0.6) = 0.45
        11: [7, 3, 0],  # 3.95 * 0.6 / 7 = 0.34 against 3.95 * 0.1 - 0.1 * sqrt(0.9) = 0.30
        21: [12, 6, 2],
        101: [60, 30, 10],
    }
    for budget, visits in golden.items():
        found = searched(game, states, budget, Fixed(*logits)).statistics(np.zeros(1, np.int32))
        assert found.visits[0, :3].tolist() == visits, budget
        assert found.visits[0, 3:].sum() == 0


def test_golden_tree_of_a_forced_win():
    """Ties go to the lowest action, so every visit can be counted by hand.

    0: itself, its first answer, the second one refutes it. 1: itself, the first answer refutes it. 2: itself; then its
    answers are won after a visit each and 2, 1 and 3 replies.
    """
    game = toy_games.FORCED_WIN
    found = searched(game, game.new_states(1), 100, UniformEvaluator(game.num_actions)).statistics(
        np.zeros(1, np.int32)
    )
    assert found.visits[0].tolist() == [3, 2, 1 + 3 + 2 + 4]
    assert found.total[0] == 1 + 3 + 2 + 10


def test_exploration_goes_on_where_its_table_ends():
    """With a constant c, what the table holds and what continues it are the same but for rounding."""
    game, row = games.get("connect4"), np.zeros(1, np.int32)
    visits = []
    for length in (1025, 20):
        search = Search(game, 1, 400, SearchConfig(c_base=1e12))
        search._explore = search._explore[:length]
        search.budget[:] = 400
        search.reset(row, game.new_states(1))
        search.run(HashEvaluator(7), row)
        visits.append(search.statistics(row).visits[0])
    np.testing.assert_allclose(*visits, atol=4)


# --- independence ---


def test_a_row_does_not_depend_on_its_neighbours():
    game = games.get("gomoku7")
    states = positions(game, 6)
    rows = np.arange(6, dtype=np.int32)
    together = searched(game, states, 80).statistics(rows)
    backwards = searched(game, states[::-1].copy(), 80).statistics(rows[::-1].copy())
    np.testing.assert_array_equal(together.visits, backwards.visits)
    for row in range(6):
        alone = searched(game, states[row : row + 1], 80).statistics(rows[:1])
        np.testing.assert_array_equal(together.visits[row], alone.visits[0])
        np.testing.assert_array_equal(together.q[row], alone.q[0])
        np.testing.assert_array_equal(together.prior[row], alone.prior[0])


def test_a_row_does_not_depend_on_which_rows_are_active():
    game = games.get("connect4")
    states = positions(game, 8)
    expected = searched(game, states, 60).statistics(np.arange(8, dtype=np.int32))
    evaluator = HashEvaluator(7)
    search = Search(game, 20, 100)  # other trees lie between and behind
    rows = np.array([17, 3, 4, 11, 0, 19, 8, 9], np.int32)
    search.budget[rows] = 60
    search.reset(rows, states)
    rng = np.random.default_rng(0)
    for _ in range(400):
        search.wave(evaluator, rng.permutation(rows)[: rng.integers(1, 9)])
    search.run(evaluator, rows)
    found = search.statistics(rows)
    np.testing.assert_array_equal(found.visits, expected.visits)
    np.testing.assert_array_equal(found.q, expected.q)
    np.testing.assert_array_equal(found.root_proof, expected.root_proof)


class Reluctant(HashEvaluator):
    """Answers for a random number of the first states only."""

    def __init__(self, actions: int):
        super().__init__(actions)
        self.rng = np.random.default_rng(0)
        self.put_off = 0

    def evaluate_some(self, states):
        count = int(self.rng.integers(1, len(states) + 1))
        self.put_off += len(states) - count
        return self.evaluate(states[:count])


def test_trees_that_are_put_off_come_to_the_same():
    """With any rows in a wave; noise comes to the roots that were put off, too."""
    game = games.get("connect4")
    states, rows = positions(game, 12), np.arange(12, dtype=np.int32)
    rng = np.random.default_rng(0)
    noise = rng.random((12, 7), np.float32)
    results = []
    for evaluator in (HashEvaluator(7), Reluctant(7)):
        search = Search(game, 12, 100)
        search.budget[:] = 60
        search.set_noise(rows[::2], noise[::2], 0.5)
        search.reset(rows, states)
        for _ in range(100):
            search.wave(evaluator, rng.permutation(rows)[: rng.integers(1, 13)])
        search.run(evaluator, rows)
        results.append(search.statistics(rows))
    assert evaluator.put_off > 500
    for name in ("visits", "q", "prior", "proof", "total"):
        np.testing.assert_array_equal(getattr(results[0], name), getattr(results[1], name))


def test_a_new_root_forgets_the_leaf_that_was_put_off():
    game = games.get("connect4")
    states, rows = positions(game, 8), np.arange(8, dtype=np.int32)
    search, evaluator = Search(game, 8, 50), Reluctant(7)
    search.budget[:] = 40
    search.reset(rows, states)
    for turn in range(60):
        search.wave(evaluator, rows)
        if turn % 10 == 9:  # some of the trees, whatever they wait for
            search.reset(rows[turn % 3 :: 3], states[turn % 3 :: 3])
    search.run(evaluator, rows)
    np.testing.assert_array_equal(search.statistics(rows).visits, searched(game, states, 40).statistics(rows).visits)


def test_full_trees_wait_for_their_last_leaf_and_no_move_keeps_an_unfinished_tree():
    """Two waves of moves: finished trees as the search says, the others whether they wait or not."""
    game = games.get("connect4")
    states, rows = positions(game, 16), np.arange(16, dtype=np.int32)
    search, evaluator = Search(game, 16, 12), Reluctant(7)
    search.budget[:] = 40  # more than the trees have nodes
    search.reset(rows, states)
    rng = np.random.default_rng(0)
    for turn in range(400):
        search.wave(evaluator, rows)
        done = rows[~search.searching(rows)]
        found = search.statistics(done)
        assert ((found.total >= 12) | (found.root_proof != 0)).all()  # each node has had its visit
        moved = np.union1d(done, rows[rng.random(16) < 0.02]) if turn % 2 else done
        moved = moved[states["outcome"][moved] == games.ONGOING].astype(np.int32)
        legal = game.legal_mask(states[moved])
        actions = (rng.random(legal.shape) * legal).argmax(1).astype(np.int32)
        reached = states[moved]
        game.step(reached, actions)
        states[moved] = reached
        search.advance(moved, actions, reached)
        over = rows[states["outcome"] != games.ONGOING]
        states[over] = game.new_states(len(over))
        search.reset(over, states[over])
    assert evaluator.put_off > 100


def test_a_tree_does_not_remember_the_one_before():
    game = games.get("tictactoe")
    states = positions(game, 5)
    rows = np.arange(5, dtype=np.int32)
    search = searched(game, states[::-1].copy(), 50)
    search.reset(rows, states)
    search.run(HashEvaluator(9), rows)
    np.testing.assert_array_equal(search.statistics(rows).visits, searched(game, states, 50).statistics(rows).visits)


# --- budgets ---


def test_a_budget_of_one_is_the_raw_policy():
    game = games.get("gomoku7")
    states = positions(game, 4)
    rows = np.arange(4, dtype=np.int32)
    search = searched(game, states, 1)
    logits, values = HashEvaluator(49).evaluate(states)
    logits = np.where(game.legal_mask(states), logits.astype(np.float64), -np.inf)
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(search.policy(rows), softmax, atol=1e-6)
    np.testing.assert_allclose(search.statistics(rows).value, values, atol=1e-6)
    assert (search.statistics(rows).total == 1).all()


def test_root_visits_are_the_budget_and_never_more():
    game = games.get("connect4")
    states = positions(game, 6)
    rows = np.arange(6, dtype=np.int32)
    search = Search(game, 6, 200)
    search.budget[:] = [0, 1, 2, 17, 64, 200]
    search.reset(rows, states)
    evaluator = HashEvaluator(7)
    for _ in range(300):
        search.wave(evaluator, rows)
        assert (search.statistics(rows).total <= search.budget).all()
    found = search.statistics(rows)
    np.testing.assert_array_equal(found.total[found.root_proof == 0], search.budget[found.root_proof == 0])
    assert search.wave(evaluator, rows) == 0
    assert not search.searching(rows).any()


def test_visits_that_were_kept_count():
    game = games.get("gomoku7")
    search = searched(game, game.new_states(1), 100)
    row = np.zeros(1, np.int32)
    action = search.policy(row).argmax(1).astype(np.int32)
    kept = search.statistics(row).visits[0, action[0]]
    after = game.new_states(1)
    game.step(after, action)
    search.advance(row, action, after)
    assert search.statistics(row).total[0] == kept
    assert search.statistics(row).visits[0].sum() == kept - 1
    search.run(HashEvaluator(49), row)
    assert search.statistics(row).total[0] == 100


def test_a_full_tree_stops():
    game = games.get("gomoku7")
    row = np.zeros(1, np.int32)
    search = searched(game, game.new_states(1), 500, capacity=20)
    assert search.statistics(row).total[0] == 20
    assert search.wave(HashEvaluator(49), row) == 0
    assert search.statistics(row).total[0] == 20
    assert searched(game, game.new_states(1), 500, capacity=1).statistics(row).total[0] == 1


def test_a_finished_game_needs_no_search():
    game = toy_games.WIN_AT_ONCE
    row = np.zeros(1, np.int32)
    over = game.new_states(1)
    game.step(over, np.array([1], np.int32))
    search = searched(game, over, 10)
    found = search.statistics(row)
    assert (found.root_proof[0], found.total[0]) == (kernels.WON, 0)  # `to_play` stays with player 0 there
    # Once more with memory that another search has written: nothing of it shines through.
    search.reset(row, game.new_states(1))
    search.run(UniformEvaluator(3), row)
    search.advance(row, np.array([1], np.int32), over)
    assert search.policy(row).sum() == 0
    assert search.statistics(row).prior.sum() == 0
    assert search.principal_variation(0) == []


def test_a_finished_game_shows_no_priors_of_an_older_tree():
    game = games.get("tictactoe")
    row = np.zeros(1, np.int32)
    states = positions(game, 9)
    search = searched(game, states[:1], 300, UniformEvaluator(9))
    near_end = game.new_states(1)
    for action in (0, 3, 1, 4):
        game.step(near_end, np.array([action], np.int32))
    search.reset(row, near_end)
    search.run(UniformEvaluator(9), row)
    win = np.array([2], np.int32)
    game.step(near_end, win)
    search.advance(row, win, near_end)
    assert near_end["outcome"][0] == 0
    assert search.policy(row).sum() == 0
    assert search.statistics(row).prior.sum() == 0


# --- noise ---


def noisy(game, states, share: float, budget: int = 1) -> tuple[Search, np.ndarray]:
    rows = np.arange(len(states), dtype=np.int32)
    noise = np.random.default_rng(0).gamma(0.3, size=(len(states), game.num_actions)).astype(np.float32)
    search = Search(game, len(states), 100)
    search.budget[:] = budget
    search.set_noise(rows, noise, share)
    search.reset(rows, states)
    search.run(HashEvaluator(game.num_actions), rows)
    return search, noise


def test_noise_is_mixed_into_the_legal_priors():
    game = games.get("gomoku7")
    states = positions(game, 5)
    rows = np.arange(5, dtype=np.int32)
    plain = searched(game, states, 1).statistics(rows).prior
    legal = game.legal_mask(states)
    search, noise = noisy(game, states, 0.25)
    noise = noise * legal
    expected = 0.75 * plain + 0.25 * noise / noise.sum(1, keepdims=True)
    np.testing.assert_allclose(search.statistics(rows).prior, expected, atol=1e-6)
    np.testing.assert_allclose(expected.sum(1), 1, atol=1e-5)
    assert (search.policy(rows)[legal == 0] == 0).all()


def test_a_kept_root_gets_its_noise():
    game = games.get("gomoku7")
    states = game.new_states(1)
    row = np.zeros(1, np.int32)
    search = searched(game, states, 90)
    action = search.policy(row).argmax(1).astype(np.int32)
    game.step(states, action)
    plain = searched(game, states, 1).statistics(row).prior
    noise = np.random.default_rng(1).gamma(0.3, size=(1, 49)).astype(np.float32)
    search.set_noise(row, noise, 0.5)
    search.advance(row, action, states)
    assert search.statistics(row).visits.sum() > 0  # kept, and opened actions have their share
    noise = noise * game.legal_mask(states)
    np.testing.assert_allclose(search.statistics(row).prior, 0.5 * plain + 0.5 * noise / noise.sum(), atol=1e-6)
    # The next move without noise: the priors below have never seen any.
    search.run(HashEvaluator(49), row)
    action = search.policy(row).argmax(1).astype(np.int32)
    game.step(states, action)
    search.set_noise(row, None)
    search.advance(row, action, states)
    plain = searched(game, states, 1).statistics(row).prior
    np.testing.assert_allclose(search.statistics(row).prior, plain, atol=1e-6)


def test_noise_of_a_row_stays_in_its_row():
    game = games.get("connect4")
    states = positions(game, 3)
    rows = np.arange(3, dtype=np.int32)
    search = Search(game, 3, 10)
    search.budget[:] = 1
    search.set_noise(rows[1:2], np.ones((1, 7), np.float32), 1.0)
    search.reset(rows, states)
    search.run(HashEvaluator(7), rows)
    prior = search.statistics(rows).prior
    np.testing.assert_allclose(prior[1], 1 / 7, atol=1e-6)
    np.testing.assert_array_equal(prior[::2], searched(game, states, 1).statistics(rows).prior[::2])


# --- softmax ---


def softmax(logits, mask, scale=1.0):
    """The kernel's result and numpy's in double precision, of scale * logits."""
    logits, mask = np.array(logits, np.float32), np.array(mask, np.uint8)
    out, bits, row = np.zeros(len(logits), np.float32), np.zeros(len(logits), np.int32), np.zeros(1, np.int32)
    powers = bits.view(np.float32)
    priors.masked_softmaxes(logits[None], mask[None], np.float32(scale), 1, row, row, bits, powers, out[None])
    with np.errstate(invalid="ignore"):
        exact = np.where(mask, scale * logits.astype(np.float64), -np.inf)
        exact = np.exp(exact - exact.max())
        exact /= exact.sum()
    assert (out[mask == 0] == -1).all()
    return np.where(mask, out, 0), exact


@pytest.mark.parametrize("size", [1, 2, 7, 16, 49, 81, 226, 362])
@pytest.mark.parametrize("scale", [0.01, 1.0, 10.0, 80.0])
def test_softmax_is_numpys(size, scale):
    rng = np.random.default_rng(size)
    for _ in range(20):
        mask = rng.random(size) < 0.7
        mask[rng.integers(size)] = True
        found, exact = softmax(rng.normal(0, scale, size), mask)
        np.testing.assert_allclose(found, exact, atol=1e-6)
        np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-30)
        np.testing.assert_allclose(found.sum(), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("logits", "mask"),
    [
        ([3e38, 0, -3e38, 1], [1, 1, 1, 1]),
        ([0, 1e30, 0, 0], [1, 0, 1, 1]),  # a huge logit on an illegal action
        ([-np.inf, 0, -np.inf, 0], [1, 1, 1, 0]),
        ([-1e30, -1e30, 5, 5], [1, 1, 0, 0]),
        ([-5000, 1, 2, 3], [1, 0, 0, 0]),  # one legal action
    ],
)
def test_softmax_of_extremes(logits, mask):
    found, exact = softmax(logits, mask)
    np.testing.assert_allclose(found, exact, atol=1e-6)


def test_softmax_where_every_legal_logit_is_minus_infinity():
    found, _ = softmax([-np.inf, -np.inf, 0], [1, 1, 0])
    np.testing.assert_allclose(found, [0.5, 0.5, 0], atol=1e-6)


@pytest.mark.parametrize("scale", [0.3, 0.5, 2.0])
def test_softmax_of_scaled_logits(scale):
    found, exact = softmax([3, -1, 0.5, 7], [1, 1, 1, 0], scale)
    np.testing.assert_allclose(found, exact, rtol=1e-5)


def test_an_action_without_any_prior_can_still_be_tried():
    """Logits 1000 apart: the second action's prior is nearly 0, but it is legal and the tree finds its win."""
    game = toy_games.WIN_AT_ONCE
    found = searched(game, game.new_states(1), 5000, Fixed(1000, -1000, 0)).statistics(np.zeros(1, np.int32))
    assert found.value[0] == 1


# --- what must not go on in silence ---


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["logits", "values"])
def test_an_evaluator_that_fails_is_found_out(broken, where):
    game = games.get("connect4")

    class Broken(UniformEvaluator):
        def evaluate(self, states):
            logits, values = super().evaluate(states)
            if where == "logits":
                logits[-1, 3] = broken
            else:
                values[-1] = broken
            return logits, values

    with pytest.raises(ValueError, match="not a finite number"):
        searched(game, game.new_states(4), 10, Broken(7))


def test_a_value_counts_as_a_win_or_a_loss_at_most():
    class Boasts(UniformEvaluator):
        def evaluate(self, states):
            return super().evaluate(states)[0], np.array([7, -7], np.float32)

    game = games.get("connect4")
    search = searched(game, game.new_states(2), 1, Boasts(7))
    assert search.statistics(np.arange(2, dtype=np.int32)).value.tolist() == [1, -1]


def test_rules_without_a_legal_action_are_found_out():
    stuck = toy_games.tree("stuck", (0, [(1, [])]))
    with pytest.raises(ValueError, match="no legal action"):
        searched(stuck, stuck.new_states(1), 10)


# --- choosing a move ---


def test_temperature_zero_takes_the_most_probable():
    policy = np.random.default_rng(0).dirichlet(np.ones(9), 50).astype(np.float32)
    uniform = np.random.default_rng(1).random(50)
    np.testing.assert_array_equal(choose(policy, 0, uniform), policy.argmax(1))


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_frequencies_follow_the_policy(temperature):
    policy = np.array([0.5, 0.0, 0.3, 0.2, 0.0], np.float32)
    count = 40000
    drawn = choose(np.tile(policy, (count, 1)), temperature, np.random.default_rng(0).random(count))
    expected = policy.astype(np.float64) ** (1 / temperature)
    np.testing.assert_allclose(np.bincount(drawn, minlength=5) / count, expected / expected.sum(), atol=0.01)


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2.0**-53])
@pytest.mark.parametrize("temperature", [0.0, 0.01, 1.0, 100.0])
def test_an_action_of_probability_zero_is_never_chosen(uniform, temperature):
    policy = np.array([[0, 0, 0.25, 0, 0.75, 0], [0, 1, 0, 0, 0, 0], [0.3, 0, 0, 0.3, 0.4, 0]], np.float32)
    drawn = choose(policy, temperature, np.full(3, uniform))
    assert (policy[np.arange(3), drawn] > 0).all()


def test_each_row_has_its_own_temperature():
    policy = np.array([[0.4, 0.6], [0.4, 0.6]], np.float32)
    np.testing.assert_array_equal(choose(policy, np.array([0.0, 1.0]), np.array([0.1, 0.1])), [1, 0])
