"""Makes a book: random short openings whose value a long search calls close, and that are not dead draws.

Even alone is not enough: among good players of a drawish game it means drawn, and drawn games tell nobody apart.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from alphamini.arena.openings import Book, Opening, RandomOpenings, default_opening_plies, position_keys, states_after
from alphamini.arena.players import SearchPlayer, make_player
from alphamini.parallel import map_all
from games import DRAW, ONGOING, Game, States

ROUND = 256  # candidates a round; a part of the recipe, as the random numbers depend on it
PART = 32  # candidates that one search batches
FUTILE = 10  # rounds without a new opening before it gives up
QUICK_GAMES = 8  # from each even opening: the search's raw policy against itself, moves drawn at temperature 1


@dataclass(frozen=True)
class BookOptions:
    """How a book is made; written into it."""

    openings: Annotated[int, "how many"] = 500
    plies: Annotated[int, "random plies of an opening; 0: by the game"] = 0
    player: Annotated[str, "the search that judges them: net@sims=400, rollouts@sims=2000, net:PATH@sims=1000"] = (
        "net@sims=400"
    )
    within: Annotated[float, "openings are kept whose value, in [-1, 1], is not farther than this from even"] = 0.1
    drawn: Annotated[float, "... and of whose quick games no larger share than this is drawn"] = 0.5
    seed: Annotated[int, "of the random plies: the same options make the same book"] = 0


def make_book(
    game: Game, options: BookOptions, threads: int, progress: Callable[[int], None] = lambda found: None
) -> Book:
    """The book; no two of its openings reach the same position, nor one that a symmetry of the game makes the same.

    `progress` is told how many openings each round added. ValueError, one line, for options that make no book.
    """
    plies = options.plies or default_opening_plies(game)
    if not 1 <= options.openings <= 100_000:
        raise ValueError("--openings must be from 1 to 100000")
    if not 0 <= options.plies < game.max_plies:
        raise ValueError(f"--plies must be from 0 to {game.max_plies - 1}")
    if not 0 < options.within <= 1:
        raise ValueError("--within must be above 0 and at most 1")
    if not 0 <= options.drawn <= 1:
        raise ValueError("--drawn must be from 0 to 1")
    if options.seed < 0:
        raise ValueError("--seed must not be negative")
    player = make_player(game, options.player, threads)
    if not isinstance(player, SearchPlayer) or player.simulations is None:
        raise ValueError(f"--player {options.player!r}: only a search with a number of simulations judges openings")
    rng = np.random.default_rng(options.seed)
    kept: dict[bytes, Opening] = {}
    seen: set[bytes] = set()
    futile = 0
    with ThreadPoolExecutor(threads) as pool:
        while len(kept) < options.openings and futile < FUTILE:
            lines = np.array(RandomOpenings(game, plies).draw(ROUND, rng), np.int32)
            keys = symmetric_keys(game, lines)
            fresh = [i for i, key in enumerate(keys) if not (key in seen or seen.add(key))]  # type: ignore[func-returns-value]
            parts = [fresh[i : i + PART] for i in range(0, len(fresh), PART)]
            streams = rng.spawn(len(parts))
            jobs = [(game, player, states_after(game, lines[part].tolist()), stream, options.within)
                    for part, stream in zip(parts, streams, strict=True)]  # fmt: skip
            judged = map_all(pool, lambda job: _judge(*job), jobs)
            before = len(kept)
            for part, (values, drawn) in zip(parts, judged, strict=True):
                good = (np.abs(values) <= options.within) & (drawn <= options.drawn)
                for i, value in zip(np.array(part)[good], values[good], strict=True):
                    if len(kept) < options.openings:
                        kept[keys[i]] = Opening(tuple(lines[i].tolist()), round(float(value), 4))
            futile = 0 if len(kept) > before else futile + 1
            progress(len(kept) - before)
    if not kept:
        raise ValueError(f"no opening of {plies} plies in {game.name} is within {options.within:g} of even")
    made = {**asdict(options), "plies": plies}
    del made["openings"]  # more of them would begin with the same
    return Book(game, tuple(kept.values()), made)


def _judge(
    game: Game, player: SearchPlayer, states: States, rng: np.random.Generator, within: float
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """[n], [n]: the values that the search gives the states [n], and the drawn share of quick games from them.

    Games are played for the close ones alone; the others count as drawn.
    """
    values = player.values(states, rng)
    drawn = np.ones(len(states))
    close = np.flatnonzero(np.abs(values) <= within)
    games = np.repeat(states[close], QUICK_GAMES)
    quick = player.with_budget("quick", 1, temperature=1.0)
    while (live := games["outcome"] == ONGOING).any():
        after = games[live]
        game.step(after, quick.choose(after, rng))
        games[live] = after
    drawn[close] = (games["outcome"] == DRAW).reshape(len(close), QUICK_GAMES).mean(1)
    return values, drawn


def symmetric_keys(game: Game, lines: NDArray[np.int32]) -> list[bytes]:
    """[n] the positions after move lists i4[n, plies]; equal for those that a symmetry makes equal."""
    images = [position_keys(game, states_after(game, symmetry[lines].tolist())) for symmetry in game.action_symmetries]
    return [min(keys) for keys in zip(*images, strict=True)]
