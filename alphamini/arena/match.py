"""Matches: paired random openings, both seats, many games at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alphamini.arena.command import FORFEIT, CommandPlayer
from alphamini.arena.players import Player
from alphamini.arena.ratings import Pair
from alphamini.learn.scripted import random_actions
from games import DRAW, ONGOING, Game

OPENING_TRIES = 100


@dataclass(frozen=True)
class GameRecord:
    """`first` (0: player a, 1: player b) had the first move; `opening` of the `moves` were the random opening."""

    first: int
    moves: list[int]
    outcome: int
    opening: int

    def winner(self) -> int | None:
        """0 for player a, 1 for player b, None for a draw."""
        if self.outcome == DRAW:
            return None
        return self.first if self.outcome == 0 else 1 - self.first


@dataclass(frozen=True)
class MatchResult:
    """Games between a and b; `seconds` f8[2] and `moves` i8[2] are what each spent and chose, summed over threads."""

    games: list[GameRecord]
    seconds: NDArray[np.float64]
    moves: NDArray[np.int64]

    def pair(self, a: int = 0, b: int = 1) -> Pair:
        winners = [game.winner() for game in self.games]
        return Pair(a, b, winners.count(0), winners.count(None), winners.count(1))

    def seconds_per_move(self, player: int) -> float:
        return float(self.seconds[player] / max(self.moves[player], 1))


def default_opening_plies(game: Game) -> int:
    """Enough that openings differ, few enough that they decide little."""
    return min(6, max(1, round(game.max_plies / 20)))


def random_openings(game: Game, count: int, plies: int, rng: np.random.Generator) -> list[list[int]]:
    """`count` move lists of `plies` uniformly random moves that do not end the game; all different while that can be."""
    openings: list[list[int]] = []
    seen: set[tuple[int, ...]] = set()
    for attempt in range(OPENING_TRIES):
        if len(openings) == count:
            break
        states, moves = game.new_states(count), np.zeros((count, plies), np.int32)
        for ply in range(plies):
            live = states["outcome"] == ONGOING
            moves[live, ply] = random_actions(game, states[live], rng)
            game.step(states, moves[:, ply].copy())
        for line, outcome in zip(moves.tolist(), states["outcome"], strict=True):
            new = tuple(line) not in seen or attempt >= OPENING_TRIES // 2
            if outcome == ONGOING and new and len(openings) < count:
                seen.add(tuple(line))
                openings.append(line)
    if len(openings) < count:
        raise ValueError(f"{game.name} has no random openings of {plies} plies")
    return openings


def play_match(
    game: Game,
    a: Player,
    b: Player,
    games: int,
    seed: int,
    threads: int = 1,
    opening_plies: int | None = None,
    progress: Callable[[GameRecord], None] = lambda record: None,
) -> MatchResult:
    """`games` games (rounded up to even): every opening is played twice, with the seats swapped."""
    plies = default_opening_plies(game) if opening_plies is None else opening_plies
    rng = np.random.default_rng(seed)
    openings = random_openings(game, (games + 1) // 2, plies, rng)
    shards = [openings[i::threads] for i in range(min(threads, len(openings)))]
    rngs = rng.spawn(len(shards))
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(lambda i: _play(game, (a, b), shards[i], rngs[i], progress), range(len(shards)))
        results = list(parts)
    return MatchResult(
        [record for result in results for record in result.games],
        np.sum([result.seconds for result in results], axis=0),
        np.sum([result.moves for result in results], axis=0),
    )


def _play(
    game: Game,
    players: tuple[Player, Player],
    openings: list[list[int]],
    rng: np.random.Generator,
    progress: Callable[[GameRecord], None],
) -> MatchResult:
    """All games of the openings, in lockstep, in one thread."""
    count = 2 * len(openings)
    lines = [list(opening) for opening in openings for _ in range(2)]
    first = np.arange(count) % 2
    states = game.new_states(count)
    for ply in range(len(openings[0]) if openings else 0):
        game.step(states, np.array([line[ply] for line in lines], np.int32))
    seconds, moves = np.zeros(2), np.zeros(2, np.int64)
    records: list[GameRecord] = []
    live = np.arange(count)
    while len(live):
        mover = np.where(states["to_play"][live] == 0, first[live], 1 - first[live])  # 0: player a
        actions = np.zeros(len(live), np.int32)
        for player in (0, 1):
            mine = np.flatnonzero(mover == player)
            if len(mine):
                start = time.perf_counter()
                chooser = players[player]
                if isinstance(chooser, CommandPlayer):
                    actions[mine] = chooser.choose_after(states[live[mine]], [lines[i] for i in live[mine]])
                else:
                    actions[mine] = chooser.choose(states[live[mine]], rng)
                seconds[player] += time.perf_counter() - start
                moves[player] += len(mine)
        lost = actions == FORFEIT
        states["outcome"][live[lost]] = 1 - states["to_play"][live[lost]]
        after = states[live[~lost]]
        game.step(after, actions[~lost])
        states[live[~lost]] = after
        for index, action in zip(live[~lost], actions[~lost], strict=True):
            lines[index].append(int(action))
        ongoing = states["outcome"][live] == ONGOING
        for index in live[~ongoing]:
            record = GameRecord(int(first[index]), lines[index], int(states["outcome"][index]), len(openings[0]))
            records.append(record)
            progress(record)
        live = live[ongoing]
    return MatchResult(records, seconds, moves)
