"""Slow games in plain Python, written naively and apart from `games/`: what the fast rules are compared with.

A twin has `to_play`, `outcome` (-1 while the game goes on, 0 or 1 for the winner, 2 for a draw), `legal()`,
`play(action)` and `planes()`.
"""

from itertools import groupby


class RowTwin:
    """Players put "x" and "o" in turn; a row of `need` of his own wins, or of exactly `need`, or stones fall down."""

    def __init__(self, height, width, need, exactly=False, falling=False, last_plane=()):
        self.height, self.width, self.need = height, width, need
        self.exactly, self.falling, self.last_plane = exactly, falling, list(last_plane)
        self.board = [["."] * width for _ in range(height)]
        self.to_play = 0
        self.outcome = -1

    def legal(self):
        if self.outcome != -1:
            return []
        if self.falling:
            return [column for column in range(self.width) if self.board[0][column] == "."]
        return [self.width * r + c for r in range(self.height) for c in range(self.width) if self.board[r][c] == "."]

    def play(self, action):
        assert action in self.legal()
        if self.falling:
            column = action
            row = max(r for r in range(self.height) if self.board[r][column] == ".")
        else:
            row, column = action // self.width, action % self.width
        self.board[row][column] = "xo"[self.to_play]
        if any(self.wins(line) for line in self.lines_through(row, column)):
            self.outcome = self.to_play
        elif not any("." in cells for cells in self.board):
            self.outcome = 2
        self.to_play = 1 - self.to_play

    def lines_through(self, row, column):
        """The whole row, column and both diagonals, as strings."""
        cells = [(r, c) for r in range(self.height) for c in range(self.width)]
        yield "".join(self.board[row])
        yield "".join(self.board[r][column] for r in range(self.height))
        yield "".join(self.board[r][c] for r, c in cells if r - c == row - column)
        yield "".join(self.board[r][c] for r, c in cells if r + c == row + column)

    def wins(self, line):
        lengths = [len(list(run)) for stone, run in groupby(line) if stone == "xo"[self.to_play]]
        return self.need in lengths if self.exactly else max(lengths) >= self.need

    def planes(self):
        own, other = "xo"[self.to_play], "xo"[1 - self.to_play]
        values = [lambda cell: cell == own, lambda cell: cell == other, lambda cell: True]
        values += [lambda cell, value=value: value for value in self.last_plane]
        return [[[float(value(cell)) for cell in cells] for cells in self.board] for value in values]


def tictactoe():
    return RowTwin(3, 3, 3)


def connect4():
    return RowTwin(6, 7, 4, falling=True)


def gomoku(n, standard=False):
    return RowTwin(n, n, 5, exactly=standard, last_plane=[standard])
