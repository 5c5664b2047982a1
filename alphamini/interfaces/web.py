"""A game in the browser: one page, and the session behind it as JSON over HTTP, on this machine alone.

`GET /` is the page, `GET /state` the game, `GET /record` what `save` would write. Everything else is a POST with a JSON
object, answered with the state after it: play {"action"}, think (the engine moves), hint, undo, redo, resign, new
{"side"}, strength {"sims"} or {"level"}. But for the last it holds the "version" of the state that it is about, so
that no page acts on a board which it does not show. What cannot be done is a 400 with {"error": one line}, and changes
nothing. A search ends for whatever else is asked meanwhile; its own answer is an error then.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from alphamini.interfaces.table import Table

MOST_BYTES = 1000  # of a request's body
JSON = "application/json"
PAGE = files("alphamini.interfaces").joinpath("web.html").read_bytes()


class Server(ThreadingHTTPServer):
    """Serves one table to this machine's browsers. `port` 0: any that is free."""

    daemon_threads = True

    def __init__(self, table: Table, port: int):
        super().__init__(("127.0.0.1", port), _Handler)
        self.table = table
        names = ("127.0.0.1", "localhost")
        self.hosts = {f"{name}:{self.server_port}" for name in names} | set(names if self.server_port == 80 else ())

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
        self._answer_with(self._get)

    def do_POST(self) -> None:
        self._answer_with(self._post)

    def _answer_with(self, find: Callable[[], _Answer]) -> None:
        try:
            answer = find()
        except (ConnectionError, TimeoutError):
            raise
        except ValueError as error:
            answer = _refusal(HTTPStatus.BAD_REQUEST, str(error))
        except Exception as error:  # a user's game may fail in any way, an engine for want of memory
            answer = _refusal(HTTPStatus.INTERNAL_SERVER_ERROR, " ".join(f"{type(error).__name__}: {error}".split()))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        for name, value in (
            ("Content-Length", str(len(answer.content))),
            ("Cache-Control", "no-store"),
            ("X-Frame-Options", "DENY"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.content)

    def _get(self) -> _Answer:
        if not self._from_here():
            return self._elsewhere()
        if self.path == "/":
            return _Answer(PAGE, {"Content-Type": "text/html; charset=utf-8"})
        if self.path == "/state":
            return _json(self.server.table.state)
        if self.path == "/record":
            name, content = self.server.table.record()
            disposition = f'attachment; filename="{name}"'
            return _Answer(content, {"Content-Type": "application/octet-stream", "Content-Disposition": disposition})
        return _refusal(HTTPStatus.NOT_FOUND, "there is no such page")

    def _post(self) -> _Answer:
        if not self._from_here():
            return self._elsewhere()
        if self.headers.get("Content-Type") != JSON:  # which no other site's form or link can send
            return _refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {JSON}")
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"\d{1,9}", length) or int(length) > MOST_BYTES:
            return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"send {MOST_BYTES} bytes at most")
        try:
            said = json.loads(self.rfile.read(int(length)))
        except RecursionError:
            said = None
        if not isinstance(said, dict):
            raise ValueError("send a JSON object")
        return _json(self.server.table.obey(self.path[1:], said))

    def _from_here(self) -> bool:
        """Only pages of ours may ask: a name of somebody else's that leads here (DNS rebinding) is refused."""
        return self.headers.get("Host") in self.server.hosts

    def _elsewhere(self) -> _Answer:
        return _refusal(HTTPStatus.FORBIDDEN, f"the page is at {self.server.address}")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is not for requests."""


@dataclass(frozen=True)
class _Answer:
    content: bytes
    headers: dict[str, str]
    status: HTTPStatus = HTTPStatus.OK


def _json(content: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> _Answer:
    return _Answer(json.dumps(content).encode(), {"Content-Type": JSON}, status)


def _refusal(status: HTTPStatus, why: str) -> _Answer:
    return _json({"error": why}, status)
