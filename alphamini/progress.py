"""Progress bars: many times a second for somebody who watches, now and then for a file or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

SELDOM = 5.0  # seconds between two states of a bar that nobody watches


def progress_bar(over: Iterable[Any] | None = None, **options: Any) -> tqdm:
    """tqdm's bar on standard error, with these options of its own."""
    watched = sys.stderr is not None and sys.stderr.isatty()
    return tqdm(over, mininterval=0.1 if watched else SELDOM, **options)
