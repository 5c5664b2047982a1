"""Gomoku's threat planes against a plain reading of their definition: place a stone, look at strings, or search."""

import numpy as np
import pytest

from games import get
from games.gomoku import LONGEST, MOST_TRIED, STANDARD

LINES = ((0, 1), (1, 0), (1, 1), (1, -1))


def line_text(board, r, c, step, own):
    """The line through (r, c) as text, and where on it the cell lies: x own, . empty, # anything else."""
    n = len(board)
    while 0 <= r - step[0] < n and 0 <= c - step[1] < n:
        r, c = r - step[0], c - step[1]
    cells = []
    while 0 <= r < n and 0 <= c < n:
        cells.append((r, c))
        r, c = r + step[0], c + step[1]
    return cells, "".join("x" if board[cell] == own else "." if board[cell] == 0 else "#" for cell in cells)


def makes_five(text, at, exact):
    """Does an own stone at `at` complete a winning row?"""
    text = text[:at] + "x" + text[at + 1 :]
    start = len(text[:at].rstrip("x")) if text[:at].endswith("x") else at
    length = len(text[start:]) - len(text[start:].lstrip("x"))
    return length == 5 if exact else length >= 5


def classes(board, own, exact):
    """The four planes of one side: a five, two ways to five or more, one way, an open three."""
    n = len(board)
    planes = np.zeros((4, n, n), np.float32)
    for r, c in np.argwhere(board == 0):
        ways = 0
        for step in LINES:
            cells, text = line_text(board, r, c, step, own)
            at = cells.index((r, c))
            planes[0, r, c] = max(planes[0, r, c], makes_five(text, at, exact))
            after = text[:at] + "x" + text[at + 1 :]
            empty = [i for i, cell in enumerate(after) if cell == "."]
            # a row that is there already (with the new stone or without it) is no way to five
            ways += sum(makes_five(after, i, exact) and uses(after, i, at, exact) for i in empty)
            for i in empty:
                padded = "#" + after[:i] + "x" + after[i + 1 :] + "#"
                for start in range(len(padded) - 5):
                    four = padded[start : start + 6] == ".xxxx." and {i + 1, at + 1} <= set(range(start + 1, start + 5))
                    flanked = exact and (padded[start - 1 : start] == "x" or padded[start + 6 : start + 7] == "x")
                    planes[3, r, c] = max(planes[3, r, c], four and not flanked)
        planes[1, r, c], planes[2, r, c] = ways > 1, ways == 1
    return planes


def uses(text, five_at, stone_at, exact):
    """Some five cells in a row that hold both `five_at` and `stone_at` and lack nothing but `five_at`."""
    text = "#" * 6 + text[:five_at] + "x" + text[five_at + 1 :] + "#" * 6
    for start in range(len(text) - 4):
        row = range(start, start + 5)
        flanked = exact and "x" in text[max(0, start - 1) : start] + text[start + 5 : start + 6]
        if {five_at + 6, stone_at + 6} <= set(row) and text[start : start + 5] == "xxxxx" and not flanked:
            return True
    return False


@pytest.mark.parametrize("name", ["gomoku5", "gomoku9", "gomoku9-standard", "gomoku12"])
def test_threat_planes_say_what_a_stone_makes(name):
    game = get(name)
    n = game.shape[0]
    rng = np.random.default_rng(7)
    states = game.new_states(30)
    for i in range(len(states)):  # dense and sparse boards, one colour ahead now and then: long rows are met
        filled = rng.random((n, n)) < rng.uniform(0.1, 0.8)
        states["stones"][i] = filled * (1 + (rng.random((n, n)) < rng.uniform(0.2, 0.8)))
        states["to_play"][i] = rng.integers(2)
    planes = game.planes(states)
    seen = np.zeros(4)
    for state, got in zip(states, planes, strict=True):
        for side in range(2):
            own = 1 + (state["to_play"] ^ side)
            want = classes(state["stones"], own, state["rule"] == STANDARD)
            np.testing.assert_array_equal(got[4 + side : 12 : 2], want)
            seen += want.sum((1, 2))
    assert (seen[: 4 if n > 5 else 3] > 0).all()  # an open four needs six cells


def rows_of_five(n):
    """All rows of five cells [R, 5], and the cells beyond their two ends [R, 2], as numbers: n * n is off the board."""
    found, ends = [], []
    for r, c in np.ndindex(n, n):
        for dr, dc in LINES:
            cells = [(r + k * dr, c + k * dc) for k in range(-1, 6)]
            numbers = [y * n + x if 0 <= y < n and 0 <= x < n else n * n for y, x in cells]
            if n * n not in numbers[1:-1]:
                found.append(numbers[1:-1])
                ends.append([numbers[0], numbers[-1]])
    return np.array(found), np.array(ends)


def fives(board, own, exact, rows):
    """The cells where a stone of `own` completes a row of five."""
    cells, beyond = rows
    stones = np.append(board, 0)  # off the board nothing lies
    on_row = stones[cells]
    completed = ((on_row == own).sum(1) == 4) & ((on_row == 0).sum(1) == 1)
    if exact:
        completed &= (stones[beyond] != own).all(1)
    return {divmod(int(cell), len(board)) for cell in cells[completed][on_row[completed] == 0]}


def sequences(board, own, exact, rows, length, tried):
    """The winning sequences of `length` fours: lists of the cells that take part, in order."""
    other, before = 3 - own, fives(board, own, exact, rows)
    assert not before
    must, found = fives(board, other, exact, rows), []
    for cell in list(must)[:1] if must else [tuple(c) for c in np.argwhere(board == 0)]:
        board[cell] = own
        ends = fives(board, own, exact, rows)
        tried[0] += bool(ends or must)
        if not fives(board, other, exact, rows):
            if len(ends) > 1 and length == 1:
                found.append([cell, *ends])
            elif len(ends) == 1 and length > 1:
                (answer,) = ends
                board[answer] = other
                found += [[cell, answer, *rest] for rest in sequences(board, own, exact, rows, length - 1, tried)]
                board[answer] = 0
        board[cell] = 0
    return found


def shortest_wins(board, own, exact, rows):
    before = 0
    for length in range(1, LONGEST + 1):
        tried = [0]
        found = sequences(board, own, exact, rows, length, tried)
        if tried[0] >= MOST_TRIED or tried[0] == before:
            break
        if found:
            return found
        before = tried[0]
    return []


@pytest.mark.parametrize("name", ["gomoku7", "gomoku9", "gomoku9-standard"])
def test_wins_by_fours_are_what_a_plain_search_finds(name):
    game = get(name)
    n = game.shape[0]
    rows = rows_of_five(n)
    rng = np.random.default_rng(11)
    lengths = []
    for _ in range(60):
        state = game.new_states(1)
        filled = rng.random((n, n)) < rng.uniform(0.2, 0.6)
        state["stones"][0] = filled * (1 + (rng.random((n, n)) < rng.uniform(0.3, 0.6)))
        state["to_play"] = rng.integers(2)
        board, exact = state["stones"][0].astype(int), state["rule"][0] == STANDARD
        mover = 1 + int(state["to_play"][0])
        wins = [[], []]
        if not fives(board, mover, exact, rows):
            threats = fives(board, 3 - mover, exact, rows)
            if len(threats) < 2:
                wins[0] = shortest_wins(board, mover, exact, rows)
            if not threats:
                wins[1] = shortest_wins(board, 3 - mover, exact, rows)
        want = np.zeros((3, n, n), np.float32)
        for side in range(2):
            for sequence in wins[side]:
                want[side][sequence[0]] = 1
        common = set.intersection(*map(set, wins[1])) if wins[1] else set()
        for cell in common:
            want[2][cell] = 1
        np.testing.assert_array_equal(game.planes(state)[0, 12:], want)
        lengths += [len(sequence) for side in wins for sequence in side]
    assert max(lengths) > 5  # more than two fours


def test_a_win_by_fours_drawn_by_hand():
    """Black, to move, has two threes that white has closed on one side; the fours of both meet at e3."""
    game = get("gomoku9")
    board = """
    . . . . . . . . .
    . . . . . . . . .
    . . . . . . . . .
    . . . . o . . . .
    . . . . x . . . .
    . . . . x . . . .
    . o x x . . x . .
    . . . . x . . . .
    . . . . . . . . .
    """
    state = game.new_states(1)
    cells = np.array([".xo".index(cell) for cell in board.split()]).reshape(9, 9)
    state["stones"][0] = cells
    planes = game.planes(state)[0]
    assert planes[12, 6, 4] == 1  # at once: two fours with one stone
    assert planes[12:].sum() == 1
    state["to_play"] = 1  # white, to move, must stop it
    planes = game.planes(state)[0]
    assert planes[13, 6, 4] == 1
    assert planes[14, 6, 4] == 1
    assert not planes[12].any()
