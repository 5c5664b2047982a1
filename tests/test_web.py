"""The page's server: games over HTTP, and what it refuses."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace

import numpy as np
import pytest

import games
from alphamini.arena.levels import Levels, Strength
from alphamini.interfaces.engine import Engine
from alphamini.interfaces.session import SIDES, Session
from alphamini.interfaces.table import Table
from alphamini.interfaces.web import JSON, Server
from alphamini.model.evaluators import RandomRollouts
from alphamini.records import read_record

GAMES = [
    "tictactoe",
    "connect4",
    "gomoku15",
    "gomoku9-renju",
    "connect6-7",
    "othello6",
    "breakthrough6",
    "hex5-swap",
    "go5",
]


def no_levels() -> Levels:
    raise ValueError("no ratings")


def table(name: str, side: str = "both", sims: int = 20) -> Table:
    game = games.get(name)
    engine = Engine(game, evaluator=RandomRollouts(game, 0), sims=sims)
    return Table(Session(game, lambda: engine, SIDES[side], sims), no_levels)


class Browser:
    """Requests to a server, each over a connection of its own."""

    def __init__(self, server: Server):
        self.server, self.port = server, server.server_port

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
        """About the state as it is now, unless `said` names a version."""
        status, content = self.ask("POST", f"/{command}", json.dumps({"version": self.state()["version"]} | said))
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
        assert (state["last"] is None) == (move["cell"] is None)
        if state["last"] is not None:
            assert state["cells"][state["last"]] == 1 + mover
    assert state["moves"] == moves
    assert not state["legal"]
    status, content = browser.ask("GET", "/record")
    assert content.startswith(b"(;") == name.startswith(("gomoku", "othello", "hex", "go"))
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
    assert browser.post("resign") == (400, {"error": "it is the engine's turn"})  # else it would give up
    _, state = browser.post("think")
    assert len(state["moves"]) == 2
    assert state["analysis"]["text"] == state["moves"][1] == state["analysis"]["line"][0]
    assert 0 <= state["analysis"]["win_rate"] <= 1
    version = state["version"]
    _, state = browser.post("hint")
    assert (len(state["moves"]), state["version"]) == (2, version)  # another page's board is still the one
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
        ("new", {"side": []}, "side must be one of first, second, both, none"),
        ("undo", {"version": -1}, "the game has gone on meanwhile"),
        ("new", {"version": -1}, "the game has gone on meanwhile"),
        ("play", {"action": 1, "version": None}, "the game has gone on meanwhile"),
        ("strength", {"sims": 0}, "sims must be from 1 to 1000000"),
        ("strength", {"sims": 1.5}, "sims must be a whole number"),
        ("strength", {"level": "strong"}, "strength needs sims or a level"),
        ("strength", {"level": 10**400}, "strength needs sims or a level"),
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
    for body in ("", "[]", "{", "3", "[" * 900, "[" * 1000):
        assert browser.ask("POST", "/play", body)[0] == 400
    move = json.dumps({"action": 0, "version": browser.state()["version"]})
    assert browser.ask("POST", "/play", move.ljust(1001))[0] == 413
    assert browser.ask("POST", "/play", move, **{"Content-Length": "-1"})[0] == 413
    assert browser.state()["moves"] == []
    assert browser.ask("POST", "/play", move.ljust(1000))[0] == 200


class Slow:
    """An evaluator that is asked for ever: it sets `begun`, and every answer takes a while."""

    def __init__(self, actions: int):
        self.begun, self._actions = threading.Event(), actions

    def evaluate(self, states: games.States) -> tuple[np.ndarray, np.ndarray]:
        self.begun.set()
        time.sleep(0.005)
        return np.zeros((len(states), self._actions), np.float32), np.zeros(len(states), np.float32)


@pytest.fixture
def thinking(browse):
    """A browser whose engine thinks and will not come to an end by itself."""
    game = games.get("gomoku9")
    slow = Slow(game.num_actions)
    engine = Engine(game, evaluator=slow)
    browser = browse(Table(Session(game, lambda: engine, SIDES["second"], 1_000_000), no_levels))
    slow.begun.clear()
    answer: list[tuple[int, dict]] = []
    search = threading.Thread(target=lambda: answer.append(browser.post("think")))
    search.start()
    assert slow.begun.wait(30)
    yield browser
    browser.post("new", side="both")
    search.join(30)
    assert not search.is_alive()
    assert answer == [(400, {"error": "the search was stopped"})]


def test_the_board_is_shown_while_the_engine_thinks(thinking):
    browser = thinking
    assert browser.state()["engine_next"]
    assert browser.ask("GET", "/record")[0] == 200
    assert browser.post("play", action=0) == (400, {"error": "it is the engine's turn"})  # which ended the search
    assert browser.state()["moves"] == []


def test_what_is_asked_while_the_engine_thinks_ends_its_search(thinking):
    browser = thinking
    status, state = browser.post("new", side="first")
    assert (status, state["moves"], state["engine_next"]) == (200, [], False)


def test_a_table_that_closes_ends_its_search(thinking):
    browser = thinking
    browser.server.table.close()
    assert browser.post("undo") == (400, {"error": "the program is ending"})


def test_a_game_that_fails_is_one_line(browse):
    broken = table("tictactoe")

    def fail(position: object) -> None:
        raise RuntimeError("no memory\nat all")

    broken._session.analyse = fail
    browser = browse(broken)
    assert browser.post("hint") == (500, {"error": "RuntimeError: no memory at all"})
    assert browser.post("play", action=0)[0] == 200


def test_a_browser_that_goes_away_is_no_trouble(browse, capfd):
    browser = browse(table("tictactoe"))
    with socket.create_connection(("127.0.0.1", browser.port)) as half:
        half.sendall(b"POST /play HTTP/1.1\r\nContent-Length: 50\r\n")
    assert browser.state()["moves"] == []
    assert capfd.readouterr().err == ""


def test_the_board_is_turned_as_people_see_it():
    """White begins breakthrough from the bottom; an action of either side lies on the pawn that it moves."""
    state = table("breakthrough6").state
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


def test_ctrl_c_ends_it_while_it_thinks():
    """A thread in machine code must not be left to the end of the interpreter, which would abort."""
    command = [
        sys.executable,
        "-m",
        "alphamini.web",
        "--game",
        "hex9",
        "--sims",
        "1000000",
        "--side",
        "none",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        program.stdout.readline()
        address = program.stdout.readline().split()[1]
        body = json.dumps({"version": 0}).encode()
        request = urllib.request.Request(f"{address}think", body, {"Content-Type": JSON})
        answers: list[bool] = []

        def ask() -> None:
            with pytest.raises(OSError, match=r"400|refused|closed|reset") as answer:
                urllib.request.urlopen(request, timeout=60)
            answers.append(answer.value is not None)

        search = threading.Thread(target=ask)
        search.start()
        time.sleep(1)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=60)
        search.join(60)
    assert (program.returncode, answers) == (0, [True])


def test_a_taken_port_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "alphamini.web", "--game", "tictactoe", "--port", port],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (2, f"error: port {port} is not free; give another one with --port\n")


def test_a_board_that_a_page_cannot_show_after_a_move_is_refused_at_once() -> None:
    game = replace(games.get("tictactoe"), board_text=lambda state, last, colour: draw_loudly(state, last))
    with pytest.raises(ValueError, match="tictactoe writes its board in a way that this page cannot show"):
        Table(Session(game, lambda: None, SIDES["both"]), no_levels)


def draw_loudly(state: games.States, last: int | None) -> str:
    """The last stone as a capital letter."""
    text = games.get("tictactoe").board_text(state, last, False)
    return text if last is None else text.upper()
