"""Checkpoints: weights and what they are for, in one safetensors file. Never pickle; no torch needed to read one.

Metadata (all strings, as safetensors has it): format, game, rules_version, net (JSON of NetConfig), step, note.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from alphamini.model.config import NetConfig
from games import Game, named

FORMAT = "alphamini-1"
UNFINISHED = re.compile(r"\..+\.\d+\.tmp")  # the name of a file until `write_bytes` has ended; a kill leaves it behind
Weights = dict[str, NDArray[np.float32]]


class CheckpointError(ValueError):
    """The file cannot be used; the message is one line for the user."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained net: `weights` by the names of `net.Net`'s state."""

    game: str
    rules_version: int
    net: NetConfig
    weights: Weights
    step: int = 0
    note: str = ""

    def elsewhere(self, game: Game) -> str:
        """What a line about the net in `game` ends with: where it was trained, if for another size or other rules."""
        return "" if self.game == game.name else f"; the net was trained for {self.game}"


def fingerprint(path: Path) -> str:
    """The start of the SHA-256 of a net's file: what a report knows it by."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Writes a file so that nobody ever sees half of it: beside its place, to the disk, then renamed into its place.

    Without the fsync a power cut may leave the new name with nothing behind it. A link stays one: what it leads to is
    written. ValueError, one line, for what is there and no file, a device perhaps.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"cannot write {path}: it is no regular file")
    path = Path(os.path.realpath(path))  # unlike resolve(), it leaves it to open() to complain of a link to itself
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:  # a full disk does not say which file it had no room for
        error.filename = str(path)
        raise
    finally:
        beside.unlink(missing_ok=True)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the file whole or not at all, see `write_bytes`."""
    metadata = {
        "format": FORMAT,
        "game": checkpoint.game,
        "rules_version": str(checkpoint.rules_version),
        "net": json.dumps(asdict(checkpoint.net)),
        "step": str(checkpoint.step),
        "note": checkpoint.note,
    }
    weights = {name: np.ascontiguousarray(w) for name, w in checkpoint.weights.items()}
    write_bytes(Path(path), save(weights, metadata))


def load_checkpoint(path: Path, game: Game) -> Checkpoint:
    """The checkpoint at `path`, made for `game`; CheckpointError, one line, if it is anything else.

    Nets do not depend on the board's size, so a net of another size of the same family is accepted.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            ours = metadata.get("format") == FORMAT  # who knows how large another file's tensors are
            weights = {name: file.get_tensor(name) for name in file.keys()} if ours else {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file ({str(error).splitlines()[0]})") from None
    except (TypeError, AttributeError):  # numpy has no bfloat16 and no float8
        raise CheckpointError(f"{path} holds weights that are not float32 numbers") from None
    if not ours:
        raise CheckpointError(f"{path} is not an alphamini checkpoint (no '{FORMAT}' mark in it)")
    try:
        net = NetConfig.from_json(json.loads(metadata["net"]))
        version, name, step = int(metadata["rules_version"]), metadata["game"], int(metadata["step"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} has broken metadata ({error})") from None
    if not same_family(name, game):
        raise CheckpointError(f"{path} was trained for {name}, not for {game.name}")
    if version != game.rules_version:
        raise CheckpointError(f"{path} knows rules version {version} of {name}; this is version {game.rules_version}")
    if not net.fits(game):
        raise CheckpointError(f"{path} holds a net that does not fit {game.name}")
    # Blocks that the file cannot hold are not counted out: a number of the metadata may be anything.
    if net.blocks > len(weights) or {name: w.shape for name, w in weights.items()} != net.shapes():
        raise CheckpointError(f"{path} does not hold the weights of the net that it describes")
    if any(w.dtype != np.float32 or not np.isfinite(w).all() for w in weights.values()):
        raise CheckpointError(f"{path} holds weights that are not finite float32 numbers")
    return Checkpoint(name, version, net, weights, step, metadata.get("note", ""))


def same_family(name: str, game: Game) -> bool:
    """Is there a game called `name`, and does a net of it fit `game`?"""
    try:
        return named(name).family == game.family
    except ValueError:
        return False
