"""Area scoring of a board of go, every stone on it alive (Tromp and Taylor): https://tromp.github.io/go.html"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def area_lead(stones: NDArray[np.int8]) -> int:
    """Black's points less White's, without komi. `stones` i1[n, n]: 0 empty, 1 black, 2 white.

    A player has his stones and the empty regions that touch nobody else's.
    """
    n = len(stones)
    lead = int((stones == 1).sum()) - int((stones == 2).sum())
    left = {(int(r), int(c)) for r, c in zip(*(stones == 0).nonzero(), strict=True)}
    while left:
        region, edge, touched = 0, [left.pop()], set[int]()
        while edge:
            r, c = edge.pop()
            region += 1
            for near in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
                if near in left:
                    left.remove(near)
                    edge.append(near)
                elif 0 <= near[0] < n and 0 <= near[1] < n and stones[near]:
                    touched.add(int(stones[near]))
        lead += region if touched == {1} else -region if touched == {2} else 0
    return lead
