"""`python -m alphamini.gtp --game go9`: the engine for GoGui, Sabaki and whatever else speaks GTP."""

from __future__ import annotations

from pathlib import Path

from alphamini.interfaces.door import Wire, is_log, keep_log, serve
from alphamini.interfaces.gtp import GTP
from alphamini.interfaces.provider import Engines
from alphamini.options import check_ours, parser, positive_seconds, positive_sims, run_command
from games import get


def main() -> None:
    options = parser("gtp", "Speaks the Go Text Protocol, version 2, on standard input and output.")
    options.add_argument("--game", default="go9", help="the game; boardsize takes another size of it")
    options.add_argument("--checkpoint", type=Path, help="the net (default: the one that ships for the game)")
    options.add_argument("--sims", type=positive_sims, help="simulations a move at most")
    options.add_argument("--seconds", type=positive_seconds, help="thinking time a move at most")
    options.add_argument("--log", type=Path, metavar="FILE", help="keep the conversation here")
    arguments = options.parse_args()
    if arguments.log is not None:
        check_ours(arguments.log, is_log)
    keep_log(arguments.log)
    wire, engines, game = Wire(), Engines(arguments.checkpoint), get(arguments.game)
    engines.get(game)  # what is wrong with the net is said now, and no clock pays for it later
    serve(GTP(game, engines, wire, arguments.sims, arguments.seconds), wire)


if __name__ == "__main__":
    run_command(main)
