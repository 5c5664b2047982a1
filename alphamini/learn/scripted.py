"""Games that scripted teachers play: the data of the supervised stage."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alphamini.learn.teachers import Teacher
from alphamini.model.threads import cores
from games import ONGOING, Game, States
from games.playout import random_actions

LOCKSTEP = 256  # games a thread plays in lockstep: enough to hide Python, few enough to show progress
STRONGEST_SHARE = 0.7  # a side is of the strongest level this often, else of any level: so the winner differs
RANDOM_MOVES = 0.08  # the share of moves played at random: so the teacher is also asked about odd positions


@dataclass(frozen=True)
class ScriptedGames:
    """N samples, game by game and ply by ply."""

    states: States  # [N] positions with a side to move, the random opening plies left out
    labels: NDArray[np.int32]  # [N] what the strongest teacher chooses there; not always the move that was played
    outcome: NDArray[np.int8]  # [N] how the game ended
    game_id: NDArray[np.int32]  # [N] rising, 0 to count - 1: a held-out split must be by game


def play_scripted_games(
    game: Game,
    teacher: Teacher,
    count: int,
    rng: np.random.Generator,
    progress: Callable[[int], None] = lambda finished: None,
    stop: Callable[[], bool] = lambda: False,
) -> ScriptedGames | None:
    """Plays `count` games; `progress` is told each time how many more have ended. None after `stop()`.

    A game opens with a few uniformly random plies. Then each side plays at its own level, drawn for the game, with a
    random move now and then. Whoever moves and whatever is played, the label is the strongest teacher's choice, so
    that the imitator also learns what to do in positions that the teacher itself would never reach (as in DAgger: Ross,
    Gordon and Bagnell 2011, section 3). A game that ends inside its opening gives no samples.
    """
    sizes = [min(LOCKSTEP, count - start) for start in range(0, count, LOCKSTEP)]
    parts: list[ScriptedGames] = []

    def play(size: int, stream: np.random.Generator) -> ScriptedGames | None:
        return None if stop() else _play_batch(game, teacher, size, stream)

    with ThreadPoolExecutor(cores()) as pool:
        for part in pool.map(play, sizes, rng.spawn(len(sizes))):
            if part is None:  # and so are all that follow, at once
                return None
            parts.append(part)
            progress(sizes[len(parts) - 1])
    for i, part in enumerate(parts):
        part.game_id[:] += i * LOCKSTEP
    return ScriptedGames(
        states=np.concatenate([game.new_states(0), *(part.states for part in parts)]),
        labels=np.concatenate([np.zeros(0, np.int32), *(part.labels for part in parts)]),
        outcome=np.concatenate([np.zeros(0, np.int8), *(part.outcome for part in parts)]),
        game_id=np.concatenate([np.zeros(0, np.int32), *(part.game_id for part in parts)]),
    )


def _play_batch(game: Game, teacher: Teacher, count: int, rng: np.random.Generator) -> ScriptedGames:
    """`count` games in lockstep."""
    states = game.new_states(count)
    opening = rng.integers(0, teacher.opening_plies + 1, count)
    levels = np.where(
        rng.random((count, 2)) < STRONGEST_SHARE, teacher.levels, rng.integers(1, teacher.levels + 1, (count, 2))
    ).astype(np.int8)
    moments: list[tuple[States, NDArray[np.int32], NDArray[np.intp]]] = []
    ply = 0
    while len(ids := np.flatnonzero(states["outcome"] == ONGOING)):
        batch = states[ids]
        actions = random_actions(game, batch, rng)
        taught = np.flatnonzero(opening[ids] <= ply)
        positions = batch[taught]
        strongest = np.full(len(taught), teacher.levels, np.int8)
        labels = ask(teacher, positions, strongest, rng)
        if len(taught):
            moments.append((positions, labels, ids[taught]))
        played = labels.copy()
        level = levels[ids[taught], positions["to_play"]]
        weaker = level < teacher.levels
        played[weaker] = ask(teacher, positions[weaker], level[weaker], rng)
        follow = rng.random(len(taught)) >= RANDOM_MOVES
        actions[taught[follow]] = played[follow]
        game.step(batch, actions)
        states[ids] = batch
        ply += 1
    game_id = np.concatenate([np.zeros(0, np.intp), *(ids for _, _, ids in moments)])
    order = np.argsort(game_id, kind="stable")  # plies were appended in order: stable keeps them so
    return ScriptedGames(
        states=np.concatenate([game.new_states(0), *(positions for positions, _, _ in moments)])[order],
        labels=np.concatenate([np.zeros(0, np.int32), *(labels for _, labels, _ in moments)])[order],
        outcome=states["outcome"][game_id[order]],
        game_id=game_id[order].astype(np.int32),
    )


def ask(teacher: Teacher, states: States, levels: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int32]:
    """i4[B]: the teacher's choices at `levels` i1[B], with fresh seeds."""
    actions = np.zeros(len(states), np.int32)
    teacher.choose(states, levels, rng.integers(0, 2**64, len(states), np.uint64), actions)
    return actions


def repeat_rate(teacher: Teacher, states: States, rng: np.random.Generator) -> float:
    """The chance that the strongest teacher, asked twice, chooses the same move.

    Who always guessed its most frequent move would be right as often where its choices are alike (a draw among equals),
    and a little more often where they are not: for gomoku 85 % of 4,096 positions where this is 82 %.

    `states` [B] are positions with a side to move.
    """
    levels = np.full(len(states), teacher.levels, np.int8)
    return float(np.mean(ask(teacher, states, levels, rng) == ask(teacher, states, levels, rng)))
