"""Which code this is: what a run or a report needs besides its options to be repeated."""

from __future__ import annotations

import subprocess
from pathlib import Path

_CLONE = Path(__file__).resolve().parents[1]


def commit() -> str | None:
    """The commit of the clone that this code lies in, with "-dirty" where its files differ; None in a package."""
    if not (_CLONE / ".git").exists():
        return None
    command = ["git", "-C", str(_CLONE), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None  # no git here, or a slow disk: the version has to do
    return found.stdout.strip() or None
