"""Lines from a pipe, read by a thread of their own: one can wait for them for a time, or look whether any came."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from typing import Protocol

LONGEST = 8192  # bytes of a line; what is beyond is dropped
WAITING = 1000  # lines read ahead; a writer who is faster has to wait
CHUNK = 65536
_log = logging.getLogger(__name__)


class ByteStream(Protocol):
    """An unbuffered binary file: `read` returns what there is, b"" at the end."""

    def read(self, size: int, /) -> bytes | None: ...


class Lines:
    """Not for several readers at once. Any bytes are fine: what is not UTF-8 is replaced."""

    def __init__(self, stream: ByteStream):
        self._queue: queue.Queue[str | None] = queue.Queue(WAITING)
        self._came = threading.Event()  # set with every line
        self._reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._reader.start()

    @property
    def waiting(self) -> bool:
        """Is there a line, or the end, to be read at once?"""
        return not self._queue.empty()

    def ahead(self) -> list[str]:
        """The lines that are there to be read, and stay there."""
        with self._queue.mutex:
            return [line for line in self._queue.queue if line is not None]

    def wait(self, seconds: float) -> None:
        """Until a line or the end is there to be read, at most so long."""
        if not self.waiting:
            self._came.clear()
            if not self.waiting:
                self._came.wait(seconds)

    def next(self, timeout: float | None = None) -> str | None:
        """The next line without its end, None when there are no more; TimeoutError if none comes in time."""
        try:
            line = self._queue.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            self._queue.put(None)  # the end stays the end
        return line

    def ended(self, seconds: float) -> bool:
        """Drops all lines until the end, waited for at most so long: has it come? Before that, nobody may close the
        stream: a new file could get its number, and the reader, which is on its way back to it, would read that."""
        end = time.monotonic() + seconds
        while self._reader.is_alive() and time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                self._queue.get(timeout=0.01)
        return not self._reader.is_alive()

    def _read(self, stream: ByteStream) -> None:
        line = bytearray()
        dropped = 0
        try:
            while data := stream.read(CHUNK):
                *whole, rest = data.split(b"\n")
                for part in whole:
                    dropped += _add(line, part)
                    self._put(line, dropped)
                    dropped = 0
                dropped += _add(line, rest)
        except (OSError, ValueError):  # the pipe broke, or was closed under us: an end like another
            pass
        if line:
            self._put(line, dropped)
        self._queue.put(None)
        self._came.set()

    def _put(self, line: bytearray, dropped: int) -> None:
        if dropped:
            _log.warning("%d bytes of a line beyond the first %d were dropped", dropped, LONGEST)
        self._queue.put(line.decode("utf-8", "replace").rstrip("\r"))
        self._came.set()
        line.clear()


def _add(line: bytearray, part: bytes) -> int:
    """Adds what has room; returns how many bytes had none."""
    room = LONGEST - len(line)
    line += part[:room]
    return max(0, len(part) - room)
