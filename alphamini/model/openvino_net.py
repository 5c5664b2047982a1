"""The net as an OpenVINO graph, built from numpy weights: no torch, no ONNX, 0.1 s from weights to an engine.

Low precision, all places found by measuring:

* The tower runs in int8: every relu writes u8 (one scale a tensor), every weight is i8 (one scale an output channel).
  A FakeQuantize after each relu is all the CPU plugin needs: its low-precision passes turn the convolutions into
  u8 x i8 -> i32 with scale, bias and relu fused, and the residual is read as the u8 that is there anyway.
* The heads' first convolutions read the same u8. What they do with it, and the stem, runs in bf16 where the CPU has
  it: 6 % of the time of 6 x 64. In fp32 that would cost a small net a tenth of its speed and agree no better.
* Channels are balanced first (see `fold.balance`), as one scale does for all channels of a tensor: of nets trained for
  long int8 is then a third to a half as far from fp32. Ranges from random games are wider than a net's own games need,
  which is worth as much again (docs/performance.md, "Low precision").
* The batch is left dynamic: about 2 % slower than a shape compiled for it, far less than padding to such a shape
  costs. But a graph that gets another batch than the last time sizes all of its tensors anew, which takes as long as
  five positions: where somebody waits for a few at a time, small batches have graphs of their own (see `SMALL`).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from alphamini.model.checkpoint import Weights
from alphamini.model.config import NetConfig
from alphamini.model.fold import Array, balance, fold
from alphamini.model.quantize import CHUNK
from alphamini.model.threads import cores

ANY = -1  # a batch of any size
SMALL = (1, 3, 6, 8)  # positions, of small graphs; one for every size gains little, and takes 0.3 s and 20 MB more


def precisions() -> tuple[str, ...]:
    """What this CPU computes natively, the fastest first."""
    native = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return tuple(p for p in ("int8", "bf16", "fp32") if p.upper() in native or p == "fp32")


@cache
def _core() -> Any:
    """The one plugin manager of the process, made where it is first needed."""
    return ov.Core()


class _Layers:
    """The net's layers as graph nodes. `peaks` f4[R, C], the largest outputs of each relu's channels, make int8 of it."""

    def __init__(self, config: NetConfig, weights: Weights, peaks: Array | None):
        self.weights = weights
        self.folded = {name: fold(weights, name) for name in config.convolutions()}
        self.ranges: Array | None = None
        if peaks is not None:
            self.folded, self.ranges = balance(self.folded, peaks)
        self.relus: list[Any] = []  # of the tower, in order: where the ranges are measured

    def conv(self, x: Any, name: str, quantized: bool = True) -> Any:
        """`net.ConvNorm`; `x` must come from `tower_relu` where it is quantized."""
        kernel, bias = self.folded[name]
        return _convolution(x, _int8(kernel) if quantized and self.ranges is not None else ops.constant(kernel), bias)

    def tower_relu(self, x: Any) -> Any:
        x = ops.relu(x)
        self.relus.append(x)
        if self.ranges is None:
            return x
        low, high = ops.constant(np.float32(0)), ops.constant(self.ranges[len(self.relus) - 1])
        return ops.fake_quantize(x, low, high, low, high, levels=256)

    def linear(self, x: Any, name: str) -> Any:
        kernel, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return ops.add(ops.matmul(x, ops.constant(kernel), False, True), ops.constant(bias[None]))


def _convolution(x: Any, kernel: Any, bias: Array) -> Any:
    pad = [kernel.get_output_shape(0)[2] // 2] * 2
    return ops.add(ops.convolution(x, kernel, [1, 1], pad, pad, [1, 1]), ops.constant(bias.reshape(1, -1, 1, 1)))


def _int8(kernel: Array) -> Any:
    """The kernel as i8 times one scale an output channel, symmetric."""
    largest = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True)
    scale = np.maximum(largest, np.float32(1e-8)) / np.float32(127)
    rounded = np.rint(kernel / scale).astype(np.int8)
    return ops.multiply(ops.convert(ops.constant(rounded), "f32"), ops.constant(scale))


def _pool(x: Any) -> Any:
    """[B, K, H, W] -> [B, 2K], as `net.pool`."""
    return ops.concat([ops.reduce_mean(x, [2, 3], False), ops.reduce_max(x, [2, 3], False)], 1)


def build(
    config: NetConfig,
    weights: Weights,
    shape: tuple[int, int],
    batch: int = ANY,
    peaks: Array | None = None,
    measure: bool = False,
) -> ov.Model:
    """planes f4[B, C, H, W] -> policy logits f4[B, A], value f4[B] = P(win) - P(loss): `net.Net` in evaluation.

    `peaks` f4[R, C] makes the tower int8. With `measure` there is a third output f4[B, C, R, 1]: what peaks come from.
    """
    layers = _Layers(config, weights, peaks)
    planes = ops.parameter([batch, config.planes, *shape], np.float32)
    x = layers.tower_relu(layers.conv(planes, "stem", quantized=False))
    for i in range(config.blocks):
        y = layers.tower_relu(layers.conv(x, f"blocks.{i}.first"))
        x = layers.tower_relu(ops.add(x, layers.conv(y, f"blocks.{i}.second")))

    pooled = _pool(ops.relu(layers.conv(x, "policy_global")))
    overall = layers.linear(pooled, "policy_mix")
    p = ops.add(layers.conv(x, "policy_local"), ops.unsqueeze(overall, [2, 3]))
    p = _convolution(ops.relu(p), ops.constant(weights["policy_out.weight"]), weights["policy_out.bias"])
    policy = ops.reduce_mean(p, [1, 2], False) if config.policy == "columns" else ops.reshape(p, [0, -1], True)
    if config.extra_actions:
        policy = ops.concat([policy, layers.linear(pooled, "policy_extra")], 1)

    hidden = ops.relu(layers.linear(_pool(ops.relu(layers.conv(x, "value_local"))), "value_hidden"))
    chances = ops.softmax(layers.linear(hidden, "value_out"), 1)  # win, draw, loss
    value = ops.matmul(chances, ops.constant(np.array([1, 0, -1], np.float32)), False, False)

    outputs = [policy, value]
    if measure:
        outputs.append(ops.concat([ops.reduce_max(relu, [2, 3], True) for relu in layers.relus], 2))
    return ov.Model(outputs, [planes], "net")


def measure(config: NetConfig, weights: Weights, shape: tuple[int, int], planes: Array) -> tuple[Array, Array, Array]:
    """fp32's logits f4[N, A], values f4[N] and peaks f4[R, C] (what `build` needs for int8) on planes f4[N, C, H, W]."""
    model = _core().compile_model(build(config, weights, shape, measure=True), "CPU", _settings("fp32", workers=1))
    request = model.create_infer_request()
    parts = [
        [output.copy() for output in request.infer([planes[i : i + CHUNK]]).values()]
        for i in range(0, len(planes), CHUNK)
    ]
    logits, value, largest = (np.concatenate(part) for part in zip(*parts, strict=True))
    return logits, value, largest.max(axis=(0, 3)).T


def _settings(precision: str, workers: int) -> dict[str, Any]:
    """One worker has all cores for its calls. Several have one each: without streams a call is computed in the thread that
    makes it. Handing it to a stream's thread, and waking up again, cost self-play of 4 x 32 a tenth (docs/performance.md).

    Nothing is pinned, because a second engine (an opponent's net) would be pinned to the same cores.
    """
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1 if workers == 1 else 0,
        "INFERENCE_NUM_THREADS": cores(),
        "INFERENCE_PRECISION_HINT": "bf16" if precision != "fp32" and "bf16" in precisions() else "f32",
        "ENABLE_CPU_PINNING": False,
    }


class OpenVinoEngine:
    """One set of weights at one precision, for any number of threads; each works through its own `session()`."""

    def __init__(
        self,
        config: NetConfig,
        weights: Weights,
        shape: tuple[int, int],
        precision: str,
        workers: int,
        peaks: Array | None = None,
    ):
        self.name = f"openvino {precision}"
        self._net = (config, weights, shape)
        self._peaks = peaks
        self._settings = _settings(precision, workers)

    def request(self, batch: int = ANY) -> Any:
        """An infer request, with a graph of its own, for batches of that size or of any."""
        model = build(*self._net, batch, self._peaks)
        return _core().compile_model(model, "CPU", self._settings).create_infer_request()

    def session(self, small: int = 0) -> OpenVinoSession:
        """`small`: batches of up to so many positions go through graphs of their own, compiled here (0.1 s each). Where
        sizes vary they are faster; they round differently, so what a position gets depends on its batch."""
        return OpenVinoSession(self, small)


class OpenVinoSession:
    """One thread's way into an engine."""

    def __init__(self, engine: OpenVinoEngine, small: int):
        self._engine = engine
        self.requests = {size: engine.request(size) for size in SMALL if size <= small}

    def infer(self, planes: Array) -> tuple[Array, Array]:
        """planes f4[B, C, H, W], contiguous -> logits f4[B, A], value f4[B]: valid until the next call."""
        count = len(planes)
        size = next((size for size in self.requests if size >= count), ANY)
        if size not in self.requests:
            self.requests[ANY] = self._engine.request()
        request = self.requests[size]
        if size == ANY:
            # The tensor does not own the planes; they live at least as long as this call, and the next one replaces it.
            request.set_input_tensor(ov.Tensor(planes, shared_memory=True))
        else:
            request.get_input_tensor().data[:count] = planes  # what earlier calls left in the other rows does no harm
        request.infer()
        return request.get_output_tensor(0).data[:count], request.get_output_tensor(1).data[:count]
