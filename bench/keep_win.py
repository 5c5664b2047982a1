"""Connect four is won by who moves first (Allis 1988): does the net that ships open so, and keep the win to the end?

It plays `--simulations` a move, first, from the empty board. The other side draws its moves from those that a search of
`--judge` simulations by the same net calls at most MARGIN worse than the best: all play well, and differently.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from common import parser, report
from numpy.typing import NDArray

import games
from alphamini.model.checkpoint import load_checkpoint
from alphamini.model.evaluators import NetBackend, make_backend
from alphamini.model.shipped import shipped_checkpoint
from alphamini.search.search import Search

GAME = games.get("connect4")
CENTRE = 3
MARGIN = 0.2  # of the value, from -1 to 1
WON, LOST, DRAWN = 0, 1, 2  # outcomes, by player


def searched(backend: NetBackend, states: games.States, simulations: int) -> tuple[Search, NDArray[np.int32]]:
    rows = np.arange(len(states), dtype=np.int32)
    search = Search(GAME, len(states), simulations)
    search.reset(rows, states)
    search.budget[:] = simulations
    search.run(backend.worker(), rows)
    return search, rows


def good_move(backend: NetBackend, states: games.States, judge: int, rng: np.random.Generator) -> NDArray[np.intp]:
    search, rows = searched(backend, states, judge)
    q = np.nan_to_num(search.statistics(rows).q, nan=-np.inf)
    good = q >= q.max(1, keepdims=True) - MARGIN
    return (good * rng.random(good.shape)).argmax(1)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--checkpoint", type=Path, help="a net of your own, in place of the one that ships")
    options.add_argument("--simulations", type=int, default=800)
    options.add_argument("--judge", type=int, default=200)
    options.add_argument("--games", type=int, default=60)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    number = 4 if given.quick else given.games
    found = load_checkpoint(given.checkpoint or shipped_checkpoint(GAME), GAME)
    backend, rng = make_backend(GAME, found.net, found.weights), np.random.default_rng(given.seed)
    states = GAME.new_states(number)
    opening, lines = None, [""] * number
    while len(live := np.flatnonzero(states["outcome"] == games.ONGOING)):
        board = states[live]
        if board["to_play"][0] == 0:  # nobody passes: all games have the same side to move
            search, rows = searched(backend, board, given.simulations)
            actions = search.policy(rows).argmax(1)
            opening = actions[0] if opening is None else opening
        else:
            actions = good_move(backend, board, given.judge, rng)
        GAME.step(board, actions.astype(np.int32))
        states[live] = board
        for game, action in zip(live, actions, strict=True):
            lines[game] += GAME.action_text(int(action))
    counts = {
        name: int((states["outcome"] == one).sum()) for name, one in (("won", WON), ("drawn", DRAWN), ("lost", LOST))
    }
    table = [{"name": name, "value": count, "unit": f"of {number} games"} for name, count in counts.items()]
    table += [
        {"name": "different games", "value": len(set(lines)), "unit": f"of {number}"},
        {"name": "opens in the centre", "value": int(opening == CENTRE), "unit": "1: yes"},
    ]
    report("keep_win", table, given.json)


if __name__ == "__main__":
    main()
