"""alphamini: the AlphaGo path, small and complete.

As a library: `alphamini.Engine(game, checkpoint).analyse(position, seconds=1)`; positions come from `games`.
"""

import os
import signal
import sys
from typing import Any

__version__ = "0.1.0"

# Read once, when torch loads its OpenMP: threads that wait for each other sleep instead of spinning. Training gains
# 1.2-1.6x on a machine that does something else besides, and loses about a tenth on a quiet one (docs/learning.md).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# One of our commands begins: until its libraries are there, Ctrl-C ends it without a word (in a shell's background none).
if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def __getattr__(name: str) -> Any:
    """`Engine`, loaded when it is first asked for: `import alphamini` alone stays light."""
    if name == "Engine":
        from importlib import import_module

        return import_module("alphamini.interfaces.engine").Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
