"""A self-play worker: a group of games played at once by search, each game at its own pace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from alphamini.learn.samples import DRAWN, Samples, results, sample_dtype
from alphamini.learn.scripted import ask
from alphamini.learn.teachers import Teacher
from alphamini.search.search import Evaluator, Search, SearchConfig, choose
from games import ONGOING, Game

NOBODY = -1
# Flatter priors make better moves, but no better targets (docs/learning.md).
SEARCH = SearchConfig(prior_temperature=1.0)
TOGETHER = 4  # a quarter of the games wait for their move before any is made


@dataclass(frozen=True)
class SelfPlayConfig:
    """How games are played for learning.

    Playout-cap randomization: arXiv 1902.10565, section 3.1. Root noise and temperature: Silver et al. 2017, "Self-play".
    Random openings alone make games differ, and what follows them is played well: docs/learning.md, "Sharp openings".
    """

    games: Annotated[int, "games at once, all workers together"] = 256
    full_sims: Annotated[int, "simulations of a full search: it has root noise, and is a training target"] = 64
    fast_sims: Annotated[int, "simulations of a fast search: it only moves the game on"] = 16
    full_share: Annotated[float, "share of the moves that are searched fully"] = 0.5
    harvest_share: Annotated[float, "share of the proven positions inside the searches to learn from"] = 0.05
    noise_share: Annotated[float, "share of Dirichlet noise in the priors of a full search's root"] = 0.1
    noise_total: Annotated[float, "the noise's alpha is this / legal actions (AlphaGo Zero: 0.03 * 361)"] = 10.83
    opening_plies: Annotated[int, "up to so many uniformly random plies open a game ..."] = 10
    opening_share: Annotated[float, "... in this share of the games"] = 1.0
    teacher_share: Annotated[float, "share of the games with the strongest scripted teacher on one side"] = 0.0
    temperature: Annotated[float, "of the first moves' choice among the visits ..."] = 0.3
    temperature_halflife: Annotated[float, "... halving every so many plies ..."] = 6.0
    temperature_end: Annotated[float, "... down to this"] = 0.1


@dataclass
class Finished:
    """What a stretch of play has brought."""

    samples: list[Samples]  # game by game
    games: list[tuple[list[int], int]]  # (moves, outcome)
    harvest: list[Samples]  # positions proven inside the searches
    moves: int = 0
    evaluations: int = 0
    visits: int = 0  # simulations run for the moves: root visits, without those that a kept subtree brought along
    entropy_sum: float = 0.0  # of the targets, in nats
    targets: int = 0


class Actor:
    """Plays `count` games at once. Between two calls of `play` its whole state is `state()`: trees are not kept.

    Where there is a `teacher` it has one side of some games; its moves are not searched and teach nothing by themselves.
    AlphaGo's policy, too, met opponents that it did not come from (Silver et al. 2016, "Reinforcement learning of policy
    networks"): among equals, games of gomoku are drawn, and what beats a weaker player is never seen.
    """

    def __init__(
        self,
        game: Game,
        config: SelfPlayConfig,
        count: int,
        seed: np.random.SeedSequence,
        teacher: Teacher | None = None,
    ):
        self.game, self.config, self.count, self.teacher = game, config, count, teacher
        self.rng = np.random.Generator(np.random.PCG64(seed))
        self.rows = np.arange(count, dtype=np.int32)
        self.states = game.new_states(count)
        self.ply = np.zeros(count, np.int32)
        self.opening = np.zeros(count, np.int32)
        self.taught = np.full(count, NOBODY, np.int8)  # the side that the teacher has
        self.recorded = np.zeros(count, np.int32)  # samples of the game so far
        self.samples = np.zeros((count, game.max_plies), sample_dtype(game))
        self.moves = np.zeros((count, game.max_plies), np.int32)
        self.full = np.zeros(count, bool)
        self.kept = np.zeros(count, np.int32)  # root visits that the search began with
        self.search = Search(game, count, max(config.full_sims, config.fast_sims), SEARCH)
        self._begin(self.rows)

    def play(
        self,
        evaluator: Evaluator,
        moves: int,
        progress: Callable[[int], None] = lambda moves: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Finished:
        """Plays until `moves` searched moves have been made in all, or `stop()`; returns what ended meanwhile."""
        found = Finished([], [], [])
        self._prepare(self.rows)
        self.search.reset(self.rows, self.states)
        self.kept[:] = 0
        together = -(-self.count // TOGETHER)
        while found.moves < moves and not stop():
            # Moves are made for many games at once, because each round of them costs Python as much as a wave; so long,
            # finished searches wait, and the batches are a little smaller. (A subtree that is carried over may be all
            # that the next search asks for: hence the loop.)
            while len(done := self.rows[~self.search.searching(self.rows)]) >= together:
                self._move(done, found)
                progress(len(done))
            found.evaluations += self.search.wave(evaluator, self.rows)
        return found

    def _begin(self, rows: NDArray[np.int32]) -> None:
        """New games in `rows`, each past its random opening; an opening that ends the game is drawn again."""
        config, rng = self.config, self.rng
        while len(rows):
            self.states[rows] = self.game.new_states(len(rows))
            self.ply[rows] = 0
            self.recorded[rows] = 0
            length = rng.integers(1, config.opening_plies + 1, len(rows)) if config.opening_plies else 0
            self.opening[rows] = np.where(rng.random(len(rows)) < config.opening_share, length, 0)
            if self.teacher is not None:
                against = rng.random(len(rows)) < config.teacher_share
                self.taught[rows] = np.where(against, rng.integers(0, 2, len(rows)), NOBODY)
            while len(early := rows[(self.ply < self.opening)[rows] & (self.states["outcome"][rows] == ONGOING)]):
                mask = self.game.legal_mask(self.states[early])
                self._step(early, (rng.random(mask.shape) * mask).argmax(1).astype(np.int32))
            while len(self._reply(rows)[0]):
                pass
            rows = rows[self.states["outcome"][rows] != ONGOING]

    def _reply(self, rows: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The teacher moves in those of `rows` where it is to: (these rows, its actions)."""
        states = self.states[rows]
        rows = rows[(states["outcome"] == ONGOING) & (states["to_play"] == self.taught[rows])]
        if self.teacher is None or not len(rows):
            return rows, np.zeros(0, np.int32)
        levels = np.full(len(rows), self.teacher.levels, np.int8)
        actions = ask(self.teacher, self.states[rows], levels, self.rng)
        self._step(rows, actions)
        return rows, actions

    def _prepare(self, rows: NDArray[np.int32]) -> None:
        """Draws the kind of search for the next move of each row, and its noise."""
        config = self.config
        full = self.rng.random(len(rows)) < config.full_share
        self.full[rows] = full
        self.search.budget[rows] = np.where(full, config.full_sims, config.fast_sims)
        self.search.set_noise(rows, None)
        noisy = rows[full]
        if len(noisy):
            legal = self.game.legal_mask(self.states[noisy]).sum(1, keepdims=True)
            alpha = np.broadcast_to(config.noise_total / np.maximum(legal, 1), (len(noisy), self.game.num_actions))
            self.search.set_noise(noisy, self.rng.standard_gamma(alpha).astype(np.float32), config.noise_share)

    def _move(self, rows: NDArray[np.int32], found: Finished) -> None:
        """Plays the searched move in `rows`, keeps the targets, and starts the next searches (and games)."""
        policy = self.search.policy(rows)
        full = self.full[rows]
        kept, at = rows[full], self.recorded[rows[full]]
        self.samples["state"][kept, at] = self.states[kept]
        target = self.search.improved_policy(kept)
        self.samples["policy"][kept, at] = target
        self.recorded[kept] += 1
        found.entropy_sum -= float((target * np.log(np.maximum(target, 1e-9))).sum())
        found.targets += len(kept)
        found.moves += len(rows)
        found.visits += int((self.search.visits(rows) - self.kept[rows]).sum())

        self._harvest(rows, found)
        temperature = self.config.temperature * 0.5 ** (self.ply[rows] / self.config.temperature_halflife)
        temperature = np.maximum(temperature, self.config.temperature_end)
        actions = choose(policy, temperature, self.rng.random(len(rows)))
        played = [(rows, actions)]  # by the search, then by the teacher
        self._step(rows, actions)
        states = [self.states[rows]]
        while len((reply := self._reply(rows))[0]):
            played.append(reply)
            states.append(self.states[reply[0]])
        ended = self.states["outcome"] != ONGOING
        over = ended[rows]
        for row in rows[over]:
            found.samples.append(self._finish(row))
            found.games.append((self.moves[row, : self.ply[row]].tolist(), int(self.states["outcome"][row])))
        if over.any():
            self._begin(rows[over])
        self._prepare(rows)
        self.search.reset(rows[over], self.states[rows[over]])
        for (moved, chosen), reached in zip(played, states, strict=True):
            on = ~ended[moved]
            self.search.advance(moved[on], chosen[on], reached[on])
        self.kept[rows] = self.search.visits(rows)

    def _harvest(self, rows: NDArray[np.int32], found: Finished) -> None:
        """Keeps some of what the searches of `rows` have proven as exact samples.

        A search that sees wins at once shows the net few positions that are won: games end before they are reached.
        """
        trees, nodes = self.search.proven_nodes(rows)
        chosen = self.rng.random(len(trees)) < self.config.harvest_share
        if chosen.any():
            states, policy, result = self.search.proven(trees[chosen], nodes[chosen])
            samples = np.zeros(len(states), sample_dtype(self.game))
            samples["state"], samples["policy"], samples["result"] = states, policy, DRAWN - result
            found.harvest.append(samples)

    def _step(self, rows: NDArray[np.int32], actions: NDArray[np.int32]) -> None:
        if (self.ply[rows] >= self.game.max_plies).any():  # a game of a user's, which promises what it does not hold
            raise ValueError(f"a game of {self.game.name} is longer than its max_plies, {self.game.max_plies}")
        states = self.states[rows]
        self.game.step(states, actions)
        self.states[rows] = states
        self.moves[rows, self.ply[rows]] = actions
        self.ply[rows] += 1

    def _finish(self, row: int) -> Samples:
        samples = self.samples[row, : self.recorded[row]].copy()
        samples["result"] = results(self.states["outcome"][row], samples["state"]["to_play"])
        return samples

    _ARRAYS = ("states", "ply", "opening", "taught", "recorded", "moves")

    def state(self) -> dict[str, NDArray[Any]]:
        """The games in play, as arrays; of the samples those that there are, one after another: there is room for many
        more."""
        return {name: getattr(self, name) for name in self._ARRAYS} | {"samples": self.samples[self._filled()]}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of `state`; the random stream (`rng.bit_generator.state`) is restored by the caller."""
        for name in self._ARRAYS:
            getattr(self, name)[...] = arrays[name]
        filled = self._filled()
        if arrays["samples"].shape != (filled.sum(),):
            raise TypeError("its samples have another form")
        self.samples[filled] = arrays["samples"]

    def _filled(self) -> NDArray[np.bool_]:
        """[count, max_plies] is there a sample?"""
        return np.arange(self.samples.shape[1]) < self.recorded[:, None]
