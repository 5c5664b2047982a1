"""Elo against thinking time: one net (or several) at rising budgets, in one pool with fixed anchors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alphamini.arena.players import make_player, net_player
from alphamini.arena.pool import Entry, Pool, play_pairs
from alphamini.learn.teachers import get_teacher
from alphamini.model.checkpoint import Checkpoint, load_checkpoint
from games import Game

NEIGHBOURS = 2  # each budget meets the next ones: a chain of close matches carries most information a game


def thinking_pool(
    game: Game, nets: Sequence[tuple[str, Path, Checkpoint]], budgets: Sequence[int], threads: int
) -> tuple[Pool, list[tuple[int, int]]]:
    """The pool and the pairs to play. `nets`: (name, path, checkpoint). The anchor, with 0 Elo, is the strongest
    scripted teacher (random play where the game has none)."""
    try:
        get_teacher(game)
        anchor = "scripted"
    except ValueError:
        anchor = "random"
    entries = [Entry(anchor, make_player(game, anchor))]
    pairs: list[tuple[int, int]] = []
    for name, path, checkpoint in nets:
        start = len(entries)
        base = net_player(game, checkpoint, name, 1, None, threads)
        for sims in budgets:
            player = base.with_budget(f"{name} {sims} sims", sims)
            entries.append(Entry(f"net:{path}@sims={sims}", player))
        rungs = range(start, len(entries))
        for i in rungs:
            pairs += [(i, j) for j in rungs if i < j <= i + NEIGHBOURS]
        # The anchor meets the weaker half: against the rest every game is won, which tells little.
        pairs += [(0, i) for i in rungs[: max(1, len(rungs) // 2)]]
        if start > 1:  # later nets meet the first at equal budgets
            pairs += [(1 + k, start + k) for k in range(len(rungs))]
    return Pool(game, entries, threads), pairs


def play_thinking(
    game: Game, nets: Sequence[tuple[str, Path]], budgets: Sequence[int], games: int, seed: int, threads: int
) -> dict[str, Any]:
    """Loads the nets (name, path), plays the pool with a progress bar, `games` games a pair; `evaluate`'s report."""
    loaded = [(name, path, load_checkpoint(path, game)) for name, path in nets]
    pool, pairs = thinking_pool(game, loaded, budgets, threads)
    play_pairs(pool, pairs, games, seed)
    return pool.report()


def slope(players: Sequence[dict[str, Any]]) -> float:
    """Elo a doubling of simulations: the least-squares line through a net's players (entries of a report)."""
    points = [(np.log2(p["simulations"]), p["elo"]) for p in players]
    x, y = np.array(points).T
    return float(np.polyfit(x, y, 1)[0]) if len(points) > 1 else float("nan")
