"""Engines for doors that do not know which game they will be asked for."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from alphamini.interfaces.engine import MEMORY, ROLLOUT_SIMS, Engine
from alphamini.model.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from alphamini.model.evaluators import RandomRollouts
from alphamini.model.shipped import shipped_checkpoint
from games import Game

ROLLOUTS_SEED = 1
PROGRAM = 300 << 20  # bytes of Python, its libraries and a net, where they cannot be measured
RESERVE = 32 << 20  # bytes kept back for whatever else grows, beside the tree and the cache
SETTLING = 0.3  # seconds of searches before it is measured: inference's threads take memory when they first help
SETTLING_SIMS = 64
_log = logging.getLogger(__name__)


def engine_with(game: Game, checkpoint: Checkpoint | None) -> Engine:
    """An engine with a net, or, without one, with random rollouts."""
    if checkpoint is not None:
        return Engine(game, checkpoint)
    engine = Engine(game, evaluator=RandomRollouts(game, ROLLOUTS_SEED), sims=ROLLOUT_SIMS)
    engine.about = "random rollouts: no net ships for the game"
    return engine


def open_net(game: Game, path: Path | None) -> tuple[Path, Checkpoint] | None:
    """The net at `path`, or, without one, the net that ships for the game. None where none does that fits, and the log
    says what thinks in its place; CheckpointError, one line, where `path` is not a net for the game."""
    if path is not None:
        return path, load_checkpoint(path, game)
    try:
        path = shipped_checkpoint(game)
        return path, load_checkpoint(path, game)
    except CheckpointError as error:
        _log.warning("%s; until then random rollouts think", error)
        return None


class Engines:
    """One engine at a time, for the game that was asked for last, within a limit of memory."""

    def __init__(self, checkpoint: Path | None = None):
        self._checkpoint = checkpoint
        self._engine: Engine | None = None
        self._memory: int | None = None

    def get(self, game: Game) -> Engine:
        """The engine for `game`, loaded if it is another one than last time; CheckpointError as `open_net`, and then
        the last one stays."""
        if self._engine is None or self._engine.game is not game:
            found = open_net(game, self._checkpoint)
            self._engine = None  # makes room first
            self._engine = engine_with(game, found[1] if found else None)
            _log.info("%s, inference: %s", game.name, self._engine.about)
            self._limit()
        return self._engine

    def limit_memory(self, memory: int | None) -> None:
        """The whole process may take `memory` bytes; None: no limit."""
        if memory != self._memory:
            self._memory = memory
            self._limit()

    def _limit(self) -> None:
        if self._engine is None:
            return
        if self._memory is None:
            self._engine.limit_memory(MEMORY)
            return
        end = time.perf_counter() + SETTLING
        while time.perf_counter() < end:
            self._engine.limit_memory(0)
            self._engine.analyse(self._engine.game.initial(), sims=SETTLING_SIMS)
        self._engine.limit_memory(0)  # what was found so far is not a part of the program's own size
        program = _resident_memory() + RESERVE
        if program > self._memory:
            _log.warning("%d MB are too few: the program alone takes %d MB", self._memory >> 20, program >> 20)
        self._engine.limit_memory(min(max(self._memory - program, 0), MEMORY))


def _resident_memory() -> int:
    """Bytes of the process; a guess where the system does not say."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.is_file() else PROGRAM
