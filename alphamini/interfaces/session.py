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
from games import DRAW, Game, Position

MOVES_A_LINE = 10
RESIGN = "resign"  # the last word of a saved game that ended so


class Session:
    """`engine` is asked for the engine each time one is needed, so that it may still be loading when a game begins.

    What cannot be done is a ValueError with one line, and leaves everything as it was.
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
        self.new()

    def new(self) -> None:
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
    def engine_moves_next(self) -> bool:
        return not self.is_over and self.position.to_play not in self.humans

    def play(self, action: int) -> None:
        self._refuse_when_over()
        self._set(self.position.play(action), resigned=False)

    @property
    def engine(self) -> Engine:
        return self._engine()

    def analyse(self, watch: Watch | None = None, position: Position | None = None) -> Analysis:
        """What the engine thinks of `position`, by default the one of the game; nothing changes, no clock runs."""
        if position is None:
            self._refuse_when_over()
            position = self.position
        budget = self.clocks[position.to_play].budget((self.game.max_plies - len(position.moves) + 1) // 2)
        limits = [limit for limit in (self.seconds, budget) if limit is not None]
        return self.engine.analyse(position, self.sims, min(limits, default=None), watch)

    def think(self, watch: Watch | None = None) -> Analysis:
        """The engine's choice for the side to move, which pays with its clock. `play` plays it."""
        self._refuse_when_over()
        if self.strength is None:
            analysis = self.analyse(watch)
        else:
            analysis = self._weakened(self.engine.analyse(self.position, self.strength.sims), self.strength)
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
        """Writes the game to a file: a line that names the game, then the moves. Returns where it is."""
        path = _path(name)
        if path.exists() and not _is_saved_game(path):
            raise ValueError(f"{path} is there already and is not a saved game; choose another name")
        words = [self.position.action_text(action) for action in self.position.moves] + [RESIGN] * self.resigned
        lines = [" ".join(words[i : i + MOVES_A_LINE]) for i in range(0, len(words), MOVES_A_LINE)]
        write_bytes(path, "\n".join([f"game {self.game.name}", *lines, ""]).encode())
        return path

    def load(self, name: str) -> None:
        """Goes on with the game in a file."""
        path = _path(name)
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        first, _, rest = path.read_text(errors="replace").partition("\n")
        if first.split() != ["game", self.game.name]:
            raise ValueError(f"{path} is not a saved game of {self.game.name}: it should begin 'game {self.game.name}'")
        words = rest.split()
        resigned = words[-1:] == [RESIGN]
        position = self.game.initial()
        for number, word in enumerate(words[: len(words) - resigned], 1):
            try:
                position = position.play(position.parse_action(word))
            except ValueError as error:
                raise ValueError(f"{path}, move {number}: {error}") from None
        if resigned and position.is_over:
            raise ValueError(f"{path}: nobody can resign when the game is over")
        self._set(position, resigned)


def _path(name: str) -> Path:
    return Path(os.path.expanduser(name))  # unlike Path.expanduser, it takes an unknown ~user for a name


def _is_saved_game(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(5) == b"game "
