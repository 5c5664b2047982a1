"""Every game: the contract (games/check.py), and the rules against slow twins move by move."""

import re
from dataclasses import replace

import numpy as np
import pytest
import twins
from sequences import children, perft

import games
from games.check import CHECKS, check_statics, check_text, random_games
from games.playout import generic_kernel, playout

TWINS = {  # name: (twin, random games to compare)
    "tictactoe": (twins.tictactoe, 2000),
    "connect4": (twins.connect4, 1500),
    "gomoku5": (lambda: twins.gomoku(5), 1000),
    "gomoku7": (lambda: twins.gomoku(7), 300),
    "gomoku9": (lambda: twins.gomoku(9), 200),
    "gomoku9-standard": (lambda: twins.gomoku(9, standard=True), 300),
    "gomoku15": (lambda: twins.gomoku(15), 30),
    "gomoku20-standard": (lambda: twins.gomoku(20, standard=True), 10),
    "connect6-7": (lambda: twins.Connect6Twin(7), 100),
    "connect6": (lambda: twins.Connect6Twin(19), 2),
    "othello6": (lambda: twins.OthelloTwin(6), 40),
    "othello8": (lambda: twins.OthelloTwin(8), 15),
    "breakthrough6": (lambda: twins.BreakthroughTwin(games.get("breakthrough6")), 60),
    "breakthrough8": (lambda: twins.BreakthroughTwin(games.get("breakthrough8")), 25),
}
REPRESENTATIVES = [
    "tictactoe", "connect4", "gomoku7", "gomoku9", "gomoku15", "gomoku9-standard", "gomoku20-standard",
    "gomoku20-renju", "connect6-9", "othello6", "othello8", "breakthrough6", "breakthrough8",
]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", REPRESENTATIVES)
def test_contract(name, check):
    check(games.get(name), np.random.default_rng(1))


@pytest.mark.parametrize("name", games.names())
def test_every_registered_game(name):
    game = games.get(name)
    assert game.name == name
    assert games.get(name) is game
    check_statics(game, np.random.default_rng(1))
    check_text(game, np.random.default_rng(1))


def test_registry():
    assert len(set(games.names())) == len(games.names())
    with pytest.raises(
        ValueError, match=r"^no game 'chess'; there are tictactoe, connect4, .* go5 to go13, go19, or a file"
    ):
        games.get("chess")


@pytest.mark.parametrize("name", TWINS)
def test_rules_match_the_twin(name):
    """Half of the games are random; in the others each player keeps to his half of the actions, for long rows."""
    game, (make_twin, count) = games.get(name), TWINS[name]
    rng = np.random.default_rng(2)
    states, slow = game.new_states(count), [make_twin() for _ in range(count)]
    while any(twin.outcome == -1 for twin in slow):
        legal = [twin.legal() for twin in slow]
        mask = np.zeros((count, game.num_actions), np.uint8)
        actions = np.zeros(count, np.int32)
        for i, twin in enumerate(slow):
            mask[i, legal[i]] = 1
            if legal[i]:
                half = [a for a in legal[i] if (2 * a < game.num_actions) == (twin.to_play == 0)]
                choices = half if half and i % 2 else legal[i]
                actions[i] = choices[rng.integers(len(choices))]
        np.testing.assert_array_equal(game.legal_mask(states), mask)
        planes = np.array([twin.planes() for twin in slow[:200]])  # gomoku's others: test_gomoku_planes.py
        np.testing.assert_array_equal(game.planes(states[:200])[:, : planes.shape[1]], planes)
        game.step(states, actions)
        for i, twin in enumerate(slow):
            if legal[i]:
                twin.play(actions[i])
        assert states["outcome"].tolist() == [twin.outcome for twin in slow]
        assert states["to_play"].tolist() == [twin.to_play for twin in slow]


def test_tictactoe_has_5478_positions_and_255168_games():
    game = games.get("tictactoe")
    layer, ways = game.new_states(1), np.ones(1, np.int64)
    positions, finished = 0, np.zeros(3, np.int64)
    while len(layer):
        positions += len(layer)
        over = layer["outcome"] != games.ONGOING
        np.add.at(finished, layer["outcome"][over], ways[over])
        following, parents = children(game, layer)
        layer, which = np.unique(following, return_inverse=True)
        ways = np.bincount(which, ways[parents], len(layer)).astype(np.int64)
    assert positions == 5478
    assert finished.tolist() == [131184, 77904, 46080]


OTHELLO8 = [4, 12, 56, 244, 1396, 8200, 55092, 390216, 3005288]  # A. Bik, "Perft for Reversi", 2009
# 7 ** n until columns fill up (7 ** 7 - 7) and games end; OpenSpiel counts the same (test_open_spiel.py).
CONNECT4 = [7, 49, 343, 2401, 16807, 117649, 823536, 5673234, 39394572]


def test_othello_move_sequences():
    assert perft(games.get("othello8"), 7) == OTHELLO8[:7]


@pytest.mark.slow
def test_othello_move_sequences_to_depth_9():
    assert perft(games.get("othello8"), 9) == OTHELLO8


def test_connect4_move_sequences():
    assert perft(games.get("connect4"), 8) == CONNECT4[:8]


@pytest.mark.slow
def test_connect4_move_sequences_to_depth_9():
    assert perft(games.get("connect4"), 9) == CONNECT4


def test_connect4_positions_by_ply():
    """https://oeis.org/A212693: one record too many, and two orders of moves do not meet in one."""
    game = games.get("connect4")
    layer, counts = game.new_states(1), []
    for _ in range(8):
        counts.append(len(layer))
        layer = np.unique(children(game, layer)[0])
    assert counts == [1, 7, 49, 238, 1120, 4263, 16422, 54859]


DIRECTIONS = {"row": (0, 1), "column": (1, 0), "diagonal": (1, 1), "anti-diagonal": (1, -1)}


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(("name", "length", "winner"), [
    ("gomoku9", 5, games.WIN_0),
    ("gomoku9", 6, games.WIN_0),
    ("gomoku9-standard", 5, games.WIN_0),
    ("gomoku9-standard", 6, games.ONGOING),
])  # fmt: skip
def test_five_and_six_in_a_row(name, length, winner, direction):
    dr, dc = DIRECTIONS[direction]
    row, column = (1, 7) if dc < 0 else (1, 1)
    black = [9 * (row + i * dr) + column + i * dc for i in range(length)]
    black.append(black.pop(2))  # the stone that joins the others comes last
    white = [cell for cell in (0, 2, 4, 6, 72, 74, 76) if cell not in black]
    game = games.get(name)
    position = game.initial()
    for own, other in zip(black[:-1], white, strict=False):
        position = position.play(own).play(other)
        assert not position.is_over
    assert position.play(black[-1]).outcome == winner


def test_drawn_boards():
    position = games.get("connect4").initial().play_all([3, 3, 3, 2])
    assert [line.rstrip() for line in str(position).splitlines()] == [
        "   1 2 3 4 5 6 7",
        "   . . . . . . .",
        "   . . . . . . .",
        "   . . . . . . .",
        "   . . . x . . .",
        "   . . . o . . .",
        "   . .(o)x . . .",
    ]
    game = games.get("gomoku5")
    position = game.initial().play(game.parse_action("e1")).play(game.parse_action("B4"))
    assert str(position).splitlines() == [
        "   a b c d e",
        " 5 . . . . . 5",
        " 4 .(o). . . 4",
        " 3 . . . . . 3",
        " 2 . . . . . 2",
        " 1 . . . . x 1",
    ]
    assert re.sub(r"\x1b\[\d+m", "", position.text(colour=True)) == str(position) != position.text(colour=True)


def test_outcome_value():
    values = [games.outcome_value(outcome, player) for outcome in (0, 1, games.DRAW) for player in (0, 1)]
    assert values == [1, -1, -1, 1, 0, 0]


@pytest.mark.parametrize("kernel", [True, False])
def test_playout_repeats_with_its_generator(kernel):
    game = games.get("connect4")
    game = game if kernel else replace(game, playout=None)
    first, second, other = game.new_states(100), game.new_states(100), game.new_states(100)
    playout(game, first, np.random.default_rng(5))
    playout(game, second, np.random.default_rng(5))
    playout(game, other, np.random.default_rng(6))
    assert first.tobytes() == second.tobytes() != other.tobytes()
    assert (first["outcome"] != games.ONGOING).all()


def test_playouts_are_as_long_as_games_played_move_by_move():
    """Against `random_games`, which shares no kernel with the playout: mean number of stones, gomoku9."""
    game = games.get("gomoku9")
    states = game.new_states(2000)
    game.playout(states, np.arange(2000, dtype=np.uint64))
    _, stepped = random_games(game, 2000, np.random.default_rng(7))
    a, b = states["count"].astype(float), stepped["count"].astype(float)
    assert abs(a.mean() - b.mean()) < 5 * np.sqrt((a.var() + b.var()) / 2000)
    generic = game.new_states(1)
    generic_kernel(game)(generic, np.zeros(1, np.uint64))
    assert generic["count"][0] == np.count_nonzero(generic["stones"])
