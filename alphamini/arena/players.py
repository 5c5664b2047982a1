"""Players for matches, made from a SPEC: `KIND[:ARGUMENT][@key=value,...]`.

random                               a legal move, uniformly
scripted@level=2                     the scripted teacher (default: its strongest level)
rollouts@sims=1000                   tree search with random playouts, no net
net:PATH@sims=400                    tree search with a net; `net` alone is the net that ships for the game
net:PATH@seconds=1                   ... for a time; `sims=1` is the raw policy
net@sims=1,temperature=0.5           ... with a move drawn from the search's policy ** (1 / temperature)
net@level=-50                        ... weakened to about that rating: see alphamini.arena.levels
command:PROGRAM ARGUMENTS@seconds=1  another engine over its protocol: see alphamini.arena.command
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alphamini.arena.command import CommandPlayer, protocol_of
from alphamini.arena.levels import Strength, read_levels
from alphamini.arena.specs import Spec, parse_spec
from alphamini.learn.scripted import ask
from alphamini.learn.teachers import get_teacher
from alphamini.model.checkpoint import Checkpoint, load_checkpoint
from alphamini.model.evaluators import RandomRollouts, make_backend
from alphamini.model.shipped import shipped_checkpoint
from alphamini.search.search import MAX_SIMS, MOST_LEAVES, Evaluator, Rows, Search, bytes_a_node, choose
from games import Game, States
from games.playout import random_actions

DEFAULT_SIMS = 100
BATCH_MEMORY = 2**28  # bytes of the trees that a thread searches at once, where these are more than one
TREE_MEMORY = 2**32  # bytes of a single tree
TIMED_NODES, TIMED_MEMORY = 300_000, 2**30  # of a tree under a clock, whichever is less
TRY_SECONDS = 0.5  # a player is timed for so long at least, and twice at least: the first time allocates its memory
OPTIONS = {
    "random": (),
    "scripted": ("level",),
    "rollouts": ("sims", "seconds"),
    "net": ("sims", "seconds", "temperature", "level"),
    "command": ("seconds", "protocol"),
}  # of a SPEC, by its kind


class Player(Protocol):
    """Chooses moves for whole batches, from several threads at once."""

    name: str
    simulations: int | None  # a move; None: not a searcher, or under a clock
    about: str  # what evaluates its positions, "" where nothing does
    one_by_one: bool  # a clock runs for each move: nothing is gained by asking for many at once

    def choose(self, states: States, rng: np.random.Generator) -> NDArray[np.int32]:
        """states [n], none of them over -> one legal action each."""


class RandomPlayer:
    simulations: int | None = None
    about = ""
    one_by_one = False

    def __init__(self, game: Game):
        self._game, self.name = game, "random"

    def choose(self, states: States, rng: np.random.Generator) -> NDArray[np.int32]:
        return random_actions(self._game, states, rng)


class ScriptedPlayer:
    simulations: int | None = None
    about = ""
    one_by_one = False

    def __init__(self, game: Game, level: int | None):
        self._teacher = get_teacher(game)
        self._level = self._teacher.levels if level is None else level
        if not 1 <= self._level <= self._teacher.levels:
            raise ValueError(f"scripted levels of {game.name} are 1 to {self._teacher.levels}, not {level}")
        self.name = f"scripted level {self._level}"

    def choose(self, states: States, rng: np.random.Generator) -> NDArray[np.int32]:
        return ask(self._teacher, states, np.full(len(states), self._level, np.int8), rng)


class SearchPlayer:
    """Tree search over an evaluator, and the best move by `Search.best`. Every move is searched from scratch."""

    def __init__(
        self,
        game: Game,
        name: str,
        worker: Callable[[np.random.Generator], Evaluator],
        sims: int | None,
        seconds: float | None,
        about: str = "",
        temperature: float = 0.0,
        forget: Callable[[], None] = lambda: None,
    ):
        """`worker` makes an evaluator for one stream of random numbers; either `sims` or `seconds` is given. `forget`
        empties the cache that these evaluators share.

        Above a `temperature` of 0 the move is drawn from the search's policy ** (1 / temperature)."""
        self._bytes_a_node = bytes_a_node(game)
        if (sims or 0) * self._bytes_a_node > TREE_MEMORY:
            most = TREE_MEMORY // self._bytes_a_node
            raise ValueError(f"{sims} simulations of {game.name} take too much memory; up to {most} are possible")
        self.name, self.simulations, self.about, self._seconds = name, sims, about, seconds
        self._temperature, self.one_by_one = temperature, sims is None
        self._game, self._worker, self._forget, self._local = game, worker, forget, threading.local()

    def with_budget(self, name: str, sims: int, temperature: float = 0.0) -> SearchPlayer:
        """The same evaluator at another budget."""
        return SearchPlayer(self._game, name, self._worker, sims, None, self.about, temperature, self._forget)

    def choose(self, states: States, rng: np.random.Generator) -> NDArray[np.int32]:
        if getattr(self._local, "rng", None) is not rng:  # another match: its result must not depend on earlier ones
            self._local.rng, self._local.evaluator = rng, self._worker(rng)
            if self.one_by_one:
                self._local.evaluator.evaluate(states[:1])  # it may have to load: no move's clock pays for that
        evaluator: Evaluator = self._local.evaluator
        return np.concatenate([self._choice(*self._searched(part, evaluator), rng) for part in self._parts(states)])

    def _choice(self, search: Search, rows: Rows, rng: np.random.Generator) -> NDArray[np.int32]:
        if self._temperature == 0:
            return search.best(rows)
        actions: NDArray[np.int32] = choose(search.policy(rows), self._temperature, rng.random(len(rows)))
        return actions

    def values(self, states: States, rng: np.random.Generator) -> NDArray[np.float32]:
        """[n] in [-1, 1]: what a counted search makes of the states [n], none of them over, for their sides to move."""
        evaluator, values = self._worker(rng), []
        for part in self._parts(states):
            search, rows = self._searched(part, evaluator)
            values.append(search.statistics(rows).value)
        return np.concatenate(values)

    def seconds_a_move(self, states: States, rng: np.random.Generator) -> float:
        """What a move costs one thread that searches all of the states [n], none of them over, and has seen none of
        them before; the best of some tries, as whatever else the machine does only adds to them."""
        tries: list[float] = []
        while len(tries) < 2 or sum(tries) < TRY_SECONDS:
            self._forget()
            start = time.perf_counter()
            self.choose(states, rng)
            tries.append(time.perf_counter() - start)
        self._local.search = None  # the thread lives on and times other players: not with these trees in memory
        return min(tries) / len(states)

    def _parts(self, states: States) -> list[States]:
        """As many states at once as the memory of their trees allows; under a clock, one."""
        chunk = 1
        if self.simulations is not None:
            chunk = max(1, BATCH_MEMORY // (self._bytes_a_node * self.simulations))
        return [states[i : i + chunk] for i in range(0, len(states), chunk)]

    def _search(self, trees: int, capacity: int) -> Search:
        """The thread's search of that size: allocating one is slow, using one again is not."""
        kept: Search | None = getattr(self._local, "search", None)
        if kept is None or kept.trees < trees or kept.capacity != capacity:
            kept = self._local.search = Search(self._game, trees, capacity)
        return kept

    def _searched(self, states: States, evaluator: Evaluator) -> tuple[Search, Rows]:
        """A search of the states [n], and its rows [n]: they hold until the thread's next one."""
        rows = np.arange(len(states), dtype=np.int32)
        if self.simulations is None:
            return self._timed(states, evaluator), rows
        search = self._search(len(states), self.simulations)
        search.reset(rows, states)
        search.budget[rows] = self.simulations
        search.run(evaluator, rows)
        return search, rows

    def _timed(self, state: States, evaluator: Evaluator) -> Search:
        assert self._seconds is not None
        end = time.perf_counter() + self._seconds
        nodes = min(TIMED_NODES, TIMED_MEMORY // self._bytes_a_node)
        search, rows = self._search(1, nodes), np.zeros(1, np.int32)
        search.reset(rows, state)
        search.budget[0] = MAX_SIMS
        while search.searching(rows)[0]:
            search.hasty_wave(evaluator, rows)
            if time.perf_counter() >= end:
                break
        return search


def net_player(
    game: Game,
    checkpoint: Checkpoint,
    name: str,
    sims: int | None,
    seconds: float | None,
    threads: int,
    temperature: float = 0.0,
    precision: str = "auto",
) -> SearchPlayer:
    """A player from weights in memory; `precision` as for `make_backend`."""
    backend = make_backend(game, checkpoint.net, checkpoint.weights, precision, workers=threads)
    about = backend.describe() + checkpoint.elsewhere(game)
    small = 0 if seconds is None else MOST_LEAVES
    return SearchPlayer(
        game, name, lambda rng: backend.worker(small), sims, seconds, about, temperature, backend.forget
    )


def make_player(game: Game, text: str, threads: int = 1) -> Player:
    """The player that SPEC `text` describes, for `threads` callers at once; ValueError with one line if it is wrong."""
    spec = parse_spec(text)
    if spec.kind not in OPTIONS:
        raise ValueError(f"player {text!r}: no kind {spec.kind!r}; there are {', '.join(OPTIONS)}")
    allowed = OPTIONS[spec.kind]
    for key in spec.options:
        if key not in allowed:
            known = ", ".join(allowed) or "no options"
            raise ValueError(f"player {text!r}: no option {key!r}; {spec.kind} takes {known}")
    if spec.argument and spec.kind not in ("net", "command"):
        raise ValueError(f"player {text!r}: {spec.kind} takes nothing after a colon")
    if spec.kind == "random":
        return RandomPlayer(game)
    if spec.kind == "scripted":
        return ScriptedPlayer(game, _number(text, spec, "level", 1, 99))
    seconds = _real(text, spec, "seconds", 3600)
    if spec.kind == "command":
        protocol = protocol_of(spec.argument, spec.options.get("protocol", ""))
        return CommandPlayer(game, spec.argument, 1.0 if seconds is None else seconds, protocol)
    sims = _number(text, spec, "sims", 1, MAX_SIMS)
    if seconds is not None and sims is not None:
        raise ValueError(f"player {text!r}: sims or seconds, not both")
    if spec.kind == "rollouts":
        sims, budget = _budget(sims, seconds)
        return SearchPlayer(
            game, f"rollouts {budget}", lambda rng: RandomRollouts(game, int(rng.integers(2**63))), sims, seconds
        )
    path = Path(spec.argument) if spec.argument else shipped_checkpoint(game)
    checkpoint = load_checkpoint(path, game)
    if "level" in spec.options:
        if len(spec.options) > 1:
            raise ValueError(f"player {text!r}: a level stands alone")
        strength = _level(text, spec, path, game)
        name = f"{path.stem} level {spec.options['level']}"
        return net_player(game, checkpoint, name, strength.sims, None, threads, strength.temperature)
    temperature = _real(text, spec, "temperature", 100) or 0.0
    sims, budget = _budget(sims, seconds)
    name = f"{path.stem} {budget}" + (f" temperature {temperature:g}" if temperature else "")
    return net_player(game, checkpoint, name, sims, seconds, threads, temperature)


def make_players(game: Game, specs: Sequence[str], threads: int = 1) -> list[Player]:
    """The players of SPECs, by names that tell them apart: those that share a name go by their SPECs. ValueError with
    one line if a SPEC is wrong or comes twice."""
    for spec in specs:
        if specs.count(spec) > 1:
            raise ValueError(f"player {spec!r} is given twice")
    players = [make_player(game, spec, threads) for spec in specs]
    names = [player.name for player in players]
    for player, spec in zip(players, specs, strict=True):
        if names.count(player.name) > 1:
            player.name = spec
    return players


def _budget(sims: int | None, seconds: float | None) -> tuple[int | None, str]:
    """The simulations a move, and the budget in words."""
    if seconds is not None:
        return None, f"{seconds:g} s"
    sims = sims or DEFAULT_SIMS
    return sims, f"{sims} sims"


def _level(text: str, spec: Spec, path: Path, game: Game) -> Strength:
    try:
        elo = float(spec.options["level"])
    except ValueError:
        raise ValueError(f"player {text!r}: level must be a rating in Elo") from None
    return read_levels(path, game).at(elo)


def _number(text: str, spec: Spec, key: str, low: int, high: int) -> int | None:
    if key not in spec.options:
        return None
    value = spec.options[key]
    if not value.isdecimal() or not low <= int(value) <= high:
        raise ValueError(f"player {text!r}: {key} must be a whole number from {low} to {high}, not {value!r}")
    return int(value)


def _real(text: str, spec: Spec, key: str, most: int) -> float | None:
    if key not in spec.options:
        return None
    try:
        value = float(spec.options[key])
    except ValueError:
        value = -1.0
    if not 0 < value <= most:
        raise ValueError(f"player {text!r}: {key} must be a number above 0 and up to {most}")
    return value
