"""Hex in plain Python on sets of cells: what games/hex.py is compared with."""


class HexTwin:
    """`stones` holds a set of (row, column) a player. See tests/twins.py for what a twin offers."""

    def __init__(self, n, swap=False):
        self.n, self.swap = n, swap
        self.cells = [(r, c) for r in range(n) for c in range(n)]
        self.stones = [set(), set()]
        self.moves = []
        self.to_play = 0
        self.outcome = -1

    def legal(self):
        if self.outcome != -1:
            return []
        empty = [r * self.n + c for r, c in self.cells if (r, c) not in self.stones[0] | self.stones[1]]
        return empty + [self.n * self.n] * self.may_swap()

    def may_swap(self):
        return self.swap and len(self.moves) == 1

    def play(self, action):
        if action == self.n * self.n:
            ((row, column),) = self.stones[0]
            self.stones = [set(), {(column, row)}]
        else:
            self.stones[self.to_play].add(divmod(action, self.n))
            joined = self.joined(self.to_play, {0})
            if any(cell[self.to_play] == self.n - 1 for cell in joined):
                self.outcome = self.to_play
        self.moves.append(action)
        self.to_play = 1 - self.to_play

    def joined(self, player, lines):
        """A player's stones that hang together with those on some lines: rows for player 0, columns for player 1."""
        found = {cell for cell in self.stones[player] if cell[player] in lines}
        while True:
            near = {(r + i, c + j) for r, c in found for i in (-1, 0, 1) for j in (-1, 0, 1) if i != j}
            more = found | near & self.stones[player]
            if more == found:
                return found
            found = more

    def planes(self):
        last = self.n - 1
        layers = []
        for player in (self.to_play, 1 - self.to_play):
            stones, chains = self.stones[player], self.joined(player, {0, last})
            layers.append([lambda cell, s=stones: cell in s, lambda cell, s=chains: cell in s])
            layers[-1].append(lambda cell, player=player: cell[player] in (0, last))
        pairs = [layer for pair in zip(*layers, strict=True) for layer in pair]
        first, swap = self.to_play == 0, self.may_swap()
        layers = [*pairs, lambda cell: first, lambda cell: swap, lambda cell: True]
        return [[[float(layer((r, c))) for c in range(self.n)] for r in range(self.n)] for layer in layers]
