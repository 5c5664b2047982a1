"""The supervised start against learning from scratch: Elo against wall-clock, both in one pool, several seeds.

Trains each run with the main job's own command, one after the other (a run that is there goes on), then lets its
checkpoints meet: each the next two of its run, the ones of the other runs that had learnt for about as long, and the
anchor, the strongest scripted teacher. The curves start where self-play does.
"""

from __future__ import annotations

from pathlib import Path

import common

import games
from alphamini.arena.openings import choose_openings
from alphamini.arena.players import ScriptedPlayer, net_player
from alphamini.arena.plotting import draw_paths
from alphamini.arena.pool import Entry, Pool, play_pairs
from alphamini.learn.run import RunFolder
from alphamini.model.checkpoint import load_checkpoint
from alphamini.model.threads import cores

STARTS = {"supervised": [], "from scratch": ["--from-scratch"]}


def stages(folder: Path) -> list[tuple[float, Path]]:
    """(minutes, checkpoint): what self-play began with, every tenth iteration and the last one."""
    run = RunFolder(folder)
    rows = [row for row in run.metrics() if row["stage"] == "selfplay"]
    start = next(
        path for name in ("supervised", "untrained") if (path := run.checkpoints / f"{name}.safetensors").exists()
    )
    before = [row["seconds"] for row in run.metrics() if row["stage"] == "supervised"]
    found = [(max(before, default=0.0) / 60, start)]
    for row in rows[:-1]:
        path = run.checkpoints / f"iteration{row['iteration']:06d}.safetensors"
        if path.exists():
            found.append((row["seconds"] / 60, path))
    return [*found, (rows[-1]["seconds"] / 60, run.checkpoints / "latest.safetensors")]


def judge(game: games.Game, runs: dict[str, list[tuple[float, Path]]], sims: int, count: int) -> list[common.Row]:
    """A row for each stage of each run."""
    entries, owners = [Entry("scripted", ScriptedPlayer(game, None))], [("", 0.0)]
    for run, found in runs.items():
        for minutes, path in found:
            name = f"{run} {minutes:.1f} min"
            player = net_player(game, load_checkpoint(path, game), name, sims, None, cores())
            entries.append(Entry(f"net:{path}@sims={sims}", player))
            owners.append((run, minutes))
    pairs = {(0, i) for i in range(1, len(entries))}
    for i, (run, minutes) in enumerate(owners[1:], start=1):
        pairs |= {(i, j) for j in range(i + 1, min(i + 3, len(owners))) if owners[j][0] == run}
        for other in runs:
            if other != run:
                rivals = [j for j, owner in enumerate(owners) if owner[0] == other]
                nearest = min(rivals, key=lambda j: abs(owners[j][1] - minutes))
                pairs.add((min(i, nearest), max(i, nearest)))
    pool = Pool(game, entries, cores())
    play_pairs(pool, sorted(pairs), count, 0, choose_openings(game, "auto"))
    rows: list[common.Row] = []
    for player, (run, minutes) in zip(pool.report()["players"], owners, strict=True):
        if run:
            low, high = player["ci95"]
            rows.append({"name": run, "value": player["elo"], "unit": "Elo", "minutes": round(minutes, 2),
                         "low": low, "high": high, "games": player["games"]})  # fmt: skip
    return rows


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("--game", default="connect4")
    options.add_argument("--minutes", type=float, default=10.0, help="of each run")
    options.add_argument("--seeds", type=int, default=2, help="runs of each kind")
    options.add_argument("--sims", type=int, default=64, help="simulations a move of the judging games")
    options.add_argument("--games", type=int, default=40, help="games a pair")
    options.add_argument("--runs", type=Path, default=Path("runs"), help="where the runs lie")
    options.add_argument("--figure", type=common.FIGURE, metavar="FILE.png")
    wish = options.parse_args()
    if wish.quick:
        wish.game, wish.minutes, wish.seeds, wish.games = "tictactoe", 0.2, 1, 2
        wish.runs = common.scratch()
    runs: dict[str, list[tuple[float, Path]]] = {}
    for seed in range(wish.seeds):
        for start, flags in STARTS.items():
            folder = wish.runs / f"paths-{wish.game}-{start.replace(' ', '-')}-{seed}"
            common.train(wish.game, folder, wish.minutes, ["--seed", str(seed), *flags])
            runs[f"{start}, seed {seed}"] = stages(folder)
    rows = judge(games.get(wish.game), runs, wish.sims, wish.games)
    common.report("paths", rows, wish.json)
    if wish.figure:
        draw_paths(wish.game, rows, wish.figure)


if __name__ == "__main__":
    common.run_command(main)
