"""The learning loop: scripted games, supervised training, then self-play and training in turn.

A run is a sequence of *steps* (a piece of supervised training, or one iteration of self-play and training). After
each step `Loop.commit` puts everything on the disk, the state file last: whatever kills the process, the run goes on
from the last whole step, exactly as if it had never stopped.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from alphamini.learn.actor import Actor, Finished
from alphamini.learn.recipe import Recipe
from alphamini.learn.run import RunFolder
from alphamini.learn.samples import Replay, Samples, from_labels
from alphamini.learn.scripted import play_scripted_games, repeat_rate
from alphamini.learn.teachers import get_teacher
from alphamini.learn.trainer import Losses, Trainer
from alphamini.model.checkpoint import Checkpoint, load_checkpoint
from alphamini.model.config import NetConfig
from alphamini.model.evaluators import NetBackend, make_backend
from alphamini.parallel import map_all
from alphamini.progress import progress_bar
from games import DRAW, Game, get

PRETRAIN_PIECE = 50  # supervised steps between two commits
ANNEALED = 0.35  # of a run with an end: its last part, where the learning rate falls to a twentieth
HELD_OUT = 0.05  # of the scripted games
CALIBRATION = 256  # of the newest positions, for low precisions


@dataclass(frozen=True)
class Iteration:
    """What one iteration of self-play and training has done; rates are a second of self-play."""

    number: int  # from 1
    games: int  # that ended
    samples: int  # searched positions of these games
    harvested: int  # proven positions from inside the searches
    plies: float  # mean length of the games; nan where none ended, as `draws`
    draws: float  # share of the games
    games_per_s: float
    sims_per_s: float  # root visits, without those of kept subtrees
    evaluations_per_s: float  # leaves, those that the cache knew included
    entropy: float  # of the policy targets, mean, in nats
    losses: Losses | None  # None: nothing was trained
    learning_rate: float  # 0 then
    selfplay_s: float  # seconds
    training_s: float
    inference: str  # what evaluated the positions of self-play: the backend and its precision


class Loop:
    """One run in one folder. `stop` may be set from anywhere: the loop then ends at the next commit."""

    def __init__(self, folder: RunFolder, recipe: Recipe, workers: int):
        self.folder, self.recipe, self.workers = folder, recipe, workers
        self.game: Game = get(recipe.game)
        self.stop = threading.Event()
        # One of the streams has no use any more; without it the others would be new ones, and runs would not repeat.
        self.scripted_stream, _, training_stream, actors_stream = np.random.SeedSequence(recipe.seed).spawn(4)
        self.rng = np.random.Generator(np.random.PCG64(training_stream))
        net = NetConfig.for_game(self.game, recipe.blocks, recipe.channels)
        self.trainer = Trainer(self.game, net, recipe.train, recipe.seed, workers)
        self.replay = Replay(self.game, recipe.window_most, folder.samples)
        games = recipe.selfplay.games
        players = min(workers, games)
        shares = [games // players + (i < games % players) for i in range(players)]
        teacher = None if recipe.from_scratch else get_teacher(self.game)
        seeds = actors_stream.spawn(players)
        self.actors = [Actor(self.game, recipe.selfplay, *share, teacher) for share in zip(shares, seeds, strict=True)]
        self.backend: NetBackend | None = None
        self.pretrained = 0  # supervised steps done
        self.iterations = 0
        self.untrained = 0  # samples of an iteration that was stopped before its training
        self.seconds = 0.0  # spent so far, earlier sessions included
        self._clock = time.monotonic()
        self._restore()

    # -- the stages ---------------------------------------------------------------------------------------------

    @property
    def supervised(self) -> bool:
        """Is the supervised stage over (or left out)?"""
        return self.recipe.from_scratch or bool(self.recipe.start) or self.pretrained >= self.recipe.pretrain_steps

    @property
    def baseline(self) -> str:
        """The name of the checkpoint that self-play starts from, which it is measured against."""
        return "start" if self.recipe.start else "untrained" if self.recipe.from_scratch else "supervised"

    def pretrain(self) -> None:
        """Scripted games and supervised training, up to the end of the stage or `stop`."""
        recipe = self.recipe
        teacher = get_teacher(self.game)
        with progress_bar(total=recipe.scripted_games, desc="scripted games", unit="game") as bar:
            rng = np.random.default_rng(self.scripted_stream)
            scripted = play_scripted_games(self.game, teacher, recipe.scripted_games, rng, bar.update, self.stop.is_set)
        if scripted is None:
            return
        samples = from_labels(self.game, scripted.states, scripted.labels, scripted.outcome)
        lasting = np.unique(scripted.game_id)  # those that did not end inside their openings
        split = np.searchsorted(scripted.game_id, lasting[int(len(lasting) * (1 - HELD_OUT))])
        del scripted  # hundreds of megabytes on a large board
        training, held_out = samples[:split], samples[split:]
        repeats = repeat_rate(teacher, held_out["state"][:4096], rng)
        tqdm.write(
            f"{len(samples):,} positions; asked twice, the teacher makes the same move in {repeats:.1%} of those held out"
        )

        def draw(count: int, rng: np.random.Generator) -> Samples:
            return training[rng.integers(0, len(training), count)]

        with progress_bar(total=recipe.pretrain_steps, initial=self.pretrained, desc="supervised", unit="step") as bar:
            while not self.supervised and not self.stop.is_set():
                steps = np.arange(self.pretrained, min(self.pretrained + PRETRAIN_PIECE, recipe.pretrain_steps))
                done = steps / recipe.pretrain_steps
                rates = recipe.pretrain_learning_rate * np.minimum(1 - 0.9 * done, (steps + 1) / 50)
                losses = self.trainer.train(draw, rates.tolist(), self.rng, bar.update)
                self.pretrained += len(steps)
                test = self.trainer.test(held_out[:4096])
                bar.set_postfix(accuracy=f"{test.accuracy:.1%}", value_loss=f"{test.value:.3f}")
                if self.supervised:
                    self.folder.save_checkpoint(self.baseline, self.checkpoint(self.baseline))
                self.commit(
                    {
                        "stage": "supervised",
                        "step": self.pretrained,
                        "policy_loss": losses.policy,
                        "value_loss": losses.value,
                        "held_out_policy_loss": test.policy,
                        "held_out_value_loss": test.value,
                        "held_out_accuracy": test.accuracy,
                        "teacher_repeat_rate": repeats,
                    }
                )
        if self.supervised:
            tqdm.write(
                f"supervised net: policy accuracy {test.accuracy:.1%} on held-out games "
                f"(for comparison, the teacher's own: {repeats:.1%}), value loss {test.value:.3f}"
            )

    def iterate(self, left: float = 1.0) -> Iteration:
        """One iteration: every worker plays its share of the moves, then the net trains on what came.

        `left`: the share of a limited run that is still to come. Over the last of it the learning rate falls.
        """
        recipe, backend = self.recipe, self._ready_backend()
        inference = backend.name
        start = time.monotonic()
        quota = -(-recipe.iteration_moves // len(self.actors))
        with (
            progress_bar(
                total=quota * len(self.actors), desc=f"self-play {self.iterations + 1}", unit="move", leave=False
            ) as bar,
            ThreadPoolExecutor(len(self.actors)) as pool,
        ):
            lock = threading.Lock()

            def progress(moves: int) -> None:
                with lock:
                    bar.update(moves)

            parts = map_all(
                pool,
                lambda actor: actor.play(backend.selfplay_worker(), quota, progress, self.stop.is_set),
                self.actors,
            )
        played = time.monotonic() - start
        samples = [one for part in parts for one in (*part.samples, *part.harvest)]
        new = np.concatenate(samples) if samples else self.replay.newest(0)
        self.iterations += 1
        self.folder.check_place()
        self.replay.add(new, self.iterations)
        self.folder.save_games(self.iterations, self.game, [one for part in parts for one in part.games])
        losses, learning_rate = None, 0.0
        if len(self.replay) >= recipe.first_training:
            self.untrained += len(new)
        if self.untrained and not self.stop.is_set():
            learning_rate = recipe.train.learning_rate * min(1.0, max(left / ANNEALED, 0.05))
            losses = self._train(learning_rate)
        backend.update(self.trainer.weights(), self._calibration())
        trained = time.monotonic() - start - played
        return _summary(self.iterations, parts, played, trained, losses, learning_rate, inference)

    def _train(self, learning_rate: float) -> Losses:
        recipe = self.recipe
        steps = max(1, round(self.untrained * recipe.reuse / recipe.train.batch))
        self.untrained = 0
        window = recipe.window(self.replay.added)

        def draw(count: int, rng: np.random.Generator) -> Samples:
            return self.replay.draw(count, window, rng)

        with progress_bar(total=steps, desc=f"training {self.iterations}", unit="step", leave=False) as bar:
            return self.trainer.train(draw, [learning_rate] * steps, self.rng, bar.update)

    def _ready_backend(self) -> NetBackend:
        if self.backend is None:
            self.backend = make_backend(
                self.game,
                self.trainer.net.config,
                self.trainer.weights(),
                self.recipe.precision,
                self.workers,
                calibration=self._calibration(),
            )
            tqdm.write(f"inference: {self.backend.describe()}")
        return self.backend

    def _calibration(self) -> np.ndarray | None:
        """Positions spread over the newest ones: the very last are harvested and decided, where every precision agrees."""
        newest = self.replay.newest(32 * CALIBRATION)["state"]
        spread = np.linspace(0, len(newest) - 1, min(CALIBRATION, len(newest))).astype(int)
        return np.ascontiguousarray(newest[spread]) if len(newest) else None

    # -- the disk -----------------------------------------------------------------------------------------------

    def checkpoint(self, note: str) -> Checkpoint:
        """The averaged net, as it would play now."""
        return Checkpoint(
            self.game.name,
            self.game.rules_version,
            self.trainer.net.config,
            self.trainer.weights(),
            self.iterations,
            note,
        )

    def elapsed(self) -> float:
        """Seconds that this run has taken, earlier sessions included."""
        return self.seconds + time.monotonic() - self._clock

    def commit(self, metrics: dict[str, object]) -> None:
        """Everything to the disk; the state file comes last and makes the step count."""
        self.folder.check_place()
        self.seconds, self._clock = self.elapsed(), time.monotonic()
        self.folder.log({"seconds": round(self.seconds, 1), **metrics})
        self.folder.save_checkpoint("latest", self.checkpoint("latest"))
        arrays = {f"trainer/{k}": v for k, v in self.trainer.state().items()}
        for i, actor in enumerate(self.actors):
            arrays |= {f"actor{i}/{k}": v for k, v in actor.state().items()}
        counters = {
            "pretrained": self.pretrained,
            "iterations": self.iterations,
            "seconds": self.seconds,
            "samples": self.replay.added,
            "untrained": self.untrained,
            "streams": [r.bit_generator.state for r in (self.rng, *(a.rng for a in self.actors))],
        }
        self.folder.save_state(arrays, counters)
        self.replay.prune()

    def _restore(self) -> None:
        found = self.folder.load_state()
        if found is None:
            self.folder.truncate(0, 0)
            if self.recipe.start:
                self.trainer.load_weights(load_checkpoint(Path(self.recipe.start), self.game).weights)
            if self.supervised:
                self.folder.save_checkpoint(self.baseline, self.checkpoint(self.baseline))
            return
        try:
            self._continue(*found)
        except (KeyError, TypeError, RuntimeError) as error:  # another version's arrays
            line = str(error).splitlines()[0]
            raise ValueError(f"{self.folder.path / 'state'} does not belong to this run ({line})") from None

    def _continue(self, arrays: dict[str, np.ndarray], counters: dict[str, Any]) -> None:
        """Takes up the run where `commit` left it."""
        if len(counters["streams"]) != 1 + len(self.actors):
            raise ValueError(f"this run was made with {len(counters['streams']) - 1} workers, not {len(self.actors)}")
        self.pretrained, self.iterations = counters["pretrained"], counters["iterations"]
        self.seconds, self.untrained = counters["seconds"], counters["untrained"]
        for stream, state in zip((self.rng, *(a.rng for a in self.actors)), counters["streams"], strict=True):
            stream.bit_generator.state = state

        def part(name: str) -> dict[str, np.ndarray]:
            return {k[len(name) + 1 :]: v for k, v in arrays.items() if k.startswith(name + "/")}

        self.trainer.restore(part("trainer"))
        for i, actor in enumerate(self.actors):
            actor.restore(part(f"actor{i}"))
        self.replay.restore(self.iterations, counters["samples"])
        self.folder.truncate(self.pretrained, self.iterations)  # last: what is refused above stays as it is


def _summary(
    number: int,
    parts: list[Finished],
    played: float,
    trained: float,
    losses: Losses | None,
    learning_rate: float,
    inference: str,
) -> Iteration:
    games = [one for part in parts for one in part.games]
    return Iteration(
        number=number,
        games=len(games),
        samples=sum(len(s) for part in parts for s in part.samples),
        harvested=sum(len(s) for part in parts for s in part.harvest),
        plies=float(np.mean([len(moves) for moves, _ in games])) if games else float("nan"),
        draws=float(np.mean([outcome == DRAW for _, outcome in games])) if games else float("nan"),
        games_per_s=len(games) / played,
        sims_per_s=sum(part.visits for part in parts) / played,
        evaluations_per_s=sum(part.evaluations for part in parts) / played,
        entropy=sum(part.entropy_sum for part in parts) / max(sum(part.targets for part in parts), 1),
        losses=losses,
        learning_rate=learning_rate,
        selfplay_s=played,
        training_s=trained,
        inference=inference,
    )
