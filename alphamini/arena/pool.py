"""A pool of players and their games: what `evaluate` rates, and the JSON that it writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from alphamini.arena.match import GameRecord, play_match
from alphamini.arena.openings import Openings, RandomOpenings, default_opening_plies, position_keys, states_after
from alphamini.arena.players import Player, SearchPlayer
from alphamini.arena.ratings import Pair, Ratings, elo_of_score, rate
from alphamini.arena.sequential import SequentialTest
from alphamini.progress import progress_bar
from games import Game, States

RESULTS = ("1-0", "0-1", "1/2-1/2")
TIMED = 64  # positions that a player of a curve searches at once to be timed
TEST_ROUND = 32  # openings that a sequential test plays before it looks again: they fill the evaluator's batches


@dataclass(frozen=True)
class Entry:
    """A player of the pool, as its user wrote it. Those of one `curve` are one net at several budgets."""

    spec: str
    player: Player
    curve: str = ""


class Pool:
    """Plays pairs of its entries and rates them all together; the first entry is the anchor, with 0 Elo."""

    def __init__(self, game: Game, entries: Sequence[Entry], threads: int):
        self.game, self.entries, self.threads = game, list(entries), threads
        self.pairs: dict[tuple[int, int], Pair] = {}  # one for two players, however many matches they play
        self.records: list[tuple[int, int, GameRecord]] = []
        self._seconds = np.zeros(len(entries))
        self._moves = np.zeros(len(entries), np.int64)

    def play(
        self,
        a: int,
        b: int,
        games: int,
        seed: int,
        openings: Openings | None = None,
        progress: Callable[[GameRecord], None] = lambda record: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Pair:
        """A match between entries a and b, after those that they have played; its own result."""
        players = self.entries[a].player, self.entries[b].player
        result = play_match(self.game, *players, games, seed, self.threads, openings, progress, stop)
        pair = result.pair(a, b)
        if pair.games:  # none where it was stopped at once
            self.pairs[a, b] = self.pairs[a, b] + pair if (a, b) in self.pairs else pair
        self.records += [(a, b, record) for record in result.games]
        for side, index in enumerate((a, b)):
            self._seconds[index] += result.seconds[side]
            self._moves[index] += result.moves[side]
        return pair

    def time_curves(self, seed: int, stop: Callable[[], bool] = lambda: False) -> None:
        """Times the searchers of the curves by themselves, on positions of the games that have been played.

        What the games took depends on how many were played at once, and the budgets of one net share what it has
        evaluated: such times do not compare nets. After `stop()` no more are timed.
        """
        rng = np.random.default_rng(seed)
        states = self._positions(rng)
        curves = [i for i in self.rated() if self.entries[i].curve]
        for i in progress_bar(curves, desc="seconds a move", unit="player", leave=False):
            player = self.entries[i].player
            if isinstance(player, SearchPlayer) and not stop():
                self._seconds[i], self._moves[i] = player.seconds_a_move(states, rng), 1

    def _positions(self, rng: np.random.Generator) -> States:
        """TIMED states, each from some game, before some move of its players."""
        states = self.game.new_states(TIMED)
        for i, game in enumerate(rng.integers(0, len(self.records), TIMED)):
            record = self.records[game][2]
            moves = record.moves[: rng.integers(record.opening, len(record.moves))]
            states[i] = self.game.initial().play_all(moves).state[0]
        return states

    def ratings(self) -> Ratings:
        return rate(len(self.entries), list(self.pairs.values()))

    def openings(self, a: int, b: int) -> tuple[int, int]:
        """(how many openings entries a and b have played, how many different positions they reach)."""
        lines = [r.moves[: r.opening] for *pair, r in self.records if pair == [a, b]]
        return len(lines) // 2, len(set(position_keys(self.game, states_after(self.game, lines))))

    def rated(self) -> list[int]:
        """The entries that games connect with the anchor: all of them, unless the games were stopped."""
        met, size = {0}, 0
        while len(met) > size:
            size = len(met)
            met |= {i for both in self.pairs if met & {*both} for i in both}
        return sorted(met)

    def report(self) -> dict[str, Any]:
        """The JSON of `evaluate`; `seconds_per_move` is of one thread that plays many games at once: what the games
        took, or what `time_curves` has found since."""
        ratings = self.ratings()
        names = [entry.player.name for entry in self.entries]
        players = []
        for i in self.rated():
            entry = self.entries[i]
            low, high = ratings.interval(i)
            players.append(
                {
                    "name": names[i],
                    "spec": entry.spec,
                    "elo": round(float(ratings.elo[i]), 1),
                    "ci95": [round(low, 1), round(high, 1)],
                    "simulations": entry.player.simulations,
                    "seconds_per_move": float(self._seconds[i] / max(self._moves[i], 1)),
                    "games": sum(pair.games for pair in self.pairs.values() if i in (pair.a, pair.b)),
                    **({"curve": entry.curve} if entry.curve else {}),
                }
            )
        return {
            "game": self.game.name,
            "players": players,
            "curves": self._curves(ratings),
            "pairs": [
                {
                    "a": names[p.a], "b": names[p.b], "wins": p.wins, "draws": p.draws, "losses": p.losses,
                    "pentanomial": p.pentanomial, "different_openings": self.openings(p.a, p.b)[1],
                    "los": round(ratings.superiority(p.a, p.b), 4),
                }
                for p in self.pairs.values()
            ],
            "games": [self._game(*record) for record in self.records],
        }  # fmt: skip

    def _curves(self, ratings: Ratings) -> list[dict[str, Any]]:
        """What a doubling of simulations gives each curve: the slope of the least-squares line through its players."""
        curves = []
        for name in dict.fromkeys(entry.curve for entry in self.entries if entry.curve):
            rated = {i: self.entries[i] for i in self.rated()}
            doublings = {
                i: np.log2(e.player.simulations) for i, e in rated.items() if e.curve == name and e.player.simulations
            }
            distance = {i: x - np.mean(list(doublings.values())) for i, x in doublings.items()}
            square = sum(d * d for d in distance.values())
            if square > 0:
                weights = np.array([distance.get(i, 0.0) / square for i in range(len(self.entries))])
                elo, half = ratings.combination(weights)
                curves.append({"name": name, "elo_per_doubling": round(elo, 1),
                               "ci95": [round(elo - half, 1), round(elo + half, 1)]})  # fmt: skip
        return curves

    def _game(self, a: int, b: int, record: GameRecord) -> dict[str, Any]:
        first, second = (a, b) if record.first == 0 else (b, a)
        return {
            "first": self.entries[first].player.name,
            "second": self.entries[second].player.name,
            "moves": " ".join(map(self.game.action_text, record.moves)),
            "opening": record.opening,
            "result": RESULTS[record.outcome],
            **({"forfeit": True} if record.forfeit else {}),
        }


def play_pairs(
    pool: Pool,
    pairs: Sequence[tuple[int, int]],
    games: int,
    seed: int,
    openings: Openings | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Plays the pairs of entries, `games` games each, with a progress bar that shows who plays and how it stands.
    After `stop()` no move is begun. Every pair has openings of its own; where they are random, no other seed has them."""
    with progress_bar(total=len(pairs) * 2 * ((games + 1) // 2), unit="game", leave=False) as bar:
        for number, (a, b) in enumerate(pairs):
            if not stop():
                pool.play(a, b, games, (seed << 20) + number, openings, _Score(pool, a, b, bar), stop)


def play_test(
    pool: Pool,
    test: SequentialTest,
    games: int,
    seed: int,
    openings: Openings | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Plays the pool's two entries until the test knows, for `games` games (rounded up to even), while there are openings
    that they have not played, or until `stop()`; its JSON. Where they are random `play_pairs` draws others, so that a
    match after the test is new evidence; a book has the same for both.

    An opening that came again would be the same two games between players without chance, and no new evidence: the
    test's errors would be more than it says. A round that was broken off decides nothing: of its games the short ones
    are over.
    """
    source = openings or RandomOpenings(pool.game, default_opening_plies(pool.game))
    first = (seed << 20) + (1 << 19)  # of half the seeds that `play_pairs` has, far beyond its pairs
    drawn = source.draw((games + 1) // 2, np.random.default_rng(first))
    keys = position_keys(pool.game, states_after(pool.game, drawn))
    lines = list(dict(zip(keys, drawn, strict=True)).values())
    played, ratio = 0, 0.0
    low, high = test.bounds
    with progress_bar(total=2 * len(lines), unit="game", leave=False) as bar:
        score = _Score(pool, 0, 1, bar)
        for number, start in enumerate(range(0, len(lines), TEST_ROUND)):
            part = _Given(lines[start : start + TEST_ROUND])
            pool.play(0, 1, 2 * len(part.lines), first + number, part, score, stop)
            if stop():
                break
            pair = pool.pairs[0, 1]
            played, ratio = pair.games // 2, float(test.ratio(pair.pentanomial or ()))
            score.note = f", LLR {ratio:+.2f} ({low:+.2f}, {high:+.2f})"
            if test.verdict(ratio):
                break
    return {**asdict(test), "llr": round(ratio, 3), "bounds": [round(low, 3), round(high, 3)],
            "accepted": test.verdict(ratio), "openings": played}  # fmt: skip


@dataclass(frozen=True)
class _Given:
    """Openings that have been drawn already."""

    lines: list[list[int]]
    about: str = ""

    def draw(self, count: int, rng: np.random.Generator) -> list[list[int]]:
        return self.lines[:count]


class _Score:
    """Shows a match's score and Elo on a progress bar, game by game."""

    def __init__(self, pool: Pool, a: int, b: int, bar: Any):
        self._names = f"{pool.entries[a].player.name} - {pool.entries[b].player.name}"
        self._bar, self._score, self.note = bar, [0, 0, 0], ""

    def __call__(self, record: GameRecord) -> None:
        self._score[{0: 0, None: 1, 1: 2}[record.winner()]] += 1
        wins, draws, losses = self._score
        elo, half = elo_of_score(Pair(0, 1, wins, draws, losses))
        text = f"{self._names} +{wins} ={draws} -{losses}, Elo {elo:+z.0f} ± {half:.0f}{self.note}"
        self._bar.set_description(text, refresh=False)
        self._bar.update()


def table(pool: Pool) -> str:
    """The ratings as text, best first, and a note where the games are less evidence than they seem."""
    report = pool.report()
    width = max(len(p["name"]) for p in report["players"])
    lines = [f"{'player':{width}}   Elo     95 % interval    games   s/move"]
    for p in sorted(report["players"], key=lambda p: -p["elo"]):
        low, high = p["ci95"]
        lines.append(
            f"{p['name']:{width}} {p['elo']:+z6.0f}   {low:+z6.0f} to {high:+z5.0f}   {p['games']:5d}   "
            f"{p['seconds_per_move']:.2g}"
        )
    forfeits = Counter((a, b)[record.winner() == 0] for a, b, record in pool.records if record.forfeit)
    for loser, count in forfeits.items():
        lines.append(
            f"note: {pool.entries[loser].player.name} resigned {count} games, or lost them by a crash, its time or an "
            "illegal move: its .log file says which"
        )
    points = [pair.score if pair.a == 0 else 1 - pair.score for both, pair in pool.pairs.items() if 0 in both]
    if points and len(pool.rated()) > 2 and set(points) in ({0.0}, {1.0}):
        lines.append(
            f"note: {report['players'][0]['name']} {'lost' if points[0] == 0 else 'won'} every game: how far it is from "
            "the others is not known, only that it is far; their differences are"
        )
    played = [pool.openings(*pair) for pair in pool.pairs]
    if again := [counts for counts in played if counts[1] < counts[0]]:
        most, different = max(again, key=lambda counts: counts[0] / counts[1])
        lines.append(
            f"note: openings came again (two players had {most}, {different} of them different); players without chance "
            "repeat their games then, and the intervals are too narrow"
        )
    return "\n".join(lines)
