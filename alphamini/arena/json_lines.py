"""Files with one JSON object a line: books of openings, suites of positions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, object) of every line but the blank ones, lines from 1; ValueError, one line that names the file's, for
    what is no object. OSError if the file cannot be read."""
    if path.exists() and not path.is_file():  # a device may have no end
        raise ValueError(f"{path} is no file")
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise ValueError(f"{path} line {number}: not JSON") from None
        if not isinstance(row, dict):
            raise ValueError(f"{path} line {number}: not a JSON object")
        yield number, row
