"""Gomoku: two players place stones on an n x n board in turn; who first has five of his own in a row, wins.

Freestyle (`gomoku9`): five or more win. Standard (`gomoku15-standard`): exactly five wins, for both sides.
Renju (`gomoku15-renju`): black wins with exactly five, white with five or more, and black may not make an overline
(six or more), two fours or two threes at once, unless the same stone makes a five. These moves are illegal here, where
over the board they lose: a player who knows the rules never makes one. No opening rule and no passing: if black has
no legal move left, the game is a draw. (Renju International Federation, "The International Rules of Renju", 3 and 9)
A full board is a draw. Black ("x", player 0) begins.

planes  0 the mover's stones | 1 the opponent's stones | 2 ones on the board | 3 ones if the mover needs exactly five
        then empty cells where a stone makes, for the mover and for the opponent: 4, 5 a five | 6, 7 two or more ways to
        five (an open four, a double four) | 8, 9 one way (a four) | 10, 11 an open three, next an open four
        then wins by fours alone, which leave no choice of answers: 12, 13 their first stones, for the mover and, if
        the mover does nothing, for the opponent | 14 the cells that all of the opponent's have in common: a stone
        there may stop them. Only the shortest ones, and none that takes more than MOST_TRIED fours to find
        (what a move leads to is input, as in AlphaGo: Silver et al. 2016, extended data table 2, where it is ladders)
        renju instead: 12 what black may not play (he makes no fours and threes there: 6 to 11 are clear)
actions cell = row * n + column, row 0 at the top; written as a column letter and a row from the bottom (e5)
symmetries: the eight of the square
"""

from __future__ import annotations

import numpy as np
from numba import njit

from games.game import Game
from games.grid import cell_text, draw, parse_cell, square_symmetries

SIZES = range(5, 21)
FREESTYLE, STANDARD, RENJU = 0, 1, 2
RULES = {"": FREESTYLE, "-standard": STANDARD, "-renju": RENJU}  # by the end of a game's name
LEGAL, FORBIDDEN, FIVE = 0, 1, 2  # what a stone of black's is in renju
LONGEST = 8  # win by fours that `observe` looks for, in fours
MOST_TRIED = 256  # fours, for the wins of one length by one side

# A 64-bit linear congruential generator (Knuth's MMIX); the playout uses its upper half, the good one.
MULTIPLIER, INCREMENT = np.uint64(6364136223846793005), np.uint64(1442695040888963407)

# A de Bruijn sequence: shifted by each number of bits, its upper six are all different.
DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
PLACES = np.zeros(64, np.int64)
PLACES[(DE_BRUIJN << np.arange(64, dtype=np.uint64)) >> np.uint64(58)] = np.arange(64)


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


def init_renju(states):
    _start(states, RENJU)


@njit(nogil=True, cache=True)
def legal(states, mask):
    for i in range(len(states)):
        s = states[i]
        n = s.stones.shape[0]
        over = s.outcome != -1
        for r in range(n):
            for c in range(n):
                mask[i, r * n + c] = (s.stones[r, c] == 0) & (not over)
        if s.rule == RENJU and s.to_play == 0 and not over:
            lines = _lines(s.stones)
            for r in range(n):
                for c in range(n):
                    if s.stones[r, c] == 0 and _verdict(lines, n, r, c) == FORBIDDEN:
                        mask[i, r * n + c] = 0


@njit(nogil=True, cache=True)
def _lines(stones):
    """u4[2, lines]: the empty cells and black's stones of each line as bits, five free bits below and above.

    Rows, columns, diagonals, anti-diagonals; see `_line`.
    """
    n = stones.shape[0]
    lines = np.zeros((2, 6 * n - 2), np.uint32)
    for r in range(n):
        for c in range(n):
            if stones[r, c] < 2:
                for k in range(4):
                    line, place = _line(n, r, c, k)
                    lines[stones[r, c], line] |= np.uint32(32 << place)
    return lines


@njit(nogil=True, cache=True)
def _line(n, r, c, k):
    """The line through a cell in direction k, and the cell's place on it."""
    if k == 0:
        return r, c
    if k == 1:
        return n + c, r
    if k == 2:
        return 3 * n - 1 + r - c, c
    return 4 * n - 1 + r + c, c


@njit(nogil=True, cache=True)
def _verdict(lines, n, r, c):
    """Is black's stone on the empty cell (r, c) LEGAL or FORBIDDEN, or does it make a FIVE (which is always legal)?

    A four is one stone from five; a line can hold two of them (x.xxx.x). A three is one stone from a straight four
    (.xxxx., a five at either end), by a stone that is LEGAL itself and makes no five: so the question recurs, with the
    stone on the board (RIF rules, 9.3). `lines` is as it was when this returns.
    """
    several, many = 0, 0
    for k in range(4):
        line, place = _line(n, r, c, k)
        near = np.int64(lines[1, line]) >> place & 0b01111011110
        near &= near - 1
        several += near != 0
        near &= near - 1
        many += near & (near - 1) != 0
    if several < 2 and many == 0:  # most cells: too few stones for two threes, two fours, or a row of five
        return LEGAL
    overline, fours, threes = False, 0, 0
    for k in range(4):
        line, place = _line(n, r, c, k)
        length, ways, straight = _shape(np.int64(lines[1, line]) >> place, np.int64(lines[0, line]) >> place)
        if length == 5:
            return FIVE
        overline |= length > 5
        fours += ways
        threes += straight != 0
    if overline or fours > 1:
        return FORBIDDEN
    if threes < 2:
        return LEGAL
    _flip(lines, n, r, c)
    threes = 0
    for k in range(4):
        line, place = _line(n, r, c, k)
        _, _, straight = _shape(np.int64(lines[1, line]) >> place, np.int64(lines[0, line]) >> place)
        for d in range(-3, 4):
            if straight >> (5 + d) & 1:
                down = 0 if k == 0 else (-d if k == 3 else d)
                across = 0 if k == 1 else d
                if _verdict(lines, n, r + down, c + across) == LEGAL:
                    threes += 1
                    break
    _flip(lines, n, r, c)
    return FORBIDDEN if threes > 1 else LEGAL


@njit(nogil=True, cache=True)
def _flip(lines, n, r, c):
    """Puts black's stone on the empty cell (r, c), or takes it away again."""
    for k in range(4):
        line, place = _line(n, r, c, k)
        lines[0, line] ^= np.uint32(32 << place)
        lines[1, line] ^= np.uint32(32 << place)


@njit(nogil=True, cache=True)
def _shape(black, empty):
    """What black's stone in the middle of eleven cells makes on their line (bit 5 is the middle).

    The length of its row, the number of fours, and the cells (bits) where one more stone makes a straight four of both.
    """
    black |= 32
    length = 1
    for side in (-1, 1):
        bit = 5 + side
        while 0 <= bit <= 10 and black >> bit & 1:
            length += 1
            bit += side
    ways, straight = 0, 0
    for start in range(1, 6):  # five cells, one of them missing, and no stone beside them
        missing = black >> start & 31 ^ 31
        if missing & (missing - 1) == 0 and empty >> start & missing and not black >> (start - 1) & 0b1000001:
            ways |= missing << start
    for start in range(2, 6):  # four cells, one of them missing, empty cells beside them, and no stone next to those
        missing = black >> start & 15 ^ 15
        if (
            missing & (missing - 1) == 0
            and empty >> start & missing
            and empty >> (start - 1) & 0b100001 == 0b100001
            and not black >> (start - 2) & 0b10000001
        ):
            straight |= missing << start
    first = ways & -ways
    if ways == 0:
        return length, 0, straight
    return length, 1 if ways == first or ways == first | first << 5 else 2, straight


@njit(nogil=True, cache=True)
def _black_can_move(stones):
    n = stones.shape[0]
    lines = _lines(stones)
    for r in range(n):
        for c in range(n):
            if stones[r, c] == 0 and _verdict(lines, n, r, c) != FORBIDDEN:
                return True
    return False


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
        if length == 5 or (length > 5 and (rule == FREESTYLE or (rule == RENJU and stone == 2))):
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
        elif s.count == n * n or (s.rule == RENJU and player == 1 and not _black_can_move(s.stones)):
            s.outcome = 2


@njit(nogil=True, cache=True)
def _at(mask, d):
    """Bit x of the result is bit x + d of `mask`."""
    return mask >> np.uint32(d) if d >= 0 else mask << np.uint32(-d)


@njit(nogil=True, cache=True)
def _lowest(bits):
    """The place of the lowest bit that is set, of an i8."""
    return PLACES[np.uint64(bits & -bits) * DE_BRUIJN >> np.uint64(58)]


@njit(nogil=True, cache=True)
def _windows(own, empty, exact):
    """Where on a line five cells in a row hold nothing but three own stones, and four, and empty cells.

    Bit masks, a bit the lowest cell of its five; where exactly five is needed, the cells beside them must not be own.
    The stones are counted by two adders, for all windows of a line at once.
    """
    beside = own if exact else np.uint32(0)
    live = own | empty
    live &= _at(live, 1) & _at(live, 2) & _at(live, 3) & _at(live, 4) & ~_at(beside, -1) & ~_at(beside, 5)
    b, c, d, e = _at(own, 1), _at(own, 2), _at(own, 3), _at(own, 4)
    odd, pair = own ^ b ^ c, own & b | c & (own ^ b)
    other = odd & d | e & (odd ^ d)
    odd ^= d ^ e
    return live & odd & (pair ^ other), live & ~odd & pair & other


@njit(nogil=True, cache=True)
def _cells_of(windows):
    """The cells of windows of five, from their lowest ones."""
    return windows | _at(windows, -1) | _at(windows, -2) | _at(windows, -3) | _at(windows, -4)


@njit(nogil=True, cache=True)
def _ways(three, empty):
    """The cells of a line where a stone makes one way to five or more, and two or more, from its windows of three."""
    one = two = near = np.uint32(0)
    for d in range(4, 0, -1):  # of two empty cells d apart in a window, each completes what a stone on the other makes
        near |= _at(three, d - 4)
        low = near & empty & _at(empty, d)
        high = _at(low, -d)
        two |= one & low
        one |= low
        two |= one & high
        one |= high
    return one, two


@njit(nogil=True, cache=True)
def _open_threes(own, empty, exact):
    """Where on a line a stone is one of the two that .oooo. lacks, the cells beside it not own where exactly five wins."""
    beside = own if exact else np.uint32(0)
    live = own | empty
    a, b, c, d = _at(own, 1), _at(own, 2), _at(own, 3), _at(own, 4)
    two = (a ^ b) & (c ^ d) | (a & b ^ c & d) & ~(a ^ b | c ^ d)
    two &= empty & _at(live, 1) & _at(live, 2) & _at(live, 3) & _at(live, 4) & _at(empty, 5)
    two &= ~_at(beside, -1) & ~_at(beside, 6)
    return empty & (_at(two, -1) | _at(two, -2) | _at(two, -3) | _at(two, -4))


@njit(nogil=True, cache=True)
def _threats(own, empty, exact, threats):
    """What a stone on each empty cell of each line makes: threats[0..3] five, ways to five >= 1, >= 2, open three.

    Bit masks u4[lines], five free bits below each. No branches, so that the compiler takes many lines at once.
    """
    for line in range(len(own)):
        m, e = own[line], empty[line]
        three, four = _windows(m, e, exact)
        threats[0, line], threats[3, line] = e & _cells_of(four), _open_threes(m, e, exact)
        threats[1, line], threats[2, line] = _ways(three, e)


@njit(nogil=True, cache=True)
def _cell(n, line, place):
    """The inverse of `_line`: (r, c)."""
    if line < n:
        return line, place
    if line < 2 * n:
        return place, line - n
    if line < 4 * n - 1:
        return line - (3 * n - 1) + place, place
    return line - (4 * n - 1) - place, place


@njit(nogil=True, cache=True)
def _put(lines, n, cell, stone):
    """Puts a stone on an empty cell, or takes it away again. lines u4[3, lines]: empty, player 0, player 1.

    Cells are row << 5 | column here and below: a division costs as much as all the rest.
    """
    for k in range(4):
        line, place = _line(n, cell >> 5, cell & 31, k)
        lines[0, line] ^= np.uint32(32 << place)
        lines[stone, line] ^= np.uint32(32 << place)


@njit(nogil=True, cache=True)
def _fives(lines, n, cell, stone, exact, fives):
    """The cells where `stone` makes a five together with its stone on `cell`: to `fives`; returns how many."""
    count = 0
    for k in range(4):
        line, place = _line(n, cell >> 5, cell & 31, k)
        near = np.int64(lines[stone, line]) >> place + 1 & 0b111111111
        near &= near - 1
        near &= near - 1
        if near & (near - 1) == 0:  # most lines: fewer than four stones within four cells of this one
            continue
        _, four = _windows(lines[stone, line], lines[0, line], exact)
        four &= np.uint32(31 << place + 1)  # the windows that hold the cell, whose bit is place + 5
        rest = np.int64(lines[0, line] & _cells_of(four))
        while rest != 0:
            r, c = _cell(n, line, _lowest(rest) - 5)
            fives[count] = r << 5 | c
            count += 1
            rest &= rest - 1
    return count


@njit(nogil=True, cache=True)
def _candidates(lines, n, stone, exact, masks, cells):
    """The cells where a stone makes a way to five, each once: to cells[0], the number of ways there (2: or more) to
    cells[1], where there is one way the cell that completes it to cells[2]; returns how many. masks u4[3, lines], and
    cells[3], by cell where in the list it is: scratch.
    """
    for line in range(masks.shape[1]):
        three, _ = _windows(lines[stone, line], lines[0, line], exact)
        masks[0, line], (masks[1, line], masks[2, line]) = three, _ways(three, lines[0, line])
    count = 0
    for line in range(masks.shape[1]):
        three, one, two = np.int64(masks[0, line]), np.int64(masks[1, line]), np.int64(masks[2, line])
        while one != 0:
            bit = _lowest(one)
            r, c = _cell(n, line, bit - 5)
            cell = r << 5 | c
            at = cells[3, cell]
            if at < count and cells[0, at] == cell:  # on an earlier line, too
                cells[1, at] = 2
            else:
                window = _lowest(three & 31 << bit - 4)  # one of those that hold the cell
                other = np.int64(lines[0, line]) & 31 << window & ~(1 << bit)
                r, c = _cell(n, line, _lowest(other) - 5)
                cells[0, count], cells[1, count], cells[2, count] = cell, 1 + (two >> bit & 1), r << 5 | c
                cells[3, cell] = count
                count += 1
            one &= one - 1
    return count


@njit(nogil=True, cache=True)
def _replay(lines, n, stone, fours, which):
    """Puts the stones of a sequence (see `_sequences`), or takes them away again."""
    while which != 0:
        _put(lines, n, fours[1, which], stone)
        _put(lines, n, fours[2, which], 3 - stone)
        which = fours[0, which]


@njit(nogil=True, cache=True)
def _fives_by(lines, n, cell, stone, exact, fives):
    """As `_fives`, of a stone that is not there yet."""
    _put(lines, n, cell, stone)
    count = _fives(lines, n, cell, stone, exact, fives)
    _put(lines, n, cell, stone)
    return count


@njit(nogil=True, cache=True)
def _sequences(lines, n, stone, exact, threatened, fours, masks, cells, wins):
    """Looks for the shortest sequences of fours by `stone`, which is to move, that win; returns how many there are.

    A four that can be completed in one way is answered there; the last one can in two. Where the other side threatens
    a five, as an answer may, the next stone must stop it: `threatened` fives at first, the cells in cells[4].
    Of the winning sequences, wins i4[2, cells] counts for each cell those that begin there, and those that it is in.
    All of one length are gone through, so that the limit on the fours tried does not depend on their order.
    Sequence i, of those that do not win: sequence fours[0, i], then a four on fours[1, i], its answer on fours[2, i];
    sequence 0 is empty. fours i8[3, MOST_TRIED], masks u4[3, lines], cells i8[5, cells]: scratch.
    """
    wins[:, :] = 0
    tried, won, begin, end = 0, 0, 0, 1
    there = 0  # the sequence whose stones are there, all but the last two
    for _ in range(LONGEST):
        longer = end
        for which in range(begin, end):
            if which != 0:
                if fours[0, which] != there:  # those that share a beginning follow one another
                    _replay(lines, n, stone, fours, there)
                    there = fours[0, which]
                    _replay(lines, n, stone, fours, there)
                _put(lines, n, fours[1, which], stone)
                _put(lines, n, fours[2, which], 3 - stone)
                threatened = _fives(lines, n, fours[2, which], 3 - stone, exact, cells[4])
            count = 0  # two fives cannot be stopped
            if threatened == 0:
                count = _candidates(lines, n, stone, exact, masks, cells)
            elif threatened == 1:
                count = 1
                cells[0, 0] = cells[4, 0]
                cells[1, 0] = _fives_by(lines, n, cells[0, 0], stone, exact, cells[4])
                cells[2, 0] = cells[4, 0]
            tried += count
            if tried >= MOST_TRIED:
                _replay(lines, n, stone, fours, which)
                return 0
            for i in range(count):
                if cells[1, i] == 1:
                    fours[0, longer], fours[1, longer], fours[2, longer] = which, cells[0, i], cells[2, i]
                    longer += 1
                elif cells[1, i] > 1:
                    won += 1
                    ways = _fives_by(lines, n, cells[0, i], stone, exact, cells[4])
                    _count_win(fours, which, cells[0, i], cells[4, :ways], wins)
            if which != 0:
                _put(lines, n, fours[1, which], stone)
                _put(lines, n, fours[2, which], 3 - stone)
        if won or longer == end:
            break
        begin, end = end, longer
    _replay(lines, n, stone, fours, there)
    return won


@njit(nogil=True, cache=True)
def _count_win(fours, which, last, fives, wins):
    """A four on `last` after a sequence, which can be completed on `fives`, wins: see `_sequences`."""
    wins[1, last] += 1
    for cell in fives:
        wins[1, cell] += 1
    first = last
    while which != 0:
        first = fours[1, which]
        wins[1, first] += 1
        wins[1, fours[2, which]] += 1
        which = fours[0, which]
    wins[0, first] += 1


@njit(nogil=True, cache=True)
def observe(states, planes):
    if len(states) == 0:
        return
    n = states[0].stones.shape[0]
    planes[:] = 0
    lines = np.zeros((3, 6 * n - 2), np.uint32)  # empty, player 0, player 1 x rows, columns, diagonals, anti-diagonals
    threats = np.zeros((4, 6 * n - 2), np.uint32)
    ways = np.zeros((n, n), np.int8)
    fours, masks = np.zeros((3, MOST_TRIED), np.int64), np.zeros((3, 6 * n - 2), np.uint32)
    any_five, any_four = np.zeros(2, np.uint32), np.zeros(2, np.uint32)  # for each side: all lines' masks in one
    cells, wins = np.zeros((5, n << 5), np.int64), np.zeros((2, n << 5), np.int32)
    for i in range(len(states)):
        s = states[i]
        planes[i, 2, :, :] = 1.0
        planes[i, 3, :, :] = s.rule == STANDARD or (s.rule == RENJU and s.to_play == 0)
        lines[:, :] = 0
        any_five[:], any_four[:] = 0, 0
        for r in range(n):
            for c in range(n):
                stone = s.stones[r, c]
                of = lines[stone]
                of[r] |= np.uint32(32 << c)  # five bits below the line are free, so that shifts lose nothing
                of[n + c] |= np.uint32(32 << r)
                of[3 * n - 1 + r - c] |= np.uint32(32 << c)
                of[4 * n - 1 + r + c] |= np.uint32(32 << c)
                if stone != 0:
                    planes[i, stone - 1 ^ s.to_play, r, c] = 1.0
        for side in range(2):
            player = s.to_play ^ side
            exact = s.rule == STANDARD or (s.rule == RENJU and player == 0)
            _threats(lines[1 + player], lines[0], exact, threats)
            ways[:, :] = 0
            for line in range(6 * n - 2):
                five, one, two, three = threats[0, line], threats[1, line], threats[2, line], threats[3, line]
                any_five[side] |= five
                any_four[side] |= one
                some = np.int64(five | one | three)
                while some != 0:
                    place = _lowest(some)
                    bit = np.uint32(1 << place)
                    r, c = _cell(n, line, place - 5)
                    if five & bit:
                        planes[i, 4 + side, r, c] = 1.0
                    if three & bit:
                        planes[i, 10 + side, r, c] = 1.0
                    ways[r, c] += np.int8((one & bit) != 0) + np.int8((two & bit) != 0)
                    planes[i, 6 + side, r, c] = ways[r, c] > 1
                    planes[i, 8 + side, r, c] = ways[r, c] == 1
                    some &= some - 1
        if s.rule == RENJU:
            for r in range(n):
                for c in range(n):
                    if s.stones[r, c] == 0 and _verdict(lines, n, r, c) == FORBIDDEN:
                        for plane in range(6, 12, 2):
                            planes[i, plane + s.to_play, r, c] = 0.0  # black is player 0: the side `to_play`
                        planes[i, 12, r, c] = 1.0
        else:
            exact = s.rule == STANDARD
            _mark_wins_by_fours(lines, n, s.to_play, exact, planes[i], any_five, any_four, fours, masks, cells, wins)


@njit(nogil=True, cache=True)
def _mark_wins_by_fours(lines, n, to_play, exact, planes, any_five, any_four, fours, masks, cells, wins):
    """Planes 12 to 14 of one position, from its lines u4[3, lines] and plane 5. Scratch as in `_sequences`.

    any_five, any_four u4[2]: not 0 where a stone of the mover's, of the opponent's makes a five or a way to one.
    """
    if any_five[0]:
        return  # the mover wins at once
    threatened = 0
    if any_five[1]:
        for r in range(n):
            for c in range(n):
                if planes[5, r, c] != 0:
                    threatened += 1
                    cells[4, 0] = r << 5 | c
    for side in range(2 - threatened):
        if any_four[side] == 0:
            continue
        won = _sequences(lines, n, 1 + (to_play ^ side), exact, threatened, fours, masks, cells, wins)
        if won:
            for r in range(n):
                for c in range(n):
                    planes[12 + side, r, c] = wins[0, r << 5 | c] > 0
                    if side == 1:
                        planes[14, r, c] = wins[1, r << 5 | c] == won


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


def make(n: int, rule: int = FREESTYLE) -> Game:
    """Gomoku on n x n. Renju is a family of its own: no teacher knows what black may not play, and no net of gomoku's."""
    symmetries, renju = square_symmetries(n), rule == RENJU
    return Game(
        name=f"gomoku{n}" + list(RULES)[rule],
        family="renju" if renju else "gomoku",
        rules_version=3,
        shape=(n, n),
        num_planes=13 if renju else 15,
        num_actions=n * n,
        max_plies=n * n,
        dtype=state_dtype(n),
        init=(init_freestyle, init_standard, init_renju)[rule],
        legal=legal,
        step=step,
        observe=observe,
        playout=None if renju else playout,
        action_symmetries=symmetries,
        cell_symmetries=symmetries,
        action_text=lambda action: cell_text(action, n, n),
        parse_action=lambda text: parse_cell(text, n, n),
        board_text=lambda state, last, colour: draw(state["stones"], last, colour),
        sides=("black", "white"),
    )


GAMES = {f"gomoku{n}{end}": (lambda n=n, rule=rule: make(n, rule)) for n in SIZES for end, rule in RULES.items()}
