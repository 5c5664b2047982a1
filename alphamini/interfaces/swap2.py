"""Swap2, the opening of gomoku tournaments: who places the first stones does not choose the colour.

The first player places three stones (black, white, black). The second one takes black (a swap), or keeps white and
plays the fourth stone, or places two more and leaves the choice to the first. The same choice is asked with 5 stones.

What each gives us for sure: white its win rate, black the rest of it to 1, two stones the worse colour of what comes of
them. That is 0.5 at most, and the better colour of three stones 0.5 at least: were values exact, nobody would ever
place two. They are not, and three stones are the opponent's choice, who may know more of them than our search; so
their better colour must promise MARGIN more than the best two stones that we find.
"""

from __future__ import annotations

import random
from math import inf
from time import perf_counter

from alphamini.interfaces.engine import Analysis, Watch
from alphamini.interfaces.session import Session
from games import Position

STONES = (0, 3, 5)  # how many there may be when we are asked
MARGIN = 0.05  # 400 simulations of the shipped net are 0.02 to 0.04 off what 1,600 say of three stones
PROPOSALS = 64  # openings that the net looks at before one is proposed
SEARCHED = 4  # of them, the most balanced ones, are searched too


def answer(session: Session, position: Position, rng: random.Random, watch: Watch | None = None) -> list[int]:
    """The actions to place, black's first; none: we take black. ValueError where the game is over already.

    Takes the time of one move, and the clock runs. `watch` ends each of the searches.
    """
    if position.is_over:
        raise ValueError("the game is over")
    time = _Time(session, position, watch)
    actions = _choose(time, position, rng) if position.moves else _propose(time, position, 3, rng)[0]
    session.clocks[position.to_play].spend(time.spent)
    return actions


def _choose(time: _Time, position: Position, rng: random.Random) -> list[int]:
    may_place_two = len(position.moves) == 3
    analysis = time.search(position, 0.5 if may_place_two else 1.0)  # white is to move: who keeps it plays there
    white = analysis.win_rate
    if may_place_two and max(white, 1 - white) < 0.5 + MARGIN:
        two, even = _propose(time, position, 2, rng)
        if max(white, 1 - white) < even + MARGIN:
            return two
    return [analysis.action] if white >= 0.5 else []


def _propose(time: _Time, position: Position, stones: int, rng: random.Random) -> tuple[list[int], float]:
    """So many stones after which the colours are as even as can be found, and the worse colour's win rate."""
    cells, half = position.legal_actions, time.spent + time.left / 2
    openings: list[tuple[float, Position]] = []
    while len(openings) < PROPOSALS and (time.spent < half or not openings):
        opening = position.play_all(rng.sample(cells, stones))
        openings.append((_worse(time.glance(opening)), opening))
    openings.sort(key=lambda found: -found[0])
    tried = openings[:SEARCHED]
    searched = [(_worse(time.search(opening, 1 / (len(tried) - i))), opening) for i, (_, opening) in enumerate(tried)]
    even, best = max(searched, key=lambda found: found[0])
    return list(best.moves[-stones:]), even


def _worse(analysis: Analysis) -> float:
    """The win rate of the colour that the other side leaves to us."""
    return min(analysis.win_rate, 1 - analysis.win_rate)


class _Time:
    """The time of one move in `position`, shared by several searches."""

    def __init__(self, session: Session, position: Position, watch: Watch | None):
        self._session, self._watch, self._start = session, watch, perf_counter()
        budget = session.budget(position)
        self._budget = inf if budget is None else budget

    @property
    def spent(self) -> float:
        return perf_counter() - self._start

    @property
    def left(self) -> float:
        """Seconds; inf where there is no limit."""
        return max(self._budget - self.spent, 0.0)

    def search(self, position: Position, share: float) -> Analysis:
        """With a share of the time that is left."""
        seconds = None if self._budget == inf else share * self.left
        return self._session.engine.analyse(position, self._session.sims, seconds, self._watch)

    def glance(self, position: Position) -> Analysis:
        """What the net says without a search."""
        return self._session.engine.analyse(position, sims=1)
