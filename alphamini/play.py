"""`python -m alphamini.play --game gomoku9`: play against the net, or watch it play, in the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from alphamini.interfaces.person import Seat, add_options, take_seat
from alphamini.interfaces.terminal import Terminal
from alphamini.options import parser, run_command


def main() -> None:
    options = parser("play", "Play against the net in the terminal.")
    add_options(options)
    with ThreadPoolExecutor(1) as pool:
        seat = take_seat(options.parse_args(), pool)
        print(f"{seat.about}.")
        _terminal(seat).run()


def _terminal(seat: Seat) -> Terminal:
    """The session on standard input and output."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (gives `input` line editing and a history, where it exists)
    if sys.stdin is None or sys.stdout is None:
        raise ValueError("standard input or output is closed")
    sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]  # no byte that arrives is fatal
    live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    colour = live and not os.environ.get("NO_COLOR")
    return Terminal(seat.session, _read, sys.stdout, live, colour, seat.levels)


def _read(prompt: str) -> str:
    line = input(prompt)
    if not sys.stdin.isatty():
        print(line)  # nobody has typed it: without it the output would make no sense
    return line


if __name__ == "__main__":
    run_command(main)
