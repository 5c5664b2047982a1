"""A game in the terminal: text in, boards out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

from alphamini.arena.levels import Levels
from alphamini.interfaces.engine import Analysis, Watch
from alphamini.interfaces.session import Session
from alphamini.interfaces.words import count, pace_text, proof_text, strength_text
from alphamini.search.search import MAX_SIMS

HINT_MOVES = 5
LINE_MOVES = 8
LIVE_WIDTH = 79  # of a line that is overwritten: a terminal would not go back over two
LIVE_SECONDS, LOG_SECONDS = 0.2, 1.0  # between two views of a search, overwritten or line by line
ERASE = "\r\x1b[K"
HELP = """\
  {example:<10} plays that move
  hint       what the search thinks: visits, win rate, prior
  undo       takes back your last move and the answer to it
  redo       plays again what was taken back
  moves      the moves so far
  sims N     so many simulations a move for the engine
  level ELO  the engine plays at about that rating; level off: by sims or time again
  analysis on | off  its view while it thinks: win rate, visits, the line it expects
  resign     gives the game up
  new        begins another game
  save FILE  writes the game to a file: .sgf, .psq (gomoku), else plain moves
  load FILE  goes on with a game from a file
  help       this list
  quit       leaves (so do Ctrl-D and Ctrl-C)"""
MOVES_A_LINE = 10


class _Quit(Exception):
    """The user wants to leave."""


class Terminal:
    """Runs a session on `read` (a prompt in, a line out; EOFError at the end) and `out`.

    `live`: a person looks at `out`, so lines may be overwritten; `colour`: it shows colours. `levels`: the rated
    strengths of the engine's net, ValueError with one line where there are none.
    """

    def __init__(
        self,
        session: Session,
        read: Callable[[str], str],
        out: TextIO,
        live: bool = False,
        colour: bool = False,
        levels: Callable[[], Levels] | None = None,
    ):
        self._levels, self._analysis = levels, False
        self._session, self._read, self._out, self._live, self._colour = session, read, out, live, colour
        legal = session.game.initial().legal_actions
        self._example = session.game.action_text(legal[len(legal) // 2])
        self._commands: dict[str, Callable[[], None]] = {
            "hint": self._hint,
            "undo": lambda: self._change(session.undo),
            "redo": lambda: self._change(session.redo),
            "moves": self._moves,
            "resign": self._resign,
            "new": lambda: self._change(session.new),
            "help": lambda: self._say(HELP.format(example=self._example)),
            "?": lambda: self._say(HELP.format(example=self._example)),
            "quit": self._quit,
            "exit": self._quit,
        }
        self._with_a_word: dict[str, tuple[Callable[[str], None], str]] = {  # what each does, and what it needs
            "save": (lambda name: self._say(f"saved in {session.save(name)}"), "the name of a file"),
            "load": (lambda name: self._change(lambda: session.load(name)), "the name of a file"),
            "sims": (self._set_sims, f"a whole number from 1 to {MAX_SIMS}"),
            "level": (self._set_level, "a rating in Elo, or off"),
            "analysis": (self._set_analysis, "on or off"),
        }

    def run(self) -> None:
        """Plays until somebody leaves."""
        self._say(f"A move is like {self._example}; help lists what else there is.")
        try:
            self._show_unless_it_changes()
            while True:
                if self._session.engine_moves_next:
                    self._engine_move()
                else:
                    self._obey(self._read(self._prompt()).strip())
        except _Quit:
            pass
        except (EOFError, KeyboardInterrupt):
            self._say("")  # ends the line that the prompt began
        self._say("bye")

    def _obey(self, line: str) -> None:
        """Does what `line` says, or says why not."""
        word, _, rest = line.partition(" ")
        word, rest = word.lower(), rest.strip()
        try:
            if word in self._with_a_word:
                do, need = self._with_a_word[word]
                if not rest:
                    raise ValueError(f"{word} needs {need}")
                do(rest)
            elif word in self._commands:
                if rest:
                    raise ValueError(f"{word} takes nothing after it")
                self._commands[word]()
            elif line:
                self._human_move(line)
        except OSError as error:
            self._say(f"{error.strerror or error}: {rest}")
        except ValueError as error:
            self._say(str(error))

    def _quit(self) -> None:
        raise _Quit

    def _human_move(self, line: str) -> None:
        session = self._session
        try:
            action = session.position.parse_action(line)
        except ValueError as error:
            raise ValueError(f"{error}; help lists the commands") from None
        self._change(lambda: session.play(action))

    def _change(self, change: Callable[[], None]) -> None:
        change()
        self._show_unless_it_changes()

    def _engine_move(self) -> None:
        mover = self._side(self._session.position.to_play)
        analysis = self._watched(self._session.think)
        text = self._session.game.action_text(analysis.action)
        self._session.play(analysis.action)
        self._say(f"{mover} plays {text} ({self._view(analysis)})")
        self._show()

    def _hint(self) -> None:
        analysis = self._watched(self._session.analyse)
        text = self._session.game.action_text
        self._say(f"hint: {text(analysis.action)} ({self._view(analysis)})")
        self._say("  move  visits  prior  win rate")
        for candidate in analysis.candidates[:HINT_MOVES]:
            if candidate.visits or candidate.proof:
                value = proof_text(candidate.proof) or f"{candidate.win_rate:.1%}"
            else:
                value = "-"
            prior = f"{candidate.prior:.1%}" if candidate.prior > 0 else "-"
            self._say(f"  {text(candidate.action):>4}  {candidate.visits:6d}  {prior:>5}  {value:>8}")
        self._say(f"  inference: {self._session.about()}")

    def _watched(self, search: Callable[[Watch | None], Analysis]) -> Analysis:
        """A search, with its view shown meanwhile where that is wanted."""
        if self._live:
            self._out.write("thinking ...")
            self._out.flush()
        try:
            return search(self._live_view() if self._analysis else None)
        finally:
            if self._live:
                self._out.write(ERASE)

    def _live_view(self) -> Watch:
        interval, last = LIVE_SECONDS if self._live else LOG_SECONDS, time.monotonic()

        def show(result: Callable[[], Analysis]) -> bool:
            nonlocal last
            if time.monotonic() >= last + interval:
                last = time.monotonic()
                view = self._view(result())
                self._out.write(f"{ERASE}{view[:LIVE_WIDTH]}" if self._live else f"  {view}\n")
                self._out.flush()
            return False

        return show

    def _view(self, analysis: Analysis) -> str:
        """The search's view on one line."""
        verdict = proof_text(analysis.proof) or f"win rate {analysis.win_rate:.0%}"
        line = " ".join(self._session.game.action_text(action) for action in analysis.variation[:LINE_MOVES])
        return f"{verdict}, {count(analysis.visits, 'visit', 'visits')}, {analysis.seconds:.2f} s, line {line}"

    def _moves(self) -> None:
        position = self._session.position
        words = [f"{number}. {position.action_text(action)}" for number, action in enumerate(position.moves, 1)]
        for i in range(0, len(words), MOVES_A_LINE):
            self._say("  ".join(words[i : i + MOVES_A_LINE]))
        if not words:
            self._say("no moves yet")

    def _set_sims(self, text: str) -> None:
        if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MAX_SIMS and len(text) < 9):
            raise ValueError(f"sims needs {self._with_a_word['sims'][1]}")
        session = self._session
        session.sims, session.seconds, session.strength = int(text), None, None
        self._say(pace_text(session))

    def _set_level(self, text: str) -> None:
        if text.lower() == "off":
            self._session.strength = None
            self._say(pace_text(self._session))
            return
        try:
            elo = float(text)
        except ValueError:
            raise ValueError(f"level needs {self._with_a_word['level'][1]}") from None
        if self._levels is None:
            raise ValueError("there are no ratings for levels here")
        self._session.strength = self._levels().at(elo)
        self._say(f"level {elo:g}: {strength_text(self._session.strength)}")

    def _set_analysis(self, text: str) -> None:
        if text.lower() not in ("on", "off"):
            raise ValueError("analysis needs on or off")
        self._analysis = text.lower() == "on"
        self._say(f"analysis is {text.lower()}")

    def _resign(self) -> None:
        self._session.resign()
        self._show_result()

    def _show_unless_it_changes(self) -> None:
        """The engine's next move shows the board too."""
        if not self._session.engine_moves_next:
            self._show()

    def _show(self) -> None:
        self._say(f"\n{self._session.position.text(self._colour)}\n")
        if self._session.is_over:
            self._show_result()

    def _show_result(self) -> None:
        winner = self._session.winner
        if winner is None:
            result = "A draw"
        else:
            reason = f"{self._side(1 - winner)} resigns, " if self._session.resigned else ""
            result = f"{reason}{self._side(winner)} wins"
        undo = "undo, " if self._session.humans else ""
        self._say(f"{result}. What now: {undo}new, save FILE or quit?")

    def _prompt(self) -> str:
        return "game over> " if self._session.is_over else f"{self._side(self._session.position.to_play)}> "

    def _side(self, player: int) -> str:
        """What people call a player, and the sign on the board."""
        name, sign = self._session.game.sides[player], "xo"[player]
        return name if name == sign else f"{name} ({sign})"

    def _say(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()  # somebody may be watching through a pipe
