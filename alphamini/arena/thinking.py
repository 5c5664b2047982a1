"""Elo against thinking time: one net (or several) at rising budgets, in one pool with fixed anchors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alphamini.arena.levels import LADDER, Strength
from alphamini.arena.players import make_player, net_player
from alphamini.arena.pool import Entry, Pool
from alphamini.learn.teachers import has_teacher
from alphamini.model.checkpoint import CheckpointError, load_checkpoint
from alphamini.model.shipped import shipped_checkpoint
from games import Game

NEIGHBOURS = 2  # each budget meets the next ones: a chain of close matches carries most information a game
LADDER_MOST = 32  # simulations of a ladder's rung that still meets the anchor: the rest win every game


@dataclass(frozen=True)
class Net:
    """A net of the figure, by the name it has there, and the simulations it thinks for."""

    name: str
    path: Path
    budgets: Sequence[int]


def _anchor(game: Game, threads: int) -> Entry:
    """The strongest scripted teacher. Where the game has none, tree search with random playouts: random play would lose
    every game, which tells little."""
    spec = "scripted" if has_teacher(game) else "rollouts@sims=1000"
    return Entry(spec, make_player(game, spec, threads))


def _spec(game: Game, path: Path) -> str:
    """What a report calls a net: the one that ships goes without its path, which is another one on each machine."""
    try:
        return "net" if path == shipped_checkpoint(game) else f"net:{path}"
    except CheckpointError:  # none ships
        return f"net:{path}"


def levels_pool(game: Game, path: Path, threads: int) -> tuple[Pool, list[tuple[int, int]]]:
    """The pool and the pairs that rate a net's strengths, the weakest first, on the scale of `thinking_pool`.
    CheckpointError, one line, if the net cannot be loaded."""
    base = net_player(game, load_checkpoint(path, game), path.stem, 1, None, threads)
    entries = [_anchor(game, threads)]
    for strength in LADDER:
        drawn = f",temperature={strength.temperature:g}" if strength.temperature else ""
        name = f"{path.stem} {strength.sims} sims{drawn.replace(',', ' ').replace('=', ' ')}"
        player = base.with_budget(name, strength.sims, strength.temperature)
        entries.append(Entry(f"{_spec(game, path)}@sims={strength.sims}{drawn}", player))
    rungs = range(1, len(entries))
    # The anchor meets the weakest, too: like players draw, and against one another seem nearer than against others. It
    # does so first: who is connected with it is rated even if the games are stopped.
    pairs = [(0, i) for i in range(1, 1 + LADDER.index(Strength(LADDER_MOST)) + 1)]
    pairs += [(i, j) for i in rungs for j in rungs if i < j <= i + NEIGHBOURS]
    return Pool(game, entries, threads), pairs


def thinking_pool(
    game: Game, nets: Sequence[Net], threads: int, precision: str = "auto"
) -> tuple[Pool, list[tuple[int, int]]]:
    """The pool and the pairs to play; the anchor has 0 Elo, nets are evaluated at the `precision`. CheckpointError, one
    line, if a net cannot be loaded."""
    entries = [_anchor(game, threads)]
    pairs: list[tuple[int, int]] = []
    met: dict[int, int] = {}  # budget -> the entry of the net before that has it
    for net in nets:
        base = net_player(game, load_checkpoint(net.path, game), net.name, 1, None, threads, precision=precision)
        rungs = range(len(entries), len(entries) + len(net.budgets))
        for sims in net.budgets:
            player = base.with_budget(f"{net.name} {sims} sims", sims)
            entries.append(Entry(f"{_spec(game, net.path)}@sims={sims}", player, net.name))
        # The anchor meets the weaker half, first of all: against the rest every game is won, which tells little.
        pairs += [(0, i) for i in rungs[: max(1, len(rungs) // 2)]]
        for i, sims in zip(rungs, net.budgets, strict=True):
            pairs += [(i, j) for j in rungs if i < j <= i + NEIGHBOURS]
            if sims in met:
                pairs.append((met[sims], i))
            met[sims] = i  # the nets come in the order of their training: each meets the one before
    return Pool(game, entries, threads), pairs
