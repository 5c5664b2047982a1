"""Gomocup's protocol, which Piskvork speaks: https://plastovicka.github.io/protocl2en.htm

INFO has no answer, whatever it says: a manager would take an ERROR for the answer to its next command. What cannot be
played is said when a move is asked for.

SWAP2BOARD: https://gomocup.org/news/experimental-tournament-update-2020/
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Iterable

from alphamini import __version__
from alphamini.arena.command import RULES
from alphamini.arena.coordinates import from_xy, to_xy
from alphamini.interfaces import swap2
from alphamini.interfaces.clock import Clock
from alphamini.interfaces.door import Wire
from alphamini.interfaces.engine import Analysis
from alphamini.interfaces.provider import Engines
from alphamini.interfaces.session import SIDES, Session
from alphamini.search.search import MAX_SIMS
from games import Position, get

OWN, OPPONENT = 1, 2  # fields of BOARD
ORDERS = 100  # of its stones, to be tried
_log = logging.getLogger(__name__)


class Gomocup:
    """Obeys one line after another; answers go to `say`. What cannot be done is ERROR and changes nothing."""

    def __init__(self, engines: Engines, wire: Wire, seconds: float):
        """`seconds`: a move's time until the manager sets one."""
        self.session: Session | None = None  # until START
        self._engines, self._wire, self._say = engines, wire, wire.say
        self._clock = Clock(turn=seconds)
        self._match: float | None = None  # seconds that a game begins with
        self._rule = 0
        self._unplayable = ""  # why no move can be made by the rule that INFO has set, on the board that there is
        self._own = 0  # the player that we are, once there are stones
        self._nodes: int | None = None
        self._block: list[str] | None = None  # the lines of a BOARD or SWAP2BOARD that is coming in
        self._end_block: Callable[[list[str]], None] = self._board
        self._rng = random.Random()
        self._commands: dict[str, Callable[[str], None]] = {
            "START": self._start,
            "RECTSTART": self._rectstart,
            "RESTART": self._restart,
            "BEGIN": self._begin,
            "TURN": self._turn,
            "BOARD": lambda rest: self._begin_block(rest, self._board),
            "SWAP2BOARD": lambda rest: self._begin_block(rest, self._swap2),
            "TAKEBACK": self._takeback,
            "INFO": self._info,
            "ABOUT": self._about,
        }
        self._infos: dict[str, Callable[[int], None]] = {
            "timeout_turn": self._info_turn,
            "timeout_match": self._info_match,
            "time_left": self._info_left,
            "max_memory": lambda value: self._engines.limit_memory(value if value > 0 else None),
            "max_node": self._info_nodes,
            "rule": self._info_rule,
        }

    def obey(self, line: str) -> bool:
        """False after END."""
        word, _, rest = line.strip().partition(" ")
        word = word.upper()
        if word == "END":
            return False
        try:
            if self._block is not None:
                self._add_to_block(line.strip())
            elif word in self._commands:
                self._commands[word](rest)
            elif word:
                _log.warning("unknown command %r", line[:60])
                self._say("UNKNOWN command")
        except ValueError as error:
            _log.warning("%r: %s", line[:60], error)
            self._say(f"ERROR {error}")
        return True

    # A board

    def _start(self, rest: str) -> None:
        self._open(_whole(rest, "START needs a size"), self._rule)
        self._say("OK")

    def _rectstart(self, rest: str) -> None:
        match = re.fullmatch(r"\s*([0-9]{1,9})\s*,\s*([0-9]{1,9})\s*", rest)
        if not match:
            raise ValueError("RECTSTART needs a width and a height as w,h")
        if int(match[1]) != int(match[2]):
            raise ValueError("only square boards")
        self._start(match[1])

    def _open(self, size: int, rule: int) -> None:
        """A new session on an empty board; ValueError if there is no such game."""
        suffix = next((suffix for suffix, number in RULES.items() if number == rule), None)
        if suffix is None:
            raise ValueError(f"no rule {rule}; there are 0 (five or more), 1 (exactly five) and 4 (renju)")
        try:
            game = get(f"gomoku{size}{suffix}")
        except ValueError:
            raise ValueError(f"no board of size {size} with rule {rule}") from None
        self._engines.get(game)  # loaded before we say that all is well, at nobody's cost
        self.session = Session(game, lambda: self._engines.get(game), SIDES["both"], sims=self._nodes)
        self.session.clocks = (self._clock, self._clock)
        self._rule, self._unplayable = rule, ""
        self._clock.left, self._clock.late = self._match, 0.0

    def _opened(self) -> Session:
        if self.session is None:
            raise ValueError("no board yet: START comes first")
        if self._unplayable:
            raise ValueError(self._unplayable)
        return self.session

    def _restart(self, rest: str) -> None:
        self._open(self._opened().game.shape[0], self._rule)
        self._say("OK")

    # Moves

    def _begin(self, rest: str) -> None:
        if self._opened().position.moves:
            raise ValueError("BEGIN needs an empty board")
        self._answer()

    def _turn(self, rest: str) -> None:
        session = self._opened()
        position = session.position
        if position.moves and position.to_play == self._own and not session.is_over:  # after an odd number of TAKEBACKs
            raise ValueError("it is not the opponent's turn")
        session.go_to(_play_all(position, [from_xy(session.game, rest)]))
        self._answer()

    def _answer(self) -> None:
        """Plays a move; only says so where the game is over."""
        session = self._opened()
        self._own = session.position.to_play
        if session.is_over:
            self._say("MESSAGE the game is over")
            return
        meanwhile = _Meanwhile(self._wire)
        analysis = session.think(meanwhile)
        if meanwhile.ended:  # nothing may be said any more
            return
        session.play(analysis.action)
        self._say(to_xy(session.game, analysis.action))
        _log.info("%d visits in %.2f s, win rate %.2f", analysis.visits, analysis.seconds, analysis.win_rate)

    def _takeback(self, rest: str) -> None:
        session = self._opened()
        if session.position.last_action != from_xy(session.game, rest):
            raise ValueError("that is not the last move")
        session.undo()
        self._say("OK")

    def _begin_block(self, rest: str, end: Callable[[list[str]], None]) -> None:
        self._block, self._end_block = [], end

    def _add_to_block(self, line: str) -> None:
        assert self._block is not None
        if line.upper() != "DONE":
            if line and len(self._block) <= 400:  # one too many is enough to be refused
                self._block.append(line)
            return
        block, self._block = self._block, None
        self._end_block(block)

    def _board(self, lines: list[str]) -> None:
        session = self._opened()
        stones: list[tuple[int, int]] = []
        for line in lines:
            cell, _, field = line.rpartition(",")
            if field.strip() not in (str(OWN), str(OPPONENT)):
                raise ValueError("BOARD needs lines as x,y,1 (own) or x,y,2 (opponent's)")
            stones.append((from_xy(session.game, cell), int(field)))
        start = time.perf_counter()
        session.go_to(_in_turn(session.game.initial(), stones))
        self._clock.late += time.perf_counter() - start  # the move's time runs while the stones are put into an order
        self._answer()

    def _swap2(self, lines: list[str]) -> None:
        session = self._opened()
        if len(lines) not in swap2.STONES:
            raise ValueError("SWAP2BOARD needs no stones, 3 or 5")
        position = _play_all(session.game.initial(), [from_xy(session.game, line) for line in lines])
        meanwhile = _Meanwhile(self._wire)
        actions = swap2.answer(session, position, self._rng, meanwhile)
        if not meanwhile.ended:
            self._say(" ".join(to_xy(session.game, action) for action in actions) or "SWAP")

    # Settings

    def _info(self, rest: str) -> None:
        key, _, value = rest.strip().partition(" ")
        if key.lower() not in self._infos:
            _log.info("INFO %s changes nothing here", key[:60])
            return
        try:
            self._infos[key.lower()](_whole(value, "not a whole number"))
        except ValueError as error:
            _log.warning("INFO %s changes nothing: %s", rest[:60], error)

    def _info_turn(self, milliseconds: int) -> None:
        self._clock.turn = max(milliseconds, 0) / 1000

    def _info_match(self, milliseconds: int) -> None:
        self._match = milliseconds / 1000 if milliseconds > 0 else None
        self._clock.left = self._match

    def _info_left(self, milliseconds: int) -> None:
        self._clock.left = max(milliseconds, 0) / 1000

    def _info_nodes(self, nodes: int) -> None:
        self._nodes = min(nodes, MAX_SIMS) if nodes > 0 else None
        if self.session is not None:
            self.session.sims = self._nodes

    def _info_rule(self, rule: int) -> None:
        """Holds at once on an empty board, else from the next one on."""
        if rule == self._rule:
            return
        self._rule = rule
        if self.session is not None and not self.session.position.moves:
            start, left = time.perf_counter(), self._clock.left
            try:
                self._open(self.session.game.shape[0], rule)
            except ValueError as error:
                self._unplayable = str(error)
            # If the manager goes on at once, the first move's time runs while an engine for the rule is loaded.
            self._clock.left, self._clock.late = left, time.perf_counter() - start if self._wire.waiting else 0.0

    def _about(self, rest: str) -> None:
        self._say(f'name="alphamini", version="{__version__}", author="the alphamini project", country="-"')


class _Meanwhile:
    """Watches a search: END ends it, and so does an `INFO timeout_turn` of time that has passed, Piskvork's "move now".

    Lines that were there before the search are a conversation out of a file, to be answered one after another.
    """

    def __init__(self, wire: Wire):
        self._wire, self._start, self._all_there = wire, time.perf_counter(), wire.waiting

    def __call__(self, result: Callable[[], Analysis]) -> bool:
        passed = 1000 * (time.perf_counter() - self._start)
        limits = [re.fullmatch(r"INFO +TIMEOUT_TURN +([0-9]{1,9})", line) for line in self._lines()]
        return self.ended or any(limit and int(limit[1]) <= passed for limit in limits)

    @property
    def ended(self) -> bool:
        return "END" in self._lines()

    def _lines(self) -> list[str]:
        return [] if self._all_there else [line.strip().upper() for line in self._wire.ahead()]


def _whole(text: str, message: str) -> int:
    if not re.fullmatch(r"\s*-?[0-9]{1,100}\s*", text, re.ASCII):
        raise ValueError(message)
    return int(text)


def _play_all(position: Position, actions: Iterable[int]) -> Position:
    """The position after these moves; ValueError, which names the cell as the protocol does, if one is not legal."""
    for action in actions:
        if not position.is_over and action not in position.legal_actions:
            raise ValueError(f"{to_xy(position.game, action)} is not legal here")
        position = position.play(action)
    return position


def _in_turn(start: Position, stones: list[tuple[int, int]]) -> Position:
    """The position with these stones (action, field) in which the opponent has moved last: in the order in which they
    came where that alternates, else in turn, in some order in which the game goes on: on the way to six in a row there
    may be five. ValueError where the numbers do not fit or a stone is not legal."""
    own = [action for action, field in stones if field == OWN]
    opponent = [action for action, field in stones if field == OPPONENT]
    ahead = len(opponent) - len(own)
    if ahead not in (0, 1):
        raise ValueError(f"{len(own)} own stones and {len(opponent)} of the opponent's: it is not our turn")
    first, second = (opponent, own) if ahead else (own, opponent)
    fields = [field for _, field in stones]
    if fields == [OPPONENT if (i + ahead) % 2 else OWN for i in range(len(fields))]:
        return _play_all(start, [action for action, _ in stones])
    wrong = ""
    for seed in range(ORDERS):
        try:
            return _play_all(start, [(first, second)[i % 2][i // 2] for i in range(len(stones))])
        except ValueError as error:
            wrong = wrong or str(error)
        for side in (first, second):
            random.Random(seed).shuffle(side)
    raise ValueError(wrong)
