"""How many cores there are: the one place that inference threads are counted from."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


@cache
def cores() -> int:
    """Physical cores this process may use; hyper-threads of one core share the units that a net keeps busy."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    usable = os.sched_getaffinity(0)
    siblings = {_siblings(cpu) for cpu in usable}
    return len(siblings)


def _siblings(cpu: int) -> str:
    """The hyper-threads of a CPU's core, as Linux names them; the CPU alone where it does not say."""
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    return path.read_text().strip() if path.is_file() else str(cpu)
