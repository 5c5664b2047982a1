"""Are random playouts the ones that the rules describe? Statistics with bounds that a sound kernel never reaches.

The generic playout, and the game's own kernel if it has one, are held against

* the exact distribution over final records, from a position late enough that every continuation can be listed;
* each other, from the start and from the middle of games: outcomes, and the mean of every cell of every plane of
  the final positions, which covers the length of the games as well.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from games.game import ONGOING, Game, States
from games.playout import generic_kernel
from games.violation import require

SIGMAS = 6.0  # by chance once in 10^8
MOST_RECORDS = 3000  # in the list of continuations

Kernel = Callable[..., None]  # (states [B], seeds u8[B])


def check_playout(game: Game, rng: np.random.Generator) -> None:
    """Random playouts are the random games that the rules describe, each as often as it should be."""
    generic = generic_kernel(game)
    kernels = [generic] if game.playout is None else [generic, game.playout]
    late = _late_game(game, rng)
    for kernel in kernels:
        _check_rows(game, kernel, late, rng)
        _check_exactly(game, kernel, late, rng)
    for kernel in kernels[1:]:
        for start in (game.new_states(1), late[len(late) // 3 :][:1], late[len(late) // 2 :][:1]):
            _check_alike(game, kernel, start, rng)


def _late_game(game: Game, rng: np.random.Generator) -> States:
    """[T] the states of one random game whose players avoid its end as long as they can."""
    states = [game.new_states(1)]
    while True:
        legal = np.flatnonzero(game.legal_mask(states[-1])[0])
        children = np.repeat(states[-1], len(legal))
        game.step(children, legal.astype(np.int32))
        children = children[children["outcome"] == ONGOING]
        if len(children) == 0 or len(states) == game.max_plies:
            return np.concatenate(states)
        states.append(children[rng.integers(len(children))][None])


def _endings(game: Game, state: States) -> tuple[States, NDArray[np.float64]] | None:
    """All final records that can follow `state` [1], and their probabilities; None if there is too much to list."""
    layer, chances = state, np.ones(1)  # the records after so many plies, and their probabilities
    listed = 0
    while (layer["outcome"] == ONGOING).any():
        mask = game.legal_mask(layer)
        over = layer["outcome"] != ONGOING
        parents, actions = np.nonzero(mask)
        children = layer[parents]
        game.step(children, actions.astype(np.int32))
        shares = chances / np.maximum(mask.sum(axis=1), 1)
        records, which = _distinct(np.concatenate([layer[over], children]))
        chances = np.bincount(which, np.concatenate([chances[over], shares[parents]])).astype(np.float64)
        layer = records
        listed += len(layer)
        if listed > MOST_RECORDS:
            return None
    return layer, chances


def _distinct(states: States) -> tuple[States, NDArray[np.intp]]:
    """The different records of a batch, and for each row of the batch which of them it is."""
    words = states.view(np.uint64).reshape(len(states), -1)
    _, first, which = np.unique(words, axis=0, return_index=True, return_inverse=True)
    return states[first], which.reshape(-1)


def _check_exactly(game: Game, kernel: Kernel, late: States, rng: np.random.Generator) -> None:
    """Playouts from a late position against the list of all continuations: these and no others, each as often."""
    for back in (6, 5, 4, 3, 2, 1):
        state = late[-back:][:1]
        endings = _endings(game, state)
        if endings is not None:
            break
    else:
        return  # a game without late positions that are small enough
    records, chances = endings
    played = np.repeat(state, 20_000)
    kernel(played, _seeds(len(played), rng))
    found, which = _distinct(np.concatenate([records, played]))
    require(len(found) == len(records), "a playout ends in a record that no sequence of legal moves leads to")
    counts = np.bincount(which[len(records) :], minlength=len(records))[which[: len(records)]]
    expected = chances * len(played)
    common = expected >= 10
    counts = np.append(counts[common], counts[~common].sum())
    expected = np.append(expected[common], expected[~common].sum())
    square = ((counts - expected)[expected > 0] ** 2 / expected[expected > 0]).sum()
    freedom = max(1, int((expected > 0).sum()) - 1)
    excess = (square - freedom) / np.sqrt(2 * freedom)
    require(excess < SIGMAS, f"playouts do not pick uniformly: chi square {square:.0f}, expected {freedom}")


def _check_alike(game: Game, kernel: Kernel, start: States, rng: np.random.Generator, count: int = 3000) -> None:
    """The kernel against the generic playout from one position."""
    samples = []
    for play in (generic_kernel(game), kernel):
        states = np.repeat(start, count)
        play(states, _seeds(count, rng))
        outcomes = states["outcome"][:, None] == np.arange(3)
        samples.append(np.hstack([outcomes, game.planes(states).reshape(count, -1)]).astype(np.float64))
    a, b = samples
    # Cells that hardly ever differ are no statistics: +1 in the variance keeps one odd game from looking like many.
    error = np.sqrt((a.var(axis=0) + b.var(axis=0) + 1 / count) / count)
    worst = float((np.abs(a.mean(axis=0) - b.mean(axis=0)) / error).max())
    require(worst < SIGMAS, f"the playout kernel differs from uniformly random games by {worst:.1f} standard errors")


def _check_rows(game: Game, kernel: Kernel, late: States, rng: np.random.Generator) -> None:
    """Each row plays by its own seed, finishes, and a finished game is left alone."""
    states = late[rng.integers(len(late), size=50)]
    seeds = _seeds(len(states), rng)
    together = states.copy()
    kernel(together, seeds)
    require((together["outcome"] != ONGOING).all(), "a playout stops before the end")
    require(not game.legal_mask(together).any(), "after a playout there are legal actions")
    for row in range(len(states)):
        alone = states[row : row + 1].copy()
        kernel(alone, seeds[row : row + 1])
        require(
            alone.tobytes() == together[row : row + 1].tobytes(), "a playout depends on the neighbours in the batch"
        )
    again = together.copy()
    kernel(again, seeds)
    require(again.tobytes() == together.tobytes(), "a playout changes a finished game")


def _seeds(count: int, rng: np.random.Generator) -> NDArray[np.uint64]:
    """Neighbouring numbers, the seeds that a weak generator would stumble over."""
    return np.arange(count, dtype=np.uint64) + rng.integers(2**32, dtype=np.uint64)
