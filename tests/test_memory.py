"""INFO max_memory: what the process takes at its peak, as the system counts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux tells a process's peak")

PROGRAM = """
import re
from pathlib import Path
from alphamini.interfaces.provider import Engines
from games import get

def status(field):
    return int(re.search(field + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) << 10

game, engines = get("gomoku9"), Engines()
engine = engines.get(game)
limit = status("VmRSS") + ROOM
engines.limit_memory(limit)
seen = engine.analyse(game.initial(), sims=100_000, seconds=60)
print(limit - status("VmHWM"), seen.visits, seen.seconds)
"""


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """The first engine on a machine compiles, which takes memory of its own."""
    code = "from alphamini.interfaces.provider import Engines; from games import get; Engines().get(get('gomoku9'))"
    subprocess.run([sys.executable, "-c", code], timeout=300, check=True)


def run(room):
    code = PROGRAM.replace("ROOM", str(room))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    return [float(word) for word in done.stdout.split()], done.stderr


def test_a_full_tree_and_cache_keep_to_the_limit():
    (spare, visits, _), log = run(56 << 20)
    assert spare >= 0
    assert visits > 8_000  # the room is used: the smallest tree gets 512
    assert log == ""


def test_too_little_memory_is_the_smallest_tree_and_one_line():
    (_, visits, _), log = run(-(250 << 20))
    assert 500 <= visits < 700
    assert log.count("\n") == 1
    assert "MB are too few" in log
