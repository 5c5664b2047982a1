"""alphamini: the AlphaGo path, small and complete."""

import os

__version__ = "0.1.0"

# Read once, when torch loads its OpenMP: threads that wait for each other sleep instead of spinning. Training gains
# 1.2-1.6x on a machine that does something else besides, and loses about a tenth on a quiet one (docs/learning.md).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
