"""Ctrl-C and a plain `kill`, where the shell has not asked to ignore them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from typing import Any

Handler = Callable[[int, Any], Any]
STOPS = (signal.SIGINT, signal.SIGTERM)


def handle(handler: Handler, numbers: Iterable[int] = STOPS) -> dict[int, Any]:
    """Sets the handler of these signals, and says what was there; one that is ignored stays so, as Ctrl-C in a shell's
    background, which is meant for another program."""
    heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in heard}


def restore(before: dict[int, Any]) -> None:
    """Takes `handle` back."""
    for number, handler in before.items():
        signal.signal(number, handler)
