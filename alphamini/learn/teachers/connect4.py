"""A connect-four player: a short alpha-beta search over the bitboards, a look at the threats where it ends."""

from __future__ import annotations

import numpy as np
from numba import njit

from alphamini.learn.teachers.teacher import Teacher

# A column takes seven bits, its lowest cell first; the seventh is never set (see games/connect4.py).
FULL = sum(0b111111 << 7 * c for c in range(7))
BOTTOM = sum(1 << 7 * c for c in range(7))
CENTRE = 0b111111 << 7 * 3
ORDER = (3, 2, 4, 1, 5, 0, 6)  # the centre first: it cuts most

DEPTH = (0, 1, 3, 6)  # [level]: plies searched; at the last one, wins in one move are still seen
BLUNDER = (0.0, 0.15, 0.05, 0.0)  # [level]: the share of moves played at random
WIN = 1000  # plus the depth left, so that a quick win counts more
THREAT = 10  # an empty cell that completes four; a stone in the centre column counts 1


@njit(nogil=True, cache=True)
def _threats(stones, taken):
    """The empty cells, within reach or not, where one more stone completes four in a row."""
    found = 0
    for shift in (1, 6, 7, 8):
        below = (stones << shift) & (stones << 2 * shift)
        above = (stones >> shift) & (stones >> 2 * shift)
        found |= below & ((stones << 3 * shift) | (stones >> shift))
        found |= above & ((stones << shift) | (stones >> 3 * shift))
    return found & FULL & ~taken


@njit(nogil=True, cache=True)
def _count(bits):
    count = 0
    while bits:
        bits &= bits - 1
        count += 1
    return count


@njit("i8(i8, i8, i8, i8, i8)", nogil=True, cache=True)
def _value(own, other, depth, alpha, beta):
    """Negamax value for the mover, exact between alpha and beta."""
    taken = own | other
    if taken == FULL:
        return 0
    moves = (taken + BOTTOM) & FULL  # adding one below a column carries to its first empty cell
    threats = _threats(own, taken)
    if threats & moves:
        return WIN + depth
    if depth == 0:
        lead = _count(threats) - _count(_threats(other, taken))
        return THREAT * lead + _count(own & CENTRE) - _count(other & CENTRE)
    for column in ORDER:
        move = moves & (0b111111 << 7 * column)
        if move:
            alpha = max(alpha, -_value(other, own | move, depth - 1, -beta, -alpha))
            if alpha >= beta:
                break
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
        own, other = s.stones[s.to_play], s.stones[1 - s.to_play]
        taken = own | other
        moves = (taken + BOTTOM) & FULL
        wins = _threats(own, taken) & moves
        blunder = _noise(seeds[i], 7) < BLUNDER[levels[i]]  # no column is 7: a draw of its own
        best, best_noise = -2 * WIN, 0.0
        for column in ORDER:
            move = moves & (0b111111 << 7 * column)
            if not move:
                continue
            if blunder:
                value = 0
            elif move & wins:
                value = 2 * WIN
            else:  # one below the best, so that an equal value is exact
                value = -_value(other, own | move, DEPTH[levels[i]] - 1, -2 * WIN, 1 - best)
            noise = _noise(seeds[i], column)
            if value > best or (value == best and noise > best_noise):
                best, best_noise = value, noise
                actions[i] = column


TEACHER = Teacher(levels=3, opening_plies=8, choose=choose)
