"""The engine: what a net and a search think of one position after another. The core of every interface."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import numpy as np

from alphamini.model import cache
from alphamini.model.checkpoint import Checkpoint, load_checkpoint, same_family
from alphamini.model.evaluators import NetBackend, make_backend
from alphamini.model.shipped import shipped_checkpoint
from alphamini.search.search import MAX_SIMS, MOST_LEAVES, VISITS_A_LEAF, Evaluator, Search, bytes_a_node, exact_value
from games import Game, Position, get

DEFAULT_SIMS, ROLLOUT_SIMS = 400, 20_000  # with a net; with random playouts, which are cheap and say little each
MEMORY = 2**30  # bytes of a full tree and its cache; the machine gives them page by page, as they fill
CACHE_SHARE = 0.25  # of the memory, up to the usual size of a cache
MIN_NODES, MAX_NODES = 512, 300_000
WARM_SIMS = 4 * VISITS_A_LEAF  # until a search has taken several leaves at once
ROW = np.zeros(1, np.int32)  # the engine's one tree


@dataclass(frozen=True)
class Candidate:
    """A legal move in the search's eyes. Win rates and proofs are for the side that would play it."""

    action: int
    visits: int
    win_rate: float  # in [0, 1], a draw counts half, exact where `proof` is; nan where the move was never tried
    prior: float  # the net's own policy; the search explores by a flatter one
    proof: int  # as `Analysis.proof`
    share: float  # of the search's policy: what a temperature draws from


@dataclass(frozen=True)
class Analysis:
    """What the search thinks of a position. Win rates and proofs are for the side to move."""

    action: int  # the move it would play
    win_rate: float
    visits: int
    seconds: float
    variation: tuple[int, ...]  # the principal variation, `action` first
    proof: int  # 0 unless the result is certain: see alphamini.search.kernels, and `search.proof_plies`
    candidates: tuple[Candidate, ...]  # every legal move, the best first


Watch = Callable[[Callable[[], Analysis]], bool]
"""Asked after every wave of a search, with what gives its result so far; True ends the search."""


class Engine:
    """Analyses positions of one game. A tree that the next position lies in is used again."""

    def __init__(
        self,
        game: Game | str,
        checkpoint: Checkpoint | Path | str | None = None,
        evaluator: Evaluator | None = None,
        sims: int = DEFAULT_SIMS,
    ):
        """With the net `checkpoint`, by default the one that ships for the game; or with any `evaluator` in its place.
        `sims`: how many simulations a search gets that nobody limits.

        ValueError with one line where there is no such game or no such net, or for `sims` below 1.
        """
        _refuse_senseless(sims, None)
        self.game = get(game) if isinstance(game, str) else game
        self._sims = sims
        self.about = "an evaluator of your own"  # what evaluates, and why it was picked
        self._backend: NetBackend | None = None
        self._evaluator = evaluator or self._net(checkpoint)
        self.limit_memory(0)
        self._warm_up()
        self.limit_memory(MEMORY)

    def _warm_up(self) -> None:
        """Loads all code, compiled where it is not yet: no move's time pays for it."""
        start = self.game.initial()
        after = start.play(self.analyse(start, WARM_SIMS).action)
        if not after.is_over:
            self.analyse(after, sims=2)  # in the same tree

    def limit_memory(self, memory: int) -> None:
        """Forgets everything; from now on at most `memory` bytes are for what is found (but MIN_NODES nodes at least)."""
        if self._backend is not None:
            kept = min(int(CACHE_SHARE * memory), cache.MEMORY)
            self._backend.forget(kept)
            memory -= kept
        nodes = max(MIN_NODES, min(MAX_NODES, memory // bytes_a_node(self.game)))
        self._search = Search(self.game, trees=1, capacity=nodes)
        self._root: Position | None = None  # where the tree stands

    def _net(self, checkpoint: Checkpoint | Path | str | None) -> Evaluator:
        if not isinstance(checkpoint, Checkpoint):
            checkpoint = load_checkpoint(Path(checkpoint or shipped_checkpoint(self.game)), self.game)
        elif not (same_family(checkpoint.game, self.game) and checkpoint.net.fits(self.game)):
            raise ValueError(f"a net for {checkpoint.game} does not fit {self.game.name}")
        self._backend = make_backend(self.game, checkpoint.net, checkpoint.weights, workers=1)
        self.about = self._backend.describe() + checkpoint.elsewhere(self.game)
        return self._backend.worker(MOST_LEAVES)

    def analyse(
        self,
        position: Position,
        sims: int | None = None,
        seconds: float | None = None,
        watch: Watch | None = None,
        fresh: bool = False,
    ) -> Analysis:
        """Searches for so many simulations or so long, whichever ends first (neither: the engine's own number).

        Simulations that an earlier search left in the tree count (`fresh`: that tree is forgotten first). A result that is
        certain ends the search early, and so does a full tree: of MAX_NODES nodes, or of what `limit_memory` leaves.
        ValueError, one line, for a finished game, another engine's game, `sims` below 1, or `seconds` below 0.
        """
        start = time.perf_counter()
        if position.game is not self.game:
            raise ValueError(f"a position of {position.game.name}; this engine plays {self.game.name}")
        if position.is_over:
            raise ValueError("the game is over")
        _refuse_senseless(sims, seconds)
        if fresh:
            self._root = None
        self._move_to(position)
        if sims is None:
            sims = self._sims if seconds is None else MAX_SIMS
        longest, end = 0.0, start + (float("inf") if seconds is None else seconds)
        last = time.perf_counter()  # a large tree takes a while to move, but only once
        self._search.budget[0] = min(sims, MAX_SIMS)
        while self._search.searching(ROW)[0]:
            self._search.hasty_wave(self._evaluator, ROW)
            now = time.perf_counter()
            longest = max(longest, now - last)
            if now + longest >= end:  # the next wave may end too late: on a busy machine some take many times as long
                break
            if watch is not None and watch(lambda: self._read(position, start)):
                break
            last = now
        self._root = position
        return self._read(position, start)

    def _move_to(self, position: Position) -> None:
        """Makes `position` the root: down the tree where it was reached from the root, else as a new tree.

        Until `analyse` ends there is no root: an interrupted search leaves a tree that cannot be used again."""
        root, self._root = self._root, None
        path: list[Position] = []
        earlier: Position | None = position
        while earlier is not None and earlier is not root:
            path.append(earlier)
            earlier = earlier.previous
        if earlier is None:
            self._search.reset(ROW, position.state)
            return
        for step in reversed(path):
            self._search.advance(ROW, np.array(step.moves[-1:], np.int32), step.state)

    def _read(self, position: Position, start: float) -> Analysis:
        statistics, policy = self._search.statistics(ROW), self._search.policy(ROW)[0]
        visits, proof = statistics.visits[0], statistics.proof[0]
        prior = statistics.prior[0] ** self._search.config.prior_temperature
        prior /= max(prior.sum(), 1e-30)  # all 0 at a root that was proven before the net was asked
        win_rate = (1 + np.where(proof != 0, exact_value(proof), statistics.q[0])) / 2
        variation = self._search.principal_variation(0) or [int(self._search.best(ROW)[0])]
        best, overall = variation[0], float(1 + statistics.value[0]) / 2
        certain = int(statistics.root_proof[0])
        return Analysis(
            action=best,
            win_rate=overall if certain or isnan(win_rate[best]) else float(win_rate[best]),
            visits=int(statistics.total[0]),
            seconds=time.perf_counter() - start,
            variation=tuple(variation),
            proof=certain,
            candidates=tuple(
                Candidate(a, int(visits[a]), float(win_rate[a]), float(prior[a]), int(proof[a]), float(policy[a]))
                for a in sorted(position.legal_actions, key=lambda a: (a != best, -policy[a], -visits[a], -prior[a]))
            ),
        )


def _refuse_senseless(sims: int | None, seconds: float | None) -> None:
    """ValueError, one line, for a budget that no search can have, nan too."""
    if sims is not None and not sims >= 1:
        raise ValueError(f"sims must be 1 or more, not {sims}")
    if seconds is not None and not seconds >= 0:
        raise ValueError(f"seconds must be 0 or more, not {seconds}")
