"""Batch normalisation folded into the convolution before it, in numpy: what an inference backend starts from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alphamini.model.checkpoint import Weights

EPSILON = 1e-5  # torch's default, which `net.ConvNorm` uses

Array = NDArray[np.float32]


def fold(weights: Weights, name: str) -> tuple[Array, Array]:
    """Kernel [O, I, k, k] and bias [O] of the convolution that does what `net.ConvNorm` `name` does in evaluation."""
    kernel, gamma, beta, mean, variance = (
        weights[f"{name}.{part}"] for part in ("0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var")
    )
    scale = gamma / np.sqrt(variance + np.float32(EPSILON))
    return kernel * scale[:, None, None, None], beta - mean * scale
