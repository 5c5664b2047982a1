"""Connect four solved: positions with the exact result of every column, as a suite to develop with (`evaluate --suite`).

Ideas are tried on such a suite, so that bench/suites stays a judge. Its positions come from games in which half of the
moves are random and the others win, block or go near the centre; each is one that a move can spoil. Without `--out` the
solver's speed is all that is printed, and whether it agrees with bench/suites.
"""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from common import Row, parser, report, run_command, to_write
from numba import njit
from numpy.typing import NDArray
from tqdm import tqdm

from alphamini.model.checkpoint import write_bytes
from games.connect4 import BOTTOM, FULL, WIDTH, _fours, _wins

# Kernels here are not cached on disk: they call those of games.connect4, whose edits a cache would not notice.
SUITE = Path(__file__).parent / "suites" / "connect4.jsonl"
ENTRIES = 8388593  # of the table, 64 MiB: a prime, as a position's place is its key modulo this
CENTRE_FIRST = np.array([3, 2, 4, 1, 5, 0, 6])
MIDDLE = 0b111111 << 7 * 3
PLIES = 6, 34  # of a suite's positions: earlier ones take minutes each, and few later ones can be spoilt


@njit(nogil=True)
def _count(bits):
    found = 0
    while bits:
        bits &= bits - 1
        found += 1
    return found


@njit("i8(i8, i8, i8, i8, i8[::1])", nogil=True)  # given: literal bounds would make a second one
def _value(own, other, alpha, beta, table):
    """1, 0 or -1 for `own`, to move, exact within (alpha, beta), else a bound on its side (fail-soft).

    Neither side has four in a row. `table`: i8[ENTRIES], of key * 16 + 4 * (least + 1) + most + 1.
    """
    taken = own | other
    empty = FULL & ~taken
    if empty == 0:
        return 0
    falls = taken + BOTTOM & empty
    if _fours(own) & falls:
        return 1
    threats = _fours(other) & empty
    forced = threats & falls
    if forced & forced - 1:
        return -1
    tries = (forced if forced else falls) & ~(threats >> 1)
    if tries == 0:
        return -1
    key = taken + own + BOTTOM
    place = key % len(table)
    least, most = -1, 1
    if table[place] >> 4 == key:
        least, most = (table[place] >> 2 & 3) - 1, (table[place] & 3) - 1
        if least >= beta or least == most:
            return least
        if most <= alpha:
            return most
        alpha, beta = max(alpha, least), min(beta, most)
    # The moves that make most threats first, then those near the centre.
    stones, merits = np.empty(WIDTH, np.int64), np.empty(WIDTH, np.int64)
    n = 0
    for column in CENTRE_FIRST:
        stone = tries & 0b111111 << 7 * column
        if stone:
            merit = _count(_fours(own | stone) & empty)
            at = n
            while at and merits[at - 1] < merit:
                stones[at], merits[at] = stones[at - 1], merits[at - 1]
                at -= 1
            stones[at], merits[at] = stone, merit
            n += 1
    best, low = -1, alpha
    for i in range(n):
        value = -_value(other, own | stones[i], -beta, -max(low, best), table)
        best = max(best, value)
        if best >= beta:
            break
    if best <= low:
        most = best
    elif best >= beta:
        least = best
    else:
        least = most = best
    table[place] = key << 4 | least + 1 << 2 | most + 1
    return best


@njit("void(i8, i8, i8[::1], i1[::1])", nogil=True)
def column_values(own, other, table, values):
    """values, i1[7]: 1, 0 or -1 for `own`, to move, of a stone in each column; -2 where none fits."""
    taken = own | other
    for column in range(WIDTH):
        stone = taken + (1 << 7 * column) & 0b111111 << 7 * column & ~taken
        values[column] = -2
        if stone:
            values[column] = 1 if _fours(own) & stone else -_value(other, own | stone, -1, 1, table)


@njit(nogil=True)
def _greedy(own, other):
    """The stones of a simple player: those that win, or else block, or else that fall in the middle, or any."""
    taken = own | other
    falls = taken + BOTTOM & FULL & ~taken
    for wanted in (_fours(own), _fours(other), MIDDLE):
        if wanted & falls:
            return wanted & falls
    return falls


def boards(moves: str) -> tuple[int, int]:
    """The stones of the side to move and of the other, after `moves`."""
    own = other = 0
    for move in moves:
        taken, column = own | other, int(move) - 1
        own, other = other, own | taken + (1 << 7 * column) & ~taken
    return own, other


def disagreements(table: NDArray[np.int64], least_plies: int) -> tuple[int, int]:
    """Positions of bench/suites after `least_plies` or more, and those of them where a column's result is another."""
    count = wrong = 0
    values = np.empty(WIDTH, np.int8)
    for row in map(json.loads, SUITE.read_text().splitlines()):
        if len(row["moves"]) >= least_plies:
            column_values(*boards(row["moves"]), table, values)
            count += 1
            wrong += values.tolist() != [-2 if score is None else int(np.sign(score)) for score in row["scores"]]
    return count, wrong


def random_game(plies: int, rng: np.random.Generator) -> str:
    """The moves of a game that is not over after `plies` plies, of which there are fewer than cells."""
    moves, own, other = "", 0, 0
    while len(moves) < plies:
        taken = own | other
        among = taken + BOTTOM & FULL & ~taken if rng.random() < 0.5 else _greedy(own, other)
        column = int(rng.choice([c for c in range(WIDTH) if among >> 7 * c & 0b111111]))
        own, other = other, own | taken + (1 << 7 * column) & ~taken
        moves += str(column + 1)
        if _wins(other):
            moves, own, other = "", 0, 0
    return moves


def positions(count: int, plies: list[int], seed: int, table: NDArray[np.int64]) -> list[dict[str, Any]]:
    """`count` different positions, as lines of a suite, that are not among those of bench/suites nor their mirrors."""
    rng, values = np.random.default_rng(seed), np.empty(WIDTH, np.int8)
    seen = {key(row["moves"]) for row in map(json.loads, SUITE.read_text().splitlines())}
    rows: list[dict[str, Any]] = []
    with tqdm(total=count, desc="positions") as bar:
        while len(rows) < count:
            moves = random_game(plies[len(rows) % len(plies)], rng)
            if key(moves) in seen:
                continue
            seen.add(key(moves))
            column_values(*boards(moves), table, values)
            legal = values[values > -2]
            if legal.min() < legal.max():
                best = int(legal.max())
                scores = [int(v) if v > -2 else None for v in values]
                found = [c + 1 for c in range(WIDTH) if values[c] == best]
                rows.append({"game": "connect4", "moves": moves, "scores": scores, "value": best, "best": found})
                bar.update()
    return rows


def key(moves: str) -> frozenset[tuple[int, int]]:
    """The same for a position however it was reached, and for its mirror."""
    return frozenset({boards(moves), boards("".join(str(WIDTH + 1 - int(m)) for m in moves))})


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--out", type=to_write(lambda content: False), metavar="FILE.jsonl", help="make a suite")
    options.add_argument("--positions", type=int, default=4000, metavar="N")
    options.add_argument("--plies", type=int, nargs=2, default=(8, 30), metavar=("LEAST", "MOST"))
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    least, most = chosen.plies
    if not PLIES[0] <= least <= most <= PLIES[1] or chosen.positions < 1:
        options.error(f"needs a position or more, after {PLIES[0]} to {PLIES[1]} plies, the least first")
    if chosen.out and (chosen.json or chosen.quick):
        options.error("--out makes a suite and measures nothing: no --json, no --quick")
    plies = list(range(most, least - 1, -1))
    table = np.zeros(ENTRIES, np.int64)
    if chosen.out:
        rows = positions(chosen.positions, plies, chosen.seed, table)
        write_bytes(chosen.out, "".join(json.dumps(row) + "\n" for row in rows).encode())
        return
    found: list[Row] = []
    for first in (24,) if chosen.quick else (24, 16, 12):
        start = perf_counter()
        count, wrong = disagreements(table, first)
        rate = count / (perf_counter() - start)
        found.append(
            {"name": f"after {first} plies or more", "value": rate, "unit": "positions/s", "of": count, "wrong": wrong}
        )
    report("solved", found, chosen.json)


if __name__ == "__main__":
    run_command(main)
