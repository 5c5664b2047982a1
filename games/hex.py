"""Hex on an n x n board of hexagons: who joins his two edges by a chain of his stones, wins; no draws, no passes.

Player 0 ("x", red) begins and joins the top with the bottom, player 1 ("o", blue) the left with the right. A cell
(row, column) touches (row, column +- 1), (row +- 1, column), (row - 1, column + 1) and (row + 1, column - 1).
Swap (`hex11-swap`): instead of his first move the second player may take over the first stone: it becomes his own
and moves to its mirror image on the other side of the long diagonal (row and column change places), where it is to
his edges what it was to the other's. Then player 0 moves.

planes  0 the mover's stones | 1 the opponent's
        2 the mover's stones in chains that touch one of his edges | 3 the opponent's
        4 cells along the mover's edges | 5 along the opponent's | 6 ones if the mover joins top and bottom
        7 ones if he may swap | 8 ones on the board
        The board is not turned for player 1: actions must lie where the planes show them. Planes 4 to 6 tell him.
actions cell = row * n + column, row 0 at the top; written as a column letter and a row from the top (a1, upper left)
        n*n is the swap ("swap"), never legal without the rule: so one net fits both games
symmetries: the half turn
"""

from __future__ import annotations

import numpy as np
from numba import njit

from games.game import ONGOING, Game, States
from games.grid import cell_text, draw, parse_cell

SIZES = range(3, 14)

# A 64-bit linear congruential generator (Knuth's MMIX); the playout uses its upper half, the good one.
MULTIPLIER, INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)


def state_dtype(n: int) -> np.dtype[np.void]:
    """`rows`: the stones of each player, a bit a column and a word a row; `swap` 1 if the rule is in force."""
    pad = -(4 * n + 3) % 8
    return np.dtype(
        [("rows", "u2", (2, n)), ("to_play", "i1"), ("outcome", "i1"), ("swap", "i1"), ("pad", "u1", (pad,))]
    )


@njit(nogil=True, cache=True)
def _may_swap(s):
    """Is it the second player's first move? After a swap there is one stone too, but the first player to move."""
    if s.swap == 0 or s.to_play == 0 or s.outcome != -1:
        return False
    n = s.rows.shape[1]
    stones = 0
    for r in range(n):
        stones |= s.rows[1, r]
    return stones == 0


@njit(nogil=True, cache=True)
def legal(states, mask):
    for i in range(len(states)):
        s = states[i]
        n = s.rows.shape[1]
        for r in range(n):
            free = ~np.int64(s.rows[0, r] | s.rows[1, r]) if s.outcome == -1 else 0
            for c in range(n):
                mask[i, r * n + c] = free >> c & 1
        mask[i, n * n] = _may_swap(s)


@njit(nogil=True, cache=True)
def _runs(seeds, row):
    """The runs of ones in `row` that hold a bit of `seeds`, which are bits of `row`."""
    seeds |= (row + seeds ^ row) & row  # the carry runs up to the end of each run
    seeds |= row & seeds >> 1
    row &= row >> 1
    seeds |= row & seeds >> 2
    row &= row >> 2
    seeds |= row & seeds >> 4
    row &= row >> 4
    return seeds | row & seeds >> 8


@njit(nogil=True, cache=True)
def _flood(rows, reached):
    """Grows `reached` i8[n], some of the stones `rows` i8[n], to all stones that chains join to them."""
    n = len(rows)
    for r in range(n):
        reached[r] = _runs(reached[r], rows[r])
    grew = True
    while grew:
        grew = False
        for r in range(1, n):
            more = (reached[r - 1] | reached[r - 1] >> 1) & rows[r] & ~reached[r]
            if more != 0:
                reached[r] = _runs(reached[r] | more, rows[r])
                grew = True
        for r in range(n - 2, -1, -1):
            more = (reached[r + 1] | reached[r + 1] << 1) & rows[r] & ~reached[r]
            if more != 0:
                reached[r] = _runs(reached[r] | more, rows[r])
                grew = True


@njit(nogil=True, cache=True)
def _joins(rows, player, reached):
    """Do the stones `rows` i8[n] of `player` join his two edges? `reached` i8[n] is scratch memory."""
    n = len(rows)
    far = 0
    if player == 0:
        reached[:] = 0
        reached[0] = rows[0]
        _flood(rows, reached)
        far = reached[n - 1]
    else:
        for r in range(n):
            reached[r] = rows[r] & 1
        _flood(rows, reached)
        for r in range(n):
            far |= reached[r] >> (n - 1)
    return far != 0


@njit(nogil=True, cache=True)
def _swap(s):
    """The first stone changes its owner and goes to its mirror image."""
    n = s.rows.shape[1]
    for r in range(n):
        for c in range(n):
            if s.rows[0, r] >> c & 1:
                s.rows[1, c] = 1 << r
        s.rows[0, r] = 0


@njit(nogil=True, cache=True)
def step(states, actions):
    if len(states) == 0:
        return
    n = states[0].rows.shape[1]
    rows, reached = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        player = s.to_play
        s.to_play = 1 - player
        if actions[i] == n * n:
            _swap(s)
        else:
            s.rows[player, actions[i] // n] |= 1 << actions[i] % n
            for r in range(n):
                rows[r] = s.rows[player, r]
            if _joins(rows, player, reached):
                s.outcome = player


@njit(nogil=True, cache=True)
def observe(states, planes):
    if len(states) == 0:
        return
    n = states[0].rows.shape[1]
    rows, reached = np.empty((2, n), np.int64), np.empty((2, n), np.int64)
    for i in range(len(states)):
        s = states[i]
        own, other = s.to_play, 1 - s.to_play
        for r in range(n):
            rows[0, r], rows[1, r] = s.rows[0, r], s.rows[1, r]
            reached[0, r] = rows[0, r] if r == 0 or r == n - 1 else 0
            reached[1, r] = rows[1, r] & (1 | 1 << (n - 1))
        for player in range(2):
            _flood(rows[player], reached[player])
        swap = _may_swap(s)
        for r in range(n):
            for c in range(n):
                ends, sides = r == 0 or r == n - 1, c == 0 or c == n - 1
                planes[i, 0, r, c] = s.rows[own, r] >> c & 1
                planes[i, 1, r, c] = s.rows[other, r] >> c & 1
                planes[i, 2, r, c] = reached[own, r] >> c & 1
                planes[i, 3, r, c] = reached[other, r] >> c & 1
                planes[i, 4, r, c] = ends if own == 0 else sides
                planes[i, 5, r, c] = sides if own == 0 else ends
                planes[i, 6, r, c] = own == 0
                planes[i, 7, r, c] = swap
                planes[i, 8, r, c] = 1.0


@njit(nogil=True, cache=True)
def _mix(seed):
    """splitmix64 (Steele, Lea, Flood 2014): neighbouring seeds give unrelated numbers."""
    x = seed + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(nogil=True, cache=True)
def playout(states, seeds):
    """Random games. The whole order of the moves is drawn first; on the board that it fills exactly one side has won.

    The game ended with the first stone that made the winner's chain, which is looked for by halving.
    """
    if len(states) == 0:
        return
    n = states[0].rows.shape[1]
    order = np.empty(n * n, np.int64)
    reached = np.empty(n, np.int64)
    rows, tried = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        x = _mix(seeds[i])
        empty = 0
        for r in range(n):
            taken = s.rows[0, r] | s.rows[1, r]
            for c in range(n):
                order[empty] = r << 4 | c
                empty += taken >> c & 1 ^ 1
        if s.swap == 1 and empty >= n * n - 1:
            # The first move of two, if it is still to be made, and then perhaps the swap.
            if empty == n * n:
                x = x * MULTIPLIER + INCREMENT
                pick = np.int64(x >> np.uint64(32)) * empty >> 32
                s.rows[0, order[pick] >> 4] = 1 << (order[pick] & 15)
                s.to_play = 1
                empty -= 1
                order[pick] = order[empty]
            if _may_swap(s):
                x = x * MULTIPLIER + INCREMENT
                if np.int64(x >> np.uint64(32)) * (n * n) >> 32 == 0:
                    _swap(s)
                    s.to_play = 0
                    empty = 0
                    for r in range(n):
                        for c in range(n):
                            order[empty] = r << 4 | c
                            empty += s.rows[1, r] >> c & 1 ^ 1
        for k in range(empty - 1):
            x = x * MULTIPLIER + INCREMENT
            pick = k + (np.int64(x >> np.uint64(32)) * (empty - k) >> 32)
            order[k], order[pick] = order[pick], order[k]
        first = int(s.to_play)
        for r in range(n):
            tried[r] = s.rows[0, r]
        for k in range(first, empty, 2):
            tried[order[k] >> 4] |= 1 << (order[k] & 15)
        winner = 0 if _joins(tried, 0, reached) else 1
        for r in range(n):
            rows[r] = s.rows[winner, r]
        start = winner ^ first  # the winner's moves are those at start, start + 2, ...
        # After `low` of them he has not won, after `high` he has.
        low, high = np.int64(0), np.int64((empty - start + 1) // 2)
        while high - low > 1:
            middle = (low + high) // 2
            tried[:] = rows
            for k in range(start + 2 * low, start + 2 * middle, 2):
                tried[order[k] >> 4] |= 1 << (order[k] & 15)
            if _joins(tried, winner, reached):
                high = middle
            else:
                low = middle
                rows[:] = tried
        plies = start + 2 * high - 1
        for k in range(plies):
            s.rows[(first + k) & 1, order[k] >> 4] |= 1 << (order[k] & 15)
        s.to_play = (first + plies) & 1
        s.outcome = winner


def board_text(state: np.void, last: int | None, colour: bool) -> str:
    n = state["rows"].shape[1]
    rows = state["rows"].astype(np.int64)[:, :, None] >> np.arange(n) & 1
    if last == n * n:  # the swap: the only stone
        last = int(rows[1].argmax())
    return draw((rows[0] + 2 * rows[1]).astype(np.int8), last, colour, from_top=True, rhombus=True)


def make(n: int, swap: bool = False) -> Game:
    """Hex on n x n, n at most 15."""
    dtype = state_dtype(n)
    start = np.zeros(1, dtype)
    start["outcome"], start["swap"] = ONGOING, swap

    def init(states: States) -> None:
        states[:] = start

    def action_text(action: int) -> str:
        return "swap" if action == n * n else cell_text(action, n, n, from_top=True)

    def parse_action(text: str) -> int:
        return n * n if text.strip().lower() == "swap" else parse_cell(text, n, n, from_top=True)

    cells = np.arange(n * n, dtype=np.int32)
    symmetries = np.stack([cells, cells[::-1]])
    return Game(
        name=f"hex{n}" + ("-swap" if swap else ""),
        family="hex",
        rules_version=1,
        shape=(n, n),
        num_planes=9,
        num_actions=n * n + 1,
        max_plies=n * n + swap,
        dtype=dtype,
        init=init,
        legal=legal,
        step=step,
        observe=observe,
        playout=playout,
        action_symmetries=np.hstack([symmetries, np.full((2, 1), n * n, np.int32)]),
        cell_symmetries=symmetries,
        action_text=action_text,
        parse_action=parse_action,
        board_text=board_text,
        sides=("red", "blue"),
    )


GAMES = {
    f"hex{n}" + ("-swap" if swap else ""): (lambda n=n, swap=swap: make(n, swap))
    for n in SIZES
    for swap in (False, True)
}
