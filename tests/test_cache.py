"""The evaluation cache: what it answers is what the net answers, and only new positions cost an inference."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import games
from alphamini.model.cache import EvaluationCache, Lookup
from alphamini.model.config import NetConfig
from alphamini.model.evaluators import NetBackend, make_backend
from alphamini.model.net import Net
from alphamini.model.quantize import random_positions

GAME = games.get("connect4")


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)  # whatever other tests have drawn
    config = NetConfig.for_game(GAME, 2, 16)
    return config, {name: w.numpy() for name, w in Net(config).state_dict().items()}


def counting(evaluator):
    """Counts the positions that reach the planes, so the net."""
    seen = []
    observe = evaluator._observe
    evaluator._observe = lambda states: (seen.append(len(states)), observe(states))[1]
    return seen


def test_answers_are_the_nets_and_known_positions_are_not_inferred_again(net):
    states = random_positions(GAME, 100)
    first, again = (make_backend(GAME, *net, precision="fp32").worker() for _ in range(2))
    want = [answer.copy() for answer in first.evaluate(states)]
    seen = counting(again)
    again.evaluate(states[:60])
    mixed = [answer.copy() for answer in again.evaluate(states)]
    for got, expected in zip(mixed, want, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)  # batches of other sizes may run other kernels
    assert sum(seen) <= 100 + len(states) - len(np.unique(states))
    again.evaluate(states)
    assert len(seen) == 2


@pytest.mark.parametrize("kind", [NetBackend.worker, NetBackend.selfplay_worker])
def test_new_weights_empty_the_cache(net, kind):
    config, weights = net
    backend = make_backend(GAME, config, weights)
    worker, states = kind(backend), random_positions(GAME, 50)
    before = worker.evaluate(states)[1].copy()
    backend.update({name: w * np.float32(1.5) for name, w in weights.items()})
    fresh = make_backend(GAME, config, {name: w * np.float32(1.5) for name, w in weights.items()}).worker()
    after = worker.evaluate(states)[1].copy()
    np.testing.assert_array_equal(after, fresh.evaluate(states)[1])
    assert (after != before).any()


@pytest.mark.parametrize("kind", [NetBackend.worker, NetBackend.selfplay_worker])
def test_steady_batches_have_one_size_and_the_same_answers(net, kind):
    """Of new positions, whatever number is asked about, once there are enough; and what is put off is left out."""
    worker, steady = make_backend(GAME, *net).worker(), kind(make_backend(GAME, *net))
    seen, rng = counting(steady), np.random.default_rng(0)
    states, answered = np.unique(random_positions(GAME, 3000)), []
    rng.shuffle(states)
    rest = states
    for count in (100, 97, 110, 120, 99, 130, 96, 90, 70, 5):
        logits, values = steady.evaluate_some(rest[:count])
        expected = worker.evaluate(rest[: len(values)])
        np.testing.assert_array_equal(logits, expected[0])
        np.testing.assert_array_equal(values, expected[1])
        answered.append(len(values))
        rest = rest[len(values) :]
    assert seen == answered == [96] * 7 + [80, 64, 5]
    again = states[:100]  # 96 of them are known by now, and the next four, too
    assert len(steady.evaluate_some(again)[1]) == 100
    assert steady.cache.computed == sum(seen)  # what was put off counts once, when it is answered
    assert len(seen) == 10


def test_a_small_table_forgets_but_never_mixes_positions_up():
    """Answers that name their position, in a table of four slots, from four threads."""
    table = EvaluationCache(GAME, 4 * (GAME.dtype.itemsize + 4 * GAME.num_actions + 4))
    states = np.unique(random_positions(GAME, 200))

    def work(seed):
        rng, lookup = np.random.default_rng(seed), Lookup(GAME)
        for _ in range(200):
            rows = rng.integers(0, len(states), 30)
            missed = table.find(states[rows], lookup)
            names = rows[missed].astype(np.float32)
            table.keep(lookup, missed, np.repeat(names[:, None], GAME.num_actions, 1), names)
            assert lookup.values[:30].tolist() == rows.tolist()
            assert (lookup.logits[:30] == rows[:, None]).all()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert 0 < table.computed < 4 * 200 * 30
