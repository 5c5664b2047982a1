"""Training samples: their record, the replay window, and batches of them for the net, symmetries and all."""

from __future__ import annotations

import io
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile

import numpy as np
from numba import njit
from numpy.typing import NDArray

from alphamini.model.checkpoint import write_bytes
from games import DRAW, Game, States

WIN, DRAWN, LOSS = 0, 1, 2  # `result`: the classes of the net's value head, for the side to move

Samples = NDArray[np.void]
"""[N] records of `sample_dtype`."""


def sample_dtype(game: Game) -> np.dtype[np.void]:
    """`state`, `policy` f2[A] (the target distribution; all 0: no target, the policy learns nothing from it),
    `result` i1 (WIN, DRAWN or LOSS for the side to move)."""
    return np.dtype([("state", game.dtype), ("policy", "f2", (game.num_actions,)), ("result", "i1")])


def results(outcome: NDArray[np.int8], to_play: NDArray[np.int8]) -> NDArray[np.int8]:
    """i1[N]: games' outcomes as the side to move sees them."""
    seen = np.where(outcome == to_play, WIN, LOSS)
    return np.where(outcome == DRAW, DRAWN, seen).astype(np.int8)


def from_labels(game: Game, states: States, labels: NDArray[np.int32], outcome: NDArray[np.int8]) -> Samples:
    """Samples of scripted games: the teacher's move is the whole policy."""
    samples = np.zeros(len(states), sample_dtype(game))
    samples["state"] = states
    samples["policy"][np.arange(len(states)), labels] = 1
    samples["result"] = results(outcome, states["to_play"])
    return samples


class Replay:
    """The newest `window` samples, oldest first out; saved as one file an addition, so that a resume reads them back."""

    def __init__(self, game: Game, window: int, folder: Path):
        self.folder = folder
        self._ring = np.zeros(window, sample_dtype(game))
        self.added = 0  # ever
        self._files: list[tuple[int, Path]] = []  # (number of samples, file), oldest first

    def __len__(self) -> int:
        return min(self.added, len(self._ring))

    def add(self, samples: Samples, step: int) -> None:
        """Adds the samples of one step of the loop and writes them to the disk."""
        self._put(samples)
        path, buffer = self.folder / f"{step:06d}.npy", io.BytesIO()
        np.save(buffer, samples, allow_pickle=False)
        write_bytes(path, buffer.getbuffer())
        self._files.append((len(samples), path))

    def prune(self) -> None:
        """Deletes the files whose samples have all left the window. Call it when the step that added the last is committed:
        until then a resume needs them."""
        while self._files and sum(n for n, _ in self._files[1:]) >= len(self._ring):
            self._files.pop(0)[1].unlink(missing_ok=True)

    def restore(self, last_step: int, added: int) -> None:
        """Reads back the window as it was after `last_step`, when `added` samples had come in all.

        Files of later steps belong to a step that never ended, and go. ValueError, one line, if the rest are not whole:
        a gap would be learnt from as if it held samples.
        """
        parts, steps, late = [], [], []
        for path in sorted(path for path in self.folder.glob("*.npy") if path.stem.isdecimal()):  # others are not ours
            if int(path.stem) > last_step:
                late.append(path)
                continue
            try:
                samples = np.load(path, allow_pickle=False)
            except (EOFError, ValueError, BadZipFile, TokenError) as error:
                raise ValueError(f"{path} is not a whole file of samples ({error})") from None
            if samples.dtype != self._ring.dtype:
                raise ValueError(f"{path} holds samples of another game or version")
            parts.append(samples)
            steps.append(int(path.stem))
            self._files.append((len(samples), path))
        found = sum(map(len, parts))
        if steps != list(range(last_step + 1 - len(steps), last_step + 1)) or found < min(added, len(self._ring)):
            raise ValueError(f"{self.folder} lacks samples of the run: a file of them is missing")
        for path in late:  # only now: with a state from a backup, the refusal above must leave all as it is
            path.unlink()
        self.added = added - found
        for part in parts:
            self._put(part)

    def _put(self, samples: Samples) -> None:
        self.added += len(samples)
        kept = samples[-len(self._ring) :]
        at = (self.added - len(kept) + np.arange(len(kept))) % len(self._ring)
        self._ring[at] = kept

    def newest(self, count: int) -> Samples:
        """The last `count` samples that came (or all), as copies."""
        count = min(count, len(self))
        return self._of_newest(count, np.arange(count))

    def draw(self, count: int, window: int, rng: np.random.Generator) -> Samples:
        """`count` of the last `window` samples that came (or of all), each drawn from all of them, as copies."""
        window = min(window, len(self))
        return self._of_newest(window, rng.integers(0, window, count))

    def _of_newest(self, window: int, which: NDArray[np.int64]) -> Samples:
        """Copies of the samples `which` of the last `window`, the oldest of these being 0."""
        return self._ring[(self.added - window + which) % len(self._ring)]


class Batch:
    """`size` training examples as arrays for the net; the buffers are filled anew by every `fill`.

    `planes` f4[n, C, H, W], `policy` f4[n, A], `mask` u1[n, A] legal actions, `result` i8[n].
    """

    def __init__(self, game: Game, size: int):
        self.game, self.size = game, size
        self._planes = np.zeros((size, game.num_planes, *game.shape), np.float32)
        self._mask = np.zeros((size, game.num_actions), np.uint8)
        self.planes, self.mask = np.zeros_like(self._planes), np.zeros_like(self._mask)
        self.policy = np.zeros((size, game.num_actions), np.float32)
        self.result = np.zeros(size, np.int64)

    def fill(self, samples: Samples, turns: NDArray[np.int64]) -> Batch:
        """Loads `samples` [size], each turned by its symmetry of `turns` i8[size], a row of `game.action_symmetries`."""
        game = self.game
        states = np.ascontiguousarray(samples["state"])
        game.observe(states, self._planes)
        game.legal(states, self._mask)
        cells = game.shape[0] * game.shape[1]
        _turn(
            self._planes.reshape(len(samples), -1, cells),
            self._mask,
            samples["policy"].astype(np.float32),
            turns,
            game.cell_symmetries,
            game.action_symmetries,
            self.planes.reshape(len(samples), -1, cells),
            self.mask,
            self.policy,
        )
        self.result[:] = samples["result"]
        return self


@njit(nogil=True, cache=True)
def _turn(planes, mask, policy, which, cell_images, action_images, planes_out, mask_out, policy_out):
    for i in range(len(which)):
        to = cell_images[which[i]]
        for c in range(planes.shape[1]):
            for cell in range(planes.shape[2]):
                planes_out[i, c, to[cell]] = planes[i, c, cell]
        to = action_images[which[i]]
        for a in range(mask.shape[1]):
            mask_out[i, to[a]] = mask[i, a]
            policy_out[i, to[a]] = policy[i, a]
