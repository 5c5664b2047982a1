"""When may a net compute in fewer bits? When it still says the same on positions of the game: what is measured here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alphamini.model.fold import Array
from games import Game, States

CHUNK = 16  # positions an inference, wherever a sample is run through a net (64 took 33 MB more on 15x15)

# Limits for `Agreement.holds`: somewhat beyond the worst of the trained nets whose int8 lost no match against their fp32
# (0.020 nats, 94 % and 0.028: docs/performance.md).
MOST_DIVERGENCE = 0.03
LEAST_TOP = 0.9
MOST_VALUE_ERROR = 0.04


@dataclass(frozen=True)
class Agreement:
    """How far a low-precision net is from the same net in fp32, over some positions."""

    divergence: float  # mean KL(fp32 || low) of the policies over legal actions, nats
    top: float  # share of positions whose best move is as good in fp32's eyes: at least 0.9 of its best prior
    value_error: float  # mean absolute difference

    @property
    def holds(self) -> bool:
        """Is the net near enough to fp32 to take its place?"""
        return self.divergence <= MOST_DIVERGENCE and self.top >= LEAST_TOP and self.value_error <= MOST_VALUE_ERROR

    def __str__(self) -> str:
        return f"policy KL {self.divergence:.4f}, best move {100 * self.top:.1f} %, value {self.value_error:.4f} off"


def agreement(reference: tuple[Array, Array], low: tuple[Array, Array], legal: NDArray[np.uint8]) -> Agreement:
    """Both nets' logits f4[B, A] and values f4[B] on the same positions, which have `legal` u1[B, A] actions."""
    p, q = _policy(reference[0], legal), _policy(low[0], legal)
    tiny = np.float32(1e-30)  # both are 0 where a move is not legal
    divergence = (p * (np.log(p + tiny) - np.log(q + tiny))).sum(1)
    top = p[np.arange(len(p)), q.argmax(1)] >= 0.9 * p.max(1)
    return Agreement(float(divergence.mean()), float(top.mean()), float(np.abs(reference[1] - low[1]).mean()))


def _policy(logits: Array, legal: NDArray[np.uint8]) -> Array:
    """The softmax over legal actions."""
    masked = np.where(legal, logits, -np.inf)
    p = np.exp(masked - masked.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def random_positions(game: Game, count: int, seed: int = 0) -> States:
    """Positions [count], one of each of so many random games, none of them over: calibration from nothing.

    Every position of a game is as likely as the others: the newest, the nth, takes the place of what was drawn with
    chance 1 / n.
    """
    rng = np.random.default_rng(seed)
    states = game.new_states(count)
    drawn, n = states.copy(), 1
    while True:
        legal = game.legal_mask(states)
        going = np.flatnonzero(legal.any(1))
        if not len(going):
            return drawn
        new = going[n * rng.random(len(going)) < 1]
        drawn[new] = states[new]
        moving = states[going]
        game.step(moving, (rng.random((len(going), game.num_actions)) * legal[going]).argmax(1).astype(np.int32))
        states[going] = moving
        n += 1
