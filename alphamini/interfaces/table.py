"""A session as JSON, for pages: what of the game they show, and what they can ask for."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphamini.arena.levels import Levels
from alphamini.interfaces.engine import Analysis, Watch
from alphamini.interfaces.session import SIDES, Session
from alphamini.interfaces.words import pace_text, proof_text
from alphamini.records import sgf
from alphamini.search.search import MAX_SIMS
from games import Game, Position

# How a family's board looks; else it has squares.
LOOKS = {"gomoku": "lines", "renju": "lines", "connect6": "lines", "go": "lines", "hex": "hexagons"}
TURNED = {"breakthrough"}  # families whose planes show player 1 the board upside down
QUIET = ("hint", "strength")  # those that leave it as it is
MOST_ELO = 10_000  # no rating is further from 0


class Table:
    """A session as JSON, for several threads at once."""

    def __init__(self, session: Session, levels: Callable[[], Levels]):
        """`levels`: the rated strengths of the engine's net, ValueError with one line where there are none."""
        self._session, self._levels = session, levels
        self._fixed = _look(session.game) | {"levels": self._rated()}
        self._commands: dict[str, Callable[[dict[str, Any]], Analysis | None]] = {
            "play": self._play,
            "think": lambda said: self._think(),
            "hint": lambda said: self._searched(session.analyse),
            "undo": lambda said: session.undo(),
            "redo": lambda said: session.redo(),
            "resign": lambda said: self._resign(),
            "new": self._new,
            "strength": self._set_strength,
        }
        self._one = threading.Lock()  # a command at a time
        self._counting, self._waiting = threading.Lock(), 0  # commands that a search has to end for
        self._closed = False
        self._version = secrets.randbits(31)  # not that of a program before, whose page may still be open
        _try_board(session.game)
        self.state = self._read()  # as after the last command; nobody waits for a search to see it

    def obey(self, command: str, said: dict[str, Any]) -> dict[str, Any]:
        """Does it; the state after it, with the search's view where it has searched. ValueError, one line, where it
        cannot be done."""
        if command not in self._commands:
            raise ValueError("there is no such command")
        urgent = command != "think"  # two pages that watch a game would only disturb each other
        self._count(urgent)
        with self._one:
            self._count(-urgent)
            if self._closed:
                raise ValueError("the program is ending")
            if command != "strength" and said.get("version") != self._version:
                raise ValueError("the game has gone on meanwhile")
            mover = self._session.position.to_play
            analysis = self._commands[command](said)
            self._version += command not in QUIET
            self.state = self._read()
            return self.state | ({"analysis": self._view(analysis, mover)} if analysis else {})

    def close(self) -> None:
        """Ends the search that may be going on, and comes back when it has ended."""
        self._closed = True
        with self._one:
            pass

    def _count(self, more: int) -> None:
        with self._counting:
            self._waiting += more

    def _read(self) -> dict[str, Any]:
        session, position = self._session, self._session.position
        legal = [] if session.is_over else [_place(session.game, action) for action in position.legal_actions]
        return self._fixed | {
            "version": self._version,
            "cells": _stones(position).reshape(-1).tolist(),
            "last": _last_cell(position),
            "moves": [position.action_text(action) for action in position.moves],
            "to_play": position.to_play,
            "legal": legal,
            "over": session.is_over,
            "winner": session.winner,
            "resigned": session.resigned,
            "engine_next": session.engine_moves_next,
            "humans": sorted(session.humans),
            "pace": pace_text(session),
        }

    def _rated(self) -> tuple[int, int] | None:
        """The least and the most Elo of the levels; None where there are none."""
        try:
            least, most = self._levels().range
        except ValueError:
            return None
        return ceil(least), floor(most)

    def record(self) -> tuple[str, bytes]:
        """The game as a file: its name, and what it holds."""
        game = self._session.game
        name = game.name + (".sgf" if game.family in sgf.NUMBERS else ".txt")
        return name, self._session.record(name)

    def _play(self, said: dict[str, Any]) -> None:
        action = _whole(said, "action")
        if self._session.engine_moves_next:
            raise ValueError("it is the engine's turn")
        self._session.play(action)

    def _resign(self) -> None:
        if self._session.engine_moves_next:  # else it would be the engine that gives up
            raise ValueError("it is the engine's turn")
        self._session.resign()

    def _think(self) -> Analysis:
        if not self._session.engine_moves_next:
            raise ValueError("it is not the engine's turn")
        analysis = self._searched(self._session.think)
        self._session.play(analysis.action)
        return analysis

    def _searched(self, search: Callable[[Watch], Analysis]) -> Analysis:
        stopped = False

        def watch(result: Callable[[], Analysis]) -> bool:
            nonlocal stopped
            stopped = self._closed or self._waiting > 0
            return stopped

        analysis = search(watch)
        if stopped:
            raise ValueError("the search was stopped")
        return analysis

    def _new(self, said: dict[str, Any]) -> None:
        side = said.get("side")
        if side is not None:
            if not isinstance(side, str) or side not in SIDES:
                raise ValueError(f"side must be one of {', '.join(SIDES)}")
            self._session.humans = SIDES[side]
        self._session.new()

    def _set_strength(self, said: dict[str, Any]) -> None:
        session = self._session
        if "sims" in said:
            sims = _whole(said, "sims")
            if not 1 <= sims <= MAX_SIMS:
                raise ValueError(f"sims must be from 1 to {MAX_SIMS}")
            session.sims, session.seconds, session.strength = sims, None, None
            return
        level = said.get("level")
        if isinstance(level, bool) or not isinstance(level, int | float) or not abs(level) < MOST_ELO:
            raise ValueError("strength needs sims or a level")
        session.strength = self._levels().at(level)

    def _view(self, analysis: Analysis, mover: int) -> dict[str, Any]:
        game = self._session.game
        return {
            "mover": mover,
            "text": game.action_text(analysis.action),
            "win_rate": analysis.win_rate,
            "proof": proof_text(analysis.proof),
            "visits": analysis.visits,
            "seconds": analysis.seconds,
            "line": [game.action_text(action) for action in analysis.variation],
            "about": self._session.about(),
            "candidates": [
                _place(game, candidate.action)
                | {
                    "visits": candidate.visits,
                    "win_rate": candidate.win_rate if candidate.visits else None,
                    "prior": candidate.prior,
                    "proof": proof_text(candidate.proof),
                }
                for candidate in analysis.candidates
            ],
        }


def _look(game: Game) -> dict[str, Any]:
    """What of the board never changes. Columns and rows are named as the game's moves name them."""
    height, width = game.shape
    columns, rows = [""] * width, [""] * height
    for action in range(game.num_actions - game.extra_actions):
        text, cell = game.action_text(action), _place(game, action)["cell"]
        if game.policy == "columns":
            columns[action] = text
        elif name := re.match(r"([a-z]+)(\d+)", text):  # of the cell: a move may name more than one
            columns[cell % width], rows[cell // width] = name.groups()
    return {
        "game": game.name,
        "look": LOOKS.get(game.family, "squares"),
        "height": height,
        "width": width,
        "by_column": game.policy == "columns",
        "action_planes": game.action_planes,
        "columns": columns,
        "rows": rows,
        "sides": game.sides,
    }


def _place(game: Game, action: int) -> dict[str, Any]:
    """An action as the page shows it. `cell`: where on the board, row by row from the top (the top of its column where
    columns are what is chosen); None: nowhere."""
    height, width = game.shape
    plane, cell = divmod(action, height * width)
    if action >= game.num_actions - game.extra_actions:
        return {"action": action, "text": game.action_text(action), "cell": None}
    if game.family in TURNED and plane >= game.action_planes // 2:  # player 1's
        cell = (height - 1 - cell // width) * width + cell % width
    return {"action": action, "text": game.action_text(action), "cell": cell}


def _stones(position: Position) -> NDArray[np.int8]:
    """i1[H, W]: 0 empty, 1 player 0, 2 player 1: as the board is written for people, the one view that all games share."""
    game = position.game
    lines = ([".xo".index(sign) for sign in line if sign in ".xo"] for line in position.text().splitlines())
    rows = [row for row in lines if len(row) == game.shape[1]]  # others name columns, or say more
    if len(rows) < game.shape[0]:
        raise ValueError(f"{game.name} writes its board in a way that this page cannot show")
    return np.array(rows[: game.shape[0]], np.int8)


def _try_board(game: Game) -> None:
    """ValueError, one line, unless the page can show a move: said before a game has begun."""
    start = game.initial()
    for position in (start, start.play(start.legal_actions[0])):
        _stones(position)


def _last_cell(position: Position) -> int | None:
    """Where the last move's stone stands; None where none was placed."""
    game, before, action = position.game, position.previous, position.last_action
    if before is None or action is None or action >= game.num_actions - game.extra_actions:
        return None
    if game.policy == "cells" and game.action_planes == 1:
        return action
    colour = 1 + before.to_play
    came = np.flatnonzero((_stones(position) == colour) & (_stones(before) != colour))
    return int(came[0]) if len(came) else None


def _whole(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number")
    return value
