"""What the doors for people have in common: their options, and the session that these ask for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from alphamini.arena.levels import Levels, read_levels
from alphamini.interfaces.engine import DEFAULT_SIMS, ROLLOUT_SIMS
from alphamini.interfaces.provider import engine_with, open_net
from alphamini.interfaces.session import SIDES, Session
from alphamini.interfaces.words import pace_text
from alphamini.options import positive_seconds, positive_sims
from games import Game, get


@dataclass(frozen=True)
class Seat:
    """A session, the rated strengths of its net (ValueError with one line where there are none), and one line on both."""

    session: Session
    levels: Callable[[], Levels]
    about: str


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--game", default="gomoku9", help="the game, or a file of your own: path/to/mygame.py")
    options.add_argument("--checkpoint", type=Path, help="the net (default: the one that ships for the game)")
    options.add_argument("--side", choices=SIDES, default="first", help="yours; none: watch the net play itself")
    budget = options.add_mutually_exclusive_group()
    budget.add_argument(
        "--sims",
        type=positive_sims,
        help=f"simulations a move at most (default: {DEFAULT_SIMS}, without a net {ROLLOUT_SIMS})",
    )
    budget.add_argument("--seconds", type=positive_seconds, help="thinking time a move, instead of --sims")
    budget.add_argument("--level", type=float, metavar="ELO", help="weakened to about this rating, instead of --sims")


def take_seat(arguments: argparse.Namespace, pool: Executor) -> Seat:
    """What the options of `add_options` ask for; the engine gets ready in `pool` while the first move is thought about.

    ValueError, one line, for what cannot be."""
    game = get(arguments.game)
    path, checkpoint = open_net(game, arguments.checkpoint) or (None, None)
    sims = arguments.sims
    if sims is None and arguments.seconds is None:
        sims = DEFAULT_SIMS if path else ROLLOUT_SIMS
    strength = None if arguments.level is None else _levels(game, path).at(arguments.level)
    engine = pool.submit(engine_with, game, checkpoint)
    session = Session(game, engine.result, SIDES[arguments.side], sims, arguments.seconds)
    session.strength = strength
    thinker = f"the net {path.stem}" if path else "random rollouts"
    elsewhere = checkpoint.elsewhere(game) if checkpoint else ""
    return Seat(session, lambda: _levels(game, path), f"{game.name} with {thinker}, {pace_text(session)}{elsewhere}")


def _levels(game: Game, path: Path | None) -> Levels:
    if path is None:
        raise ValueError("random rollouts have no ratings for levels")
    return read_levels(path, game)
