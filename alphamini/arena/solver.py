"""Solves small games exactly over the game contract: alpha-beta with a transposition table.

Values are 1, 0 or -1 for the side to move: a win, a draw, a loss with best play. Each record of a state is a position
and nothing of the way there, so its bytes are the table's key.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from games import DRAW, ONGOING, Game, States

MOST_CELLS = 16  # 3 ** 16 boards: what a table in memory and minutes of Python can bear


class Solver:
    """Exact values of a game's positions; what it learns of one serves all later ones. ValueError if it is too large."""

    def __init__(self, game: Game):
        if game.shape[0] * game.shape[1] > MOST_CELLS:
            raise ValueError(f"{game.name} is too large to be solved here; give a file of positions with known answers")
        self.game = game
        self._table: dict[bytes, tuple[int, int]] = {}  # state -> (the least, the most that its value can be)
        self._cuts = np.zeros((2, game.num_actions), np.int64)  # [player, action]: how often it settled a position

    def value(self, state: States) -> int:
        """The value of the one state [1]."""
        if int(state["outcome"][0]) != ONGOING:
            return _result(int(state["outcome"][0]), int(state["to_play"][0]))
        return self._solve(state, -1, 1)

    def action_values(self, state: States) -> NDArray[np.int8]:
        """i1[A]: the value for the side to move of each of its actions at the one state [1]; -2: not legal."""
        values = np.full(self.game.num_actions, -2, np.int8)
        actions = np.flatnonzero(self.game.legal_mask(state)[0])
        children = np.repeat(state, len(actions))
        self.game.step(children, actions.astype(np.int32))
        mover = int(state["to_play"][0])
        for i, action in enumerate(actions):
            child = children[i : i + 1]
            values[action] = self.value(child) * (1 if int(child["to_play"][0]) == mover else -1)
        return values

    def _solve(self, state: States, alpha: int, beta: int) -> int:
        """The value of a state [1] that is not over: exact within (alpha, beta), else a bound on its side (fail-soft)."""
        key = state.tobytes()
        least, most = self._table.get(key, (-1, 1))
        if least >= beta or least == most:
            return least
        if most <= alpha:
            return most
        low, high = max(alpha, least), min(beta, most)
        game, mover = self.game, int(state["to_play"][0])
        actions = np.flatnonzero(game.legal_mask(state)[0])
        children = np.repeat(state, len(actions))
        game.step(children, actions.astype(np.int32))
        # What ends the game comes first, and then the actions that settled most positions elsewhere.
        over = children["outcome"] != ONGOING
        best = -1
        for i in np.lexsort((-self._cuts[mover, actions], ~over)):
            child = children[i : i + 1]
            if over[i]:
                value = _result(int(child["outcome"][0]), mover)
            elif int(child["to_play"][0]) == mover:
                value = self._solve(child, max(low, best), high)
            else:
                value = -self._solve(child, -high, -max(low, best))
            best = max(best, value)
            if best >= high:
                self._cuts[mover, actions[i]] += 1
                break
        # A value inside the window is exact; one at an edge is a bound.
        self._table[key] = (best if best > low else least, best if best < high else most)
        return best


def reachable(game: Game, most: int) -> States | None:
    """[N] every position with a side to move that play can reach, ply by ply; None if there are more than `most`."""
    frontier, seen, found = game.new_states(1), set[bytes](), []
    while len(frontier):
        keys = [state.tobytes() for state in frontier]
        fresh = [i for i, key in enumerate(keys) if not (key in seen or seen.add(key))]  # type: ignore[func-returns-value]
        if len(seen) > most:
            return None
        frontier = frontier[fresh]
        found.append(frontier)
        rows, actions = np.nonzero(game.legal_mask(frontier))
        after = frontier[rows]
        game.step(after, actions.astype(np.int32))
        frontier = after[after["outcome"] == ONGOING]
    return np.concatenate(found)


def _result(outcome: int, player: int) -> int:
    """1, 0 or -1: a finished game for `player`."""
    return 0 if outcome == DRAW else 1 if outcome == player else -1
