"""Connect four's planes against a plain reading of their definition: drop stones, place stones, count rows."""

import numpy as np
import pytest

from games import get
from games.connect4 import HEIGHT, WIDTH

DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


def makes_four(own, row, column):
    """Would an own stone on (row, column) lie in a line of four?"""
    for dr, dc in DIRECTIONS:
        for start in range(-3, 1):
            cells = [(row + (start + i) * dr, column + (start + i) * dc) for i in range(4)]
            inside = all(0 <= r < HEIGHT and 0 <= c < WIDTH for r, c in cells)
            if inside and all(cell == (row, column) or own[cell] for cell in cells):
                return True
    return False


def landing(board):
    """The cell that a stone falls to, for each column that is not full."""
    heights = (board < 0).sum(0) - 1
    return [(int(row), column) for column, row in enumerate(heights) if row >= 0]


def with_stone(board, cell, player):
    after = board.copy()
    after[cell] = player
    return after


def fours_next(board, player):
    return {cell for cell in landing(board) if makes_four(board == player, *cell)}


def wins_by_threats(board, player):
    """The cells where `player`, to move, makes four, or else those where he wins if every stone threatens to."""
    if fours_next(board, player):
        return fours_next(board, player)
    found = set()
    for cell in landing(board):
        after = with_stone(board, cell, player)
        threats = fours_next(after, player)
        if fours_next(after, 1 - player) or not threats:
            continue
        if len(threats) > 1 or wins_by_threats(with_stone(after, *threats, 1 - player), player):
            found.add(cell)
    return found


def loses(board, player):
    """The cells where a stone of `player` makes no four and leaves his opponent a win by threats."""
    return {
        cell
        for cell in landing(board)
        if not makes_four(board == player, *cell) and wins_by_threats(with_stone(board, cell, player), 1 - player)
    }


def expected(moves):
    board = np.full((HEIGHT, WIDTH), -1)
    for ply, column in enumerate(moves):
        board[np.flatnonzero(board[:, column] < 0).max(), column] = ply % 2
    mover = len(moves) % 2
    own, other = board == mover, board == 1 - mover
    planes = np.zeros((9, HEIGHT, WIDTH), np.float32)
    planes[0], planes[1], planes[2] = own, other, 1
    for row, column in np.argwhere(board < 0):
        planes[3, row, column] = makes_four(own, row, column)
        planes[4, row, column] = makes_four(other, row, column)
        planes[5, row, column] = row == HEIGHT - 1 or board[row + 1, column] >= 0
    planes[6] = ((HEIGHT - np.arange(HEIGHT)) % 2 == 1 - mover)[:, None]  # rows 1, 3, 5 from the bottom, or 2, 4, 6
    for plane, cells in ((7, wins_by_threats(board, mover)), (8, loses(board, mover))):
        for cell in cells:
            planes[plane][cell] = 1
    return planes


def test_planes_of_random_games():
    game, rng = get("connect4"), np.random.default_rng(1)
    fours, sequences = 0, 0
    for _ in range(50):
        state, moves = game.new_states(1), []
        while state["outcome"][0] == -1:
            planes = game.planes(state)[0]
            np.testing.assert_array_equal(planes, expected(moves), err_msg=str(moves))
            fours += planes[3:5].sum()
            sequences += planes[7].any() and not (planes[3] * planes[5]).any()
            moves.append(int(rng.choice(np.flatnonzero(game.legal_mask(state)[0]))))
            game.step(state, np.array(moves[-1:], np.int32))
    assert fours > 300
    assert sequences > 30


@pytest.mark.parametrize(("moves", "wins", "loses"), [
    ("4455", {3, 6}, set()),  # three in the bottom row, open at both ends
    ("44556", set(), {1, 2, 3, 4, 5, 6, 7}),  # then no answer stops both ends
])  # fmt: skip
def test_the_smallest_threats(moves, wins, loses):
    game = get("connect4")
    position = game.initial()
    for move in moves:
        position = position.play(game.parse_action(move))
    planes = game.planes(position.state)[0]
    assert {int(c) + 1 for c in np.flatnonzero(planes[7].any(0))} == wins
    assert {int(c) + 1 for c in np.flatnonzero(planes[8].any(0))} == loses
