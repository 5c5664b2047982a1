"""Matches: paired openings, both seats, many games at once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alphamini.arena.command import FORFEIT, CommandPlayer
from alphamini.arena.openings import Openings, RandomOpenings, default_opening_plies, states_after
from alphamini.arena.players import Player
from alphamini.arena.ratings import Pair
from alphamini.parallel import map_all
from games import DRAW, ONGOING, Game

AT_ONCE = 256  # games of a thread: enough for full batches, few enough that results come long before a long match ends


@dataclass(frozen=True)
class GameRecord:
    """One game between players a and b; the two games of one opening share its `number`."""

    first: int  # who had the first move: 0 player a, 1 player b
    moves: list[int]  # actions, the opening's included
    outcome: int  # of the game: 0 is a win of who had the first move (see games.game)
    opening: int  # plies that were given
    number: int  # of the opening in the match
    forfeit: bool = False  # who was to move gave no legal move in time, or resigned

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
        """The result; every opening's two games are one entry of its pentanomial."""
        winners = [game.winner() for game in self.games]
        points: dict[int, int] = {}  # an opening's number -> player a's half points in its two games
        for game, winner in zip(self.games, winners, strict=True):
            points[game.number] = points.get(game.number, 0) + {0: 2, None: 1, 1: 0}[winner]
        pentanomial = np.bincount(list(points.values()), minlength=5).tolist()
        return Pair(a, b, winners.count(0), winners.count(None), winners.count(1), tuple(pentanomial))

    def seconds_per_move(self, player: int) -> float:
        return float(self.seconds[player] / max(self.moves[player], 1))


def play_match(
    game: Game,
    a: Player,
    b: Player,
    games: int,
    seed: int,
    threads: int = 1,
    openings: Openings | None = None,
    progress: Callable[[GameRecord], None] = lambda record: None,
    stop: Callable[[], bool] = lambda: False,
) -> MatchResult:
    """`games` games (rounded up to even): every opening is played twice, with the seats swapped. `openings`: where
    they come from; random ones of the game's usual length otherwise. After `stop()` no move is begun, and only the
    openings count that both games of are over."""
    rng = np.random.default_rng(seed)
    source = openings or RandomOpenings(game, default_opening_plies(game))
    lines = list(enumerate(source.draw((games + 1) // 2, rng)))
    shards = [lines[i::threads] for i in range(min(threads, len(lines)))]
    rngs = rng.spawn(len(shards))
    with ThreadPoolExecutor(threads) as pool:
        results = map_all(pool, lambda shard, stream: _play(game, (a, b), shard, stream, progress, stop), shards, rngs)
    records = [record for result in results for record in result.games]
    over = Counter(record.number for record in records)
    return MatchResult(
        [record for record in records if over[record.number] == 2],
        np.sum([result.seconds for result in results], axis=0),
        np.sum([result.moves for result in results], axis=0),
    )


def _play(
    game: Game,
    players: tuple[Player, Player],
    openings: list[tuple[int, list[int]]],
    rng: np.random.Generator,
    progress: Callable[[GameRecord], None],
    stop: Callable[[], bool],
) -> MatchResult:
    """The games of the (numbered) openings, in one thread; those that are over when it ends or stops.

    So many at once move in lockstep, and where one ends the next begins. Against a clock it is one after another.
    """
    at_once = 1 if any(player.one_by_one for player in players) else AT_ONCE
    count = 2 * len(openings)
    numbers = [number for number, _ in openings for _ in range(2)]
    lines = [list(opening) for _, opening in openings for _ in range(2)]
    given = [len(line) for line in lines]
    first = np.arange(count) % 2
    states = states_after(game, lines)
    seconds, moves = np.zeros(2), np.zeros(2, np.int64)
    records: list[GameRecord] = []
    forfeited = np.zeros(count, bool)
    live = np.arange(min(count, at_once))
    begun = len(live)
    while len(live):
        mover = np.where(states["to_play"][live] == 0, first[live], 1 - first[live])  # 0: player a
        actions = np.zeros(len(live), np.int32)
        for player in (0, 1):
            mine = np.flatnonzero(mover == player)
            if len(mine):
                chooser = players[player]
                for part in np.split(mine, len(mine)) if chooser.one_by_one else [mine]:
                    if stop():
                        return MatchResult(records, seconds, moves)
                    start = time.perf_counter()
                    if isinstance(chooser, CommandPlayer):
                        actions[part] = chooser.choose_after(states[live[part]], [lines[i] for i in live[part]])
                    else:
                        actions[part] = chooser.choose(states[live[part]], rng)
                    seconds[player] += time.perf_counter() - start
                    moves[player] += len(part)
        lost = actions == FORFEIT
        forfeited[live[lost]] = True
        states["outcome"][live[lost]] = 1 - states["to_play"][live[lost]]
        after = states[live[~lost]]
        game.step(after, actions[~lost])
        states[live[~lost]] = after
        for index, action in zip(live[~lost], actions[~lost], strict=True):
            lines[index].append(int(action))
        ongoing = states["outcome"][live] == ONGOING
        for index in live[~ongoing]:
            outcome = int(states["outcome"][index])
            record = GameRecord(
                int(first[index]), lines[index], outcome, given[index], numbers[index], bool(forfeited[index])
            )
            records.append(record)
            progress(record)
        next_ones = np.arange(begun, min(count, begun + at_once - int(ongoing.sum())))
        begun += len(next_ones)
        live = np.concatenate([live[ongoing], next_ones])
    return MatchResult(records, seconds, moves)
