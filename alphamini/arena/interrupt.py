"""Ctrl-C (or a plain kill) in a match: it ends early and keeps what it has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from alphamini.progress import tell
from alphamini.signals import handle, restore


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Inside, Ctrl-C and SIGTERM raise nothing: they make the function that this yields say True. The second time it is
    KeyboardInterrupt."""
    asked = threading.Event()

    def ask(number: int, frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        tell("stopping: what is finished is kept")  # nobody may be reading standard output

    before = handle(ask)
    try:
        yield asked.is_set
    finally:
        restore(before)
