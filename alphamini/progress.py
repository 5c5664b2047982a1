"""Progress bars: many times a second for somebody who watches, now and then for a file or a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from tqdm import tqdm

SELDOM = 5.0  # seconds between two states of a bar that nobody watches


@contextmanager
def _unread() -> Iterator[None]:
    """Writing to standard error where its reader is gone ends nothing: of `command 2>&1 | tee log`, tee got the Ctrl-C,
    too, and the command has something to save. What follows goes nowhere."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


class _Bars:
    """Standard error as the bars use it; see `_unread`."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def __eq__(self, other: object) -> bool:  # tqdm asks, to move the bars on standard error out of a line's way
        return self.stream == getattr(other, "stream", other)

    __hash__ = None  # type: ignore[assignment]

    def write(self, text: str) -> None:
        with _unread():
            self.stream.write(text)

    def flush(self) -> None:
        with _unread():
            self.stream.flush()


def tell(line: str) -> None:
    """A line on standard error, above the bars."""
    with _unread():
        tqdm.write(line, sys.stderr)


def progress_bar(over: Iterable[Any] | None = None, **options: Any) -> tqdm:
    """tqdm's bar on standard error, with these options of its own."""
    watched = sys.stderr is not None and sys.stderr.isatty()
    stream = None if sys.stderr is None else _Bars(sys.stderr)
    return tqdm(over, file=stream, mininterval=0.1 if watched else SELDOM, **options)
