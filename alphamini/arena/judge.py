"""The quick judge of a run: the net as it is against the net that self-play began with."""

from __future__ import annotations

import time
from pathlib import Path

from alphamini.arena.match import play_match
from alphamini.arena.players import net_player
from alphamini.arena.ratings import elo_of_score
from alphamini.model.checkpoint import Checkpoint, load_checkpoint
from games import Game

GAMES, SIMS = 64, 16  # a quick look: the interval is wide, and printed


class Judge:
    """Plays short matches at equal simulations; `seconds` is the time that it has taken so far."""

    def __init__(self, game: Game, baseline: Path, threads: int, seed: int):
        self._game, self._threads, self._seed = game, threads, seed
        self._baseline = net_player(game, load_checkpoint(baseline, game), "baseline", SIMS, None, threads)
        self.seconds = 0.0

    def compare(self, checkpoint: Checkpoint, number: int) -> dict[str, float]:
        """Elo over the baseline, with half of its 95 % interval; `number` chooses the openings."""
        start = time.monotonic()
        now = net_player(self._game, checkpoint, "now", SIMS, None, self._threads)
        result = play_match(self._game, now, self._baseline, GAMES, self._seed + number, self._threads)
        elo, half = elo_of_score(result.pair())
        self.seconds += time.monotonic() - start
        return {"elo": elo, "elo_half_interval": half}
