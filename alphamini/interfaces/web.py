"""A game in the browser: one page, and the session behind it as JSON over HTTP, on this machine alone.

`GET /` is the page, `GET /state` the game, `GET /record` what `save` would write. Everything else is a POST with a JSON
object, answered with the state after it: play {"action"}, think (the engine moves), hint, undo, redo, resign, new
{"side"}, strength {"sims"} or {"level"}. What cannot be done is a 400 with {"error": one line} and changes nothing.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphamini.arena.levels import Levels
from alphamini.interfaces.engine import Analysis
from alphamini.interfaces.session import SIDES, Session
from alphamini.interfaces.words import pace_text, proof_text
from alphamini.records import sgf
from alphamini.search.search import MAX_SIMS
from games import Game, Position

LOOKS = {"gomoku": "lines", "connect6": "lines", "go": "lines", "hex": "hexagons"}  # of a family's board; else squares
TURNED = {"breakthrough"}  # families whose planes show player 1 the board upside down
MOST_BYTES = 1000  # of a request's body
JSON = "application/json"
PAGE = files("alphamini.interfaces").joinpath("web.html").read_bytes()


class Table:
    """A session as JSON. Not for several threads at once."""

    def __init__(self, session: Session, levels: Callable[[], Levels]):
        """`levels`: the rated strengths of the engine's net, ValueError with one line where there are none."""
        self._session, self._levels = session, levels
        self._fixed = _look(session.game) | {"levels": self._rated()}
        self._commands: dict[str, Callable[[dict[str, Any]], Analysis | None]] = {
            "play": lambda said: session.play(_whole(said, "action")),
            "think": lambda said: self._think(),
            "hint": lambda said: session.analyse(),
            "undo": lambda said: session.undo(),
            "redo": lambda said: session.redo(),
            "resign": lambda said: session.resign(),
            "new": self._new,
            "strength": self._set_strength,
        }

    def obey(self, command: str, said: dict[str, Any]) -> dict[str, Any]:
        """Does it; the state after it, with the search's view where it has searched. ValueError, one line, where it
        cannot be done."""
        if command not in self._commands:
            raise ValueError("there is no such command")
        analysis = self._commands[command](said)
        return self.state() | ({"analysis": self._view(analysis)} if analysis else {})

    def state(self) -> dict[str, Any]:
        session, position = self._session, self._session.position
        legal = [] if session.is_over else [_place(session.game, action) for action in position.legal_actions]
        return self._fixed | {
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
        name = game.name + (".sgf" if game.family in sgf.FAMILIES.values() else ".txt")
        return name, self._session.record(name)

    def _think(self) -> Analysis:
        if not self._session.engine_moves_next:
            raise ValueError("it is not the engine's turn")
        analysis = self._session.think()
        self._session.play(analysis.action)
        return analysis

    def _new(self, said: dict[str, Any]) -> None:
        side = said.get("side")
        if side is not None:
            if side not in SIDES:
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
        if isinstance(level, bool) or not isinstance(level, int | float):
            raise ValueError("strength needs sims or a level")
        session.strength = self._levels().at(level)

    def _view(self, analysis: Analysis) -> dict[str, Any]:
        game = self._session.game
        return {
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
    rows = [row for row in lines if len(row) == game.shape[1]]  # the others name columns, or say more
    if len(rows) != game.shape[0]:
        raise ValueError(f"{game.name} writes its board in a way that this page cannot show")
    return np.array(rows, np.int8)


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


class Server(ThreadingHTTPServer):
    """Serves one table to this machine's browsers. `port` 0: any that is free."""

    daemon_threads = True

    def __init__(self, table: Table, port: int):
        super().__init__(("127.0.0.1", port), _Handler)
        self.table, self.lock = table, threading.Lock()  # browsers open several connections, the table is for one
        self.hosts = {f"{host}:{self.server_port}" for host in ("127.0.0.1", "localhost")}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that has gone away is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = 60  # seconds that a silent browser may hold its connection

    def do_GET(self) -> None:
        if not self._from_here():
            return
        if self.path == "/":
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", PAGE)
        elif self.path == "/state":
            with self.server.lock:
                state = self.server.table.state()
            self._answer_json(HTTPStatus.OK, state)
        elif self.path == "/record":
            with self.server.lock:
                name, content = self.server.table.record()
            disposition = f'attachment; filename="{name}"'
            self._answer(HTTPStatus.OK, "application/octet-stream", content, {"Content-Disposition": disposition})
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")

    def do_POST(self) -> None:
        if not self._from_here():
            return
        if self.headers.get("Content-Type") != JSON:  # which no other site's form or link can send
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {JSON}")
            return
        try:
            said = json.loads(self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MOST_BYTES)))
            if not isinstance(said, dict):
                raise ValueError("send a JSON object")
            with self.server.lock:
                state = self.server.table.obey(self.path[1:], said)
        except ValueError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        else:
            self._answer_json(HTTPStatus.OK, state)

    def _from_here(self) -> bool:
        """Only pages of ours may ask: a name of somebody else's that leads here (DNS rebinding) is refused."""
        if self.headers.get("Host") in self.server.hosts:
            return True
        self._refuse(HTTPStatus.FORBIDDEN, f"the page is at {self.server.address}")
        return False

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._answer_json(status, {"error": why})

    def _answer_json(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        self._answer(status, JSON, json.dumps(content).encode())

    def _answer(self, status: HTTPStatus, kind: str, content: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **(more or {})}.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is not for requests."""
