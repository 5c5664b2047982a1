"""Connect four's planes against a plain reading of their definition: drop stones, place stones, count rows."""

import numpy as np

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


def expected(moves):
    board = np.full((HEIGHT, WIDTH), -1)
    for ply, column in enumerate(moves):
        board[np.flatnonzero(board[:, column] < 0).max(), column] = ply % 2
    mover = len(moves) % 2
    own, other = board == mover, board == 1 - mover
    planes = np.zeros((7, HEIGHT, WIDTH), np.float32)
    planes[0], planes[1], planes[2] = own, other, 1
    for row, column in np.argwhere(board < 0):
        planes[3, row, column] = makes_four(own, row, column)
        planes[4, row, column] = makes_four(other, row, column)
        planes[5, row, column] = row == HEIGHT - 1 or board[row + 1, column] >= 0
    planes[6] = ((HEIGHT - np.arange(HEIGHT)) % 2 == 1 - mover)[:, None]  # rows 1, 3, 5 from the bottom, or 2, 4, 6
    return planes


def test_planes_of_random_games():
    game, rng = get("connect4"), np.random.default_rng(1)
    fours = 0
    for _ in range(50):
        state, moves = game.new_states(1), []
        while state["outcome"][0] == -1:
            planes = game.planes(state)[0]
            np.testing.assert_array_equal(planes, expected(moves), err_msg=str(moves))
            fours += planes[3:5].sum()
            moves.append(int(rng.choice(np.flatnonzero(game.legal_mask(state)[0]))))
            game.step(state, np.array(moves[-1:], np.int32))
    assert fours > 300
