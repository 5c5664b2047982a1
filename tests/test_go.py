"""Go: the contract, an independent twin, OpenSpiel, and positions whose answers every player of go knows."""

import numpy as np
import pytest
from go_twin import GoTwin

import games
from games import go as rules
from games.check import CHECKS, check_game, random_games
from games.playout import random_actions

EVERY = [name for name in games.names() if games.get(name).family == "go"]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ["go5", "go9"])
def test_contract(name, check):
    check(games.get(name), np.random.default_rng(1))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["go6", "go7-komi9", "go8", "go10", "go11", "go12", "go13"])
def test_contract_of_every_size(name):
    check_game(games.get(name))


@pytest.mark.slow
@pytest.mark.parametrize("check", [check for check in CHECKS if check.__name__ != "check_playout"])
def test_contract_of_19_x_19(check):
    check(games.get("go19"), np.random.default_rng(1))


def play_beside_the_twin(game, count, seed, planes_every=1):
    """Random games in step with the twin, by fewer passes than chance would have: with more stones taken."""
    rng = np.random.default_rng(seed)
    n = game.shape[0]
    states = game.new_states(count)
    slow = [GoTwin(n, states["komi"][0] / 2) for _ in range(count)]
    forbidden = taken = plies = 0
    while any(twin.outcome == -1 for twin in slow):
        mask = np.zeros((count, game.num_actions), np.uint8)
        actions = np.zeros(count, np.int32)
        for row, twin in enumerate(slow):
            legal = twin.legal()
            mask[row, legal] = 1
            if legal:
                actions[row] = legal[rng.integers(len(legal) - (len(legal) > 1 and row % 2))]
        np.testing.assert_array_equal(game.legal_mask(states), mask)
        if plies % planes_every == 0:
            np.testing.assert_array_equal(game.planes(states), [twin.planes() for twin in slow])
            forbidden += game.planes(states)[:, 6].sum()
        game.step(states, actions)
        plies += 1
        for row, twin in enumerate(slow):
            if twin.outcome == -1:
                stones = len(twin.board)
                twin.play(int(actions[row]))
                taken += len(twin.board) < stones
        boards = [[twin.board.get(point, -1) + 1 for point in twin.points] for twin in slow]
        np.testing.assert_array_equal(states["stones"].reshape(count, -1), boards)
        assert states["outcome"].tolist() == [twin.outcome for twin in slow]
        assert states["to_play"].tolist() == [twin.to_play for twin in slow]
    np.testing.assert_array_equal(game.planes(states), [twin.planes() for twin in slow])
    assert taken > 0
    return forbidden


@pytest.mark.parametrize(("name", "count"), [("go5", 24), ("go5-komi0", 8)])
def test_rules_match_the_twin(name, count):
    assert play_beside_the_twin(games.get(name), count, seed=2) > 0


def test_rules_match_the_twin_on_9_x_9():
    play_beside_the_twin(games.get("go9"), 2, seed=2, planes_every=8)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("go5", 300), ("go6", 20), ("go7", 12), ("go9", 6), ("go13", 1)])
def test_rules_of_many_sizes_match_the_twin(name, count):
    play_beside_the_twin(games.get(name), count, seed=3, planes_every=4)


def beside_open_spiel(name, count, seed, batch=500):
    """Random games in lockstep with OpenSpiel's go; gives how many moves superko forbade.

    OpenSpiel lets a player repeat a position and then ends the game in a draw: such moves are illegal here, others not.
    """
    pyspiel = pytest.importorskip("pyspiel", reason="OpenSpiel is not installed (pip install open_spiel)")
    game = games.get(name)
    n = game.shape[0]
    spiel = pyspiel.load_game(f"go(board_size={n})")
    assert spiel.max_game_length() == game.max_plies
    start = spiel.new_initial_state()
    texts = [start.action_to_string(0, action).split()[1] for action in range(n * n + 1)]
    image = np.array([game.parse_action(text) for text in texts])
    back = np.argsort(image)
    rng = np.random.default_rng(seed)
    banned = 0
    for first in range(0, count, batch):
        states = game.new_states(min(batch, count - first))
        twins = [spiel.new_initial_state() for _ in states]
        while (states["outcome"] == games.ONGOING).any():
            mask = game.legal_mask(states)
            actions = random_actions(game, states, rng)
            game.step(states, actions)
            for row, twin in enumerate(twins):
                if twin.is_terminal():
                    continue
                theirs = np.zeros(n * n + 1, np.uint8)
                theirs[image[twin.legal_actions()]] = 1
                assert (mask[row] <= theirs).all(), f"legal here only:\n{twin}"
                for action in np.flatnonzero(mask[row] < theirs):
                    child = twin.child(int(back[action]))
                    assert child.is_terminal(), f"{game.action_text(action)} is legal there only:\n{twin}"
                    assert child.returns() == [0, 0]
                    banned += 1
                twin.apply_action(int(back[actions[row]]))
                assert twin.is_terminal() == (states["outcome"][row] != games.ONGOING), str(twin)
                if twin.is_terminal():
                    assert twin.returns()[0] == (1 if states["outcome"][row] == games.WIN_0 else -1), str(twin)
                else:
                    assert twin.current_player() == states["to_play"][row]
    return banned


@pytest.mark.parametrize(("name", "count"), [("go5", 300), ("go9", 100)])
def test_random_games_are_those_of_open_spiel(name, count):
    assert beside_open_spiel(name, count, seed=4) > 0


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("go5", 5000), ("go7", 3000), ("go9", 2000), ("go13", 100), ("go19", 10)])
def test_thousands_of_random_games_are_those_of_open_spiel(name, count):
    banned = beside_open_spiel(name, count, seed=5)
    assert banned > 0 or count < 1000  # on large boards superko is rare


def position(name, *rows):
    """The position with these stones (x black, o white), Black to move; the other side passed while one was set up."""
    game = games.get(name)
    n = game.shape[0]
    board = "".join("".join(rows).split())
    assert len(board) == n * n
    black, white = ([cell for cell in range(n * n) if board[cell] == symbol] for symbol in "xo")
    moves = [action for cell in black for action in (cell, n * n)]
    moves = moves[:-1] + [action for cell in white for action in (cell, n * n)]
    reached = game.initial().play_all(moves[:-1])
    assert board_of(reached) == board
    return reached


def board_of(position):
    return "".join(".xo"[stone] for stone in position.state["stones"].reshape(-1))


def play(position, *texts):
    return position.play_all([position.parse_action(text) for text in texts])


def may(position, text):
    """Is the move legal? If it is not, does superko alone forbid it, as the plane says?"""
    action = position.parse_action(text)
    banned = position.game.planes(position.state)[0, 6].reshape(-1)[action] == 1
    legal = action in position.legal_actions
    assert not (legal and banned)
    return "yes" if legal else "superko" if banned else "no"


def test_ko_is_banned_until_something_else_has_happened():
    start = position("go5", ". x o . .",
                            "x o . o .",
                            ". x o . .",
                            ". . . . .",
                            ". . . . .")  # fmt: skip
    taken = play(start, "c4")
    assert board_of(taken)[5:10] == "x.xo."
    assert may(taken, "b4") == "superko"
    with pytest.raises(ValueError, match="b4 is not legal here"):
        play(taken, "b4")
    again = play(taken, "e1", "e2", "b4")
    assert board_of(again)[5:10] == "xo.o."
    assert may(again, "c4") == "superko"
    assert may(play(taken, "pass", "pass"), "b4") == "no"


def test_suicide_is_refused_and_capture_is_not_suicide():
    corner = position("go5", ". o x . .",
                             "x x . . .",
                             ". . . . .",
                             ". . . . .",
                             ". . . . .")  # fmt: skip
    assert may(corner, "a5") == "yes"
    assert board_of(play(corner, "a5"))[:5] == "x.x.."
    assert may(play(corner, "pass"), "a5") == "no"  # of two stones
    eye = position("go5", ". x . . .",
                          "x . . . .",
                          ". . . . .",
                          ". . . . .",
                          ". . . . o")  # fmt: skip
    assert may(eye, "a5") == "yes"
    assert may(play(eye, "pass"), "a5") == "no"  # of one


def test_snapback():
    start = position("go5", ". . o x .",
                            "o o o x .",
                            "x x x . .",
                            ". . . . .",
                            ". . . . .")  # fmt: skip
    thrown_in = play(start, "b5", "a5")
    assert board_of(thrown_in)[:5] == "o.ox."
    assert board_of(play(thrown_in, "b5")) == ".x.x. ...x. xxx.. ..... .....".replace(" ", "")


def test_one_move_takes_four_chains():
    start = position("go5", ". . x . .",
                            ". x o x .",
                            "x o . o x",
                            ". x o x .",
                            ". . x . .")  # fmt: skip
    assert board_of(play(start, "c3")) == "..x.. .x.x. x.x.x .x.x. ..x..".replace(" ", "")
    assert may(play(start, "pass"), "c3") == "no"


def test_send_two_return_one():
    """The board of before comes back with the other side to move: positional superko forbids it, situational not."""
    start = position("go5", ". o . x .",
                            "o x x . .",
                            ". . . . .",
                            ". . . . .",
                            ". . . . .")  # fmt: skip
    sent = play(start, "pass", "c5", "a5")
    assert board_of(sent)[:5] == "x..x."
    assert may(sent, "b5") == "superko"
    assert may(play(sent, "e1", "e2"), "b5") == "yes"


def test_triple_ko():
    start = position("go9", "x o . o . x o . o",
                            ". x o . . . x o .",
                            ". . . . . . . . .",
                            ". . . . . . . . .",
                            ". . . . . . . . .",
                            ". . . . . . . . .",
                            ". . . . . . . . .",
                            ". x o . . . . . .",
                            "x . x o . . . . .")  # fmt: skip
    once_round = play(start, "c9", "b1", "h9", "b9", "c1")
    assert may(once_round, "g9") == "superko"
    assert may(play(start, "c9", "b1", "h9", "b9", "e5", "g9"), "c1") == "yes"


SEKI = """o o . x x
          o o o x x
          o o x x x
          o o x x x
          o o . x x"""


@pytest.mark.parametrize(("name", "outcome"), [
    ("go5-komi0.5", games.WIN_0), ("go5-komi1", games.DRAW), ("go5-komi1.5", games.WIN_1), ("go5", games.WIN_1),
])  # fmt: skip
def test_seki_is_scored_by_area(name, outcome):
    """Black has 12 stones, White 11, and the two points between them are nobody's."""
    assert play(position(name, SEKI), "pass", "pass").outcome == outcome


def test_points_around_and_the_empty_board():
    wall = position("go5-komi1", ". . . x o",
                                 ". . . x o",
                                 ". . . x o",
                                 ". . . x o",
                                 ". . . x .")  # fmt: skip
    assert play(wall, "pass", "pass").outcome == games.WIN_0
    assert play(games.get("go5-komi0").initial(), "pass", "pass").outcome == games.DRAW
    assert play(games.get("go5").initial(), "pass", "pass").outcome == games.WIN_1
    assert play(games.get("go5-komi24.5").initial(), "c3", "pass", "pass").outcome == games.WIN_0
    assert play(games.get("go5-komi25").initial(), "c3", "pass", "pass").outcome == games.DRAW


def test_a_game_that_does_not_end_is_scored_after_its_last_move():
    game = games.get("go5")
    _, final = random_games(game, 2000, np.random.default_rng(1))
    cut = final[(final["plies"] == game.max_plies) & (final["passed"] == 0)]
    assert len(cut) > 0
    for state in cut:
        twin = GoTwin(5)
        twin.board = {point: state["stones"][point] - 1 for point in twin.points if state["stones"][point]}
        assert state["outcome"] == int(twin.area(0) - twin.area(1) < 7.5)


def test_names():
    assert games.get("go9-komi7.5") is games.get("go9")
    assert games.get("go9-komi5.5").name == "go9-komi5.5"
    assert games.get("go9-komi6.0") is games.get("go9-komi6")
    assert games.get("go9-komi6").new_states(1)["komi"].tolist() == [12]
    assert games.get("go9-komi6").family == "go"
    for bad in ("go9-komi5.3", "go9-komi82", "go9-komi", "go9-komi-1", "go9-komi5.5x", "go9-komi٣"):
        with pytest.raises(ValueError, match=r"^go9-komi.*: the komi goes from 0 to 81 in steps of 0\.5, like .*$"):
            games.get(bad)
    for bad in ("go4", "go9-japanese", "go14-komi5", "go"):
        with pytest.raises(ValueError, match=f"^no game '{bad}'; there are "):
            games.get(bad)


def test_text():
    game = games.get("go9")
    assert [game.action_text(action) for action in (0, 7, 8, 80, 81)] == ["a9", "h9", "j9", "j1", "pass"]
    assert game.parse_action(" J9 ") == 8
    assert game.parse_action("Pass") == 81
    for bad in ("i5", "k1", "a10", "a0"):
        with pytest.raises(ValueError, match=r"is outside the board \(a1 to j9\)"):
            game.parse_action(bad)
    shown = str(play(game.initial(), "j9", "pass"))
    assert shown.splitlines()[:2] == ["   a b c d e f g h j", " 9 . . . . . . . . x 9"]


def test_hashes_of_stones_differ():
    assert len(np.unique(rules.ZOBRIST)) == rules.ZOBRIST.size
    assert rules.ZOBRIST[0, 0] == 0xE220A8397B1DCDAF  # splitmix64 from 0: the same on every machine
