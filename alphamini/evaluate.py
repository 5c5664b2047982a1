"""`python -m alphamini.evaluate`: matches between players, Elo with intervals, and Elo against thinking time."""

from __future__ import annotations

import argparse
import json
from itertools import combinations
from pathlib import Path

from alphamini.arena.players import make_player
from alphamini.arena.pool import Entry, Pool, play_pairs, table
from alphamini.arena.thinking import Net, levels_pool, thinking_pool
from alphamini.model.checkpoint import write_bytes
from alphamini.model.shipped import shipped_checkpoint
from alphamini.model.threads import cores
from alphamini.options import parser, run_command
from games import get

MOST_SIMS = 1_000_000


def main() -> None:
    options = parser("evaluate", "Plays matches with paired random openings and swapped seats, and rates the players.")
    options.add_argument("--game", required=True, help="the game")
    options.add_argument(
        "--player",
        action="append",
        metavar="SPEC",
        help="a player, twice or more: random, scripted@level=2, rollouts@sims=1000, net:PATH@sims=400, "
        "net:PATH@seconds=1, net@sims=1 (the shipped net's raw policy), net@level=-50 (weakened to that rating), "
        "command:pbrain-other@seconds=1 (another engine); the first is the anchor, with 0 Elo",
    )
    options.add_argument("--thinking", metavar="N,N,...", help="rate a net at these simulations a move instead")
    options.add_argument(
        "--levels",
        action="store_true",
        help="rate a net's strengths for --level, weak to strong; write them beside it: --out NET.json",
    )
    options.add_argument(
        "--checkpoint", action="append", type=Path, help="for --thinking and --levels (default: the shipped net)"
    )
    options.add_argument("--games", type=int, default=100, help="games a pair of players (an even number)")
    options.add_argument("--opening-plies", type=int, help="random plies before each game (default: by the game)")
    options.add_argument("--seed", type=int, default=0, help="of the openings and the players")
    options.add_argument("--out", type=Path, metavar="FILE.json", help="write ratings, pairs and games here")
    arguments = options.parse_args()
    evaluate(arguments)


def evaluate(arguments: argparse.Namespace) -> None:
    game, threads = get(arguments.game), cores()
    if not 1 <= arguments.games <= 1_000_000:
        raise ValueError("--games must be from 1 to 1000000")
    plies = arguments.opening_plies
    if plies is not None and not 0 <= plies < game.max_plies:
        raise ValueError(f"--opening-plies must be from 0 to {game.max_plies - 1}")
    if arguments.levels:
        if arguments.player or arguments.thinking or len(arguments.checkpoint or []) > 1:
            raise ValueError("--levels takes one --checkpoint, no --player and no --thinking")
        path = arguments.checkpoint[0] if arguments.checkpoint else shipped_checkpoint(game)
        pool, pairs = levels_pool(game, path, threads)
    elif arguments.thinking:
        if arguments.player:
            raise ValueError("--thinking takes --checkpoint, not --player")
        budgets = parse_budgets(arguments.thinking)
        paths = arguments.checkpoint or [shipped_checkpoint(game)]
        names = [path.stem if len({p.stem for p in paths}) == len(paths) else str(path) for path in paths]
        nets = [Net(name, path, budgets) for name, path in zip(names, paths, strict=True)]
        pool, pairs = thinking_pool(game, nets, threads)
    else:
        if arguments.checkpoint:
            raise ValueError("--checkpoint goes with --thinking; as a player write net:PATH@sims=100")
        specs = arguments.player or []
        if len(specs) < 2:
            raise ValueError("give --player at least twice, or --thinking")
        pool = Pool(game, [Entry(spec, make_player(game, spec, threads)) for spec in specs], threads)
        pairs = list(combinations(range(len(specs)), 2))
    for about in dict.fromkeys(entry.player.about for entry in pool.entries if entry.player.about):
        print(f"inference: {about}")
    play_pairs(pool, pairs, arguments.games, arguments.seed, plies)
    if arguments.out:
        write_bytes(arguments.out, (json.dumps(pool.report()) + "\n").encode())
    for pair in pool.pairs:
        a, b = (pool.entries[i].player.name for i in (pair.a, pair.b))
        print(f"{a} - {b}: +{pair.wins} ={pair.draws} -{pair.losses} ({pair.score:.1%})")
    print(table(pool))


def parse_budgets(text: str) -> list[int]:
    """The numbers in "1,2,4", rising; ValueError, one line, otherwise."""
    items = text.split(",")
    if not all(item.isdecimal() and 1 <= int(item) <= MOST_SIMS for item in items):
        raise ValueError(f"--thinking takes whole numbers from 1 to {MOST_SIMS} with commas between, not {text!r}")
    return sorted({int(item) for item in items})


if __name__ == "__main__":
    run_command(main)
