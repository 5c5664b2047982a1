"""`python -m alphamini.book --game gomoku9`: makes a book of balanced openings for `evaluate`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tqdm import tqdm

from alphamini.arena.bookmaker import BookOptions, make_book
from alphamini.arena.openings import is_book
from alphamini.model.threads import cores
from alphamini.options import add_fields, check_writable, parser, read_fields, run_command
from alphamini.progress import progress_bar
from alphamini.signals import handle, restore
from games import get


def main() -> None:
    options = parser("book", "Keeps random short openings that a long search calls close and that are no dead draws.")
    options.add_argument("--game", required=True, help="the game")
    options.add_argument("--out", type=Path, metavar="FILE.jsonl", help="the book (default: GAME.book.jsonl)")
    add_fields(options, BookOptions())
    arguments = options.parse_args()
    game, wish = get(arguments.game), read_fields(BookOptions(), arguments)
    out = arguments.out or Path(f"{game.name}.book.jsonl")
    check_writable(out, is_book)
    bars: list[tqdm] = []

    def progress(found: int) -> None:
        if not bars:  # not before the first round: what is wrong with the options is one clean line
            bars.append(progress_bar(total=wish.openings, unit="opening", leave=False))
        bars[0].update(found)

    # Half a book is none: Ctrl-C need not wait for the threads, and there is nothing to tidy up.
    before = handle(lambda number, frame: os._exit(130), (signal.SIGINT,))
    try:
        book = make_book(game, wish, cores(), progress)
    finally:
        restore(before)
        for bar in bars:
            bar.close()
    book.save(out)
    if len(book.openings) < wish.openings:
        print(f"only {len(book.openings)} different openings of {book.options['plies']} plies are close and undecided")
    print(f"{out}: {len(book.openings)} openings within {wish.within:g} of even; evaluate --openings {out} uses it")


if __name__ == "__main__":
    run_command(main)
