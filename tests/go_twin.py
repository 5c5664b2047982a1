"""Go in plain Python on sets of points, with whole boards for a past: what games/go.py is compared with."""


class GoTwin:
    """A board is a dict from (row, column) to 0 or 1. See tests/twins.py for what a twin offers."""

    def __init__(self, n, komi=7.5):
        self.n, self.komi = n, komi
        self.points = [(r, c) for r in range(n) for c in range(n)]
        self.board = {}
        self.past = {frozenset()}
        self.moves = []
        self.to_play = 0
        self.outcome = -1

    def beside(self, points):
        """All points that touch one of a set, itself excluded."""
        near = {(r + dr, c + dc) for r, c in points for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0))}
        return {(r, c) for r, c in near if 0 <= r < self.n and 0 <= c < self.n} - points

    def region(self, board, point):
        """The chain through a stone, or the empty region around a point."""
        found = {point}
        while more := {near for near in self.beside(found) if board.get(near) == board.get(point)}:
            found |= more
        return found

    def liberties(self, board, chain):
        return [near for near in self.beside(chain) if near not in board]

    def after(self, point):
        """The board when the side to move has played there; None if that is suicide."""
        board = self.board | {point: self.to_play}
        for near in self.beside({point}):
            if board.get(near) == 1 - self.to_play:
                chain = self.region(board, near)
                if not self.liberties(board, chain):
                    board = {p: colour for p, colour in board.items() if p not in chain}
        return board if self.liberties(board, self.region(board, point)) else None

    def free(self):
        """The empty points that are no suicide, with the boards they lead to."""
        boards = {point: self.after(point) for point in self.points if point not in self.board}
        return {point: board for point, board in boards.items() if board is not None}

    def forbidden(self):
        """Those of them that superko forbids."""
        return {point for point, board in self.free().items() if frozenset(board.items()) in self.past}

    def legal(self):
        if self.outcome != -1:
            return []
        moves = [point for point, board in self.free().items() if frozenset(board.items()) not in self.past]
        return [*(r * self.n + c for r, c in moves), self.n * self.n]

    def play(self, action):
        if action < self.n * self.n:
            self.board = self.after((action // self.n, action % self.n))
            assert frozenset(self.board.items()) not in self.past
            self.past.add(frozenset(self.board.items()))
        self.moves.append(action)
        self.to_play = 1 - self.to_play
        if self.moves[-2:] == 2 * [self.n * self.n] or len(self.moves) == 2 * self.n * self.n:
            lead = self.area(0) - self.area(1) - self.komi
            self.outcome = 0 if lead > 0 else 1 if lead < 0 else 2

    def area(self, player):
        """Stones, and the points of empty regions that touch stones of this player only."""
        stones = sum(colour == player for colour in self.board.values())
        regions = {frozenset(self.region(self.board, point)) for point in self.points if point not in self.board}
        return stones + sum(len(r) for r in regions if {self.board.get(near) for near in self.beside(r)} == {player})

    def planes(self):
        planes = [[[0.0] * self.n for _ in range(self.n)] for _ in range(10)]
        forbidden = self.forbidden() if self.outcome == -1 else set()
        for r, c in self.points:
            if (r, c) in self.board:
                liberties = len(self.liberties(self.board, self.region(self.board, (r, c))))
                planes[min(liberties, 3) - 1 + (0 if self.board[r, c] == self.to_play else 3)][r][c] = 1.0
            planes[6][r][c] = float((r, c) in forbidden)
            planes[7][r][c] = float(self.moves[-1:] == [self.n * self.n])
            planes[8][r][c] = (self.komi if self.to_play == 1 else -self.komi) / 16
            planes[9][r][c] = 1.0
        return planes
