"""A run's folder: what lies where, written so that a kill at any moment leaves a whole run behind.

config.json  metrics.jsonl  checkpoints/*.safetensors  samples/*.npy  games/*.txt  state/state.npz  tensorboard/
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np

from alphamini import __version__
from alphamini.learn.recipe import Recipe, from_json, to_json
from alphamini.model.checkpoint import UNFINISHED, Checkpoint, save_checkpoint, write_bytes
from alphamini.revision import commit
from games import Game, get

MOST_WORKERS = 1024
RESULTS = ("1-0", "0-1", "1/2")


@dataclass(frozen=True)
class Config:
    """config.json: what a run is."""

    recipe: Recipe
    workers: int  # threads: each has games and a part of the batch of its own, so a resume needs as many
    rules_version: int  # of its game


class RunFolder:
    """Paths and files of one run."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self.samples = self.path / "samples"
        self.checkpoints = self.path / "checkpoints"
        self._metrics = self.path / "metrics.jsonl"
        self._state = self.path / "state" / "state.npz"
        self._writers: dict[str, Any] = {}  # TensorBoard's, by stage
        self._made: list[Path] = []  # folders that came with the run
        self._handle: int | None = None  # of the folder that `lock` keeps

    def config(self) -> Config | None:
        """What the run is that is here, or None; ValueError, one line, if it cannot be read."""
        path = self.path / "config.json"
        if not path.exists():
            return None
        try:
            data = json.loads(path.read_text())
            recipe, workers = from_json(data["recipe"]), data["workers"]
            if not (type(workers) is int and 0 < workers <= MOST_WORKERS):
                raise ValueError(f"workers must be from 1 to {MOST_WORKERS}, not {workers!r}")
            return Config(recipe, workers, data["rules_version"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{path} is not a run's configuration ({str(error).splitlines()[0]})") from None

    def lock(self) -> None:
        """Keeps other processes out until this one ends, and deletes the halves of files that killed ones have left.
        ValueError, one line, if another is in here.

        The system's lock, on the folder itself: it ends with the process, however that ends.
        """
        if sys.platform == "win32":
            return  # knows no such lock
        import fcntl

        self._handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            raise ValueError(f"another process is at work on the run in {self.path}") from None
        except OSError:
            pass  # a file system without locks
        else:
            for path in self.path.rglob(".*.tmp"):
                if UNFINISHED.fullmatch(path.name):
                    path.unlink()

    def check_place(self) -> None:
        """ValueError, one line, if the folder that `lock` keeps is no longer here: what is written would begin half a run
        in its old place, or end in another one's."""
        if self._handle is None:
            return
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._handle), self.path.stat()):
                return
        raise ValueError(f"{self.path} has been moved or deleted; the run ends with its last whole step")

    def create(self, recipe: Recipe, workers: int) -> None:
        """Begins a run here, locked; ValueError, one line, if the folder holds something else."""
        if self.path.exists() and not (
            self.path.is_dir() and all(UNFINISHED.fullmatch(path.name) for path in self.path.iterdir())
        ):
            raise ValueError(f"{self.path} is not empty and holds no run")
        self._made = [path for path in (self.path, *self.path.parents) if not path.exists()]
        self.path.mkdir(parents=True, exist_ok=True)
        self.lock()
        version = get(recipe.game).rules_version
        begun = {"alphamini": __version__, "commit": commit(), "rules_version": version, "workers": workers}
        config = {**begun, "recipe": to_json(recipe)}
        write_bytes(self.path / "config.json", (json.dumps(config, indent=2) + "\n").encode())

    def discard(self) -> None:
        """Takes `create` back, for a run that could not begin: its configuration would stand in a better one's way."""
        (self.path / "config.json").unlink(missing_ok=True)
        shutil.rmtree(self.checkpoints, ignore_errors=True)  # without a supervised stage the first net is saved at once
        with suppress(OSError):  # somebody has put something in
            for path in self._made:
                path.rmdir()

    def log(self, metrics: dict[str, Any]) -> None:
        """One line in metrics.jsonl, and the same numbers in TensorBoard; a nan is no number, nor JSON: it is left out."""
        metrics = {name: value for name, value in metrics.items() if value == value}
        try:
            with self._metrics.open("a") as file:
                file.write(json.dumps(metrics) + "\n")
            self._show(metrics)
        except OSError as error:  # a full disk does not say which file it had no room for
            error.filename = os.fsdecode(error.filename or self.path)
            raise

    def _show(self, metrics: dict[str, Any]) -> None:
        """Numbers in TensorBoard."""
        stage, step = metrics["stage"], metrics.get("iteration", metrics.get("step", 0))
        if stage not in self._writers:
            from torch.utils.tensorboard import SummaryWriter  # slow to import: only when there is something to say

            # What a killed session wrote from this step on is hidden; in a folder a stage, as each counts its own steps.
            self._writers[stage] = SummaryWriter(str(self.path / "tensorboard" / stage), purge_step=step)
        writer = self._writers[stage]
        for name, value in metrics.items():
            if isinstance(value, int | float):
                writer.add_scalar(f"{stage}/{name}", value, step)
        writer.flush()

    def metrics(self) -> list[dict[str, Any]]:
        """Every line of metrics.jsonl."""
        if not self._metrics.exists():
            return []
        return [json.loads(line) for line in self._metrics.read_text().splitlines()]

    def save_checkpoint(self, name: str, checkpoint: Checkpoint) -> None:
        self.check_place()
        save_checkpoint(self.checkpoints / f"{name}.safetensors", checkpoint)

    def save_games(self, iteration: int, game: Game, games: Sequence[tuple[list[int], int]]) -> None:
        """One finished game a line: its moves, then its result."""
        lines = [" ".join([*map(game.action_text, moves), RESULTS[outcome]]) for moves, outcome in games]
        write_bytes(self.path / "games" / f"{iteration:06d}.txt", "".join(f"{x}\n" for x in lines).encode())

    def save_state(self, arrays: dict[str, np.ndarray], counters: dict[str, Any]) -> None:
        """The state of an exact resume. Renamed into place: there is always one whole state."""
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, counters=np.array(json.dumps(counters)), **arrays)
        write_bytes(self._state, buffer.getbuffer())

    def load_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """(arrays, counters) of `save_state`, None before the first; ValueError, one line, if the file is missing or not
        whole."""
        if not self._state.exists():
            # The first step writes its line and its games before its state is there; a run that begins anew would delete
            # what more tell of.
            lines = self._metrics.read_bytes().count(b"\n") if self._metrics.exists() else 0
            if max([lines, *self._game_files()]) > 1:
                raise ValueError(f"{self._state} is missing: the run cannot go on; choose another --run")
            return None
        try:
            with np.load(self._state, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return arrays, json.loads(str(arrays.pop("counters")))
        except (EOFError, BadZipFile, NotImplementedError, TokenError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self._state} is not the whole state of a run ({error})") from None

    def truncate(self, pretrained: int, iterations: int) -> None:
        """Forgets what was written after the state that counts."""
        lines = []
        # A broken line costs its numbers alone: the process may have died while it wrote, or the power failed.
        text = self._metrics.read_text(errors="replace") if self._metrics.exists() else ""
        for line in text.splitlines():
            try:
                row = json.loads(line)
                counts = row.get("iteration", 0) <= iterations and row.get("step", 0) <= pretrained
            except (ValueError, TypeError, AttributeError, RecursionError):
                continue
            if counts:
                lines.append(line + "\n")
        if self._metrics.exists():
            write_bytes(self._metrics, "".join(lines).encode())
        for number, path in self._game_files().items():
            if number > iterations:
                path.unlink()

    def _game_files(self) -> dict[int, Path]:
        """The files of `save_games` by their iterations."""
        paths = (self.path / "games").glob("*.txt")
        return {int(path.stem): path for path in paths if path.stem.isdecimal()}  # others are not ours
