"""Tiny games whose values are known exactly, with the interface that search asks of a game's rules.

Every game here is a table of positions, so that one pair of `step` and `legal` serves them all and `solve` finds the
exact values by plain recursion. Position 0 is the start.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np

ONGOING, WIN_0, WIN_1, DRAW = -1, 0, 1, 2
DTYPE = np.dtype([("position", "i4"), ("to_play", "i1"), ("outcome", "i1"), ("pad", "u1", (2,))])


class ToyGame:
    """`children` i4[S, A] (-1: not legal), `to_play` i1[S], `outcome` i1[S]."""

    dtype = DTYPE

    def __init__(self, name: str, children, to_play, outcome):
        self.name = name
        self.children = np.array(children, np.int32)
        self.to_play, self.outcome = np.array(to_play, np.int8), np.array(outcome, np.int8)
        self.num_actions = self.children.shape[1]

    def _write(self, states, position):
        states["position"] = position
        states["to_play"], states["outcome"] = self.to_play[position], self.outcome[position]

    def init(self, states):
        self._write(states, np.zeros(len(states), np.int32))

    def step(self, states, actions):
        self._write(states, self.children[states["position"], actions])

    def legal(self, states, mask):
        mask[:] = self.children[states["position"]] >= 0

    def new_states(self, count: int):
        states = np.zeros(count, DTYPE)
        self.init(states)
        return states

    def solve(self, position: int = 0) -> tuple[int, int]:
        """(value for the side to move, plies to the end): wins as quick, losses as long as can be; a draw has 0."""
        outcome, mover = self.outcome[position], self.to_play[position]
        if outcome != ONGOING:
            return (0 if outcome == DRAW else 1 if outcome == mover else -1), 0
        results = []
        for child in self.children[position]:
            if child >= 0:
                value, plies = self.solve(child)
                value = value if self.to_play[child] == mover else -value
                results.append((value, 0 if value == 0 else plies + 1))
        return max(results, key=lambda result: (result[0], -result[0] * result[1]))


def tabulate(name: str, start: Hashable, num_actions: int, rules: Callable) -> ToyGame:
    """The game whose `rules(state)` gives (to_play, outcome, {action: next state})."""
    index, table, movers, outcomes = {start: 0}, [], [], []
    queue = [start]
    for state in queue:  # grows while it is read
        to_play, outcome, moves = rules(state)
        row = [-1] * num_actions
        for action, after in moves.items():
            if after not in index:
                index[after] = len(queue)
                queue.append(after)
            row[action] = index[after]
        table.append(row)
        movers.append(to_play)
        outcomes.append(outcome)
    return ToyGame(name, table, movers, outcomes)


def tree(name: str, root) -> ToyGame:
    """A game written out: a node is (to_play, [nodes]) or the outcome of a finished game."""
    nodes, width = [root], 0
    for node in nodes:
        if not isinstance(node, int):
            width = max(width, len(node[1]))
            nodes.extend(node[1])
    children, movers, outcomes, following = [], [], [], 1
    for node in nodes:
        row = [-1] * width
        if not isinstance(node, int):
            row[: len(node[1])] = range(following, following + len(node[1]))
            following += len(node[1])
        children.append(row)
        movers.append(0 if isinstance(node, int) else node[0])
        outcomes.append(node if isinstance(node, int) else ONGOING)
    return ToyGame(name, children, movers, outcomes)


def nim(*heaps: int) -> ToyGame:
    """Take any number from one heap; who takes the last one wins. Won exactly if the heaps' xor is not 0."""
    most = max(heaps)

    def rules(state):
        mover, left = state
        moves = {
            heap * most + take - 1: (1 - mover, (*left[:heap], left[heap] - take, *left[heap + 1 :]))
            for heap in range(len(left))
            for take in range(1, left[heap] + 1)
        }
        return mover, (ONGOING if any(left) else 1 - mover), moves

    return tabulate(f"nim{heaps}", (0, heaps), most * len(heaps), rules)


def two_moves_a_turn(heap: int) -> ToyGame:
    """Take 1, 2 or 3 from a heap, twice in a row a turn; who takes the last one wins."""

    def rules(state):
        mover, second, left = state
        moves = {
            take - 1: (1 - mover if second else mover, not second, left - take) for take in (1, 2, 3) if take <= left
        }
        taker = mover if second else 1 - mover
        return mover, (ONGOING if left else taker), moves

    return tabulate(f"two moves a turn, {heap}", (0, False, heap), 3, rules)


W, L, D = WIN_0, WIN_1, DRAW

# Action 2 wins in three plies whatever the opponent answers; 0 and 1 look as good and lose.
FORCED_WIN = tree(
    "forced win in 3",
    (0, [(1, [(0, [W, L]), L]), (1, [L, (0, [W, W])]), (1, [(0, [L, W]), (0, [W, L]), (0, [L, L, W])])]),
)
# 0 loses to one answer, 1 draws against the best answer, 2 loses by force.
BEST_IS_A_DRAW = tree("best is a draw", (0, [(1, [W, W, L]), (1, [W, D]), (1, [(0, [L, L])])]))
# All moves lose: 0 in two plies, 1 in four (the longest), 2 in two after one try.
LONGEST_RESISTANCE = tree(
    "longest resistance",
    (0, [(1, [L, W]), (1, [(0, [(1, [L])]), W]), (1, [W, L])]),
)
# 0 wins in three plies, 1 at once.
WIN_AT_ONCE = tree("win at once", (0, [(1, [(0, [W])]), W, (1, [(0, [W])])]))
ALL_DRAWS = tree("all draws", (0, [(1, [D, D]), D, (1, [D])]))

ALL = [
    nim(1, 2, 3),
    nim(2, 3),
    nim(1, 3, 3),
    two_moves_a_turn(7),
    two_moves_a_turn(10),
    FORCED_WIN,
    BEST_IS_A_DRAW,
    LONGEST_RESISTANCE,
    WIN_AT_ONCE,
    ALL_DRAWS,
]
