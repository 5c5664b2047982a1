"""The page's server: games over HTTP, and what it refuses."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

import numpy as np
import pytest

import games
from alphamini.arena.levels import Levels, Strength
from alphamini.interfaces.engine import Engine
from alphamini.interfaces.session import SIDES, Session
from alphamini.interfaces.web import JSON, Server, Table
from alphamini.model.evaluators import RandomRollouts
from alphamini.records import read_record

GAMES = ["tictactoe", "connect4", "gomoku15", "connect6-7", "othello6", "breakthrough6", "hex5-swap", "go5"]


def no_levels() -> Levels:
    raise ValueError("no ratings")


def table(name: str, side: str = "both", sims: int = 20) -> Table:
    game = games.get(name)
    engine = Engine(game, evaluator=RandomRollouts(game, 0), sims=sims)
    return Table(Session(game, lambda: engine, SIDES[side], sims), no_levels)


class Browser:
    """Requests to a server, each over a connection of its own."""

    def __init__(self, server: Server):
        self.port = server.server_port

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        if body is not None:
            headers.setdefault("Content-Type", JSON)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.status, answer.read()
        connection.close()
        return content

    def post(self, command: str, **said: object) -> tuple[int, dict]:
        status, content = self.ask("POST", f"/{command}", json.dumps(said))
        return status, json.loads(content)

    def state(self) -> dict:
        return json.loads(self.ask("GET", "/state")[1])


@pytest.fixture
def browse():
    servers = []

    def open_at(table: Table) -> Browser:
        servers.append(Server(table, 0))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return Browser(servers[-1])

    yield open_at
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("name", GAMES)
def test_a_game_from_the_page(browse, tmp_path, name):
    """Random moves that the state lists, to the end: each is played where the state says that its stone comes from or
    goes to, and the record that the page saves holds the game."""
    browser, rng, state = browse(table(name)), np.random.default_rng(3), {}
    state = browser.state()
    moves = []
    while not state["over"]:
        move = state["legal"][rng.integers(len(state["legal"]))]
        before, mover = state["cells"], state["to_play"]
        status, state = browser.post("play", action=move["action"])
        assert status == 200
        moves.append(move["text"])
        changed = [cell for cell, stone in enumerate(state["cells"]) if stone != before[cell]]
        if move["cell"] is None:
            assert move["text"] in ("pass", "swap")
        elif state["by_column"]:
            assert [cell % state["width"] for cell in changed] == [move["cell"]]
        else:
            assert move["cell"] in changed
        if state["last"] is not None:
            assert state["cells"][state["last"]] == 1 + mover
    assert state["moves"] == moves
    assert not state["legal"]
    status, content = browser.ask("GET", "/record")
    file = tmp_path / ("game.sgf" if content.startswith(b"(") else "game.txt")
    file.write_bytes(content)
    position = read_record(file, games.get(name)).position()
    assert [position.action_text(action) for action in position.moves] == moves
    assert state["winner"] == (position.outcome if position.outcome != games.DRAW else None)


def test_the_engine_answers_and_what_was_played_can_be_taken_back(browse):
    browser = browse(table("tictactoe", "first"))
    assert browser.post("think") == (400, {"error": "it is not the engine's turn"})
    _, state = browser.post("play", action=4)
    assert state["engine_next"]
    assert "analysis" not in state
    _, state = browser.post("think")
    assert len(state["moves"]) == 2
    assert state["analysis"]["text"] == state["moves"][1] == state["analysis"]["line"][0]
    assert 0 <= state["analysis"]["win_rate"] <= 1
    _, state = browser.post("hint")
    assert len(state["moves"]) == 2
    assert {move["action"] for move in state["analysis"]["candidates"]} == {m["action"] for m in state["legal"]}
    two = state["moves"]
    assert browser.post("undo")[1]["moves"] == []
    assert browser.post("undo") == (400, {"error": "there is nothing to take back"})
    assert browser.post("redo")[1]["moves"] == two
    _, state = browser.post("resign")
    assert (state["over"], state["winner"], state["legal"]) == (True, 1, [])
    _, state = browser.post("new", side="second")
    assert (state["moves"], state["engine_next"], state["humans"]) == ([], True, [1])


def test_its_strength_can_be_set(browse):
    browser = browse(table("tictactoe"))
    assert browser.state()["levels"] is None
    assert browser.post("strength", sims=7)[1]["pace"] == "7 simulations a move"
    assert browser.post("hint")[1]["analysis"]["visits"] == 7
    assert browser.post("strength", level=100) == (400, {"error": "no ratings"})
    rated = Table(table("tictactoe")._session, lambda: Levels([(-99.5, Strength(1, 0.5)), (99.5, Strength(64))]))
    browser = browse(rated)
    assert browser.state()["levels"] == [-99, 99]
    assert browser.post("strength", level=-99.5)[1]["pace"] == "1 simulation a move, moves drawn at temperature 0.5"
    assert browser.post("strength", level=100)[0] == 400


@pytest.mark.parametrize(
    ("command", "said", "error"),
    [
        ("play", {"action": 9}, "no action 9 in tictactoe"),
        ("play", {"action": -1}, "no action -1 in tictactoe"),
        ("play", {"action": True}, "action must be a whole number"),
        ("play", {}, "action must be a whole number"),
        ("new", {"side": "third"}, "side must be one of first, second, both, none"),
        ("strength", {"sims": 0}, "sims must be from 1 to 1000000"),
        ("strength", {"sims": 1.5}, "sims must be a whole number"),
        ("strength", {"level": "strong"}, "strength needs sims or a level"),
        ("fly", {}, "there is no such command"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(browse, command, said, error):
    browser = browse(table("tictactoe"))
    browser.post("play", action=0)
    before = browser.state()
    assert browser.post(command, **said) == (400, {"error": error})
    assert browser.state() == before


def test_only_its_own_page_may_ask(browse):
    browser = browse(table("tictactoe"))
    assert browser.ask("GET", "/")[0] == 200
    assert browser.ask("GET", "/elsewhere")[0] == 404
    for path in ("/", "/state", "/record"):  # a name of somebody else's that leads to this machine
        assert browser.ask("GET", path, Host=f"evil.example:{browser.port}")[0] == 403
    assert browser.ask("POST", "/play", '{"action": 0}', Host="evil.example")[0] == 403
    # What a form on another site can send without asking first.
    assert browser.ask("POST", "/play", '{"action": 0}', **{"Content-Type": "text/plain"})[0] == 415
    for body in ("", "[]", "{", "3", "[" * 900, '{"action": ' + "1" * 2000 + "}"):
        assert browser.ask("POST", "/play", body)[0] == 400
    assert browser.state()["moves"] == []


def test_a_browser_that_goes_away_is_no_trouble(browse, capfd):
    browser = browse(table("tictactoe"))
    with socket.create_connection(("127.0.0.1", browser.port)) as half:
        half.sendall(b"POST /play HTTP/1.1\r\nContent-Length: 50\r\n")
    assert browser.state()["moves"] == []
    assert capfd.readouterr().err == ""


def test_the_board_is_turned_as_people_see_it():
    """White begins breakthrough from the bottom; an action of either side lies on the pawn that it moves."""
    state = table("breakthrough6").state()
    assert state["cells"] == [2] * 12 + [0] * 12 + [1] * 12
    assert (state["columns"], state["rows"]) == (list("abcdef"), list("654321"))
    corner = next(move for move in state["legal"] if move["text"] == "a2-a3")
    assert corner["cell"] == 4 * 6


def test_the_command_serves_its_page_until_ctrl_c():
    command = [sys.executable, "-m", "alphamini.web", "--game", "tictactoe", "--sims", "1", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "tictactoe with the net tictactoe, 1 simulation a move.\n"
        address = re.fullmatch(r"Open (http://127\.0\.0\.1:\d+/) in a browser; .*\n", program.stdout.readline())
        assert address
        with urllib.request.urlopen(address[1], timeout=60) as page:
            assert b"<!doctype html>" in page.read()
        program.send_signal(signal.SIGINT)
        rest = program.communicate(timeout=60)
    assert (program.returncode, *rest) == (0, "", "")


def test_a_taken_port_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "alphamini.web", "--game", "tictactoe", "--port", port],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (2, f"error: port {port} is not free; give another one with --port\n")
