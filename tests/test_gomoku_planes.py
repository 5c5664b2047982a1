"""Gomoku's threat planes against a plain reading of their definition: place a stone, look at strings."""

import numpy as np
import pytest

from games import get
from games.gomoku import STANDARD

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
            np.testing.assert_array_equal(got[4 + side :: 2], want)
            seen += want.sum((1, 2))
    assert (seen[: 4 if n > 5 else 3] > 0).all()  # an open four needs six cells
