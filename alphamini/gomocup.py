"""`python -m alphamini.gomocup`, also installed as `pbrain-alphamini`: the engine for Gomocup's managers and Piskvork."""

from __future__ import annotations

from pathlib import Path

from alphamini.interfaces.door import Wire, keep_log, serve
from alphamini.interfaces.gomocup import Gomocup
from alphamini.interfaces.provider import Engines
from alphamini.options import parser, positive_seconds, run_command

SECONDS = 5.0


def main() -> None:
    options = parser("gomocup", "Speaks Gomocup's protocol on standard input and output.")
    options.add_argument("--checkpoint", type=Path, help="the net (default: the one that ships)")
    options.add_argument(
        "--seconds", type=positive_seconds, default=SECONDS, help="a move's time, until a manager sets one"
    )
    options.add_argument("--log", type=Path, metavar="FILE", help="keep the conversation here")
    arguments = options.parse_args()
    keep_log(arguments.log)
    wire = Wire()
    serve(Gomocup(Engines(arguments.checkpoint), wire.say, arguments.seconds), wire)


def command() -> None:
    """The executable `pbrain-alphamini`."""
    run_command(main)


if __name__ == "__main__":
    command()
