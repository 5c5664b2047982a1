"""Connect four is won by who moves first (Allis 1988): does a player open in the centre, and keep the win to the end?

The other side draws its moves from those that a search of `--judge` simulations by the net that ships calls at most
MARGIN worse than the best: they are good, and no two games need be the same.
"""

from __future__ import annotations

import numpy as np
from common import Row, parser, report, run_command
from numpy.typing import NDArray

import games
from alphamini.arena.players import make_player
from alphamini.model.checkpoint import load_checkpoint
from alphamini.model.evaluators import NetEvaluator, make_backend
from alphamini.model.shipped import shipped_checkpoint
from alphamini.search.search import Search

GAME = games.get("connect4")
CENTRE = 3
MARGIN = 0.2  # of the value, from -1 to 1


def good_moves(
    evaluator: NetEvaluator, states: games.States, simulations: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """[n] a move for each of states [n], drawn evenly from the good ones."""
    rows = np.arange(len(states), dtype=np.int32)
    search = Search(GAME, len(states), simulations)
    search.reset(rows, states)
    search.budget[:] = simulations
    search.run(evaluator, rows)
    q = np.nan_to_num(search.statistics(rows).q, nan=-np.inf)
    good = q >= q.max(1, keepdims=True) - MARGIN
    return (good * rng.random(good.shape)).argmax(1).astype(np.int32)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--player", default="net@sims=800", help="who moves first, as `evaluate` names players")
    options.add_argument("--judge", type=int, default=200, help="simulations")
    options.add_argument("--games", type=int, default=60)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    number = 4 if given.quick else given.games
    player, rng = make_player(GAME, given.player), np.random.default_rng(given.seed)
    ships = load_checkpoint(shipped_checkpoint(GAME), GAME)
    judge = make_backend(GAME, ships.net, ships.weights).worker()
    states, moves = GAME.new_states(number), np.full((number, GAME.max_plies), -1)
    for ply in range(GAME.max_plies):
        live = np.flatnonzero(states["outcome"] == games.ONGOING)
        if not len(live):
            break
        reached = states[live]
        actions = player.choose(reached, rng) if ply % 2 == 0 else good_moves(judge, reached, given.judge, rng)
        GAME.step(reached, actions)
        states[live], moves[live, ply] = reached, actions
    rows: list[Row] = [
        {"name": name, "value": int((states["outcome"] == outcome).sum()), "unit": f"of {number} games"}
        for name, outcome in (("won", 0), ("drawn", games.DRAW), ("lost", 1))
    ]
    rows.append({"name": "different", "value": len(np.unique(moves, axis=0)), "unit": "games"})
    rows.append({"name": "opened in the centre", "value": int((moves[:, 0] == CENTRE).sum()), "unit": "games"})
    report("keep_win", rows, given.json)


if __name__ == "__main__":
    run_command(main)
