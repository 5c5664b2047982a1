"""A pool of players and their games: what `evaluate` rates, and the JSON that it writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from alphamini.arena.match import GameRecord, play_match
from alphamini.arena.players import Player
from alphamini.arena.ratings import Pair, Ratings, rate
from games import Game

RESULTS = ("1-0", "0-1", "1/2-1/2")


@dataclass(frozen=True)
class Entry:
    """A player of the pool, as its user wrote it."""

    spec: str
    player: Player


class Pool:
    """Plays pairs of its entries and rates them all together; the first entry is the anchor, with 0 Elo."""

    def __init__(self, game: Game, entries: Sequence[Entry], threads: int):
        self.game, self.entries, self.threads = game, list(entries), threads
        self.pairs: list[Pair] = []
        self.records: list[tuple[int, int, GameRecord]] = []
        self._seconds = np.zeros(len(entries))
        self._moves = np.zeros(len(entries), np.int64)

    def play(
        self,
        a: int,
        b: int,
        games: int,
        seed: int,
        opening_plies: int | None = None,
        progress: Callable[[GameRecord], None] = lambda record: None,
    ) -> Pair:
        """A match between entries a and b."""
        players = self.entries[a].player, self.entries[b].player
        result = play_match(self.game, *players, games, seed, self.threads, opening_plies, progress)
        pair = result.pair(a, b)
        self.pairs.append(pair)
        self.records += [(a, b, record) for record in result.games]
        for side, index in enumerate((a, b)):
            self._seconds[index] += result.seconds[side]
            self._moves[index] += result.moves[side]
        return pair

    def ratings(self) -> Ratings:
        return rate(len(self.entries), self.pairs)

    def report(self) -> dict[str, Any]:
        """The JSON of `evaluate`; `seconds_per_move` is of one thread that plays many games at once."""
        ratings = self.ratings()
        names = [entry.player.name for entry in self.entries]
        players = []
        for i, entry in enumerate(self.entries):
            low, high = ratings.interval(i)
            players.append(
                {
                    "name": names[i],
                    "spec": entry.spec,
                    "elo": round(float(ratings.elo[i]), 1),
                    "ci95": [round(low, 1), round(high, 1)],
                    "simulations": entry.player.simulations,
                    "seconds_per_move": float(self._seconds[i] / max(self._moves[i], 1)),
                    "games": sum(pair.games for pair in self.pairs if i in (pair.a, pair.b)),
                }
            )
        return {
            "game": self.game.name,
            "players": players,
            "pairs": [
                {"a": names[p.a], "b": names[p.b], "wins": p.wins, "draws": p.draws, "losses": p.losses}
                for p in self.pairs
            ],
            "games": [self._game(*record) for record in self.records],
        }

    def _game(self, a: int, b: int, record: GameRecord) -> dict[str, Any]:
        first, second = (a, b) if record.first == 0 else (b, a)
        return {
            "first": self.entries[first].player.name,
            "second": self.entries[second].player.name,
            "moves": " ".join(map(self.game.action_text, record.moves)),
            "opening": record.opening,
            "result": RESULTS[record.outcome],
        }


def play_pairs(
    pool: Pool, pairs: Sequence[tuple[int, int]], games: int, seed: int, opening_plies: int | None = None
) -> None:
    """Plays the pairs of entries, `games` games each, with a progress bar that shows who plays and the score."""
    with tqdm(total=len(pairs) * 2 * ((games + 1) // 2), unit="game", leave=False) as bar:
        for number, (a, b) in enumerate(pairs):
            names = f"{pool.entries[a].player.name} - {pool.entries[b].player.name}"
            score = [0, 0, 0]

            def progress(record: GameRecord, names: str = names, score: list[int] = score) -> None:
                score[{0: 0, None: 1, 1: 2}[record.winner()]] += 1
                bar.set_description(f"{names} {score[0]}-{score[1]}-{score[2]}", refresh=False)
                bar.update()

            pool.play(a, b, games, seed + number, opening_plies, progress)


def table(pool: Pool) -> str:
    """The ratings as text, best first."""
    report = pool.report()
    width = max(len(p["name"]) for p in report["players"])
    lines = [f"{'player':{width}}   Elo     95 % interval    games   s/move"]
    for p in sorted(report["players"], key=lambda p: -p["elo"]):
        low, high = p["ci95"]
        lines.append(
            f"{p['name']:{width}} {p['elo']:+6.0f}   {low:+6.0f} to {high:+5.0f}   {p['games']:5d}   "
            f"{p['seconds_per_move']:.2g}"
        )
    return "\n".join(lines)
