"""Weights made ready for an inference backend, in numpy: batch normalisation folded, channels balanced for int8."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alphamini.model.checkpoint import Weights

EPSILON = 1e-5  # torch's default, which `net.ConvNorm` uses
BALANCE = 0.75  # exponent: 0 leaves channels as they are, 1 gives all one range (docs/performance.md compares them)
LEAST_SHARE = 0.01  # so that a channel which calibration hardly saw is not cut off at a thousandth of the range

Array = NDArray[np.float32]
Convolutions = dict[str, tuple[Array, Array]]
"""`fold`'s kernels and biases by name."""


def fold(weights: Weights, name: str) -> tuple[Array, Array]:
    """Kernel [O, I, k, k] and bias [O] of the convolution that does what `net.ConvNorm` `name` does in evaluation."""
    kernel, gamma, beta, mean, variance = (
        weights[f"{name}.{part}"] for part in ("0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var")
    )
    scale = gamma / np.sqrt(variance + np.float32(EPSILON))
    return kernel * scale[:, None, None, None], beta - mean * scale


def balance(folded: Convolutions, peaks: Array) -> tuple[Convolutions, Array]:
    """The same net with channels of more equal ranges, and the ranges f4[R] of its relus: int8 has one scale a tensor, and
    leaves a channel that is a tenth of the largest with a tenth of the steps.

    A relu's channel can be divided by a constant where it is written and multiplied by it wherever it is read. `peaks`
    f4[R, C] are the largest outputs of the tower's relus, in the order stem, first and second of each block; stem and
    second write to one stream, which all read. (Nagel et al. 2019, arXiv 1906.04721, section 4.1; Xiao et al. 2022,
    arXiv 2211.10438, have the exponent)
    """
    shares = np.maximum(peaks / np.maximum(peaks.max(1, keepdims=True), 1e-6), LEAST_SHARE) ** np.float32(BALANCE)
    stream, inner, one = shares[0::2].max(0), shares[1::2], np.ones(1, np.float32)
    reads, writes = {"stem": one}, {"stem": stream}  # the others read the stream, and the heads' outputs stay
    for i, scale in enumerate(inner):
        reads[f"blocks.{i}.second"] = writes[f"blocks.{i}.first"] = scale
        writes[f"blocks.{i}.second"] = stream
    found = {}
    for name, (kernel, bias) in folded.items():
        read, written = reads.get(name, stream), writes.get(name, one)
        found[name] = kernel * read[:, None, None] / written[:, None, None, None], bias / written
    scales = np.where((np.arange(len(peaks)) % 2 == 0)[:, None], stream, shares)
    return found, np.maximum((peaks / scales).max(1), np.float32(1e-6))
