"""Evaluators: what a search asks about its leaves (see `alphamini.search.search.Evaluator`). A net on the fastest backend
that loses nothing, or no net at all.

backend = make_backend(game, checkpoint.net, checkpoint.weights, workers=2)
evaluator = backend.worker()             # one for each thread; `selfplay_worker` for self-play
logits, value = evaluator.evaluate(states)
backend.update(weights)                  # workers use them from their next call on
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alphamini.model.cache import MEMORY, EvaluationCache, Lookup
from alphamini.model.checkpoint import Weights
from alphamini.model.config import NetConfig
from alphamini.model.engines import PRECISIONS, Engine, Sample, Wish, choose
from alphamini.model.fold import Array
from alphamini.model.quantize import random_positions
from games import Game, States
from games.playout import playout

STEP = 16  # positions: sizes of steady batches are multiples of it
RESULT = np.array([[1, -1, 0], [-1, 1, 0]], np.float32)  # [side to move, outcome]: the value


class Uniform:
    """Knows nothing: every move alike, every position even."""

    def __init__(self, game: Game):
        self._actions = game.num_actions

    def evaluate(self, states: States) -> tuple[Array, Array]:
        return np.zeros((len(states), self._actions), np.float32), np.zeros(len(states), np.float32)


class RandomRollouts:
    """The value is the result of one game played on at random: Monte Carlo tree search before there were nets."""

    at_once = 64  # a playout takes less than a wave of the search

    def __init__(self, game: Game, seed: int):
        self._game = game
        self._rng = np.random.default_rng(seed)
        self._logits = np.zeros((0, game.num_actions), np.float32)

    def evaluate(self, states: States) -> tuple[Array, Array]:
        ends = states.copy()
        playout(self._game, ends, self._rng)
        if len(states) > len(self._logits):
            self._logits = np.zeros((len(states), self._game.num_actions), np.float32)
        return self._logits[: len(states)], RESULT[states["to_play"], ends["outcome"]]


class NetEvaluator:
    """One thread's handle on a backend: its own planes, its own session. Only positions new to the cache are inferred.

    A graph that gets another batch size than the last time sizes all of its tensors anew, which costs as much as ten
    positions of 4 x 32 (docs/performance.md). A search of many trees does not mind what waits for its next wave, so the
    net computes steady batches for it: see `evaluate_some`.
    """

    def __init__(self, backend: NetBackend, small: int = 0):
        game = backend.game
        self._backend = backend
        self._small = small
        self._planes = np.zeros((0, game.num_planes, *game.shape), np.float32)
        self._lookup = Lookup(game)
        self._engine: Engine | None = None
        self._batch = 0

    def evaluate(self, states: States) -> tuple[Array, Array]:
        return self._answer(states, self._find(states))

    def evaluate_some(self, states: States) -> tuple[Array, Array]:
        """As `evaluate`, for as many of the first states as the net computes in one batch of its usual size."""
        missed = self._find(states)
        if len(missed) >= STEP:
            if not self._batch <= len(missed) < 1.5 * self._batch:
                self._batch = len(missed) // STEP * STEP
            if self._batch < len(missed):
                states, missed = states[: missed[self._batch]], missed[: self._batch]
        return self._answer(states, missed)

    def _find(self, states: States) -> NDArray[np.int64]:
        """The rows of `states` that the cache does not know; the answers for the others are in the lookup."""
        engine, cache = self._backend.current  # read once: another thread may hand over new weights meanwhile
        if engine is not self._engine:
            self._engine, self._session = engine, engine.session(self._small)
        self.cache = self._cache(engine, cache)
        return self.cache.find(states, self._lookup)

    def _cache(self, engine: Engine, shared: EvaluationCache) -> EvaluationCache:
        return shared

    def _answer(self, states: States, missed: NDArray[np.int64]) -> tuple[Array, Array]:
        if len(missed):
            new = states if len(missed) == len(states) else states[missed]
            self.cache.keep(self._lookup, missed, *self._session.infer(self._observe(new)))
        return self._lookup.logits[: len(states)], self._lookup.values[: len(states)]

    def _observe(self, states: States) -> Array:
        if len(states) > len(self._planes):
            self._planes = np.zeros((len(states), *self._planes.shape[1:]), np.float32)
        planes = self._planes[: len(states)]
        self._backend.game.observe(states, planes)
        return planes


class SelfPlayEvaluator(NetEvaluator):
    """Where a game stands when a round of self-play ends depends on which leaves have waited. That must not depend on
    what other threads have found, or runs would not repeat: each of these has a cache of its own, its share of the memory.
    """

    def __init__(self, backend: NetBackend, memory: int):
        super().__init__(backend)
        self._memory = memory
        self._cached: Engine | None = None  # whose answers the cache holds

    def _cache(self, engine: Engine, shared: EvaluationCache) -> EvaluationCache:
        if self._cached is not engine:
            self._cached, self.cache = engine, EvaluationCache(self._backend.game, self._memory)
        return self.cache


class NetBackend:
    """A net that several threads can ask. Made by `make_backend`."""

    current: tuple[Engine, EvaluationCache]

    def __init__(self, game: Game, config: NetConfig, weights: Weights, wish: Wish, calibration: States | None):
        self.game = game
        self._config = config
        self._wish = wish
        self._calibration = calibration
        self.update(weights)

    @property
    def name(self) -> str:
        return self.current[0].name

    def describe(self) -> str:
        """One line: what was picked, and why."""
        return f"{self.name}: {self._why}"

    def worker(self, small: int = 0) -> NetEvaluator:
        """A handle for one thread.

        small: of a search that somebody waits for, the most leaves of its waves. Batches of up to so many are computed
            faster then, but what a position gets depends a little on its batch, and the first call takes longer.
        """
        return NetEvaluator(self, small)

    def selfplay_worker(self) -> SelfPlayEvaluator:
        """A handle for one thread of self-play."""
        return SelfPlayEvaluator(self, MEMORY // self._wish.workers)

    def update(self, weights: Weights, calibration: States | None = None) -> None:
        """New weights; `calibration` (positions [N] like those to come), where given, replaces what there was.

        The choice of precision is made anew. A worker that is inside a call finishes it with the old weights.
        """
        if calibration is not None:
            self._calibration = calibration
        engine, self._why = choose(self._config, weights, self.game.shape, self._wish, self._sample)
        self.current = engine, EvaluationCache(self.game)

    def forget(self, memory: int = MEMORY) -> None:
        """An empty cache of at most `memory` bytes in place of what there was."""
        self.current = self.current[0], EvaluationCache(self.game, memory)

    def _sample(self) -> Sample:
        if self._calibration is None:
            self._calibration = random_positions(self.game, 256)
        return Sample(self.game.planes(self._calibration), self.game.legal_mask(self._calibration))


def make_backend(
    game: Game,
    config: NetConfig,
    weights: Weights,
    precision: str = "auto",
    workers: int = 1,
    device: str = "auto",
    calibration: States | None = None,
) -> NetBackend:
    """The net `config` with `weights` (names of `net.Net`'s state), ready for `workers` threads.

    precision: "auto" is the fastest that the machine computes natively and that agrees with fp32 on the calibration
        positions (see `quantize.Agreement`); or "fp32", "bf16", "int8".
    device: "auto" is CUDA, else OpenVINO, else torch on the CPU; or one of engines.DEVICES.
    calibration: positions [N] like those to come, none of them over; random games where there is nothing better.
    ValueError, one line, where the machine cannot do what was asked.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"no precision {precision!r}; there are {', '.join(PRECISIONS)}")
    return NetBackend(game, config, weights, Wish(precision, device, workers), calibration)
