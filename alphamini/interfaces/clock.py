"""A player's clock: how long may the next move take? All times are seconds."""

from __future__ import annotations

from dataclasses import dataclass

HORIZON = 25  # own moves that the time of a game is kept for: a share of 1/25 of what is left, every move
LAG = 0.05  # what a move may cost beside its thinking: the pipe, the other side's scheduler
SLACK, MOST_SLACK = 0.05, 0.5  # and the share of a limit that is never used, up to this


@dataclass
class Clock:
    """Limits of one side. `left` None: the game has no limit; `turn` None: a single move has none.

    With `stones` > 0, `left` is for that many moves (Canadian byo-yomi). Else it is for the rest of the game, or, with
    `period_stones` > 0, until the first byo-yomi period of `period` seconds for `period_stones` moves.
    """

    turn: float | None = None
    left: float | None = None
    stones: int = 0
    period: float = 0.0
    period_stones: int = 0
    late: float = 0.0  # of the next move's time that has gone before its search begins

    def budget(self, moves_to_go: int) -> float | None:
        """How long to think about this move at most, some slack left out; `moves_to_go` own moves may still come.

        None: no limit. 0: at once.
        """
        limits = [] if self.turn is None else [_safe(self.turn)]
        if self.left is not None:
            if self.stones:
                limits.append(_safe(self.left / self.stones))
            else:
                spare = self.period / self.period_stones if self.period_stones else 0.0
                limits.append(_safe(self.left / max(1, min(HORIZON, moves_to_go)) + spare))
        return max(min(limits) - self.late, 0.0) if limits else None

    def spend(self, seconds: float) -> None:
        """A move has taken so long. Where the other side keeps the time too, its word comes after and counts."""
        seconds, self.late = seconds + self.late, 0.0
        if self.left is None:
            return
        if self.stones == 0 and self.period_stones and seconds >= self.left:  # the first period has begun meanwhile
            seconds -= self.left
            self.left, self.stones = self.period, self.period_stones
        self.left = max(self.left - seconds, 0.0)
        if self.stones:
            self.stones -= 1
            if self.stones == 0 and self.period_stones:
                self.left, self.stones = self.period, self.period_stones


def _safe(limit: float) -> float:
    """A limit less the slack; half of it where it is tiny."""
    limit = max(limit, 0.0)
    return max(limit - LAG - min(SLACK * limit, MOST_SLACK), limit / 2)
