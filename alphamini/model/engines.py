"""Which library computes a net, and in how many bits: the fastest that still gives fp32's answers."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alphamini.model.checkpoint import Weights
from alphamini.model.config import NetConfig
from alphamini.model.fold import Array
from alphamini.model.quantize import CHUNK, agreement

# OpenVINO does without its telemetry where that is not installed. Importing it would fork this process at every start, to
# tell Google of it; a fork keeps the lock of a run, too, after the process itself has been killed.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
try:
    from alphamini.model import openvino_net
except ImportError:  # not installed, or not for this machine: torch takes over
    openvino_net = None  # type: ignore[assignment]

PRECISIONS = ("auto", "fp32", "bf16", "int8")
DEVICES = ("auto", "openvino", "torch", "cuda")


class Session(Protocol):
    """One thread's way into an engine."""

    def infer(self, planes: Array) -> tuple[Array, Array]:
        """planes f4[B, C, H, W], contiguous -> logits f4[B, A], value f4[B]; they hold until the next call."""


class Engine(Protocol):
    """One set of weights at one precision on one library, for any number of threads."""

    @property
    def name(self) -> str: ...
    def session(self, small: int = 0) -> Session:
        """`small`: batches of up to so many positions come often, in turn, and somebody waits for each."""


@dataclass(frozen=True)
class Sample:
    """Positions like those to come, to calibrate and to judge a precision on."""

    planes: Array  # f4[N, C, H, W]
    legal: NDArray[np.uint8]  # u1[N, A]


@dataclass(frozen=True)
class Wish:
    """What the user asked for: see `evaluators.make_backend`."""

    precision: str
    device: str
    workers: int


def choose(
    config: NetConfig, weights: Weights, shape: tuple[int, int], wish: Wish, sample: Callable[[], Sample]
) -> tuple[Engine, str]:
    """The engine, and one line on why it was chosen; `sample` is only called where there is something to judge."""
    device = _device(wish.device)
    if device == "openvino":
        return _choose_openvino(config, weights, shape, wish, sample)
    from alphamini.model import torch_net

    def make(precision: str) -> Engine:
        return torch_net.TorchEngine(config, weights, precision, device, wish.workers)

    offered = _offered(wish.precision, device)
    if wish.precision != "auto":
        return make(wish.precision), "as asked"
    exact = make("fp32")
    if offered == ("fp32",):
        return exact, "the only precision this machine computes natively"
    given = sample()
    return _first_that_agrees(offered, make, given, _infer_all(exact, given.planes))


def _choose_openvino(
    config: NetConfig, weights: Weights, shape: tuple[int, int], wish: Wish, sample: Callable[[], Sample]
) -> tuple[Engine, str]:
    offered = _offered(wish.precision, "openvino")
    peaks = None

    def make(precision: str) -> Engine:
        return openvino_net.OpenVinoEngine(
            config, weights, shape, precision, wish.workers, peaks if precision == "int8" else None
        )

    if wish.precision in ("fp32", "bf16"):
        return make(wish.precision), "as asked"
    given = sample()
    logits, value, peaks = openvino_net.measure(config, weights, shape, given.planes)
    if wish.precision == "int8":
        engine = make("int8")
        return engine, f"as asked; {agreement((logits, value), _infer_all(engine, given.planes), given.legal)}"
    return _first_that_agrees(offered, make, given, (logits, value))


def _first_that_agrees(
    precisions: tuple[str, ...], make: Callable[[str], Engine], sample: Sample, exact: tuple[Array, Array]
) -> tuple[Engine, str]:
    """The first precision, fastest first, that agrees with the `exact` logits and values; fp32, the last, does."""
    notes = []
    for precision in precisions:
        engine = make(precision)
        if precision == "fp32":
            break
        found = agreement(exact, _infer_all(engine, sample.planes), sample.legal)
        if found.holds:
            notes.append(f"{precision} agrees with fp32 ({found} on {len(sample.planes)} positions)")
            break
        notes.append(f"{precision} does not agree with fp32 ({found})")
    return engine, ", ".join(notes) or "the only precision this machine computes natively"


def _infer_all(engine: Engine, planes: Array) -> tuple[Array, Array]:
    """In a thread of its own, as a session may change its thread's settings: the caller is perhaps one that trains."""

    def infer() -> tuple[Array, Array]:
        session = engine.session()
        parts = [[out.copy() for out in session.infer(planes[i : i + CHUNK])] for i in range(0, len(planes), CHUNK)]
        logits, value = zip(*parts, strict=True)
        return np.concatenate(logits), np.concatenate(value)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(infer).result()


def check_precision(precision: str) -> None:
    """ValueError, one line, if what `choose` takes by itself does not compute `precision` on this machine."""
    _offered(precision, _device("auto"))


def _offered(precision: str, device: str) -> tuple[str, ...]:
    """What the device computes here, fastest first; ValueError, one line, if `precision` is not of it."""
    if device == "openvino":
        offered, where = openvino_net.precisions(), "OpenVINO"
    else:
        from alphamini.model import torch_net

        offered, where = torch_net.precisions(device), f"torch on {device}"
    if precision not in ("auto", *offered):
        raise ValueError(f"{where} does not compute {precision} here, only {', '.join(offered)}")
    return offered


def _device(wish: str) -> str:
    """ "openvino", "cpu" (torch) or "cuda"."""
    if wish not in DEVICES:
        raise ValueError(f"no device {wish!r}; there are {', '.join(DEVICES)}")
    if wish == "openvino" and openvino_net is None:
        raise ValueError("OpenVINO is not installed; without it there is the device torch")
    if wish == "torch":
        return "cpu"
    if wish == "cuda" or (wish == "auto" and _has_cuda_driver()):
        import torch

        if torch.cuda.is_available():
            return "cuda"
        if wish == "cuda":
            raise ValueError("this torch sees no CUDA device")
    return "cpu" if openvino_net is None else "openvino"


def _has_cuda_driver() -> bool:
    """Worth importing torch to look closer?"""
    for library in ("libcuda.so.1", "nvcuda.dll"):
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        return True
    return False
