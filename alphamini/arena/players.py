"""Players for matches, made from a SPEC: `KIND[:ARGUMENT][@key=value,...]`.

random                               a legal move, uniformly
scripted@level=2                     the scripted teacher (default: its strongest level)
rollouts@sims=1000                   tree search with random playouts, no net
net:PATH@sims=400                    tree search with a net; `net` alone is the net that ships for the game
net:PATH@seconds=1                   ... for a time; `sims=1` is the raw policy
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alphamini.learn.scripted import ask, random_actions
from alphamini.learn.teachers import get_teacher
from alphamini.model.checkpoint import Checkpoint, load_checkpoint
from alphamini.model.evaluators import RandomRollouts, make_backend
from alphamini.model.shipped import shipped_checkpoint
from alphamini.search.search import Evaluator, Search
from games import Game, States

DEFAULT_SIMS = 100
MAX_SIMS = 1_000_000
NODES_AT_ONCE = 200_000  # bounds the memory of a batch of trees
TIMED_NODES = 300_000  # and of one tree under a clock


class Player(Protocol):
    """Chooses moves for whole batches, from several threads at once."""

    name: str
    simulations: int | None  # a move; None: not a searcher, or under a clock
    about: str  # what evaluates its positions, "" where nothing does

    def choose(self, states: States, rng: np.random.Generator) -> NDArray[np.int32]:
        """states [n], none of them over -> one legal action each."""


@dataclass(frozen=True)
class Spec:
    kind: str
    argument: str
    options: dict[str, str]


def parse_spec(text: str) -> Spec:
    """ValueError with one line if `text` is not of the form KIND[:ARGUMENT][@key=value,...]."""
    head, at, tail = text.rpartition("@")  # a path may hold an @ too: the last one begins the options
    if "=" not in tail or not at:
        head, tail = (head, tail) if at and "/" not in tail else (text, "")
    kind, _, argument = head.partition(":")
    options = {}
    for item in filter(None, tail.split(",")):
        key, equals, value = item.partition("=")
        if not equals or not key or not value:
            raise ValueError(f"player {text!r}: expected key=value after @, got {item!r}")
        options[key] = value
    return Spec(kind, argument, options)


class RandomPlayer:
    simulations: int | None = None
    about = ""

    def __init__(self, game: Game):
        self._game, self.name = game, "random"

    def choose(self, states: States, rng: np.random.Generator) -> NDArray[np.int32]:
        return random_actions(self._game, states, rng)


class ScriptedPlayer:
    simulations: int | None = None
    about = ""

    def __init__(self, game: Game, level: int | None):
        self._teacher = get_teacher(game)
        self._level = self._teacher.levels if level is None else level
        if not 1 <= self._level <= self._teacher.levels:
            raise ValueError(f"scripted levels of {game.name} are 1 to {self._teacher.levels}, not {level}")
        self.name = f"scripted level {self._level}"

    def choose(self, states: States, rng: np.random.Generator) -> NDArray[np.int32]:
        return ask(self._teacher, states, np.full(len(states), self._level, np.int8), rng)


class SearchPlayer:
    """Tree search over an evaluator: the most visited move. Every move is searched from scratch."""

    def __init__(
        self,
        game: Game,
        name: str,
        worker: Callable[[np.random.Generator], Evaluator],
        sims: int | None,
        seconds: float | None,
        about: str = "",
    ):
        """`worker` makes an evaluator for one stream of random numbers; either `sims` or `seconds` is given."""
        self.name, self.simulations, self.about, self._seconds = name, sims, about, seconds
        self._game, self._worker, self._local = game, worker, threading.local()

    def with_budget(self, name: str, sims: int) -> SearchPlayer:
        """The same evaluator at another budget."""
        return SearchPlayer(self._game, name, self._worker, sims, None, self.about)

    def choose(self, states: States, rng: np.random.Generator) -> NDArray[np.int32]:
        if getattr(self._local, "rng", None) is not rng:  # another match: its result must not depend on earlier ones
            self._local.rng, self._local.evaluator = rng, self._worker(rng)
        evaluator: Evaluator = self._local.evaluator
        if self.simulations is None:
            return np.concatenate([self._timed(states[i : i + 1], evaluator) for i in range(len(states))])
        chunk = max(1, NODES_AT_ONCE // self.simulations)
        parts = [states[i : i + chunk] for i in range(0, len(states), chunk)]
        return np.concatenate([self._counted(part, evaluator)[0] for part in parts])

    def values(self, states: States, rng: np.random.Generator) -> NDArray[np.float32]:
        """[n] in [-1, 1]: what a counted search makes of the states [n], none of them over, for their sides to move."""
        evaluator, chunk = self._worker(rng), max(1, NODES_AT_ONCE // (self.simulations or 1))
        parts = [states[i : i + chunk] for i in range(0, len(states), chunk)]
        return np.concatenate([self._counted(part, evaluator)[1] for part in parts])

    def _search(self, trees: int, capacity: int) -> Search:
        """The thread's search of that size: allocating one is slow, using one again is not."""
        kept: Search | None = getattr(self._local, "search", None)
        if kept is None or kept.trees < trees or kept.capacity != capacity:
            kept = self._local.search = Search(self._game, trees, capacity)
        return kept

    def _counted(self, states: States, evaluator: Evaluator) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The moves and the values of the states [n]."""
        assert self.simulations is not None
        search = self._search(len(states), self.simulations)
        rows = np.arange(len(states), dtype=np.int32)
        search.reset(rows, states)
        search.budget[rows] = self.simulations
        search.run(evaluator, rows)
        return search.policy(rows).argmax(1).astype(np.int32), search.statistics(rows).value

    def _timed(self, state: States, evaluator: Evaluator) -> NDArray[np.int32]:
        assert self._seconds is not None
        end = time.perf_counter() + self._seconds
        search, rows = self._search(1, TIMED_NODES), np.zeros(1, np.int32)
        search.reset(rows, state)
        search.budget[0] = MAX_SIMS
        while search.searching(rows)[0]:
            search.wave(evaluator, rows)
            if time.perf_counter() >= end:
                break
        return search.policy(rows).argmax(1).astype(np.int32)


def net_player(
    game: Game, checkpoint: Checkpoint, name: str, sims: int | None, seconds: float | None, threads: int
) -> SearchPlayer:
    """A player from weights in memory."""
    backend = make_backend(game, checkpoint.net, checkpoint.weights, workers=threads)
    return SearchPlayer(game, name, lambda rng: backend.worker(), sims, seconds, backend.describe())


def make_player(game: Game, text: str, threads: int = 1) -> Player:
    """The player that SPEC `text` describes, for `threads` callers at once; ValueError with one line if it is wrong."""
    spec = parse_spec(text)
    allowed = {"random": (), "scripted": ("level",), "rollouts": ("sims", "seconds"), "net": ("sims", "seconds")}
    if spec.kind not in allowed:
        raise ValueError(f"player {text!r}: no kind {spec.kind!r}; there are {', '.join(allowed)}")
    for key in spec.options:
        if key not in allowed[spec.kind]:
            known = ", ".join(allowed[spec.kind]) or "no options"
            raise ValueError(f"player {text!r}: no option {key!r}; {spec.kind} takes {known}")
    if spec.argument and spec.kind != "net":
        raise ValueError(f"player {text!r}: {spec.kind} takes nothing after a colon")
    if spec.kind == "random":
        return RandomPlayer(game)
    if spec.kind == "scripted":
        return ScriptedPlayer(game, _number(text, spec, "level", 1, 99))
    seconds = _seconds(text, spec)
    sims = _number(text, spec, "sims", 1, MAX_SIMS)
    if seconds is not None and sims is not None:
        raise ValueError(f"player {text!r}: sims or seconds, not both")
    if seconds is None and sims is None:
        sims = DEFAULT_SIMS
    budget = f"{sims} sims" if seconds is None else f"{seconds:g} s"
    if spec.kind == "rollouts":
        return SearchPlayer(
            game, f"rollouts {budget}", lambda rng: RandomRollouts(game, int(rng.integers(2**63))), sims, seconds
        )
    path = Path(spec.argument) if spec.argument else shipped_checkpoint(game)
    return net_player(game, load_checkpoint(path, game), f"{path.stem} {budget}", sims, seconds, threads)


def _number(text: str, spec: Spec, key: str, low: int, high: int) -> int | None:
    if key not in spec.options:
        return None
    value = spec.options[key]
    if not value.isdecimal() or not low <= int(value) <= high:
        raise ValueError(f"player {text!r}: {key} must be a whole number from {low} to {high}, not {value!r}")
    return int(value)


def _seconds(text: str, spec: Spec) -> float | None:
    if "seconds" not in spec.options:
        return None
    try:
        value = float(spec.options["seconds"])
    except ValueError:
        value = -1.0
    if not 0 < value <= 3600:
        raise ValueError(f"player {text!r}: seconds must be a number above 0 and up to 3600")
    return value
