"""A tic-tac-toe player: alpha-beta to the end of the game; the weaker level only takes a win that is there."""

from __future__ import annotations

import numpy as np
from numba import njit

from alphamini.learn.teachers.teacher import Teacher

LINES = (0o007, 0o070, 0o700, 0o111, 0o222, 0o444, 0o421, 0o124)  # bit = cell
FULL = 0o777

DEPTH = (0, 1, 9)  # [level]: plies searched
WIN = 10  # plus the depth left, so that a quick win counts more


@njit("i8(i8, i8, i8, i8, i8)", nogil=True, cache=True)
def _value(own, other, depth, alpha, beta):
    """Negamax value for the mover, exact between alpha and beta; beyond the depth it counts as a draw."""
    for line in LINES:
        if other & line == line:
            return -WIN - depth
    empty = FULL & ~(own | other)
    if empty == 0 or depth == 0:
        return 0
    while empty and alpha < beta:
        move = empty & -empty
        empty ^= move
        alpha = max(alpha, -_value(other, own | move, depth - 1, -beta, -alpha))
    return alpha


@njit(nogil=True, cache=True)
def _noise(seed, action):
    """Uniform in [0, 1): splitmix64 of seed and action."""
    x = seed + np.uint64(action + 1) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x ^ (x >> np.uint64(31))) * 2.0**-64


@njit(nogil=True, cache=True)
def choose(states, levels, seeds, actions):
    """See `Teacher.choose`. Random among the moves of the best value."""
    for i in range(len(states)):
        s = states[i]
        actions[i] = 0
        if s.outcome != -1:
            continue
        own, other = np.int64(s.stones[s.to_play]), np.int64(s.stones[1 - s.to_play])
        best, best_noise = -2 * WIN, 0.0
        for cell in range(9):
            move = 1 << cell
            if (own | other) & move:
                continue
            # The window begins one below the best, so that an equal value is exact.
            value = -_value(other, own | move, DEPTH[levels[i]] - 1, -2 * WIN, 1 - best)
            noise = _noise(seeds[i], cell)
            if value > best or (value == best and noise > best_noise):
                best, best_noise = value, noise
                actions[i] = cell


TEACHER = Teacher(levels=2, opening_plies=3, choose=choose)
