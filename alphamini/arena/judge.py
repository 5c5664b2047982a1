"""The quick judge of a run: the net as it is against the net that self-play began with."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from alphamini.arena.match import play_match
from alphamini.arena.players import SearchPlayer, net_player
from alphamini.arena.ratings import elo_of_score
from alphamini.model.checkpoint import Checkpoint, load_checkpoint
from games import Game

GAMES, SIMS = 64, 16  # a quick look: the interval is wide, and printed


class Judge:
    """Plays short matches at equal simulations and the run's precision; `seconds` is the time that it has taken so far."""

    def __init__(self, game: Game, baseline: Path, threads: int, seed: int, precision: str):
        self._game, self._threads, self._seed, self._precision = game, threads, seed, precision
        self._baseline = self._player(load_checkpoint(baseline, game), "baseline")
        self.seconds = 0.0

    def _player(self, checkpoint: Checkpoint, name: str) -> SearchPlayer:
        return net_player(self._game, checkpoint, name, SIMS, None, self._threads, precision=self._precision)

    def compare(self, checkpoint: Checkpoint, number: int, stop: Callable[[], bool]) -> dict[str, float]:
        """Elo over the baseline, with half of its 95 % interval; `number` chooses the openings. Nothing if `stop()` ended
        the match early: of long games it would take minutes."""
        start = time.monotonic()
        now = self._player(checkpoint, "now")
        result = play_match(self._game, now, self._baseline, GAMES, self._seed + number, self._threads, stop=stop)
        if stop():
            return {}
        elo, half = elo_of_score(result.pair())
        self.seconds += time.monotonic() - start
        return {"elo": elo, "elo_half_interval": half}
