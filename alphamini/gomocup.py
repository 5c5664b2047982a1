"""`python -m alphamini.gomocup`, also installed as `pbrain-alphamini`: the engine for Gomocup's managers and Piskvork."""

from __future__ import annotations

from pathlib import Path

from alphamini.arena.command import RULES
from alphamini.interfaces.door import Wire, is_log, keep_log, serve
from alphamini.interfaces.gomocup import Gomocup
from alphamini.interfaces.provider import Engines
from alphamini.model.checkpoint import CheckpointError, load_checkpoint
from alphamini.options import check_ours, parser, positive_seconds, run_command
from games import get

SECONDS = 5.0


def main() -> None:
    options = parser("gomocup", "Speaks Gomocup's protocol on standard input and output.")
    options.add_argument("--checkpoint", type=Path, help="the net (default: the one that ships)")
    options.add_argument(
        "--seconds", type=positive_seconds, default=SECONDS, help="a move's time, until a manager sets one"
    )
    options.add_argument("--log", type=Path, metavar="FILE", help="keep the conversation here")
    arguments = options.parse_args()
    if arguments.checkpoint is not None:
        _refuse_no_net(arguments.checkpoint)
    if arguments.log is not None:
        check_ours(arguments.log, is_log)
    keep_log(arguments.log, "MESSAGE alphamini: %(message)s")  # Piskvork reads both streams as one
    wire = Wire()
    serve(Gomocup(Engines(arguments.checkpoint), wire, arguments.seconds), wire)


def _refuse_no_net(path: Path) -> None:
    """CheckpointError, one line, unless a game that a manager may ask for can use the net; which one, START says."""
    wrong = []
    for rule in RULES:
        try:
            load_checkpoint(path, get(f"gomoku15{rule}"))
            return
        except CheckpointError as error:
            wrong.append(error)
    raise wrong[0]


def command() -> None:
    """The executable `pbrain-alphamini`."""
    run_command(main)


if __name__ == "__main__":
    command()
