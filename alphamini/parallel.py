"""Work in threads that Ctrl-C can interrupt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, wait
from typing import Any, TypeVar

T = TypeVar("T")
SIGNALS_NOTICED = 0.1  # seconds, at the latest


def map_all(pool: Executor, function: Callable[..., T], *arguments: Iterable[Any]) -> list[T]:
    """`list(pool.map(function, *arguments))` for a main thread that has signals to handle: it looks up from time to time.

    One that comes just when it begins to wait, or to another thread, does not wake it, and Python handles signals in the
    main thread alone.
    """
    futures = [pool.submit(function, *each) for each in zip(*arguments, strict=True)]
    while wait(futures, SIGNALS_NOTICED).not_done:
        pass
    return [future.result() for future in futures]
