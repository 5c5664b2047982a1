"""`python -m alphamini.play --game gomoku9`: play against the net, or watch it play, in the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alphamini.arena.levels import Levels, read_levels
from alphamini.interfaces.engine import DEFAULT_SIMS, ROLLOUT_SIMS
from alphamini.interfaces.provider import engine_with, shipped_or_none
from alphamini.interfaces.session import Session
from alphamini.interfaces.terminal import Terminal, strength_text
from alphamini.model.checkpoint import load_checkpoint
from alphamini.options import parser, positive_seconds, positive_sims, run_command
from games import Game, get

SIDES = {"first": frozenset({0}), "second": frozenset({1}), "both": frozenset({0, 1}), "none": frozenset()}


def main() -> None:
    options = parser("play", "Play against the net in the terminal.")
    options.add_argument("--game", default="gomoku9", help="the game, or a file of your own: path/to/mygame.py")
    options.add_argument("--checkpoint", type=Path, help="the net (default: the one that ships for the game)")
    options.add_argument("--side", choices=SIDES, default="first", help="yours; none: watch the net play itself")
    budget = options.add_mutually_exclusive_group()
    budget.add_argument(
        "--sims", type=positive_sims, help=f"simulations a move (default: {DEFAULT_SIMS}, without a net {ROLLOUT_SIMS})"
    )
    budget.add_argument("--seconds", type=positive_seconds, help="thinking time a move, instead of --sims")
    budget.add_argument("--level", type=float, metavar="ELO", help="weakened to about this rating, instead of --sims")
    arguments = options.parse_args()
    game = get(arguments.game)
    path = arguments.checkpoint or shipped_or_none(game)
    checkpoint = load_checkpoint(path, game) if path else None
    strength = None if arguments.level is None else _levels(game, path).at(arguments.level)
    sims = arguments.sims
    if sims is None and arguments.seconds is None:
        sims = DEFAULT_SIMS if path else ROLLOUT_SIMS
    with ThreadPoolExecutor(1) as pool:  # the net gets ready while the first move is thought about
        engine = pool.submit(engine_with, game, checkpoint)
        session = Session(game, engine.result, SIDES[arguments.side], sims, arguments.seconds)
        session.strength = strength
        budget_text = strength_text(strength) if strength else _budget_text(sims, arguments.seconds)
        thinker = f"the net {path.stem}" if path else "random rollouts"
        print(f"{game.name} with {thinker}, {budget_text}{checkpoint.elsewhere(game) if checkpoint else ''}.")
        _terminal(session, lambda: _levels(game, path)).run()


def _levels(game: Game, path: Path | None) -> Levels:
    if path is None:
        raise ValueError("random rollouts have no ratings for levels")
    return read_levels(path, game)


def _budget_text(sims: int | None, seconds: float | None) -> str:
    return f"{sims} simulations a move" if sims else f"{seconds:g} s a move"


def _terminal(session: Session, levels: Callable[[], Levels]) -> Terminal:
    """The session on standard input and output."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (gives `input` line editing and a history, where it exists)
    if sys.stdin is None or sys.stdout is None:
        raise ValueError("standard input or output is closed")
    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # no byte that arrives is fatal
    live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return Terminal(session, _read, sys.stdout, live, colour=live and not os.environ.get("NO_COLOR"), levels=levels)


def _read(prompt: str) -> str:
    line = input(prompt)
    if not sys.stdin.isatty():
        print(line)  # nobody has typed it: without it the output would make no sense
    return line


if __name__ == "__main__":
    run_command(main)
