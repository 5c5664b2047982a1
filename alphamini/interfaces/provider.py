"""Engines for doors that do not know which game they will be asked for."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from alphamini.interfaces.engine import MEMORY, Engine
from alphamini.model.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from alphamini.model.evaluators import RandomRollouts
from alphamini.model.shipped import shipped_checkpoint
from games import Game

ROLLOUTS_SEED = 1
_log = logging.getLogger(__name__)


def engine_with(game: Game, checkpoint: Checkpoint | None) -> Engine:
    """An engine with a net, or, without one, with random rollouts."""
    if checkpoint is not None:
        return Engine(game, checkpoint)
    engine = Engine(game, evaluator=RandomRollouts(game, ROLLOUTS_SEED))
    engine.about = "random rollouts: no net ships for the game"
    return engine


def shipped_or_none(game: Game) -> Path | None:
    """The net that ships for the game; None where none does that fits, and the log says what thinks in its place."""
    try:
        path = shipped_checkpoint(game)
        load_checkpoint(path, game)
        return path
    except CheckpointError as error:
        _log.warning("%s; until then random rollouts think", error)
        return None


def open_engine(game: Game, checkpoint: Path | None = None) -> Engine:
    """With `checkpoint`, the net that ships, or random rollouts; CheckpointError, one line, where `checkpoint` is not
    a net for the game."""
    path = checkpoint or shipped_or_none(game)
    return engine_with(game, load_checkpoint(path, game) if path else None)


class Engines:
    """One engine at a time, for the game that was asked for last, within a limit of memory."""

    def __init__(self, checkpoint: Path | None = None):
        self._checkpoint = checkpoint
        self._engine: Engine | None = None
        self._memory: int | None = None

    def get(self, game: Game) -> Engine:
        if self._engine is None or self._engine.game is not game:
            self._engine = None  # makes room first
            self._engine = open_engine(game, self._checkpoint)
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
        room = self._memory - _peak_memory()
        if room < 0:
            _log.warning("%d MB are too few: the program alone takes %d MB", *(
                bytes_ >> 20 for bytes_ in (self._memory, self._memory - room)
            ))  # fmt: skip
        self._engine.limit_memory(min(max(room, 0), MEMORY))


def _peak_memory() -> int:
    """Bytes of the process at its largest so far; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
