"""What a search should play in the end: `Search.best` against its most visited move, at equal simulations.

Both sides are the same player but for that choice. A positive Elo: `Search.best` is better.
"""

from __future__ import annotations

import common
import numpy as np
from numpy.typing import NDArray

import games
from alphamini.arena.match import play_match
from alphamini.arena.openings import choose_openings
from alphamini.arena.players import make_player
from alphamini.model.threads import cores
from alphamini.search.search import Rows, Search


def most_visited(search: Search, rows: Rows, rng: np.random.Generator) -> NDArray[np.int32]:
    return search.policy(rows).argmax(1).astype(np.int32)


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("--game", default="gomoku9")
    options.add_argument("--player", default="net", help="who searches: net, net:PATH or rollouts")
    options.add_argument("--simulations", type=int, nargs="+", default=[2, 4, 8, 16, 32], help="of each match, a move")
    options.add_argument("--games", type=int, default=400, help="of each match")
    wish = options.parse_args()
    if wish.quick:
        wish.game, wish.simulations, wish.games = "tictactoe", [4], 4
    game, rows = games.get(wish.game), []
    for sims in wish.simulations:
        best, visited = (make_player(game, f"{wish.player}@sims={sims}", cores()) for _ in range(2))
        visited._choice = most_visited  # in place of the method
        openings = choose_openings(game, "auto")
        pair = play_match(game, best, visited, wish.games, seed=1, threads=cores(), openings=openings).pair()
        rows.append(common.elo_row(f"{wish.game}, {wish.player}, {sims} simulations", pair))
    common.report("choice", rows, wish.json)


if __name__ == "__main__":
    common.run_command(main)
