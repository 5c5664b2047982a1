"""Connect6: as gomoku, but six in a row are needed and a turn is two stones; only the first turn is one (I-C. Wu 2005).

Six or more of one's own in a row win, at once: the second stone of the turn is not placed any more. A full board is a
draw. Black ("x", player 0) begins. `connect6` is the game on 19 x 19, `connect6-9` the same on 9 x 9.

planes  0 the mover's stones | 1 the opponent's stones | 2 ones on the board | 3 ones if the mover has two stones to place
actions one stone: cell = row * n + column, row 0 at the top; written as a column letter and a row from the bottom (e5)
symmetries: the eight of the square
"""

from __future__ import annotations

import numpy as np
from numba import njit

from games.game import Game
from games.grid import cell_text, draw, parse_cell, square_symmetries

FULL_SIZE = 19
SIZES = (7, 9, 11, 13, 15, 17, FULL_SIZE)

# A 64-bit linear congruential generator (Knuth's MMIX); the playout uses its upper half, the good one.
MULTIPLIER, INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)


def state_dtype(n: int) -> np.dtype[np.void]:
    """`stones`: 0 empty, 1 player 0, 2 player 1. The board size is part of the type, so numba specialises on it.

    `pad` (zeros) fills the record to whole 8-byte words, which is how a cache of positions hashes it.
    """
    pad = -(n * n + 4) % 8
    return np.dtype(
        [
            ("stones", "i1", (n, n)),
            ("to_play", "i1"),
            ("outcome", "i1"),
            ("count", "i2"),
            ("pad", "u1", (pad,)),
        ]
    )


@njit(nogil=True, cache=True)
def _mover(count):
    """Whose turn it is when there are `count` stones: 0 | 1 1 | 0 0 | 1 1 ..."""
    return (count + 1) // 2 % 2


@njit(nogil=True, cache=True)
def init(states):
    for i in range(len(states)):
        s = states[i]
        s.stones[:, :] = 0
        s.to_play = 0
        s.outcome = -1
        s.count = 0
        s.pad[:] = 0


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
def _wins(stones, r, c, stone):
    """Does the stone on (r, c) complete a winning row?"""
    for k in range(4):
        dr = 0 if k == 0 else 1
        dc = 1 if k < 2 else (0 if k == 2 else -1)
        if _run(stones, r, c, dr, dc, stone, 5) + _run(stones, r, c, -dr, -dc, stone, 5) >= 5:
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
        s.to_play = _mover(s.count)
        if _wins(s.stones, r, c, player + 1):
            s.outcome = player
        elif s.count == n * n:
            s.outcome = 2


@njit(nogil=True, cache=True)
def observe(states, planes):
    for i in range(len(states)):
        s = states[i]
        n = s.stones.shape[0]
        own = s.to_play + 1
        two = np.float32(s.count % 2)
        for r in range(n):
            for c in range(n):
                stone = s.stones[r, c]
                planes[i, 0, r, c] = stone == own
                planes[i, 1, r, c] = stone == 3 - own
                planes[i, 2, r, c] = 1.0
                planes[i, 3, r, c] = two


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
                won |= pairs & (pairs >> np.uint32(2)) & (pairs >> np.uint32(4))
            if won != 0:
                outcome = player
                break
            player = _mover(n * n - empty)
        s.count = n * n - empty
        s.to_play = _mover(s.count)
        s.outcome = outcome


def make(n: int) -> Game:
    """Connect6 on n x n."""
    symmetries = square_symmetries(n)
    return Game(
        name="connect6" if n == FULL_SIZE else f"connect6-{n}",
        family="connect6",
        rules_version=1,
        shape=(n, n),
        num_planes=4,
        num_actions=n * n,
        max_plies=n * n,
        dtype=state_dtype(n),
        init=init,
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


GAMES = {"connect6" if n == FULL_SIZE else f"connect6-{n}": (lambda n=n: make(n)) for n in SIZES}
