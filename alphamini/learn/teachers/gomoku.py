"""A gomoku player without search: it knows what a stone on each empty cell would make on its four lines.

The shape that a stone makes on one line follows from the five cells on either side of it, each empty, own or
blocked (the opponent's or off the board): ten ternary digits, one table look-up. Five cells and not four, because
the standard rule asks whether a row of five goes on. The shape of two lines together (two fours, a four and a
three, two threes) is the cell's *rank*: how surely a stone there wins.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from alphamini.learn.teachers.teacher import Teacher

# Shapes: what a stone makes on one line. A FOUR is one stone from five, an OPEN_FOUR in two ways; a THREE is one
# stone from a four, an OPEN_THREE from an open four; and so on down.
NOTHING, ONE, OPEN_ONE, TWO, OPEN_TWO, THREE, OPEN_THREE, FOUR, OPEN_FOUR, FIVE = range(10)

# Ranks: what a stone makes on its four lines together. Lower ones are left to the score.
DOUBLE_THREE, FOUR_THREE, SURE_FOUR, WIN = range(2, 6)

# The rules in order of urgency: (0 the mover could make this | 1 stop the opponent from making it, rank).
# A four-three goes before the opponent's open three, because every move of it is a bigger threat.
RULES = ((0, WIN), (1, WIN), (0, SURE_FOUR), (0, FOUR_THREE), (1, SURE_FOUR), (1, FOUR_THREE), (0, DOUBLE_THREE),
         (1, DOUBLE_THREE))  # fmt: skip

# [level, shape]: the worth of a shape to the mover. The last row is rounded from a random search that played each
# try against six others on 9 x 9 and 15 x 15. Against the row above, all else equal, it wins 590, draws 1044 and
# loses 366 of 2000 games on 9 x 9, and 1036, 9 and 955 on 15 x 15.
# Level 1 only likes to be near stones of either colour.
WORTH = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 2, 2, 2, 2, 2, 2, 2],
        [0, 1, 2, 4, 10, 12, 30, 20, 30, 30],
        [0, 0.5, 3, 3, 10, 8, 18, 16, 30, 16],
    ],
    np.float32,
)
# The worth of taking a shape from the opponent, as a share of making it. At 1.0 nobody gets anywhere: on 9 x 9, after
# three random plies, 90 % of level 3's games against itself are draws; at 0.65, 46 %.
DENIAL = np.float32(0.65)
NOISE = np.array([0, 8, 15, 2], np.float32)  # [level]: each cell's score gets noise from [0, NOISE)


@njit(nogil=True, cache=True)
def _shapes():
    """u1[2, 3**10]: rule (0 freestyle, 1 standard), cells around a stone -> the shape that the stone makes.

    Digit d is the cell at distance d - 5 (d < 5) or d - 4 on the line: 0 empty, 1 own, 2 blocked. A shape follows
    from the shapes one own stone later; those have a larger index, so one pass downwards finds all.
    """
    count = 3**10
    shapes = np.zeros((2, count), np.uint8)
    digit = np.zeros(10, np.int8)
    for rule in range(2):
        for index in range(count - 1, -1, -1):
            rest = index
            for d in range(10):
                digit[d] = rest % 3
                rest //= 3
            before = 0
            while before < 5 and digit[4 - before] == 1:
                before += 1
            after = 0
            while after < 5 and digit[5 + after] == 1:
                after += 1
            length = before + 1 + after
            if length == 5 or (length > 5 and rule == 0):
                shapes[rule, index] = FIVE
                continue
            best, fives, power = 0, 0, 1
            for d in range(10):
                if digit[d] == 0:
                    shape = shapes[rule, index + power]
                    fives += shape == FIVE
                    best = max(best, shape)
                power *= 3
            if fives > 0:
                shapes[rule, index] = OPEN_FOUR if fives > 1 else FOUR
            else:
                shapes[rule, index] = max(0, best - 2)  # OPEN_FOUR -> OPEN_THREE, FOUR -> THREE, ...
    return shapes


@cache
def _tables() -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """i4[2**11]: a window of eleven bits -> ternary digits of the ten around its centre; and the shapes."""
    bits = (np.arange(2**11)[:, None] >> np.array([0, 1, 2, 3, 4, 6, 7, 8, 9, 10])) & 1
    return (bits @ 3 ** np.arange(10)).astype(np.int32), _shapes()


@njit(nogil=True, cache=True)
def _line(k, r, c, n):
    """The line through a cell in direction k (row, column, diagonal, anti-diagonal) and the place on it."""
    if k == 0:
        return r, c
    if k == 1:
        return c, r
    if k == 2:
        return r - c + n - 1, c
    return r + c, c


@njit(nogil=True, cache=True)
def _rank(index, shapes, level):
    """The rank of a cell from its four line indices; level 1 sees fives, level 2 open fours too, level 3 all."""
    most, fours, threes = 0, 0, 0
    for k in range(4):
        shape = shapes[index[k]]
        most = max(most, shape)
        fours += shape == FOUR
        threes += shape == OPEN_THREE
    if most == FIVE:
        return WIN
    if level == 1:
        return 0
    if most == OPEN_FOUR:
        return SURE_FOUR
    if level == 2:
        return 0
    if fours >= 2:
        return SURE_FOUR
    if fours == 1 and threes >= 1:
        return FOUR_THREE
    return DOUBLE_THREE if threes >= 2 else 0


@njit(nogil=True, cache=True)
def _stops(cell, threat, index, shapes, level, rank, n):
    """Does a stone on `cell` keep the opponent's stone on `threat` (its line indices: `index`) below `rank`?"""
    if cell == threat:
        return True
    dr, dc = cell // n - threat // n, cell % n - threat % n
    if max(abs(dr), abs(dc)) > 5:
        return False
    if dr == 0:
        k, distance = 0, dc
    elif dc == 0:
        k, distance = 1, dr
    elif dr == dc:
        k, distance = 2, dc
    elif dr == -dc:
        k, distance = 3, dc
    else:
        return False
    blocked = 2 * 3 ** (distance + 5 if distance < 0 else distance + 4)
    index[k] += blocked
    stopped = _rank(index, shapes, level) < rank
    index[k] -= blocked
    return stopped


@njit(nogil=True, cache=True)
def _noise(seed, cell):
    """Uniform in [0, 1): splitmix64 of seed and cell."""
    x = seed + np.uint64(cell + 1) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.float32((x ^ (x >> np.uint64(31))) >> np.uint64(40)) * np.float32(2.0**-24)


@njit(nogil=True, cache=True)
def _candidates(empty, index, ranks, shapes, level, n, candidate):
    """Marks in `candidate` the cells that the first rule that applies allows."""
    for side, rank in RULES:
        threats = [cell for cell in empty if ranks[side, cell] == rank]
        if len(threats) == 0:
            continue
        found = False
        for cell in empty:
            good = True
            if side == 0:
                good = ranks[0, cell] == rank
            else:
                for threat in threats:
                    if not _stops(cell, threat, index[1, threat], shapes, level, rank, n):
                        good = False
                        break
            candidate[cell] = good
            found |= good
        if found:
            return
        if rank >= SURE_FOUR:  # cannot be stopped: a four of one's own gains a move, or else hope
            for cell in empty:
                for k in range(4):
                    if rank == SURE_FOUR and shapes[index[0, cell, k]] == FOUR:
                        candidate[cell] = found = True
            if not found:
                for threat in threats:
                    candidate[threat] = True
            return
    for cell in empty:
        candidate[cell] = True


@njit(nogil=True, cache=True)
def _choose(states, levels, seeds, actions, ternary, all_shapes, worth, noise, denial):
    if len(states) == 0:
        return
    n = states[0].stones.shape[0]
    inside = np.zeros((4, 2 * n - 1), np.uint32)  # a line's cells are bits 5, 6, ...: five of margin for the window
    stones = np.zeros((2, 4, 2 * n - 1), np.uint32)
    index = np.zeros((2, n * n, 4), np.int32)  # the table index of each cell's four lines, for mover and opponent
    ranks = np.zeros((2, n * n), np.int8)
    score = np.zeros(n * n, np.float32)
    candidate = np.zeros(n * n, np.bool_)
    for r in range(n):
        for c in range(n):
            for k in range(4):
                line, place = _line(k, r, c, n)
                inside[k, line] |= np.uint32(1 << (place + 5))
    for i in range(len(states)):
        s = states[i]
        actions[i] = 0
        if s.outcome != -1:
            continue
        level, shapes = levels[i], all_shapes[s.rule]
        stones[:] = 0
        for r in range(n):
            for c in range(n):
                if s.stones[r, c] != 0:
                    side = (s.stones[r, c] - 1) ^ s.to_play
                    for k in range(4):
                        line, place = _line(k, r, c, n)
                        stones[side, k, line] |= np.uint32(1 << (place + 5))
        empty = np.empty(n * n, np.int32)
        count = 0
        for r in range(n):
            for c in range(n):
                if s.stones[r, c] != 0:
                    continue
                cell = r * n + c
                empty[count] = cell
                count += 1
                total = np.float32(0.0)
                for k in range(4):
                    line, place = _line(k, r, c, n)
                    mine = ternary[(stones[0, k, line] >> np.uint32(place)) & np.uint32(2047)]
                    theirs = ternary[(stones[1, k, line] >> np.uint32(place)) & np.uint32(2047)]
                    wall = ternary[(~inside[k, line] >> np.uint32(place)) & np.uint32(2047)]
                    index[0, cell, k] = mine + 2 * (theirs + wall)
                    index[1, cell, k] = theirs + 2 * (mine + wall)
                    total += worth[level, shapes[index[0, cell, k]]] + denial * worth[level, shapes[index[1, cell, k]]]
                for side in range(2):
                    ranks[side, cell] = _rank(index[side, cell], shapes, level)
                edge = min(min(r, n - 1 - r), min(c, n - 1 - c))
                score[cell] = total + min(edge, 4) + noise[level] * _noise(seeds[i], cell)
        candidate[:] = False
        _candidates(empty[:count], index, ranks, shapes, level, n, candidate)
        best = np.float32(-1.0)
        for cell in empty[:count]:
            if candidate[cell] and score[cell] > best:
                best = score[cell]
                actions[i] = cell


def choose(states, levels, seeds, actions):
    """See `Teacher.choose`."""
    _choose(states, levels, seeds, actions, *_tables(), WORTH, NOISE, DENIAL)


TEACHER = Teacher(levels=3, opening_plies=6, choose=choose)
