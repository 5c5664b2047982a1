"""What the process is told about the machine it runs on: its cores, and to keep memory it has freed."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path


@cache
def cores() -> int:
    """Physical cores this process may use; hyper-threads of one core share the units that a net keeps busy."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    usable = os.sched_getaffinity(0)
    siblings = {_siblings(cpu) for cpu in usable}
    return min(len(siblings), _quota(Path("/sys/fs/cgroup/cpu.max")))


def _quota(path: Path) -> int:
    """CPUs that a container may use at a time (`docker --cpus`), rounded up: "200000 100000" are two, "max …" all."""
    try:
        quota, period = path.read_text().split()
        return max(1, -(-int(quota) // int(period)))
    except (OSError, ValueError):
        return sys.maxsize


def _siblings(cpu: int) -> str:
    """The hyper-threads of a CPU's core, as Linux names them; the CPU alone where it does not say."""
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    return path.read_text().strip() if path.is_file() else str(cpu)


@cache
def keep_freed_memory() -> None:
    """Stops glibc from giving every large tensor back to the system, which then hands it out zeroed again.

    Torch on a CPU gains a third in inference at batches from 128 on. Elsewhere than on glibc there is nothing to do.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD: its greatest legal value
        mallopt(-1, 512 << 20)  # M_TRIM_THRESHOLD
