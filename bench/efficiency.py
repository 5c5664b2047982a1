"""What an idea is worth: the default recipe against itself with other options, Elo at equal wall-clock, several seeds.

Trains every run with the main job's own command, one after the other (a run that is there goes on), the default and
the variant in turn, then lets the two last nets of each seed meet, with search and as raw policies. A positive Elo: the
variant is better. The iterations that fitted into the time say whether the machine gave both runs alike.
An interval knows of the games alone, not that two runs of one recipe differ, too (docs/learning.md, "luck of a run").
"""

from __future__ import annotations

import shlex
from pathlib import Path

import common

import games
from alphamini.arena.match import play_match
from alphamini.arena.openings import choose_openings
from alphamini.arena.players import net_player
from alphamini.learn.run import RunFolder
from alphamini.model.checkpoint import load_checkpoint
from alphamini.model.threads import cores


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("--game", default="connect4")
    options.add_argument("--options", default="--reuse 3", help="of the variant, as one text")
    options.add_argument("--name", default="variant", help="of the variant's runs")
    options.add_argument("--minutes", type=float, default=10.0, help="of each run")
    options.add_argument("--seeds", type=int, default=2, help="runs of each kind")
    options.add_argument("--sims", type=int, default=100, help="simulations a move of the judging games")
    options.add_argument("--games", type=int, default=400, help="of each match")
    options.add_argument("--runs", type=Path, default=Path("runs"), help="where the runs lie")
    wish = options.parse_args()
    if wish.quick:
        wish.game, wish.minutes, wish.seeds, wish.games = "tictactoe", 0.1, 1, 4
        wish.runs = common.scratch()
    game = games.get(wish.game)
    rows: list[common.Row] = []
    for seed in range(wish.seeds):
        nets = []
        for name, flags in ((wish.name, shlex.split(wish.options)), ("default", [])):
            run = RunFolder(wish.runs / f"efficiency-{wish.game}-{name}-{seed}")
            common.train(wish.game, run.path, wish.minutes, ["--seed", str(seed), *flags])
            nets.append(load_checkpoint(run.checkpoints / "latest.safetensors", game))
            rows.append({"name": f"{name}, seed {seed}", "value": nets[-1].step, "unit": "iterations"})
        for kind, sims in ((f"{wish.sims} simulations", wish.sims), ("raw policy", 1)):
            first, second = (net_player(game, net, net.note, sims, None, cores()) for net in nets)
            openings = choose_openings(game, "auto")
            match = play_match(game, first, second, wish.games, seed=seed, threads=cores(), openings=openings)
            rows.append(common.elo_row(f"{wish.name}, seed {seed}, {kind}", match.pair()))
    common.report("efficiency", rows, wish.json)


if __name__ == "__main__":
    common.run_command(main)
