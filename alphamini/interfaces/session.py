"""A game in progress: the position, what was taken back, who plays which side. Every interface drives one."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from alphamini.arena.levels import Strength
from alphamini.interfaces.clock import Clock
from alphamini.interfaces.engine import Analysis, Engine, Watch
from alphamini.model.checkpoint import write_bytes
from alphamini.records import read_record, record_bytes
from games import DRAW, Game, Position

SIDES = {"first": frozenset({0}), "second": frozenset({1}), "both": frozenset({0, 1}), "none": frozenset[int]()}
"""Whom people can be: the players that are theirs."""


class Session:
    """`engine` is asked for the engine each time one is needed, so that it may still be loading when a game begins.

    What cannot be done is a ValueError with one line (a file that cannot be written or read: an OSError), and leaves
    everything as it was.
    """

    def __init__(
        self,
        game: Game,
        engine: Callable[[], Engine],
        humans: frozenset[int],
        sims: int | None = None,
        seconds: float | None = None,
    ):
        self.game, self.humans = game, humans
        self._engine = engine
        self.sims, self.seconds = sims, seconds  # a move; both None: the clock alone, or the engine's own measure
        self.strength: Strength | None = None  # of the engine's moves, in place of `sims` and `seconds`
        self.clocks = (Clock(), Clock())  # of player 0 and player 1; only the engine's moves are charged here
        self._rng = random.Random()
        self._files: dict[str, bytes]  # of this game, known whole: while they hold it, they may be written over
        self.new()

    def new(self) -> None:
        self._files = {}  # of another game
        self._set(self.game.initial(), resigned=False)

    def go_to(self, position: Position) -> None:
        """Goes on from `position`, of the same game."""
        assert position.game is self.game
        self._set(position, resigned=False)

    def _set(self, position: Position, resigned: bool) -> None:
        self.position = position
        self.resigned = resigned  # by the side to move
        self._undone: list[Position] = []  # the next one to redo last

    @property
    def is_over(self) -> bool:
        return self.resigned or self.position.is_over

    @property
    def winner(self) -> int | None:
        """The player who has won; None: a draw, or the game goes on."""
        if self.resigned:
            return 1 - self.position.to_play
        return self.position.outcome if self.position.is_over and self.position.outcome != DRAW else None

    @property
    def _given_up(self) -> int | None:
        """Who has won by a resignation: the result that a record does not see on the board."""
        return self.winner if self.resigned else None

    @property
    def engine_moves_next(self) -> bool:
        return not self.is_over and self.position.to_play not in self.humans

    def play(self, action: int) -> None:
        self._refuse_when_over()
        self._set(self.position.play(action), resigned=False)

    @property
    def engine(self) -> Engine:
        return self._engine()

    def budget(self, position: Position) -> float | None:
        """How long the engine may think in `position`, in seconds; None: no limit."""
        clock = self.clocks[position.to_play].budget((self.game.max_plies - len(position.moves) + 1) // 2)
        return min((limit for limit in (self.seconds, clock) if limit is not None), default=None)

    def analyse(self, watch: Watch | None = None) -> Analysis:
        """What the engine thinks of the position; nothing changes, no clock runs."""
        self._refuse_when_over()
        return self.engine.analyse(self.position, self.sims, self.budget(self.position), watch)

    def think(self, watch: Watch | None = None) -> Analysis:
        """The engine's choice for the side to move, which pays with its clock. `play` plays it."""
        self._refuse_when_over()
        if self.strength is None:
            analysis = self.analyse(watch)
        else:
            # As it was rated: what a hint has found is not for the level's moves.
            analysis = self.engine.analyse(self.position, self.strength.sims, watch=watch, fresh=True)
            if self.strength.temperature > 0:
                analysis = self._weakened(analysis, self.strength)
        self.clocks[self.position.to_play].spend(analysis.seconds)
        return analysis

    def _weakened(self, analysis: Analysis, strength: Strength) -> Analysis:
        """The same search with a move drawn from its policy, at the strength's temperature."""
        drawn = strength.draw([candidate.share for candidate in analysis.candidates], self._rng.random())
        chosen = analysis.candidates[drawn]
        if chosen.action == analysis.action:
            return analysis
        win_rate = chosen.win_rate if chosen.visits else analysis.win_rate
        return replace(
            analysis, action=chosen.action, win_rate=win_rate, proof=chosen.proof, variation=(chosen.action,)
        )

    def about(self) -> str:
        """One line: what evaluates the engine's positions."""
        return self._engine().about

    def resign(self) -> None:
        """The side to move gives up."""
        self._refuse_when_over()
        self.resigned = True

    def _refuse_when_over(self) -> None:
        if self.is_over:
            raise ValueError("the game is over")

    def undo(self) -> None:
        """Takes back a resignation, or all moves since a human last had the move."""
        if self.resigned:
            self.resigned = False
            return
        taken, position = [self.position], self.position.previous
        while position is not None and position.to_play not in self.humans:
            taken.append(position)
            position = position.previous
        if position is None:
            raise ValueError("there is nothing to take back")
        self.position = position
        self._undone += taken

    def redo(self) -> None:
        """Plays what one `undo` took back."""
        if self.resigned or not self._undone:
            raise ValueError("there is nothing to play again")
        self.position = self._undone.pop()
        while self._undone and self.position.to_play not in self.humans:
            self.position = self._undone.pop()

    def save(self, name: str) -> Path:
        """Writes the game to a file, in the format that its name asks for (see alphamini.records). Returns where it is."""
        path, data = _path(name), self.record(name)
        if self.resigned and path.suffix.lower() == ".psq":
            raise ValueError("a PSQ file cannot say that somebody has resigned: choose a name without .psq")
        known = self._files.get(os.path.realpath(path))
        if path.exists() and (known is None or path.read_bytes() != known):  # somebody's work
            raise ValueError(f"{path} is there already; choose another name")
        write_bytes(path, data)
        self._files[os.path.realpath(path)] = data
        return path

    def record(self, name: str) -> bytes:
        """What `save` would write to a file of that name."""
        return record_bytes(Path(name), self.game, self.position.moves, self._given_up)

    def load(self, name: str) -> None:
        """Goes on with the game in a file."""
        path = _path(name)
        record = read_record(path, self.game)
        position = record.position()
        self._set(position, not position.is_over and record.resigned and record.result == 1 - position.to_play)
        # A file that holds more than we keep (notes, variations, other games) must not be written over.
        self._files = {os.path.realpath(path): self.record(str(path))}


def _path(name: str) -> Path:
    return Path(os.path.expanduser(name))  # unlike Path.expanduser, it takes an unknown ~user for a name
