"""Go on an n x n board: area scoring, positional superko, no suicide (Tromp and Taylor's rules, but for suicide).

Black ("x", player 0) begins. A move puts a stone on an empty point, then takes every opposing chain without a
liberty off the board; it must leave its own chain a liberty and must not bring back any earlier position of the
board, whoever was to move then. Or a move is a pass. Two passes in a row end the game, and so does move 2*n*n
(`max_plies`): the board is then scored as it stands, dead stones count as alive. A player's points are his stones
and the empty points from which no path of empty points leads to a stone of the other; White gets the komi on top.

Komi is 7.5 on every board; `go9-komi5.5` has another, in halves from 0 to n*n, and a whole one can end in a draw.
(Best play gives Black 25 points on 5 x 5, van der Werf and others 2003, and, it is believed, 4 on 6 x 6, 9 on 7 x 7.)

planes  0, 1, 2 the mover's stones in chains with one, two, more liberties | 3, 4, 5 the opponent's
        6 points forbidden by superko alone | 7 ones if the last move was a pass
        8 the komi seen from the mover, / 16 (all that the colours differ in) | 9 ones on the board
        The past (but for 6), and how near the end by `max_plies` is, are not shown.
actions point = row * n + column, row 0 at the top; a column letter without i and a row from the bottom (j9)
        n*n is the pass ("pass")
symmetries: the eight of the square
"""

from __future__ import annotations

import re

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.game import ONGOING, Game, States
from games.grid import LETTERS, cell_text, draw, parse_cell, square_symmetries

SIZES = (*range(5, 14), 19)
KOMI = 15  # half points
COLUMNS = LETTERS.replace("i", "")

# A 64-bit linear congruential generator (Knuth's MMIX); the playout uses its upper half, the good one.
MULTIPLIER, INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)

# The kernels work on a copy of the board with a border: row r, column c is point (r + 1) * w + c, w = n + 1; the
# border between two rows is shared. Rows of the scratch memory i8[8, (n + 2) * w]; two kernels name some of them anew.
BORDER = 3
BOARD, CHAIN, LIBERTIES, STACK, MARK, POINTS = 0, 1, 2, 3, 4, 5
NEXT, SIZE, FREE, PLACE = 3, 4, 6, 7
SCRATCH = 8


def _zobrist() -> NDArray[np.uint64]:
    """u8[2, 20 * 21]: a number for a stone of each player on each point (Zobrist 1970), from splitmix64.

    A position's hash is the exclusive or of its stones' numbers; that of the empty board is 0. That two of the
    positions of one game share their 64 bits happens once in 10^11 games on 19 x 19, and less often on less.
    """
    x = np.arange(1, 2 * 420 + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x ^ (x >> np.uint64(31))).reshape(2, 420)


ZOBRIST = _zobrist()


def state_dtype(n: int) -> np.dtype[np.void]:
    """`stones`: 0 empty, 1 black, 2 white; `history[k]`: hash of the board after move k + 1; `komi` in half points.

    Superko needs the past, so most of the record is history: 1.4 of 1.5 KB on 9 x 9, 5.8 of 6.2 KB on 19 x 19.
    """
    pad = -(n * n + 7) % 8
    return np.dtype(
        [
            ("history", "u8", (2 * n * n,)),
            ("komi", "i2"),
            ("plies", "i2"),
            ("stones", "i1", (n, n)),
            ("to_play", "i1"),
            ("outcome", "i1"),
            ("passed", "i1"),
            ("pad", "u1", (pad,)),
        ]
    )


@njit(nogil=True, cache=True)
def _load(stones, board):
    """The board with its border."""
    n = stones.shape[0]
    board[:] = BORDER
    for r in range(n):
        for c in range(n):
            board[(r + 1) * (n + 1) + c] = stones[r, c]


@njit(nogil=True, cache=True)
def _slot(seen, code):
    """Where a hash lies in the open table `seen` u8[2^k], or where it would; the empty board (0) is always in it."""
    at = code & np.uint64(len(seen) - 1)
    while seen[at] != 0 and seen[at] != code:
        at = (at + np.uint64(1)) & np.uint64(len(seen) - 1)
    return at


@njit(nogil=True, cache=True)
def _recall(history, plies, seen):
    """Fills the table with the first `plies` hashes; gives the last."""
    seen[:] = 0
    code = np.uint64(0)
    for k in range(plies):
        code = history[k]
        seen[_slot(seen, code)] = code
    return code


@njit(nogil=True, cache=True)
def _chains(work, codes, w):
    """Numbers the chains from 0 in CHAIN, counts their LIBERTIES, and hashes each into `codes`; gives the stones."""
    board, chain, liberties, stack, mark = work[BOARD], work[CHAIN], work[LIBERTIES], work[STACK], work[MARK]
    chain[:] = -1
    mark[:] = -1
    number = stones = 0
    for point in range(w, len(board) - w):
        colour = board[point]
        if colour == 0 or colour == BORDER or chain[point] >= 0:
            continue
        chain[point] = number
        stack[0] = point
        top, free, code = 1, 0, np.uint64(0)
        while top > 0:
            top -= 1
            at = stack[top]
            stones += 1
            code ^= ZOBRIST[colour - 1, at]
            for d in (-w, -1, 1, w):
                near = at + d
                if board[near] == 0:
                    if mark[near] != number:
                        mark[near] = number
                        free += 1
                elif board[near] == colour and chain[near] < 0:
                    chain[near] = number
                    stack[top] = near
                    top += 1
        liberties[number] = free
        codes[number] = code
        number += 1
    return stones


@njit(nogil=True, cache=True)
def _moves(s, work, codes, seen):
    """POINTS: 1 where the side to move may play, 2 where superko alone forbids it, else 0. Fills CHAIN, LIBERTIES."""
    w = s.stones.shape[0] + 1
    board, chain, liberties, points = work[BOARD], work[CHAIN], work[LIBERTIES], work[POINTS]
    _load(s.stones, board)
    stones = _chains(work, codes, w)
    own = s.to_play + 1
    repeats = stones < s.plies  # as long as no stone was ever taken, no position can come back
    code = _recall(s.history, s.plies, seen) if repeats else np.uint64(0)
    points[:] = 0
    for point in range(w, len(board) - w):
        if board[point] != 0:
            continue
        lives = False
        after = code ^ ZOBRIST[own - 1, point]
        for k in range(4):
            near = point + (-w if k == 0 else -1 if k == 1 else 1 if k == 2 else w)
            colour = board[near]
            if colour == 0:
                lives = True
            elif colour == own:
                lives |= liberties[chain[near]] > 1
            elif colour != BORDER and liberties[chain[near]] == 1:
                lives = True
                again = False  # has this chain been taken from another side already?
                for j in range(k):
                    before = point + (-w if j == 0 else -1 if j == 1 else 1)
                    again |= chain[before] == chain[near]
                if not again:
                    after ^= codes[chain[near]]
        if lives:
            points[point] = 2 if repeats and seen[_slot(seen, after)] == after else 1


@njit(nogil=True, cache=True)
def _table(plies):
    """How large a hash table for so many positions is: a power of two, at most half full."""
    size = 1
    while size < 2 * plies:
        size *= 2
    return size


@njit(nogil=True, cache=True)
def legal(states, mask):
    if len(states) == 0:
        return
    n = states[0].stones.shape[0]
    work = np.empty((SCRATCH, (n + 2) * (n + 1)), np.int64)
    codes = np.empty(n * n, np.uint64)
    seen = np.empty(_table(2 * n * n), np.uint64)
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            mask[i, :] = 0
            continue
        _moves(s, work, codes, seen)
        for r in range(n):
            for c in range(n):
                mask[i, r * n + c] = work[POINTS, (r + 1) * (n + 1) + c] == 1
        mask[i, n * n] = 1


@njit(nogil=True, cache=True)
def _winner(s, work):
    """The outcome of the board as it stands."""
    n = s.stones.shape[0]
    w = n + 1
    board, stack = work[BOARD], work[STACK]
    _load(s.stones, board)
    lead = -np.int64(s.komi)
    for point in range(w, len(board) - w):
        if board[point] == 1 or board[point] == 2:
            lead += 2 if board[point] == 1 else -2
        elif board[point] == 0:
            board[point] = BORDER
            stack[0] = point
            top, area, touched = 1, 0, 0
            while top > 0:
                top -= 1
                area += 1
                at = stack[top]
                for d in (-w, -1, 1, w):
                    near = at + d
                    if board[near] == 0:
                        board[near] = BORDER
                        stack[top] = near
                        top += 1
                    elif board[near] != BORDER:
                        touched |= board[near]
            lead += 2 * area if touched == 1 else -2 * area if touched == 2 else 0
    return 0 if lead > 0 else 1 if lead < 0 else 2


@njit(nogil=True, cache=True)
def _take(work, point, w):
    """Takes the chain at `point` off BOARD if it has no liberty: how many stones, listed on STACK (else 0)."""
    board, stack, mark = work[BOARD], work[STACK], work[MARK]
    colour = board[point]
    stack[0] = point
    mark[point] = 1
    count, done, free = 1, 0, False
    while done < count and not free:
        at = stack[done]
        done += 1
        for d in (-w, -1, 1, w):
            near = at + d
            if board[near] == 0:
                free = True
            elif board[near] == colour and mark[near] == 0:
                mark[near] = 1
                stack[count] = near
                count += 1
    for k in range(count):
        mark[stack[k]] = 0
        if not free:
            board[stack[k]] = 0
    return 0 if free else count


@njit(nogil=True, cache=True)
def step(states, actions):
    if len(states) == 0:
        return
    n = states[0].stones.shape[0]
    w = n + 1
    work = np.zeros((SCRATCH, (n + 2) * w), np.int64)
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        player = np.int64(s.to_play)
        action = actions[i]
        code = s.history[s.plies - 1] if s.plies > 0 else np.uint64(0)
        over = False
        if action == n * n:
            over = s.passed == 1
            s.passed = 1
        else:
            s.passed = 0
            board, stack = work[BOARD], work[STACK]
            _load(s.stones, board)
            point = (action // n + 1) * w + action % n
            board[point] = player + 1
            s.stones[action // n, action % n] = player + 1
            code ^= ZOBRIST[player, point]
            for d in (-w, -1, 1, w):
                if board[point + d] == 2 - player:
                    for k in range(_take(work, point + d, w)):
                        s.stones[stack[k] // w - 1, stack[k] % w] = 0
                        code ^= ZOBRIST[1 - player, stack[k]]
        s.history[s.plies] = code
        s.plies += 1
        s.to_play = 1 - player
        if over or s.plies == 2 * n * n:
            s.outcome = _winner(s, work)


@njit(nogil=True, cache=True)
def observe(states, planes):
    if len(states) == 0:
        return
    n = states[0].stones.shape[0]
    work = np.empty((SCRATCH, (n + 2) * (n + 1)), np.int64)
    codes = np.empty(n * n, np.uint64)
    seen = np.empty(_table(2 * n * n), np.uint64)
    for i in range(len(states)):
        s = states[i]
        _moves(s, work, codes, seen)
        komi = np.float32((s.komi if s.to_play == 1 else -s.komi) / 32)
        for r in range(n):
            for c in range(n):
                point = (r + 1) * (n + 1) + c
                stone = s.stones[r, c]
                planes[i, :8, r, c] = 0.0
                if stone != 0:
                    first = 0 if stone == s.to_play + 1 else 3
                    planes[i, first + min(work[LIBERTIES, work[CHAIN, point]], 3) - 1, r, c] = 1.0
                planes[i, 6, r, c] = s.outcome == -1 and work[POINTS, point] == 2
                planes[i, 7, r, c] = s.passed
                planes[i, 8, r, c] = komi
                planes[i, 9, r, c] = 1.0


@njit(nogil=True, cache=True)
def _mix(seed):
    """splitmix64 (Steele, Lea, Flood 2014): neighbouring seeds give unrelated numbers."""
    x = seed + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(nogil=True, cache=True)
def _put(work, codes, point, player, liberties):
    """A stone that is a chain of its own: CHAIN names a chain's head, NEXT runs round its stones."""
    work[BOARD, point] = player + 1
    work[CHAIN, point] = point
    work[NEXT, point] = point
    work[SIZE, point] = 1
    work[LIBERTIES, point] = liberties
    codes[point] = ZOBRIST[player, point]


@njit(nogil=True, cache=True)
def _join(work, codes, a, b):
    """Makes one chain of those with the heads a and b, if they are two."""
    chain, following = work[CHAIN], work[NEXT]
    if a == b:
        return
    if work[SIZE, a] < work[SIZE, b]:
        a, b = b, a
    work[SIZE, a] += work[SIZE, b]
    work[LIBERTIES, a] += work[LIBERTIES, b]
    codes[a] ^= codes[b]
    at = b
    while True:
        chain[at] = a
        at = following[at]
        if at == b:
            break
    following[a], following[b] = following[b], following[a]


@njit(nogil=True, cache=True)
def _prepare(s, work, codes):
    """The chains of a position, their pseudo-liberties and the list of empty points; gives the number of these."""
    n = s.stones.shape[0]
    w = n + 1
    board, chain = work[BOARD], work[CHAIN]
    _load(s.stones, board)
    empty = 0
    for r in range(n):
        for c in range(n):
            point = (r + 1) * w + c
            colour = board[point]
            if colour == 0:
                work[FREE, empty] = point
                work[PLACE, point] = empty
                empty += 1
                continue
            free = 0
            for d in (-w, -1, 1, w):
                free += board[point + d] == 0
            _put(work, codes, point, colour - 1, free)
            for d in (-w, -1):
                if board[point + d] == colour:
                    _join(work, codes, chain[point], chain[point + d])
    return empty


@njit(nogil=True, cache=True)
def playout(states, seeds):
    """Random games: a point is drawn from the empty ones and the pass, and drawn again if it is not legal.

    Pseudo-liberties (Lew's libego, 2005): LIBERTIES of a chain counts an empty point once for each of its stones
    beside it. A move takes one off for each neighbour; a chain is without liberties when none is left.
    """
    if len(states) == 0:
        return
    n = states[0].stones.shape[0]
    w = n + 1
    work = np.empty((SCRATCH, (n + 2) * w), np.int64)
    board, chain, following, liberties = work[BOARD], work[CHAIN], work[NEXT], work[LIBERTIES]
    free, place = work[FREE], work[PLACE]
    codes = np.empty(work.shape[1], np.uint64)
    seen = np.empty(_table(2 * n * n), np.uint64)
    taken = np.empty(4, np.int64)
    for i in range(len(states)):
        s = states[i]
        if s.outcome != -1:
            continue
        empty = _prepare(s, work, codes)
        plies, player, passed = np.int64(s.plies), np.int64(s.to_play), s.passed == 1
        code = _recall(s.history, plies, seen)
        x = _mix(seeds[i])
        while plies < 2 * n * n:
            x = x * MULTIPLIER + INCREMENT
            pick = np.int64(x >> np.uint64(32)) * (empty + 1) >> 32
            if pick == empty:
                s.history[plies] = code
                plies += 1
                player = 1 - player
                if passed:
                    break
                passed = True
                continue
            point = free[pick]
            vacant, alive, captures = 0, False, 0
            after = code ^ ZOBRIST[player, point]
            for d in (-w, -1, 1, w):
                colour = board[point + d]
                if colour == 0:
                    vacant += 1
                elif colour != BORDER:
                    liberties[chain[point + d]] -= 1
            for d in (-w, -1, 1, w):
                colour = board[point + d]
                if colour == player + 1:
                    alive |= liberties[chain[point + d]] > 0
                elif colour == 2 - player and liberties[chain[point + d]] == 0:
                    head = chain[point + d]
                    new = True
                    for k in range(captures):
                        new &= taken[k] != head
                    if new:
                        taken[captures] = head
                        captures += 1
                        after ^= codes[head]
            slot = _slot(seen, after)
            if (vacant == 0 and not alive and captures == 0) or seen[slot] == after:
                for d in (-w, -1, 1, w):
                    if board[point + d] != 0 and board[point + d] != BORDER:
                        liberties[chain[point + d]] += 1
                continue
            code = after
            seen[slot] = code
            empty -= 1
            free[pick] = free[empty]
            place[free[pick]] = pick
            _put(work, codes, point, player, vacant)
            for d in (-w, -1, 1, w):
                if board[point + d] == player + 1:
                    _join(work, codes, chain[point], chain[point + d])
            for k in range(captures):
                at = taken[k]
                while True:
                    board[at] = 0
                    free[empty] = at
                    place[at] = empty
                    empty += 1
                    for d in (-w, -1, 1, w):
                        if board[at + d] == player + 1:
                            liberties[chain[at + d]] += 1
                    at = following[at]
                    if at == taken[k]:
                        break
            s.history[plies] = code
            plies += 1
            player = 1 - player
            passed = False
        s.plies = plies
        s.to_play = player
        s.passed = passed
        for r in range(n):
            for c in range(n):
                s.stones[r, c] = board[(r + 1) * w + c]
        s.outcome = _winner(s, work)


def make(n: int, komi: int = KOMI) -> Game:
    """Go on n x n; `komi` in half points."""

    dtype = state_dtype(n)
    start = np.zeros(1, dtype)
    start["outcome"], start["komi"] = ONGOING, komi

    def init(states: States) -> None:
        states[:] = start

    def action_text(action: int) -> str:
        return "pass" if action == n * n else cell_text(action, n, n, letters=COLUMNS)

    def parse_action(text: str) -> int:
        return n * n if text.strip().lower() == "pass" else parse_cell(text, n, n, letters=COLUMNS)

    def board_text(state: np.void, last: int | None, colour: bool) -> str:
        return draw(state["stones"], None if last == n * n else last, colour, letters=COLUMNS)

    cells = square_symmetries(n)
    return Game(
        name=f"go{n}" + ("" if komi == KOMI else f"-komi{komi / 2:g}"),
        family="go",
        rules_version=1,
        shape=(n, n),
        num_planes=10,
        num_actions=n * n + 1,
        max_plies=2 * n * n,
        dtype=dtype,
        init=init,
        legal=legal,
        step=step,
        observe=observe,
        playout=playout,
        action_symmetries=np.hstack([cells, np.full((len(cells), 1), n * n, np.int32)]),
        cell_symmetries=cells,
        action_text=action_text,
        parse_action=parse_action,
        board_text=board_text,
        past=("history",),
        sides=("black", "white"),
    )


GAMES = {f"go{n}": (lambda n=n: make(n)) for n in SIZES}


def variant(name: str) -> Game | None:
    """The game with a komi in its name; None if there is none in it. ValueError with one line if it is a bad one."""
    match = re.fullmatch(r"(go([0-9]+))-komi(.*)", name)
    if not match or match[1] not in GAMES:
        return None
    n = int(match[2])
    if not re.fullmatch(r"[0-9]{1,3}(\.[05])?", match[3]) or float(match[3]) > n * n:
        raise ValueError(f"{name[:40]}: the komi goes from 0 to {n * n} in steps of 0.5, like {match[1]}-komi5.5")
    return make(n, round(2 * float(match[3])))
