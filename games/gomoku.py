"""Gomoku: two players place stones on an n x n board in turn; who first has five of his own in a row, wins.

Freestyle (`gomoku9`): five or more win. Standard (`gomoku15-standard`): exactly five wins, for both sides.
A full board is a draw. Black ("x", player 0) begins.

planes  0 the mover's stones | 1 the opponent's stones | 2 ones on the board | 3 ones if exactly five is needed
        then empty cells where a stone makes, for the mover and for the opponent: 4, 5 a five | 6, 7 two or more ways to
        five (an open four, a double four) | 8, 9 one way (a four) | 10, 11 an open three, next an open four
        (what a move leads to at once is input, as in AlphaGo: Silver et al. 2016, extended data table 2)
actions cell = row * n + column, row 0 at the top; written as a column letter and a row from the bottom (e5)
symmetries: the eight of the square
"""

from __future__ import annotations

import numpy as np
from numba import njit

from games.game import Game
from games.grid import cell_text, draw, parse_cell, square_symmetries

SIZES = range(5, 21)
FREESTYLE, STANDARD = 0, 1

# A 64-bit linear congruential generator (Knuth's MMIX); the playout uses its upper half, the good one.
MULTIPLIER, INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)


def state_dtype(n: int) -> np.dtype[np.void]:
    """`stones`: 0 empty, 1 player 0, 2 player 1. The board size is part of the type, so numba specialises on it.

    `pad` (zeros) fills the record to whole 8-byte words, which is how a cache of positions hashes it.
    """
    pad = -(n * n + 5) % 8
    return np.dtype(
        [
            ("stones", "i1", (n, n)),
            ("to_play", "i1"),
            ("outcome", "i1"),
            ("rule", "i1"),
            ("count", "i2"),
            ("pad", "u1", (pad,)),
        ]
    )


@njit(nogil=True, cache=True)
def _start(states, rule):
    for i in range(len(states)):
        s = states[i]
        s.stones[:, :] = 0
        s.to_play = 0
        s.outcome = -1
        s.rule = rule
        s.count = 0
        s.pad[:] = 0


def init_freestyle(states):
    _start(states, FREESTYLE)


def init_standard(states):
    _start(states, STANDARD)


@njit(nogil=True, cache=True)
def legal(states, mask):
    for i in range(len(states)):
        s = states[i]
        n = s.stones.shape[0]
        over = s.outcome != -1
        for r in range(n):
            for c in range(n):
                mask[i, r * n + c] = (s.stones[r, c] == 0) & (not over)


@njit(nogil=True, cache=True)
def _run(stones, r, c, dr, dc, stone, most):
    """Stones of one colour in a row from (r, c), exclusive, in one direction; at most `most`."""
    n = stones.shape[0]
    length = 0
    r, c = r + dr, c + dc
    while length < most and 0 <= r < n and 0 <= c < n and stones[r, c] == stone:
        length += 1
        r, c = r + dr, c + dc
    return length


@njit(nogil=True, cache=True)
def _wins(stones, r, c, stone, rule):
    """Does the stone on (r, c) complete a winning row?"""
    for k in range(4):
        dr = 0 if k == 0 else 1
        dc = 1 if k < 2 else (0 if k == 2 else -1)
        length = 1 + _run(stones, r, c, dr, dc, stone, 5) + _run(stones, r, c, -dr, -dc, stone, 5)
        if length == 5 or (length > 5 and rule == 0):
            return True
    return False


@njit(nogil=True, cache=True)
def step(states, actions):
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        n = s.stones.shape[0]
        r, c = actions[i] // n, actions[i] % n
        player = s.to_play
        s.stones[r, c] = player + 1
        s.count += 1
        s.to_play = 1 - player
        if _wins(s.stones, r, c, player + 1, s.rule):
            s.outcome = player
        elif s.count == n * n:
            s.outcome = 2


@njit(nogil=True, cache=True)
def _at(mask, d):
    """Bit x of the result is bit x + d of `mask`."""
    return mask >> np.uint32(d) if d >= 0 else mask << np.uint32(-d)


@njit(nogil=True, cache=True)
def _threats(own, empty, exact, threats):
    """What a stone on each empty cell of each line makes: threats[0..3] five, ways to five >= 1, >= 2, open three.

    Bit masks u4[lines], five free bits below each. In a window of five cells the new stone lies at p and the cell that then
    completes it at q; where exactly five is needed, the cells beside the window must not be own. All loops but the first
    have constant bounds, so that the compiler unrolls them and takes many lines at once.
    """
    for line in range(len(own)):
        m, e = own[line], empty[line]
        beside = m if exact else np.uint32(0)
        five = one = two = three = np.uint32(0)
        for p in range(5):
            window = e & ~_at(beside, -1 - p) & ~_at(beside, 5 - p)
            for k in range(5):
                if k != p:
                    window &= _at(m, k - p)
            five |= window
        for d in range(-4, 5):  # one displacement q - p is one completing cell
            ways = np.uint32(0)
            for p in range(5):
                if d != 0 and 0 <= p + d < 5:
                    window = e & _at(e, d) & ~_at(beside, -1 - p) & ~_at(beside, 5 - p)
                    for k in range(5):
                        if k != p and k != p + d:
                            window &= _at(m, k - p)
                    ways |= window
            two |= one & ways
            one |= ways
        for p in range(1, 5):  # .oooo. with two stones missing, one here and one at q
            ends = e & _at(e, -p) & _at(e, 5 - p) & ~_at(beside, -1 - p) & ~_at(beside, 6 - p)
            for q in range(1, 5):
                if q != p:
                    window = ends & _at(e, q - p)
                    for k in range(1, 5):
                        if k != p and k != q:
                            window &= _at(m, k - p)
                    three |= window
        threats[0, line], threats[1, line], threats[2, line], threats[3, line] = five, one, two, three


@njit(nogil=True, cache=True)
def observe(states, planes):
    if len(states) == 0:
        return
    n = states[0].stones.shape[0]
    planes[:] = 0
    lines = np.zeros((3, 6 * n - 2), np.uint32)  # empty, player 0, player 1 x rows, columns, diagonals, anti-diagonals
    threats = np.zeros((4, 6 * n - 2), np.uint32)
    ways = np.zeros((n, n), np.int8)
    for i in range(len(states)):
        s = states[i]
        lines[:, :] = 0
        for r in range(n):
            for c in range(n):
                stone = s.stones[r, c]
                planes[i, 2, r, c] = 1.0
                planes[i, 3, r, c] = np.float32(s.rule)
                of = lines[stone]
                of[r] |= np.uint32(32 << c)  # five bits below the line are free, so that shifts lose nothing
                of[n + c] |= np.uint32(32 << r)
                of[3 * n - 1 + r - c] |= np.uint32(32 << c)
                of[4 * n - 1 + r + c] |= np.uint32(32 << c)
                if stone != 0:
                    planes[i, stone - 1 ^ s.to_play, r, c] = 1.0
        for side in range(2):
            _threats(lines[1 + (s.to_play ^ side)], lines[0], s.rule == STANDARD, threats)
            ways[:, :] = 0
            for line in range(6 * n - 2):
                five, one, two, three = threats[0, line], threats[1, line], threats[2, line], threats[3, line]
                some = (five | one | three) >> np.uint32(5)
                at = 0
                while some != 0:
                    if some & np.uint32(1):
                        if line < n:
                            r, c = line, at
                        elif line < 2 * n:
                            r, c = at, line - n
                        elif line < 4 * n - 1:
                            r, c = line - (3 * n - 1) + at, at
                        else:
                            r, c = line - (4 * n - 1) - at, at
                        bit = np.uint32(32 << at)
                        if five & bit:
                            planes[i, 4 + side, r, c] = 1.0
                        if three & bit:
                            planes[i, 10 + side, r, c] = 1.0
                        ways[r, c] += np.int8((one & bit) != 0) + np.int8((two & bit) != 0)
                    some >>= np.uint32(1)
                    at += 1
            for r in range(n):
                for c in range(n):
                    if ways[r, c] != 0:
                        planes[i, (6 if ways[r, c] > 1 else 8) + side, r, c] = 1.0


@njit(nogil=True, cache=True)
def _mix(seed):
    """splitmix64 (Steele, Lea, Flood 2014): neighbouring seeds give unrelated numbers."""
    x = seed + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(nogil=True, cache=True)
def playout(states, seeds):
    """Random games on line bit masks: a stone sets one bit in each of the four lines through its cell.

    Indices are made unsigned where it pays: numba then drops its test for negative ones.
    """
    if len(states) == 0:
        return
    n = states[0].stones.shape[0]
    lines = np.zeros((2, 6 * n - 2), np.uint32)  # rows, columns, diagonals, anti-diagonals
    free = np.zeros(n * n, np.int64)
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        lines[:, :] = 0
        empty = 0
        for r in range(n):
            for c in range(n):
                stone = s.stones[r, c]
                if stone == 0:
                    free[empty] = r << 5 | c
                    empty += 1
                else:
                    own = lines[stone - 1]
                    own[r] |= np.uint32(1 << c)
                    own[n + c] |= np.uint32(1 << r)
                    own[3 * n - 1 + r - c] |= np.uint32(1 << c)
                    own[4 * n - 1 + r + c] |= np.uint32(1 << c)
        player = s.to_play
        rule = s.rule
        x = _mix(seeds[i])
        outcome = 2
        while empty > 0:
            x = x * MULTIPLIER + INCREMENT
            k = np.uint64(np.int64(x >> np.uint64(32)) * empty >> 32)
            cell = free[k]
            empty -= 1
            free[k] = free[np.uint64(empty)]
            r, c = cell >> 5, cell & 31
            s.stones[np.uint64(r), np.uint64(c)] = player + 1
            own = lines[player]
            won = np.uint32(0)
            for line in range(4):
                if line == 0:
                    at, bit = r, c
                elif line == 1:
                    at, bit = n + c, r
                elif line == 2:
                    at, bit = 3 * n - 1 + r - c, c
                else:
                    at, bit = 4 * n - 1 + r + c, c
                m = own[np.uint64(at)] | (np.uint32(1) << np.uint32(bit))
                own[np.uint64(at)] = m
                pairs = m & (m >> np.uint32(1))
                five = pairs & (pairs >> np.uint32(2)) & (m >> np.uint32(4))
                if rule == 1:
                    five &= ~(m << np.uint32(1)) & ~(m >> np.uint32(5))
                won |= five
            player = 1 - player
            if won != 0:
                outcome = 1 - player
                break
        s.to_play = player
        s.outcome = outcome
        s.count = n * n - empty


def make(n: int, standard: bool = False) -> Game:
    """Gomoku on n x n."""
    symmetries = square_symmetries(n)
    return Game(
        name=f"gomoku{n}" + ("-standard" if standard else ""),
        family="gomoku",
        rules_version=2,
        shape=(n, n),
        num_planes=12,
        num_actions=n * n,
        max_plies=n * n,
        dtype=state_dtype(n),
        init=init_standard if standard else init_freestyle,
        legal=legal,
        step=step,
        observe=observe,
        playout=playout,
        action_symmetries=symmetries,
        cell_symmetries=symmetries,
        action_text=lambda action: cell_text(action, n, n),
        parse_action=lambda text: parse_cell(text, n, n),
        board_text=lambda state, last, colour: draw(state["stones"], last, colour),
        sides=("black", "white"),
    )


GAMES = {
    f"gomoku{n}" + ("-standard" if standard else ""): (lambda n=n, standard=standard: make(n, standard))
    for n in SIZES
    for standard in (False, True)
}
