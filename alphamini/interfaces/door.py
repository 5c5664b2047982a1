"""What the doors for programs have in common: lines in, lines out, a log, and an end without noise."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from pathlib import Path
from typing import Protocol

from alphamini.lines import Lines

_log = logging.getLogger("alphamini")


class Wire:
    """The other side: its lines, and what is said to it."""

    def __init__(self) -> None:
        self._lines = Lines(open(0, "rb", buffering=0, closefd=False))  # noqa: SIM115 (lives as long as we)

    def next(self) -> str | None:
        line = self._lines.next()
        _log.debug("< %s", line)
        return line

    def say(self, text: str) -> None:
        _log.debug("> %s", text)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    @property
    def waiting(self) -> bool:
        """Has anything come in, or the end?"""
        return self._lines.waiting

    def ahead(self) -> list[str]:
        """The lines that have come in, and will be read."""
        return self._lines.ahead()

    def wait(self, seconds: float) -> None:
        self._lines.wait(seconds)


class Door(Protocol):
    def obey(self, line: str) -> bool:
        """Does what a line says; False if it was the last one."""


def serve(door: Door, wire: Wire) -> None:
    """Until the end of the input, or of the conversation; a closed pipe is an end too."""
    try:
        while (line := wire.next()) is not None and door.obey(line):
            pass
    except BrokenPipeError:
        _log.info("the other side has closed its end")
        with contextlib.suppress(OSError):  # nothing is left to be said, at exit neither
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_log(content: bytes) -> bool:
    """Is this a log of conversations, as `keep_log` has it written? Its first line says so, whatever else came."""
    return re.search(rb"^[-\d]{10} [:\d]{8},\d{3} [<>] ", content, re.MULTILINE) is not None


class _LogFile(logging.FileHandler):
    """Ends where no more can be written, on a full disk perhaps, and says so once: the game goes on without it."""

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        _log.removeHandler(self)
        _log.warning("%s: %s; the log ends here", self.baseFilename, getattr(error, "strerror", error))


def keep_log(path: Path | None, warning: str = "alphamini: %(message)s") -> None:
    """Warnings go to standard error, written as `warning`; the whole conversation to `path`, where one is given.
    ValueError, one line, where standard output is closed."""
    if sys.stdout is None:
        raise ValueError("standard output is closed")
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    errors = logging.StreamHandler()
    errors.setLevel(logging.WARNING)
    errors.setFormatter(logging.Formatter(warning))
    _log.addHandler(errors)
    if path is not None:
        file = _LogFile(path, errors="replace", encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        _log.addHandler(file)
        _log.setLevel(logging.DEBUG)
        if not path.stat().st_size:
            _log.debug("< came in, > went out")
