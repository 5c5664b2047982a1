"""Engines of other people as players: a process that speaks Gomocup's protocol or GTP.

Who crashes, answers nonsense, plays an illegal move or overruns his time has lost that game; the next one begins with
a new process. The engine's standard error, and why a game was lost, go to NAME.log in the current folder.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alphamini.arena.coordinates import from_vertex, from_xy, to_vertex, to_xy
from alphamini.lines import Lines
from games import Game, States

PROTOCOLS = ("gomocup", "gtp")
FORFEIT = -1  # in place of an action: the game is lost
START_SECONDS = 60.0  # until an engine is ready
GRACE = 1.0  # seconds over its time before an engine has lost: the pipe's and the machine's delays
RULES = {"": 0, "-standard": 1, "-renju": 4}  # Gomocup's numbers by the end of the game's name
COLOURS = ("black", "white")
_log = logging.getLogger(__name__)


class EngineError(Exception):
    """The other engine did what loses the game; one line."""


def protocol_of(command: str, protocol: str) -> str:
    """Which protocol a command speaks, by its name where `protocol` is ""; ValueError, one line, if there is none."""
    words = shlex.split(command)
    if not words:
        raise ValueError("command needs a program, as in command:pbrain-other@seconds=1")
    if shutil.which(words[0]) is None:
        raise ValueError(f"there is no program {words[0]!r}")
    protocol = protocol or ("gomocup" if Path(words[0]).name.startswith("pbrain") else "gtp")
    if protocol not in PROTOCOLS:
        raise ValueError(f"no protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
    return protocol


class _Process:
    """A running engine: lines out, lines in."""

    def __init__(self, command: str, log: Path):
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0,
                start_new_session=True,
            )  # fmt: skip
        assert self._process.stdout is not None
        self._lines = Lines(self._process.stdout)

    def send(self, *lines: str) -> None:
        assert self._process.stdin is not None
        data = "".join(line + "\n" for line in lines).encode()
        try:
            while data:
                data = data[self._process.stdin.write(data) :]
        except OSError:
            raise EngineError("it has closed its input") from None

    def read(self, end: float) -> str:
        """The next line, waited for until the time `end` of time.monotonic, however much comes before."""
        left = end - time.monotonic()
        if left <= 0:
            raise EngineError("it ran over its time")
        try:
            line = self._lines.next(left)
        except TimeoutError:
            raise EngineError("it ran over its time") from None
        if line is None:
            raise EngineError("it ended")
        return line

    def kill(self) -> None:
        if os.name == "posix":  # with what it has started: the command may be a script around the engine
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        closing = [self._process.stdin, *([self._process.stdout] if self._lines.ended(1.0) else [])]
        for pipe in closing:
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]


class Conversation(Protocol):
    """One engine, asked for one move after another, of any games."""

    def move(self, moves: list[int], to_play: int) -> int:
        """The engine's answer to a game's moves so far; EngineError if there is none."""

    def follows(self, moves: list[int]) -> bool:
        """Does it know the beginning of that game from its last answer?"""

    def close(self) -> None:
        """Ends the engine."""


class Gomocup:
    """https://plastovicka.github.io/protocl2en.htm"""

    def __init__(self, game: Game, process: _Process, seconds: float):
        self._game, self._process, self._seconds = game, process, seconds
        self.close = process.kill
        self._rule = RULES.get(game.name.removeprefix(f"gomoku{game.shape[0]}"))
        if game.family not in ("gomoku", "renju") or self._rule is None:
            raise EngineError(f"Gomocup's protocol has no {game.name}")
        self._start()

    def _start(self) -> None:
        self._process.send(f"START {self._game.shape[0]}")
        answer = self._answer(time.monotonic() + START_SECONDS)
        if answer.split()[:1] != ["OK"]:
            raise EngineError(f"it answered {answer[:60]!r} to START")
        self._process.send(
            f"INFO timeout_turn {round(1000 * self._seconds)}",
            "INFO timeout_match 0",
            "INFO time_left 2147483647",
            "INFO game_type 1",
            f"INFO rule {self._rule}",
        )

    def move(self, moves: list[int], to_play: int) -> int:
        self._start()
        stones = [f"{to_xy(self._game, action)},{1 + (len(moves) - i) % 2}" for i, action in enumerate(moves)]
        self._process.send(*(["BOARD", *stones, "DONE"] if stones else ["BEGIN"]))
        answer = self._answer(time.monotonic() + self._seconds + GRACE)
        try:
            return from_xy(self._game, answer)
        except ValueError:
            raise EngineError(f"it answered {answer[:60]!r}") from None

    def follows(self, moves: list[int]) -> bool:
        return False  # it is told the whole board each time

    def _answer(self, end: float) -> str:
        """The next line that is not talk."""
        while True:
            line = self._process.read(end).strip()
            if line and line.split()[0].upper() not in ("MESSAGE", "DEBUG", "SUGGEST"):
                return line


class GTP:
    """https://www.lysator.liu.se/~gunnar/gtp/gtp2-spec-draft2/gtp2-spec.html"""

    def __init__(self, game: Game, process: _Process, seconds: float):
        self._game, self._process, self._seconds = game, process, seconds
        self.close = process.kill
        self._at: list[int] = []
        self._ask(f"boardsize {game.shape[0]}", START_SECONDS)
        # A byo-yomi of one move. Engines round it or take it as a hint: a limit that is too hard would be unfair. The
        # standard does not ask them to know it.
        if self._ask("known_command time_settings", START_SECONDS).lower() == "true":
            self._ask(f"time_settings 0 {max(1, round(seconds))} 1", START_SECONDS)
        self._ask("clear_board", START_SECONDS)
        if game.family == "go":
            self._ask(f"komi {float(game.initial().state['komi'][0]) / 2:g}", START_SECONDS)

    def follows(self, moves: list[int]) -> bool:
        return len(self._at) > 0 and self._at == moves[: len(self._at)]

    def move(self, moves: list[int], to_play: int) -> int:
        if self._at != moves[: len(self._at)]:
            self._ask("clear_board", START_SECONDS)
            self._at = []
        position = self._game.initial().play_all(self._at)
        for action in moves[len(self._at) :]:
            self._ask(f"play {COLOURS[position.to_play]} {to_vertex(self._game, action)}", START_SECONDS)
            position = position.play(action)
        answer = self._ask(f"genmove {COLOURS[to_play]}", self._seconds + GRACE)
        if answer.lower() == "resign":
            raise EngineError("it resigned")
        try:
            action = from_vertex(self._game, answer)
        except ValueError:
            raise EngineError(f"it answered {answer[:60]!r}") from None
        self._at = [*moves, action]
        return action

    def _ask(self, command: str, seconds: float) -> str:
        end = time.monotonic() + seconds
        self._process.send(command)
        while not (first := self._process.read(end).strip()):
            pass
        while self._process.read(end).strip():
            pass
        if not first.startswith("="):
            raise EngineError(f"it answered {first[:60]!r} to {command}")
        return first[1:].strip()


class CommandPlayer:
    """Asks as many engines as ask at once, each started when it is first needed and after each failure."""

    simulations: int | None = None
    about = ""
    one_by_one = True

    def __init__(self, game: Game, command: str, seconds: float, protocol: str):
        """ValueError, one line, where the engine does not get ready for the game."""
        self._game, self._command, self._seconds, self._protocol = game, command, seconds, protocol
        program = Path(shlex.split(command)[0]).name
        self.name = f"{program} {seconds:g} s"
        self._path = Path(f"{program}.log")
        self._lock = threading.Lock()
        self._open: list[Conversation] = []
        atexit.register(self.close)
        try:
            self._idle = [self._start()]  # those that nobody is asking
        except EngineError as error:
            raise ValueError(f"{command!r} does not play {game.name} over {protocol}: {error}") from None

    def _start(self) -> Conversation:
        try:
            process = _Process(self._command, self._path)
        except OSError as error:  # the program has gone, or there is no room for one more
            raise EngineError(error.strerror) from None
        kinds: dict[str, type[Gomocup] | type[GTP]] = {"gomocup": Gomocup, "gtp": GTP}
        try:
            engine = kinds[self._protocol](self._game, process, self._seconds)
        except EngineError:
            process.kill()
            raise
        self._open.append(engine)
        return engine

    def close(self) -> None:
        """Ends all engines."""
        while self._open:
            self._open.pop().close()

    def choose(self, states: States, rng: np.random.Generator) -> NDArray[np.int32]:
        """Not without the moves; ValueError, one line."""
        raise ValueError(f"{self.name} follows games; it cannot be asked about single positions")

    def choose_after(self, states: States, lines: list[list[int]]) -> NDArray[np.int32]:
        """states [n] and the moves that led to each -> a legal action each, or FORFEIT."""
        actions = np.full(len(states), FORFEIT, np.int32)
        mask = self._game.legal_mask(states)
        for i, moves in enumerate(lines):
            engine: Conversation | None = None
            try:
                engine = self._take(moves)
                action = engine.move(list(moves), int(states["to_play"][i]))
                if not mask[i, action]:
                    raise EngineError(f"it played {self._game.action_text(action)}, which is not legal")
                actions[i] = action
                self._idle.append(engine)
            except EngineError as error:
                self._fail(engine, moves, error)
        return actions

    def _take(self, moves: list[int]) -> Conversation:
        """An idle engine, the one that has the game on its board if there is one; else a new one."""
        with self._lock:
            for engine in self._idle:
                if engine.follows(moves):
                    self._idle.remove(engine)
                    return engine
            if self._idle:
                return self._idle.pop(0)
        return self._start()

    def _fail(self, engine: Conversation | None, moves: list[int], error: EngineError) -> None:
        """Notes it, and ends the process."""
        if engine is not None:
            engine.close()
            self._open.remove(engine)
        after = " ".join(map(self._game.action_text, moves))
        _log.warning("%s loses a game of %s: %s (after %s)", self.name, self._game.name, error, after or "no moves")
        with self._path.open("a") as log:
            log.write(f"alphamini: a game of {self._game.name} lost: {error} (after {after or 'no moves'})\n")
