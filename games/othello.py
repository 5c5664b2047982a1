"""Othello: a disc is placed so that it encloses a straight run of the other's discs, and these change their colour.

Every run that is enclosed, in all eight directions, is turned over. Who cannot place has to pass; when neither can,
the game is over and the more discs win, as many each are a draw. Black ("x", player 0) begins. `othello8` is the game;
`othello6` the small board of the same rules.

planes  0 the mover's discs | 1 the opponent's discs | 2 where the mover can place | 3 where the opponent could, if it
        were his turn | 4 ones
actions cell = row * n + column, row 0 at the top; written as a column letter and a row from the top (d3), as othello
        players do. The last action is `pass`, legal only where there is no cell to place on
symmetries: the four of the start position (half a turn, both diagonals); the square's others exchange the colours there
"""

from __future__ import annotations

# Numba itself fills in the first argument of an intrinsic.
# mypy: disable-error-code="call-arg, var-annotated"
import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from games.game import Game
from games.grid import cell_text, draw, parse_cell, square_symmetries

SIZES = (6, 8)

# `discs`: a bitboard a player, bit = 8 * row + column whatever the size n, which every record holds.
DTYPE: np.dtype[np.void] = np.dtype(
    [("discs", "u8", (2,)), ("to_play", "i1"), ("outcome", "i1"), ("size", "i1"), ("pad", "u1", (5,))]
)
BOARDS = np.array([sum(((1 << n) - 1) << 8 * row for row in range(n)) for n in range(9)], np.uint64)  # [n]
# The discs that a run may hold if it goes across columns: shifted by one, they do not leave their row. On smaller
# boards the columns beyond the edge are always empty, which ends every run in time.
INNER = np.uint64(0x7E7E7E7E7E7E7E7E)
ZERO, ONE = np.uint64(0), np.uint64(1)
S1, S7, S8, S9 = np.uint64(1), np.uint64(7), np.uint64(8), np.uint64(9)  # shifts: one step along each of four lines
# A 64-bit linear congruential generator (Knuth's MMIX); the playout uses its upper half, the good one.
MULTIPLIER, INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)


@intrinsic
def _count(typing_context, board):
    """The number of set bits."""

    def lower(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), lower


@njit(nogil=True, cache=True)
def _beyond(own, through, shift):
    """The cells just beyond the runs of `through` that begin next to `own`, both ways along one line."""
    up, down = through & (own << shift), through & (own >> shift)
    for _ in range(5):
        up |= through & (up << shift)
        down |= through & (down >> shift)
    return (up << shift) | (down >> shift)


@njit(nogil=True, cache=True)
def _places(own, other, board):
    """The empty cells where a disc of `own` encloses something."""
    inner = other & INNER
    found = _beyond(own, inner, S1) | _beyond(own, other, S8) | _beyond(own, inner, S7) | _beyond(own, inner, S9)
    return found & board & ~(own | other)


@njit(nogil=True, cache=True)
def _enclosed(disc, own, through, shift):
    """The runs of `through` between `disc` and `own`, both ways along one line."""
    up, down = through & (disc << shift), through & (disc >> shift)
    for _ in range(5):
        up |= through & (up << shift)
        down |= through & (down >> shift)
    return (up if own & (up << shift) else ZERO) | (down if own & (down >> shift) else ZERO)


@njit(nogil=True, cache=True)
def _turned(disc, own, other):
    """The discs that are turned over when `own` places `disc`."""
    inner = other & INNER
    across = _enclosed(disc, own, inner, S1) | _enclosed(disc, own, inner, S7) | _enclosed(disc, own, inner, S9)
    return across | _enclosed(disc, own, other, S8)


@njit(nogil=True, cache=True)
def _result(first, second):
    """The outcome of a game that is over, from both players' discs."""
    difference: int = _count(first) - _count(second)
    return 2 if difference == 0 else (0 if difference > 0 else 1)


@njit(nogil=True, cache=True)
def _start(states, n):
    low, high = np.uint64(n // 2 - 1), np.uint64(n // 2)
    for i in range(len(states)):
        s = states[i]
        s.discs[0] = (ONE << (S8 * low + high)) | (ONE << (S8 * high + low))
        s.discs[1] = (ONE << (S8 * low + low)) | (ONE << (S8 * high + high))
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
        n = np.int64(s.size)
        places = _places(s.discs[s.to_play], s.discs[1 - s.to_play], BOARDS[n]) if s.outcome == -1 else ZERO
        for r in range(n):
            for c in range(n):
                mask[i, r * n + c] = (places >> np.uint64(8 * r + c)) & ONE
        mask[i, n * n] = (places == ZERO) & (s.outcome == -1)


@njit(nogil=True, cache=True)
def step(states, actions):
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        n = np.int64(s.size)
        player = s.to_play
        s.to_play = 1 - player
        if actions[i] == n * n:
            continue
        own, other = s.discs[player], s.discs[1 - player]
        disc = ONE << np.uint64(8 * (actions[i] // n) + actions[i] % n)
        turned = _turned(disc, own, other)
        own, other = own | disc | turned, other ^ turned
        s.discs[player], s.discs[1 - player] = own, other
        if _places(other, own, BOARDS[n]) == ZERO and _places(own, other, BOARDS[n]) == ZERO:
            s.outcome = _result(s.discs[0], s.discs[1])


@njit(nogil=True, cache=True)
def observe(states, planes):
    for i in range(len(states)):
        s = states[i]
        n = np.int64(s.size)
        own, other = s.discs[s.to_play], s.discs[1 - s.to_play]
        mine, theirs = _places(own, other, BOARDS[n]), _places(other, own, BOARDS[n])
        for r in range(n):
            for c in range(n):
                bit = np.uint64(8 * r + c)
                planes[i, 0, r, c] = (own >> bit) & ONE
                planes[i, 1, r, c] = (other >> bit) & ONE
                planes[i, 2, r, c] = (mine >> bit) & ONE
                planes[i, 3, r, c] = (theirs >> bit) & ONE
                planes[i, 4, r, c] = 1.0


@njit(nogil=True, cache=True)
def _mix(seed):
    """splitmix64 (Steele, Lea, Flood 2014): neighbouring seeds give unrelated numbers."""
    x = seed + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(nogil=True, cache=True)
def playout(states, seeds):
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        board = BOARDS[s.size]
        player = s.to_play
        own, other = s.discs[player], s.discs[1 - player]
        x = _mix(seeds[i])
        while True:
            places = _places(own, other, board)
            if places == ZERO:
                places = _places(other, own, board)
                if places == ZERO:
                    break
                own, other = other, own
                player = 1 - player
            x = x * MULTIPLIER + INCREMENT
            for _ in range(np.int64(x >> np.uint64(32)) * _count(places) >> 32):
                places &= places - ONE
            disc = places & (~places + ONE)
            turned = _turned(disc, own, other)
            own, other = other ^ turned, own | disc | turned
            player = 1 - player
        s.discs[player], s.discs[1 - player] = own, other
        s.to_play = player
        s.outcome = _result(s.discs[0], s.discs[1])


def parse_action(text: str, n: int) -> int:
    if text.strip().lower() == "pass":
        return n * n
    try:
        return parse_cell(text, n, n, from_top=True)
    except ValueError as error:
        raise ValueError(f"{error}; or pass") from None


def board_text(state: np.void, last: int | None, colour: bool) -> str:
    n = int(state["size"])
    rows, columns = np.mgrid[:n, :n].astype(np.uint64)
    x, o = (state["discs"][player] >> (S8 * rows + columns) & ONE for player in (0, 1))
    return draw((x + 2 * o).astype(np.int8), None if last == n * n else last, colour, from_top=True)


def make(n: int) -> Game:
    """Othello on n x n."""
    symmetries = square_symmetries(n)[[0, 2, 5, 7]]
    passing = np.full((len(symmetries), 1), n * n, np.int32)
    return Game(
        name=f"othello{n}",
        family="othello",
        rules_version=1,
        shape=(n, n),
        num_planes=5,
        num_actions=n * n + 1,
        max_plies=2 * (n * n - 4),  # no two passes in a row
        dtype=DTYPE,
        init={6: init_6, 8: init_8}[n],
        legal=legal,
        step=step,
        observe=observe,
        playout=playout,
        action_symmetries=np.hstack([symmetries, passing]),
        cell_symmetries=symmetries,
        action_text=lambda action: "pass" if action == n * n else cell_text(action, n, n, from_top=True),
        parse_action=lambda text: parse_action(text, n),
        board_text=board_text,
        sides=("black", "white"),
    )


GAMES = {f"othello{n}": (lambda n=n: make(n)) for n in SIZES}
