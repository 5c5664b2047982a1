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


class Connect6Twin(RowTwin):
    """Six in a row or more; one stone to begin with, then two a turn."""

    def __init__(self, n):
        super().__init__(n, n, 6)
        self.left = 1  # stones that the mover still has to place

    def play(self, action):
        mover = self.to_play
        super().play(action)
        self.left -= 1
        if self.left == 0:
            self.left = 2
        else:
            self.to_play = mover

    def planes(self):
        self.last_plane = [self.left == 2]
        return super().planes()


class OthelloTwin:
    def __init__(self, n):
        self.n = n
        middle = n // 2
        self.board = {(r, c): "." for r in range(n) for c in range(n)}
        self.board |= {(middle - 1, middle - 1): "o", (middle, middle): "o"}
        self.board |= {(middle - 1, middle): "x", (middle, middle - 1): "x"}
        self.to_play = 0
        self.outcome = -1

    def enclosed(self, cell, mark):
        """The cells that change colour when `mark` goes on `cell`."""
        found = []
        if self.board[cell] != ".":
            return found
        for dr, dc in [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]:
            run, (r, c) = [], (cell[0] + dr, cell[1] + dc)
            while self.board.get((r, c)) == {"x": "o", "o": "x"}[mark]:
                run.append((r, c))
                r, c = r + dr, c + dc
            if self.board.get((r, c)) == mark:
                found += run
        return found

    def cells(self, mark):
        return [cell for cell in self.board if self.enclosed(cell, mark)]

    def legal(self):
        if self.outcome != -1:
            return []
        return [self.n * r + c for r, c in self.cells("xo"[self.to_play])] or [self.n**2]

    def play(self, action):
        assert action in self.legal()
        mark = "xo"[self.to_play]
        if action < self.n**2:
            cell = divmod(int(action), self.n)
            for turned in [*self.enclosed(cell, mark), cell]:
                self.board[turned] = mark
        self.to_play = 1 - self.to_play
        if not self.cells("x") and not self.cells("o"):
            x, o = (list(self.board.values()).count(mark) for mark in "xo")
            self.outcome = 0 if x > o else 1 if o > x else 2

    def planes(self):
        own, other = "xo"[self.to_play], "xo"[1 - self.to_play]
        mine, theirs = self.cells(own), self.cells(other)
        shown = [
            lambda cell: self.board[cell] == own,
            lambda cell: self.board[cell] == other,
            lambda cell: cell in mine,
            lambda cell: cell in theirs,
            lambda cell: True,
        ]
        return [[[float(show((r, c))) for c in range(self.n)] for r in range(self.n)] for show in shown]


class BreakthroughTwin:
    """The board as strings, row 0 at the top; player 0 (x) goes up. An action is told by its text alone."""

    def __init__(self, game):
        self.game, self.n = game, game.shape[0]
        self.board = [["o"] * self.n] * 2 + [["."] * self.n] * (self.n - 4) + [["x"] * self.n] * 2
        self.to_play = 0
        self.outcome = -1

    def name(self, row, column):
        return "abcdefgh"[column] + str(self.n - row)

    def moves(self):
        """{text: (row, column, row, column)}"""
        own, ahead = "xo"[self.to_play], (-1, 1)[self.to_play]
        found = {}
        for r in range(self.n):
            for c in range(self.n):
                for to in (c - 1, c, c + 1):
                    if self.board[r][c] == own and 0 <= r + ahead < self.n and 0 <= to < self.n:
                        there = self.board[r + ahead][to]
                        if there == "." or (there != own and to != c):
                            found[f"{self.name(r, c)}-{self.name(r + ahead, to)}"] = (r, c, r + ahead, to)
        return found

    def legal(self):
        return [] if self.outcome != -1 else [self.game.parse_action(text) for text in self.moves()]

    def play(self, action):
        row, column, to_row, to_column = self.moves()[self.game.action_text(action)]
        self.board = [list(cells) for cells in self.board]
        self.board[row][column] = "."
        self.board[to_row][to_column] = "xo"[self.to_play]
        self.to_play = 1 - self.to_play
        if to_row in (0, self.n - 1) or not any("xo"[self.to_play] in cells for cells in self.board):
            self.outcome = 1 - self.to_play

    def planes(self):
        own, other = "xo"[self.to_play], "xo"[1 - self.to_play]
        rows = self.board if self.to_play == 0 else self.board[::-1]
        return [[[float(show(cell)) for cell in cells] for cells in rows] for show in (
            lambda cell: cell == own, lambda cell: cell == other, lambda cell: True,
        )]  # fmt: skip
