"""The Go Text Protocol, version 2, for go and, as its dialects do, for every other game:
https://www.lysator.liu.se/~gunnar/gtp/gtp2-spec-draft2/gtp2-spec.html

Analysis is streamed as Leela Zero (`lz-analyze`) and KataGo (`kata-analyze`) do it, which Sabaki and others show.
Black is player 0. A vertex is as in go (letters without I) on boards of stones; other games write as they always do.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from alphamini import __version__
from alphamini.arena.coordinates import LETTERS, as_in_go, from_vertex, to_vertex
from alphamini.interfaces.area import area_lead
from alphamini.interfaces.clock import Clock
from alphamini.interfaces.engine import Analysis, Candidate, Watch
from alphamini.interfaces.provider import Engines
from alphamini.interfaces.session import SIDES, Session
from games import DRAW, WIN_0, WIN_1, Game, Position, get, outcome_value

COLOURS = {"b": 0, "black": 0, "w": 1, "white": 1}
INTERVAL = 0.5  # seconds between two lines of an analysis, where none is asked for
TICK = 0.2  # how often a finished analysis looks whether the next command has come
SHOWN = 20  # moves of an analysis
MOST_ANALYSIS = 24 * 3600.0
Line = Callable[[Game, Analysis], str]
"""Writes an analysis as one line."""

_log = logging.getLogger(__name__)


class Wire(Protocol):
    """Where answers go, and whether the next command waits."""

    def say(self, text: str) -> None: ...
    @property
    def waiting(self) -> bool: ...
    def wait(self, seconds: float) -> None: ...


class GTP:
    """Obeys one line after another. What cannot be done gets a `?` and changes nothing."""

    def __init__(self, game: Game, engines: Engines, wire: Wire, sims: int | None = None, seconds: float | None = None):
        self._engines, self._wire, self._sims, self._seconds = engines, wire, sims, seconds
        self._settings = (0.0, 0.0, 0)  # of time_settings; as here: no limit
        self._before: list[Position] = []  # what each move began from: a handicap is one
        self.session = self._new_session(game)
        self._commands: dict[str, Callable[[list[str]], str]] = {
            "protocol_version": lambda words: "2",
            "name": lambda words: "alphamini",
            "version": lambda words: __version__,
            "known_command": lambda words: "true" if words and words[0] in self._all else "false",
            "list_commands": lambda words: "\n".join(self._all),
            "quit": lambda words: "",
            "boardsize": self._boardsize,
            "clear_board": self._clear_board,
            "komi": self._komi,
            "play": self._play,
            "genmove": self._choose,
            "reg_genmove": self._reg_genmove,
            "set_free_handicap": self._set_free_handicap,
            "undo": self._undo,
            "time_settings": self._time_settings,
            "time_left": self._time_left,
            "showboard": self._showboard,
            "final_score": self._final_score,
            "final_status_list": self._final_status_list,
        }
        self._streams: dict[str, Callable[[list[str]], None]] = {
            "lz-analyze": lambda words: self._analyse(words, lz_line),
            "kata-analyze": lambda words: self._analyse(words, kata_line),
            "lz-genmove_analyze": lambda words: self._genmove_analyse(words, lz_line),
            "kata-genmove_analyze": lambda words: self._genmove_analyse(words, kata_line),
        }
        self._all = [*self._commands, *self._streams]

    def obey(self, line: str) -> bool:
        """False after quit."""
        line = re.sub(r"[\x00-\x08\x0a-\x1f\x7f]", "", line.partition("#")[0])
        words = line.split()
        if not words:
            return True
        number = words.pop(0) if re.fullmatch(r"[0-9]{1,10}", words[0], re.ASCII) else ""
        name = words.pop(0) if words else ""
        try:
            if name in self._streams:
                self._stream(number, name, words)
            elif name in self._commands:
                self._wire.say(f"={number} {self._commands[name](words)}\n")
            else:
                raise ValueError("unknown command")
        except ValueError as error:
            _log.warning("%r: %s", line[:60], error)
            self._wire.say(f"?{number} {error}\n")
        return name != "quit"

    # The board

    def _new_session(self, game: Game) -> Session:
        self._engines.get(game)  # loaded while no clock runs
        session = Session(game, lambda: self._engines.get(game), SIDES["both"], self._sims, self._seconds)
        self._before = []
        session.clocks = (self._new_clock(), self._new_clock())
        return session

    def _boardsize(self, words: list[str]) -> str:
        size, game = _whole(words, 0), self.session.game
        self.session = self._new_session(game if size in game.shape else _resized(game, size))
        return ""

    def _clear_board(self, words: list[str]) -> str:
        self.session = self._new_session(self.session.game)
        return ""

    def _komi(self, words: list[str]) -> str:
        """Go with another komi is another game; it goes on from the same board."""
        komi, game = _real(words, 0), self.session.game
        if game.family != "go":
            return ""
        try:
            game = get(f"{game.name.partition('-')[0]}-komi{komi:g}")
        except ValueError:
            raise ValueError("unacceptable komi") from None
        if game is not self.session.game:
            clocks, before, position = self.session.clocks, self._before, self.session.position
            self.session = self._new_session(game)
            self.session.go_to(_with_komi_of(game, position))
            self.session.clocks = clocks
            self._before = [_with_komi_of(game, earlier) for earlier in before]
        return ""

    def _play(self, words: list[str]) -> str:
        player = _colour(words)
        if len(words) != 2:
            raise ValueError("syntax error")
        try:
            action = from_vertex(self.session.game, words[1])
            after = _given_to(player, self.session.position).play(action)
        except ValueError as error:
            _log.info("%s", error)
            raise ValueError("illegal move") from None
        return self._go_to(after)

    def _set_free_handicap(self, words: list[str]) -> str:
        """Black's stones; one `undo` takes all of them back."""
        before = after = self.session.position
        if before.moves:
            raise ValueError("board not empty")
        try:
            stones, no_stone = [from_vertex(before.game, word) for word in words], before.parse_action("pass")
            if len(stones) < 2 or no_stone in stones:
                raise ValueError("a handicap is two stones at least")
            for stone in stones:
                after = _given_to(0, after).play(stone)
        except ValueError as error:
            _log.info("%s", error)
            raise ValueError("bad vertex list") from None
        return self._go_to(after)

    def _go_to(self, after: Position) -> str:
        """The board has changed; one `undo` takes it back."""
        before = self.session.position
        self.session.go_to(after)
        self._before.append(before)
        return ""

    def _undo(self, words: list[str]) -> str:
        if not self._before:
            raise ValueError("cannot undo")
        self.session.go_to(self._before.pop())
        return ""

    def _showboard(self, words: list[str]) -> str:
        """With the letters of the vertices: games write their own, with an I."""
        game, (header, *lines) = self.session.game, self.session.position.text().split("\n")
        if as_in_go(game) and game.family != "go":
            header = "   " + " ".join(LETTERS[: game.shape[1]])
        return "\n".join(["", header, *lines])

    # Thinking

    def _to_move(self, words: list[str]) -> Position:
        """Gives the move to the colour that is named; ValueError where the game is over."""
        position = _given_to(_colour(words), self.session.position)
        if position.is_over:
            raise ValueError("the game is over")
        return position

    def _choose(self, words: list[str], watch: Watch | None = None) -> str:
        """Plays the engine's move; what it is."""
        session, before = self.session, self.session.position
        position = self._to_move(words)
        if position is not before:
            session.go_to(position)
        analysis = session.think(watch)
        session.play(analysis.action)
        self._before.append(before)
        _log.info("%d visits in %.2f s, win rate %.2f", analysis.visits, analysis.seconds, analysis.win_rate)
        return to_vertex(session.game, analysis.action)

    def _reg_genmove(self, words: list[str]) -> str:
        """Neither the board nor a clock changes."""
        position = self._to_move(words)
        engine = self.session.engine
        return to_vertex(position.game, engine.analyse(position, self.session.sims, self.session.seconds).action)

    def _stream(self, number: str, name: str, words: list[str]) -> None:
        if not (words[:1] and words[0].lower() in COLOURS):
            words = ["bw"[self.session.position.to_play], *words]
        self._to_move(words)  # refused before a `=`
        for name in {"avoid", "allow"} & set(words):  # a search of all moves would show those to be left out
            raise ValueError(f"{name} is not known here")
        self._wire.say(f"={number}")
        self._streams[name](words)
        self._wire.say("")

    def _analyse(self, words: list[str], line: Line) -> None:
        """colour [centiseconds] [key value ...]: until the next command comes."""
        line = _shorter(line, words)
        position, report = self._to_move(words), self._reporter(line, _interval(words[1:]))
        analysis = self.session.engine.analyse(
            position, seconds=MOST_ANALYSIS, watch=lambda result: report(result) or self._wire.waiting
        )
        self._wire.say(line(position.game, analysis))
        while not self._wire.waiting:
            self._wire.wait(TICK)

    def _genmove_analyse(self, words: list[str], line: Line) -> None:
        """colour [centiseconds] [key value ...]: the move at the end."""
        report = self._reporter(_shorter(line, words), _interval(words[1:]))
        self._wire.say(f"play {self._choose(words[:1], report)}")

    def _reporter(self, line: Line, interval: float) -> Watch:
        """Says how the search stands, every `interval` seconds."""
        game, last = self.session.game, time.monotonic()

        def report(result: Callable[[], Analysis]) -> bool:
            nonlocal last
            if time.monotonic() >= last + interval:
                last = time.monotonic()
                self._wire.say(line(game, result()))
            return False

        return report

    # Time

    @property
    def _unlimited(self) -> bool:
        """So the standard writes it: periods of some length, for no stone."""
        return self._settings[1] > 0 and self._settings[2] == 0

    def _new_clock(self) -> Clock:
        main, period, stones = self._settings
        if self._unlimited:
            return Clock()
        if main > 0 or stones == 0:
            return Clock(left=main if main > 0 else None, period=period, period_stones=stones)
        return Clock(left=period, stones=stones, period=period, period_stones=stones)

    def _time_settings(self, words: list[str]) -> str:
        self._settings = float(_whole(words, 0)), float(_whole(words, 1)), _whole(words, 2)
        self.session.clocks = (self._new_clock(), self._new_clock())
        return ""

    def _time_left(self, words: list[str]) -> str:
        clock, left, stones = self.session.clocks[_colour(words)], float(_whole(words, 1)), _whole(words, 2)
        if not self._unlimited:  # some tell a time, 0 say, all the same
            clock.left, clock.stones = left, stones
        return ""

    # The end

    def _final_score(self, words: list[str]) -> str:
        position = self.session.position
        if not position.is_over:
            raise ValueError("cannot score")
        points = score(position)
        return "0" if points == 0 else f"{'B' if points > 0 else 'W'}+{abs(points):g}"

    def _final_status_list(self, words: list[str]) -> str:
        """Every stone on the board counts as alive: there is no agreement about dead ones under our rules of go."""
        game, state = self.session.game, self.session.position.state
        if words not in (["alive"], ["dead"], ["seki"]):
            raise ValueError("syntax error")
        if "stones" not in (game.dtype.names or ()) or game.dtype["stones"].shape != game.shape:
            raise ValueError("cannot score")
        cells = state["stones"][0].reshape(-1).nonzero()[0] if words == ["alive"] else []
        return " ".join(to_vertex(game, int(cell)) for cell in cells)


def _resized(game: Game, size: int) -> Game:
    """The same rules on a board of another size; ValueError, as GTP says it, if there are none."""
    named = re.sub(rf"(?<=[a-z]){game.shape[0]}(?![0-9])", str(size), game.name, count=1)
    for name in (named, f"{game.family}-{size}", game.family):  # the last two: connect6-9, and connect6 itself
        with contextlib.suppress(ValueError):
            if size in (found := get(name)).shape:
                return found
    raise ValueError("unacceptable size")


def _given_to(player: int, position: Position) -> Position:
    """The position with that player to move; ValueError, one line, where the other one has to move.

    In go the move is just another's, with its past: to put in a pass for the other would end games, as two of them in
    a row do. Elsewhere who cannot move passes.
    """
    if position.to_play == player or position.is_over:
        return position
    if position.game.family == "go":
        state = position.state.copy()
        state["to_play"], state["passed"] = player, 0
        return Position(position.game, state, position.moves)
    legal = position.legal_actions
    if [position.action_text(action) for action in legal] != ["pass"]:
        raise ValueError("it is the other side's turn")
    return position.play(legal[0])


def _with_komi_of(game: Game, position: Position) -> Position:
    """A position of go in `game`, which differs in its komi; of a finished one, too, who has won."""
    state = position.state.copy()
    state["komi"] = game.initial().state["komi"]
    after = Position(game, state, position.moves)
    if after.is_over:
        points = score(after)
        state["outcome"] = DRAW if points == 0 else WIN_0 if points > 0 else WIN_1
    return after


def score(position: Position) -> float:
    """Black's lead in a finished game: by area in go, komi included; elsewhere 1 for a win, -1, or 0."""
    if position.game.family != "go":
        return outcome_value(position.outcome, 0)
    return area_lead(position.state["stones"][0]) - float(position.state["komi"][0]) / 2


def lz_line(game: Game, analysis: Analysis) -> str:
    """Win rates in 1/10000, for the side to move."""
    return " ".join(
        f"info move {to_vertex(game, c.action)} visits {c.visits} winrate {round(10000 * rate)} "
        f"prior {round(10000 * c.prior)} lcb {round(10000 * rate)} order {order} pv {pv}"
        for order, c, rate, pv in _shown(game, analysis)
    )


def kata_line(game: Game, analysis: Analysis) -> str:
    """Win rates in [0, 1], for the side to move. We know no score: the leads are 0."""
    return " ".join(
        f"info move {to_vertex(game, c.action)} visits {c.visits} utility {2 * rate - 1:.6f} "
        f"winrate {rate:.6f} scoreMean 0 scoreStdev 0 scoreLead 0 scoreSelfplay 0 prior {c.prior:.6f} "
        f"lcb {rate:.6f} utilityLcb {2 * rate - 1:.6f} order {order} pv {pv}"
        for order, c, rate, pv in _shown(game, analysis)
    )


def _shorter(line: Line, words: list[str]) -> Line:
    """With `maxmoves 5` among the words, a line of five moves at most."""
    if "maxmoves" not in words:
        return line
    most = max(_whole(words, words.index("maxmoves") + 1), 1)
    return lambda game, analysis: line(game, replace(analysis, candidates=analysis.candidates[:most]))


def _shown(game: Game, analysis: Analysis) -> list[tuple[int, Candidate, float, str]]:
    """The tried moves, the best first: order, candidate, win rate, principal variation."""
    shown = []
    for order, candidate in enumerate(analysis.candidates[:SHOWN]):
        line = analysis.variation if candidate.action == analysis.variation[0] else (candidate.action,)
        rate = candidate.win_rate if candidate.visits else analysis.win_rate
        if candidate.visits or order == 0:
            shown.append((order, candidate, rate, " ".join(to_vertex(game, action) for action in line)))
    return shown


def _colour(words: list[str]) -> int:
    if not words or words[0].lower() not in COLOURS:
        raise ValueError("syntax error")
    return COLOURS[words[0].lower()]


def _whole(words: list[str], index: int) -> int:
    if index >= len(words) or not re.fullmatch(r"[0-9]{1,9}", words[index], re.ASCII):
        raise ValueError("syntax error")
    return int(words[index])


def _real(words: list[str], index: int) -> float:
    if index >= len(words) or not re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]{0,6})?", words[index], re.ASCII):
        raise ValueError("syntax error")
    return float(words[index])


def _interval(words: list[str]) -> float:
    """Seconds, from `50` or `interval 50` (centiseconds)."""
    text = words[words.index("interval") + 1 :][:1] if "interval" in words else words[:1]
    return int(text[0]) / 100 if text and re.fullmatch(r"[1-9][0-9]{0,5}", text[0], re.ASCII) else INTERVAL
