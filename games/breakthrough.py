"""Breakthrough: pawns step forward; who first brings one to the last row, or takes all of the other's, wins.

Each side begins with two full rows of pawns. A pawn goes one cell straight ahead if it is empty, or diagonally ahead if
none of its own side stands there, and takes what does. There is always a move (the foremost pawn has one), and there are
no draws. White ("x", player 0) begins, from the bottom. `breakthrough8` is the game; `breakthrough6` is smaller.

planes  0 the mover's pawns | 1 the opponent's pawns | 2 ones; as the mover sees it, who goes upwards: for player 1 the
        rows are turned upside down, the columns stay
actions plane k of cells: 0 player 0's moves ahead to the left, 1 straight ahead, 2 to the right, 3 to 5 the same of
        player 1 (left is the lower column letter); the cell is where the pawn stands, in the mover's view. So an action
        lies where the planes show its pawn, and is still one move of one side. Written a2-a3, from and to, with column
        letters and rows from the bottom; a2xb3 and a2b3 are understood
symmetries: the left-right mirror
"""

from __future__ import annotations

# Numba itself fills in the first argument of an intrinsic.
# mypy: disable-error-code="call-arg, var-annotated"
import re

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from games.game import Game
from games.grid import cell_text, draw, mirror_symmetries, parse_cell

SIZES = (6, 8)

# `pawns`: a bitboard a player, bit = 8 * row + column whatever the size n, which every record holds; row 0 at the top.
DTYPE: np.dtype[np.void] = np.dtype(
    [("pawns", "u8", (2,)), ("to_play", "i1"), ("outcome", "i1"), ("size", "i1"), ("pad", "u1", (5,))]
)
ZERO, ONE = np.uint64(0), np.uint64(1)
TOP_ROW, LEFT_COLUMN = np.uint64(0xFF), np.uint64(0x0101010101010101)
# A 64-bit linear congruential generator (Knuth's MMIX); the playout uses its upper half, the good one.
MULTIPLIER, INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)


@intrinsic
def _count(typing_context, board):
    """The number of set bits."""

    def lower(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), lower


@intrinsic
def _reverse_bytes(typing_context, board):
    """Turns eight rows upside down."""

    def lower(context, builder, signature, arguments):
        return builder.bswap(arguments[0])

    return types.uint64(types.uint64), lower


@njit(nogil=True, cache=True)
def _turn(board, n):
    """The board as the other side sees it: its n rows upside down."""
    return _reverse_bytes(board) >> np.uint64(64 - 8 * n)


@njit(nogil=True, cache=True)
def _view(s):
    """The mover's and the opponent's pawns as the mover sees them."""
    own, other = s.pawns[s.to_play], s.pawns[1 - s.to_play]
    if s.to_play == 1:
        own, other = _turn(own, s.size), _turn(other, s.size)
    return own, other


@njit(nogil=True, cache=True)
def _targets(own, other, n):
    """Where the mover's pawns can go, in his view: left, straight, right."""
    right_column = LEFT_COLUMN << np.uint64(n - 1)
    left = ((own & ~LEFT_COLUMN) >> np.uint64(9)) & ~own
    straight = (own >> np.uint64(8)) & ~(own | other)
    right = ((own & ~right_column) >> np.uint64(7)) & ~own
    return left, straight, right


@njit(nogil=True, cache=True)
def _start(states, n):
    two_rows = np.uint64(((1 << n) - 1) * 0x101)
    for i in range(len(states)):
        s = states[i]
        s.pawns[0] = two_rows << np.uint64(8 * (n - 2))
        s.pawns[1] = two_rows
        s.to_play = 0
        s.outcome = -1
        s.size = n
        s.pad[:] = 0


def init_6(states):
    _start(states, 6)


def init_8(states):
    _start(states, 8)


@njit(nogil=True, cache=True)
def legal(states, mask):
    for i in range(len(states)):
        s = states[i]
        mask[i] = 0
        if s.outcome != -1:
            continue
        n = np.int64(s.size)
        own, other = _view(s)
        left, straight, right = _targets(own, other, n)
        left, straight, right = left << np.uint64(9), straight << np.uint64(8), right << np.uint64(7)  # where from
        base = 3 * n * n * s.to_play
        for r in range(n):
            for c in range(n):
                bit = np.uint64(8 * r + c)
                cell = base + r * n + c
                mask[i, cell] = (left >> bit) & ONE
                mask[i, cell + n * n] = (straight >> bit) & ONE
                mask[i, cell + 2 * n * n] = (right >> bit) & ONE


@njit(nogil=True, cache=True)
def step(states, actions):
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        n = np.int64(s.size)
        player = s.to_play
        own, other = _view(s)
        direction, cell = actions[i] // (n * n) % 3, actions[i] % (n * n)
        pawn = ONE << np.uint64(8 * (cell // n) + cell % n)
        target = pawn >> np.uint64(9 - direction)
        own = (own ^ pawn) | target
        other &= ~target
        if target & TOP_ROW or other == ZERO:
            s.outcome = player
        if player == 1:
            own, other = _turn(own, n), _turn(other, n)
        s.pawns[player], s.pawns[1 - player] = own, other
        s.to_play = 1 - player


@njit(nogil=True, cache=True)
def observe(states, planes):
    for i in range(len(states)):
        s = states[i]
        own, other = _view(s)
        for r in range(s.size):
            for c in range(s.size):
                bit = np.uint64(8 * r + c)
                planes[i, 0, r, c] = (own >> bit) & ONE
                planes[i, 1, r, c] = (other >> bit) & ONE
                planes[i, 2, r, c] = 1.0


@njit(nogil=True, cache=True)
def _mix(seed):
    """splitmix64 (Steele, Lea, Flood 2014): neighbouring seeds give unrelated numbers."""
    x = seed + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(nogil=True, cache=True)
def playout(states, seeds):
    """Random games; the board is turned after every move, so that the mover always goes upwards."""
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        n = np.int64(s.size)
        player = s.to_play
        own, other = _view(s)
        x = _mix(seeds[i])
        while True:
            left, straight, right = _targets(own, other, n)
            lefts: int = _count(left)
            straights: int = _count(straight)
            x = x * MULTIPLIER + INCREMENT
            skip = np.int64(x >> np.uint64(32)) * (lefts + straights + _count(right)) >> 32
            if skip < lefts:
                targets, back = left, np.uint64(9)
            elif skip < lefts + straights:
                targets, back = straight, np.uint64(8)
                skip -= lefts
            else:
                targets, back = right, np.uint64(7)
                skip -= lefts + straights
            for _ in range(skip):
                targets &= targets - ONE
            target = targets & (~targets + ONE)
            own = (own ^ (target << back)) | target
            other &= ~target
            own, other = _turn(other, n), _turn(own, n)
            player = 1 - player
            if target & TOP_ROW or own == ZERO:
                break
        if player == 1:
            own, other = _turn(own, n), _turn(other, n)
        s.pawns[player], s.pawns[1 - player] = own, other
        s.to_play = player
        s.outcome = 1 - player


def from_to(action: int, n: int) -> tuple[int, int] | None:
    """The cells (row * n + column, row 0 at the top) that an action goes from and to; None if that is off the board."""
    plane, cell = divmod(action, n * n)
    player, direction = divmod(plane, 3)
    row, column = divmod(cell, n)
    if player == 1:
        row = n - 1 - row
    to_row, to_column = row + (1 if player == 1 else -1), column + direction - 1
    if not (0 <= to_row < n and 0 <= to_column < n):
        return None
    return row * n + column, to_row * n + to_column


def action_text(action: int, n: int) -> str:
    cells = from_to(action, n)
    return "" if cells is None else "-".join(cell_text(cell, n, n) for cell in cells)


def parse_action(text: str, n: int) -> int:
    match = re.fullmatch(r"\s*([a-z][0-9]) ?[-x]? ?([a-z][0-9])\s*", text.lower())
    if not match:
        raise ValueError(f"expected a move like a2-a3, got {text.strip()[:20]!r}")
    start, end = (divmod(parse_cell(cell, n, n), n) for cell in match.groups())
    down, right = end[0] - start[0], end[1] - start[1]
    if abs(down) != 1 or abs(right) > 1:
        raise ValueError(f"{match[1]}-{match[2]} is not one step ahead, straight or diagonally")
    row = start[0] if down == -1 else n - 1 - start[0]
    return ((3 if down == 1 else 0) + 1 + right) * n * n + row * n + start[1]


def board_text(state: np.void, last: int | None, colour: bool) -> str:
    n = int(state["size"])
    rows, columns = np.mgrid[:n, :n].astype(np.uint64)
    x, o = (state["pawns"][player] >> (np.uint64(8) * rows + columns) & ONE for player in (0, 1))
    cells = None if last is None else from_to(last, n)
    return draw((x + 2 * o).astype(np.int8), cells and cells[1], colour)


def make(n: int) -> Game:
    """Breakthrough on n x n."""
    mirror = mirror_symmetries(n, n)
    directions = np.array([range(6), [2, 1, 0, 5, 4, 3]])
    return Game(
        name=f"breakthrough{n}",
        family="breakthrough",
        rules_version=1,
        shape=(n, n),
        num_planes=3,
        num_actions=6 * n * n,
        max_plies=2 * n * (2 * n - 5) + 1,  # every pawn up to the last row but one, and a last move
        dtype=DTYPE,
        init={6: init_6, 8: init_8}[n],
        legal=legal,
        step=step,
        observe=observe,
        playout=playout,
        action_symmetries=(directions[:, :, None] * n * n + mirror[:, None, :]).reshape(2, -1).astype(np.int32),
        cell_symmetries=mirror,
        action_text=lambda action: action_text(action, n),
        parse_action=lambda text: parse_action(text, n),
        board_text=board_text,
        action_planes=6,
        sides=("white", "black"),
    )


GAMES = {f"breakthrough{n}": (lambda n=n: make(n)) for n in SIZES}
