"""alphamini: the AlphaGo path, small and complete."""

import os

__version__ = "0.1.0"

# Read once, when torch loads its OpenMP: threads that wait for each other sleep instead of spinning. On a machine
# that does anything else besides, spinning costs training most of its speed (2 cores, another job: 3-5 times).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
