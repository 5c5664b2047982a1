"""What a scripted teacher is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Teacher:
    """A scripted player of several levels.

    `choose(states [B], levels i1[B], seeds u8[B], actions i4[B])` writes one legal action a record, and 0 where the
    game is over. `levels` are 1 (weakest) to `Teacher.levels`. All randomness comes from `seeds`: the same record,
    level and seed give the same action, whatever else is in the batch. It allocates little and releases the GIL.
    """

    levels: int
    opening_plies: int  # a scripted game opens with 0 to this many random plies, so that games differ
    choose: Callable[..., None]
