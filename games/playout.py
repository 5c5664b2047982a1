"""Random games to the end, for any game: by its own kernel where it has one, else move by move."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.game import ONGOING, Game, States


def playout(game: Game, states: States, rng: np.random.Generator) -> None:
    """Plays every record [B] in place to its end, all moves uniformly at random."""
    seeds = rng.bit_generator.random_raw(len(states))  # the same numbers as rng.integers' over all of u8, sooner
    (game.playout or generic_kernel(game))(states, seeds)


def random_actions(game: Game, states: States, rng: np.random.Generator) -> NDArray[np.int32]:
    """i4[B]: one legal action for each record, uniformly at random; 0 where the game is over."""
    actions = np.zeros(len(states), np.int32)
    _pick(game.legal_mask(states), rng.integers(2**64, size=len(states), dtype=np.uint64), actions)
    return actions


def generic_kernel(game: Game) -> Callable[..., None]:
    """A playout built from `legal` and `step` alone, called like the kernels: (states [B], seeds u8[B])."""

    def kernel(states: States, seeds: NDArray[np.uint64]) -> None:
        streams = seeds.copy()
        mask = np.zeros((len(states), game.num_actions), np.uint8)
        actions = np.zeros(len(states), np.int32)
        while (states["outcome"] == ONGOING).any():
            game.legal(states, mask)
            _pick(mask, streams, actions)
            game.step(states, actions)

    return kernel


@njit(nogil=True, cache=True)
def _pick(mask, streams, actions):
    """`actions` i4[B]: a random legal action each (0 where there is none); `streams` u8[B] advance by one draw."""
    for i in range(len(mask)):
        streams[i] = streams[i] * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        # The output function of splitmix64 (Steele, Lea, Flood 2014), so that neighbouring streams are unrelated.
        x = streams[i]
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
        count = 0
        for action in range(mask.shape[1]):
            count += mask[i, action]
        skip = np.int64(x >> np.uint64(32)) * count >> 32
        actions[i] = 0
        for action in range(mask.shape[1]):
            if mask[i, action]:
                if skip == 0:
                    actions[i] = action
                    break
                skip -= 1
