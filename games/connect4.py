"""Connect four: stones fall to the bottom of a column of a 6 x 7 board; who first has four in a row, wins.

Any direction counts; a full board is a draw. Player 0 ("x") begins.

planes  0 the mover's stones | 1 the opponent's stones | 2 ones; row 0 at the top
        3, 4 empty cells that make four for the mover, for the opponent, reachable or not
        5 where a stone would fall now | 6 rows that fall to the mover if each stone is answered in its column:
        the odd ones from the bottom for the first player, the even ones for the second (Allis 1988, chapter 3)
        7 where a stone of the mover's wins by threats alone, each to make four next, which leave no choice of answers
        8 where it loses: the opponent then makes four or wins by threats
        (what a move leads to is input, as in AlphaGo: Silver et al. 2016, extended data table 2, where it is ladders)
actions the column from the left, written "1" to "7"
symmetries: the left-right mirror
"""

from __future__ import annotations

import re

import numpy as np
from numba import njit

from games.game import Game
from games.grid import draw, mirror_symmetries

HEIGHT, WIDTH = 6, 7

# `stones`: a bitboard a player. A column takes seven bits, its lowest cell first; the seventh is never set, so that
# shifting a board by 1, 6, 7 or 8 moves every stone along one direction and none across an edge.
DTYPE: np.dtype[np.void] = np.dtype([("stones", "i8", (2,)), ("to_play", "i1"), ("outcome", "i1"), ("pad", "u1", (6,))])
# A 64-bit linear congruential generator (Knuth's MMIX); the playout uses its upper half, the good one.
MULTIPLIER, INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)
FULL = sum(0b111111 << 7 * c for c in range(WIDTH))
BOTTOM = sum(1 << 7 * c for c in range(WIDTH))
ODD_ROWS = 0b010101 * BOTTOM


@njit(nogil=True, cache=True)
def _wins(stones):
    """Does a bitboard hold four in a row?"""
    found = 0
    for shift in (1, 6, 7, 8):
        pairs = stones & stones >> shift
        found |= pairs & pairs >> 2 * shift
    return found != 0


@njit(nogil=True, cache=True)
def _fours(stones):
    """The cells, taken or not, that three of `stones` make a four with."""
    found = stones << 1 & stones << 2 & stones << 3
    for shift in (6, 7, 8):
        above = stones << shift & stones << 2 * shift
        below = stones >> shift & stones >> 2 * shift
        found |= above & (stones << 3 * shift | stones >> shift) | below & (stones >> 3 * shift | stones << shift)
    return found


@njit(nogil=True, cache=True)
def _wins_by_threats(own, other):
    """The cells where a stone of `own`, to move, makes four, or else those where it wins by threats to make four next.

    Every answer is forced, so there are few sequences. (A further argument that is True here and False there would make
    two signatures of this: numba crashes when it loads such a recursion from its cache.)
    """
    taken = own | other
    falls = taken + BOTTOM & FULL & ~taken
    found = _fours(own) & falls
    if found:
        return found
    forced = _fours(other) & falls
    if forced & forced - 1:
        return 0
    tries = forced if forced else falls
    while tries:
        stone = tries & -tries
        tries ^= stone
        mine, full = own | stone, taken | stone
        falls = full + BOTTOM & FULL & ~full
        threats = _fours(mine) & falls
        if threats == 0 or _fours(other) & falls:
            continue
        if threats & threats - 1 or _wins_by_threats(mine, other | threats):
            found |= stone
    return found


@njit(nogil=True, cache=True)
def _loses(own, other, falls):
    """The cells of `falls` where a stone of `own`, to move, makes no four and lets `other` win by threats, or at once."""
    found, tries = 0, falls & ~_fours(own)
    while tries:
        stone = tries & -tries
        tries ^= stone
        if _wins_by_threats(other, own | stone):
            found |= stone
    return found


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
        for column in range(WIDTH):
            mask[i, column] = (blocked >> (7 * column + HEIGHT - 1) & 1) ^ 1


@njit(nogil=True, cache=True)
def step(states, actions):
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        player = s.to_play
        taken = s.stones[0] | s.stones[1]
        # Adding one at the bottom of a column carries past its stones to the first empty cell.
        s.stones[player] |= (taken + (1 << 7 * actions[i])) & ~taken
        s.to_play = 1 - player
        if _wins(s.stones[player]):
            s.outcome = player
        elif s.stones[0] | s.stones[1] == FULL:
            s.outcome = 2


@njit(nogil=True, cache=True)
def observe(states, planes):
    for i in range(len(states)):
        s = states[i]
        own, other = s.stones[s.to_play], s.stones[1 - s.to_play]
        taken = own | other
        empty = FULL & ~taken
        own_fours, other_fours = _fours(own) & empty, _fours(other) & empty
        falls = taken + BOTTOM & empty
        rows = ODD_ROWS if s.to_play == 0 else FULL ^ ODD_ROWS
        wins, loses = _wins_by_threats(own, other), _loses(own, other, falls)
        for row in range(HEIGHT):
            for column in range(WIDTH):
                bit = 7 * column + HEIGHT - 1 - row
                planes[i, 0, row, column] = own >> bit & 1
                planes[i, 1, row, column] = other >> bit & 1
                planes[i, 2, row, column] = 1.0
                planes[i, 3, row, column] = own_fours >> bit & 1
                planes[i, 4, row, column] = other_fours >> bit & 1
                planes[i, 5, row, column] = falls >> bit & 1
                planes[i, 6, row, column] = rows >> bit & 1
                planes[i, 7, row, column] = wins >> bit & 1
                planes[i, 8, row, column] = loses >> bit & 1


@njit(nogil=True, cache=True)
def _mix(seed):
    """splitmix64 (Steele, Lea, Flood 2014): neighbouring seeds give unrelated numbers."""
    x = seed + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(nogil=True, cache=True)
def playout(states, seeds):
    """Random games; the shifts of the columns that are not full lie in the bytes of one integer."""
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        player = s.to_play
        own, other = s.stones[player], s.stones[1 - player]
        taken = own | other
        columns, count = np.int64(0), 0
        for c in range(WIDTH):
            if taken >> (7 * c + HEIGHT - 1) & 1 == 0:
                columns |= 7 * c << 8 * count
                count += 1
        x = _mix(seeds[i])
        outcome = 2
        while count > 0:
            x = x * MULTIPLIER + INCREMENT
            pick = 8 * (np.int64(x >> np.uint64(32)) * count >> 32)
            column = columns >> pick & 63
            stone = (taken + (1 << column)) & ~taken
            taken |= stone
            own, other = other, own | stone
            player = 1 - player
            if _wins(other):
                outcome = 1 - player
                break
            if taken >> column & 63 == 63:  # the column is full: the last open one takes its place
                count -= 1
                columns ^= (column ^ (columns >> 8 * count & 63)) << pick
        s.stones[player], s.stones[1 - player] = own, other
        s.to_play = player
        s.outcome = outcome


def board_text(state: np.void, last: int | None, colour: bool) -> str:
    """`last` is the column of the last move: its topmost stone is the one that was played."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    bits = 7 * columns + HEIGHT - 1 - rows
    x, o = (state["stones"][player] >> bits & 1 for player in (0, 1))
    stones = x + 2 * o
    if last is not None:
        last += WIDTH * int(np.argmax(stones[:, last] != 0))
    return draw(stones, last, colour, row_numbers=False)


def parse_action(text: str) -> int:
    match = re.fullmatch(r"\s*([1-7])\s*", text)
    if not match:
        raise ValueError(f"expected a column from 1 to {WIDTH}, got {text.strip()[:20]!r}")
    return int(match[1]) - 1


def make() -> Game:
    return Game(
        name="connect4",
        family="connect4",
        rules_version=3,
        shape=(HEIGHT, WIDTH),
        num_planes=9,
        num_actions=WIDTH,
        max_plies=HEIGHT * WIDTH,
        dtype=DTYPE,
        init=init,
        legal=legal,
        step=step,
        observe=observe,
        playout=playout,
        action_symmetries=mirror_symmetries(1, WIDTH),
        cell_symmetries=mirror_symmetries(HEIGHT, WIDTH),
        action_text=lambda action: str(action + 1),
        parse_action=parse_action,
        board_text=board_text,
        policy="columns",
    )


GAMES = {"connect4": make}
