"""Swap2, the opening of gomoku tournaments: who places the first stones does not choose the colour.

The first player places three stones (black, white, black). The second one takes black (a swap), or keeps white and
plays the fourth stone, or places two more and leaves the choice to the first. The same choice is asked with 5 stones.
"""

from __future__ import annotations

import random

from alphamini.interfaces.session import Session
from games import Position

STONES = (0, 3, 5)  # how many there may be when we are asked
PROPOSALS = 24  # openings that are looked at before one is proposed


def answer(session: Session, position: Position, rng: random.Random) -> list[int]:
    """The actions to place, black's first; none: we take black. ValueError where the game is over already."""
    if position.is_over:
        raise ValueError("the game is over")
    if not position.moves:
        return _propose(session, rng)
    analysis = session.analyse(position=position)  # white is to move: who keeps white plays there
    return [analysis.action] if analysis.win_rate >= 0.5 else []


def _propose(session: Session, rng: random.Random) -> list[int]:
    """Three stones after which the net, without a search, is least sure who wins."""
    cells = range(session.game.num_actions)
    openings = [session.game.initial().play_all(rng.sample(cells, 3)) for _ in range(PROPOSALS)]
    balanced = min(openings, key=lambda o: abs(session.engine.analyse(o, sims=1).win_rate - 0.5))
    return list(balanced.moves)
