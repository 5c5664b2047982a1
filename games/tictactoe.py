"""Tic-tac-toe: who first has three of his own in a row on the 3 x 3 board, wins; a full board is a draw.

planes  0 the mover's stones | 1 the opponent's stones | 2 ones
actions cell = row * 3 + column, row 0 at the top; written as a column letter and a row from the bottom (b2)
symmetries: the eight of the square
"""

from __future__ import annotations

import numpy as np
from numba import njit

from games.game import Game
from games.grid import cell_text, draw, parse_cell, square_symmetries

# `stones`: a bitboard a player, bit = cell. All that is asked of a set of cells is looked up in tables of 512.
DTYPE: np.dtype[np.void] = np.dtype([("stones", "i2", (2,)), ("to_play", "i1"), ("outcome", "i1"), ("pad", "u1", (2,))])
LINES = (0o007, 0o070, 0o700, 0o111, 0o222, 0o444, 0o421, 0o124)
GOES_ON = np.array([all(stones & line != line for line in LINES) for stones in range(512)], np.uint8)
EMPTY = np.array([9 - taken.bit_count() for taken in range(512)], np.int64)
FULL = 511


def _free_cells(taken: int) -> int:
    """The cells that are not `taken`, one in each nibble, the first one lowest."""
    free = [cell for cell in range(9) if not taken >> cell & 1]
    return sum(cell << 4 * i for i, cell in enumerate(free))


FREE = np.array([_free_cells(taken) for taken in range(512)], np.int64)

# The playout reads all its choices from one 59-bit fraction: multiplied by the number of choices, its whole part is
# the pick and the rest is the next fraction. 9! needs 19 of the bits, so the bias is below 1e-11.
FRACTION = (1 << 59) - 1


@njit(nogil=True, cache=True)
def init(states):
    for i in range(len(states)):
        s = states[i]
        s.stones[:] = 0
        s.to_play = 0
        s.outcome = -1
        s.pad[:] = 0


@njit(nogil=True, cache=True)
def legal(states, mask):
    for i in range(len(states)):
        s = states[i]
        blocked = s.stones[0] | s.stones[1] if s.outcome == -1 else FULL
        for cell in range(9):
            mask[i, cell] = (blocked >> cell & 1) ^ 1


@njit(nogil=True, cache=True)
def step(states, actions):
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        player = s.to_play
        s.stones[player] |= 1 << actions[i]
        s.to_play = 1 - player
        if not GOES_ON[s.stones[player]]:
            s.outcome = player
        elif s.stones[0] | s.stones[1] == FULL:
            s.outcome = 2


@njit(nogil=True, cache=True)
def observe(states, planes):
    for i in range(len(states)):
        s = states[i]
        own, other = s.stones[s.to_play], s.stones[1 - s.to_play]
        for cell in range(9):
            planes[i, 0, cell // 3, cell % 3] = own >> cell & 1
            planes[i, 1, cell // 3, cell % 3] = other >> cell & 1
            planes[i, 2, cell // 3, cell % 3] = 1.0


@njit(nogil=True, cache=True)
def _mix(seed):
    """splitmix64 (Steele, Lea, Flood 2014): neighbouring seeds give unrelated numbers."""
    x = seed + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(nogil=True, cache=True)
def playout(states, seeds):
    """Random games with the empty cells in the nibbles of one integer: a pick is replaced by the last one.

    The board is always filled up, but once somebody has won no stone is set any more: a loop without a branch that
    the processor cannot foresee is twice as fast as one that stops in time.
    """
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        own, other = np.int64(s.stones[s.to_play]), np.int64(s.stones[1 - s.to_play])
        free, empty = FREE[own | other], EMPTY[own | other]
        fraction = np.int64(_mix(seeds[i])) & FRACTION
        live, plies = 1, 0
        for left in range(empty, 0, -1):
            product = fraction * left
            fraction = product & FRACTION
            pick = product >> 59 << 2
            picked = free >> pick & 15
            free ^= (picked ^ (free >> 4 * (left - 1) & 15)) << pick
            own, other = other, own | live << picked
            plies += live
            live &= GOES_ON[other & FULL]
        if empty & 1:
            own, other = other, own
        s.stones[s.to_play], s.stones[1 - s.to_play] = own, other
        s.to_play ^= plies & 1
        s.outcome = 2 if live else 1 - s.to_play


def board_text(state: np.void, last: int | None, colour: bool) -> str:
    cells = np.arange(9).reshape(3, 3)
    x, o = (state["stones"][player] >> cells & 1 for player in (0, 1))
    return draw(x + 2 * o, last, colour)


def make() -> Game:
    symmetries = square_symmetries(3)
    return Game(
        name="tictactoe",
        family="tictactoe",
        rules_version=1,
        shape=(3, 3),
        num_planes=3,
        num_actions=9,
        max_plies=9,
        dtype=DTYPE,
        init=init,
        legal=legal,
        step=step,
        observe=observe,
        playout=playout,
        action_symmetries=symmetries,
        cell_symmetries=symmetries,
        action_text=lambda action: cell_text(action, 3, 3),
        parse_action=lambda text: parse_cell(text, 3, 3),
        board_text=board_text,
    )


GAMES = {"tictactoe": make}
