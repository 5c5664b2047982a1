"""A larger net that computes what a smaller one does, to go on learning from there (Chen et al. 2016, arXiv 1511.05641).

Old channels do not read new ones at first, and a new block adds nothing to its input; both learn to. New channels
read everything from the start, so that there is something to be learned from them.
"""

from __future__ import annotations

import numpy as np

from alphamini.model.checkpoint import Weights


def grow(old: Weights, fresh: Weights) -> Weights:
    """The weights of `fresh`, a net at its random start that has as many or more blocks and channels, made to
    compute exactly what `old` does. ValueError, one line, if it is smaller anywhere, or its heads are wider: they read
    means and maxima side by side.
    """
    if any(name not in fresh or np.any(np.less(fresh[name].shape, weight.shape)) for name, weight in old.items()):
        raise ValueError("a net can only grow: --blocks and --channels must not be below those of --start")
    if any(weight.ndim == 2 and fresh[name].shape[1] != weight.shape[1] for name, weight in old.items()):
        raise ValueError("a net whose heads have another width than ours cannot grow")
    return {name: _grown(name, old.get(name), weight) for name, weight in fresh.items()}


def _grown(name: str, old: np.ndarray | None, fresh: np.ndarray) -> np.ndarray:
    grown = fresh.copy()
    if old is None:
        if name.endswith(("second.1.weight", "second.1.bias")):  # what a new block adds
            grown[:] = 0
        return grown
    grown[: len(old)] = 0
    grown[tuple(slice(size) for size in old.shape)] = old
    return grown
