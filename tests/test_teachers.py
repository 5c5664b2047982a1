"""Scripted teachers: their tactics on drawn boards, their strength by play, and the games they make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import games
from alphamini.learn.scripted import ask, play_scripted_games, repeat_rate
from alphamini.learn.teachers import Teacher, get_teacher
from alphamini.learn.teachers.gomoku import _tables
from games import DRAW, ONGOING, Game, States
from games.playout import random_actions

NAMES = ("tictactoe", "connect4", "gomoku9", "gomoku7-standard")
SHAPES = ["nothing", "one", "open one", "two", "open two", "three", "open three", "four", "open four", "five"]


def choices(game: Game, states: States, level: int = 0) -> set[int]:
    """What the teacher chooses with 50 seeds on one state; level 0 is the strongest."""
    teacher = get_teacher(game)
    levels = np.full(50, level or teacher.levels, np.int8)
    return set(ask(teacher, np.repeat(states, 50), levels, np.random.default_rng(0)).tolist())


def gomoku(board: str, name: str = "gomoku9", to_play: str = "x") -> tuple[Game, States]:
    game = games.get(name)
    states = game.new_states(1)
    rows = [row.split() for row in board.strip().splitlines()]
    states["stones"][0] = [[".xo".index(cell.lower().replace("*", ".")) for cell in row] for row in rows]
    states["to_play"] = "xo".index(to_play)
    states["count"] = np.count_nonzero(states["stones"])
    return game, states


def starred(board: str) -> set[int]:
    return {i for i, cell in enumerate(board.split()) if cell == "*"}


@pytest.mark.parametrize(
    ("line", "freestyle", "standard"),
    [
        # the stone comes on the star; w is the wall
        ("w...*.....", "open one", "open one"),
        ("oxxx*.....", "four", "four"),
        ("..xxx*....", "open four", "open four"),
        ("x.xx*.....", "four", "four"),
        (".xxx.*....", "four", "four"),
        (".x.xx*.x..", "open four", "open four"),  # two ways to five on one line
        (".x*x......", "open three", "open three"),
        (".x.x*.....", "open three", "open three"),
        ("ox.x*.....", "three", "three"),
        ("oxx*.o....", "nothing", "nothing"),
        ("..x*......", "open two", "open two"),
        ("xxx*xx....", "five", "nothing"),
        (".xxxx*x...", "five", "nothing"),
        ("oxxxx*o...", "five", "five"),
        ("x.xxx*....", "open four", "four"),  # under the standard rule one of the two ways makes six
    ],
)
def test_shapes(line, freestyle, standard):
    ternary, shapes = _tables()
    centre = line.index("*")
    window = ("wwwwww" + line + "wwwwww")[centre + 1 : centre + 12]
    own = sum(1 << i for i, cell in enumerate(window) if cell == "x")
    blocked = sum(1 << i for i, cell in enumerate(window) if cell in "ow")
    found = [SHAPES[shapes[rule, ternary[own] + 2 * ternary[blocked]]] for rule in (0, 1)]
    assert found == [freestyle, standard]


TACTICS = {
    "five before the block": (1, """
        . . . . . . . . .
        . o x x x x * . .
        . . . . . . . . .
        . x o o o o . . .
        . . . . . . . . .
        . . . . . . . . .
        . . . . . . . . .
        . . . . . . . . .
        . . . . . . . . ."""),
    "block a four, in a gap": (1, """
        . . . . . . . . .
        . . . . . . . . .
        . . o . . . . . .
        . . . o . . x . .
        . . . . * . x . .
        . . . . . o x . .
        . . . . . . o . .
        . . . . . . . . .
        . . . . . . . . ."""),
    "open four": (2, """
        . . . . . . . . .
        . . . . . . . . .
        . . . . * . . . .
        . . . . x . . . .
        . o o . x . . . .
        . . . . x . o . .
        . . . . * . . . .
        . . . . . . . . .
        . . . . . . . . ."""),
    "stop an open three": (2, """
        . . . . . . . . .
        . . . . . . . . .
        . . . . . . . . .
        . x . x . . . . .
        . . * o o o * . .
        . . . . x . . . .
        . . . . . . . . .
        . . . . . . . . .
        . . . . . . . . ."""),
    "stop a broken three": (2, """
        . . . . . . . . .
        . . . . . . . . .
        . . * . . . . . .
        . x . o . . . . .
        . . . . * . . x .
        . . . . . o . . .
        . . . . . . o . .
        . . . . . . . * .
        . . . . . . . . ."""),
    "own open four before the opponent's": (2, """
        . . . . . . . . .
        . . * x x x * . .
        . . . . . . . . .
        . . . . . . . . .
        . . . o o o . . .
        . . . . . . . . .
        . . . . . . . . .
        . . . . . . . . .
        . . . . . . . . ."""),
    "four-three": (3, """
        . . . . . . . . .
        . . . . . . . . .
        . . . . . . . . .
        o x x x * . . . .
        . . . . x . . . .
        . . . . x . o . .
        . . . . . . . o .
        . . . . o . . . .
        . . . . . . . . ."""),
    "double four": (3, """
        . . . . . . . . .
        o x x x * . . . .
        . . . . x . . . .
        . . . . x . . . .
        . . . . x . o . .
        . . . . o . . o .
        . . . . . . . . .
        . . . . . . . . .
        . . . . . . . . ."""),
    "double three": (3, """
        . . . . . . . . .
        . . . . . . . . .
        . . . . . . . . .
        . . x x * . . . .
        . . . . x . . . .
        . . . . x . . . .
        . . . . . . . o .
        . o . . . . o o .
        . . . . . . . . ."""),
}  # fmt: skip


@pytest.mark.parametrize("name", TACTICS)
def test_gomoku_tactics(name):
    level, board = TACTICS[name]
    for size_and_rule in ("gomoku9", "gomoku9-standard"):
        game, states = gomoku(board, size_and_rule)
        for able in range(level, 4):
            assert choices(game, states, able) <= starred(board)


def test_gomoku_stops_a_double_threat():
    board = """
        . . . . . . . . .
        . . . . * . . . .
        . . . . * . . . .
        x o o o * * . . .
        . . . . o . . . .
        . . . . o . x . .
        . . . . * . . x .
        . . . . x . . . .
        . . . . . . . . ."""
    assert choices(*gomoku(board)) <= starred(board)


def test_gomoku_standard_does_not_count_overlines():
    board = """
        . . . . . . . . .
        . x x x * x x . .
        . . . . . . . . .
        . . . . . . . . .
        . o . . o o . . .
        . . . . . . . . .
        . . . . . o . . .
        . . . . . . . . .
        . . . . . . . . ."""
    for to_play in "xo":
        assert choices(*gomoku(board, "gomoku9", to_play)) == starred(board)
        assert not choices(*gomoku(board, "gomoku9-standard", to_play)) & starred(board)


def test_connect4_wins_and_blocks():
    game = games.get("connect4")
    for moves, column in (("1 7 1 7 1 7", 0), ("4 1 4 7 4", 3), ("4 4 3 3 5 1", 5), ("1 2 3 4 2 3 4 4 3 5 4", 0)):
        position = game.initial().play_all([game.parse_action(move) for move in moves.split()])
        found = choices(game, position.state)
        assert column in found
        assert len(found) == 1 or position.play(next(iter(found - {column}))).is_over


def test_tictactoe_wins_and_blocks():
    game = games.get("tictactoe")
    for actions, answer in (((0, 3, 1, 4), 2), ((0, 8, 1), 2), ((4, 1, 0), 8)):
        assert choices(game, game.initial().play_all(actions).state) == {answer}


def score(game: Game, level: int, rival: int, count: int, opening: int) -> tuple[int, int]:
    """Wins and losses of `level` against `rival` (0: random play), each first in half of the games."""
    teacher, rng = get_teacher(game), np.random.default_rng(1)
    states = game.new_states(count)
    seat = np.arange(count) % 2
    ply = 0
    while np.any(states["outcome"] == ONGOING):
        actions = random_actions(game, states, rng)
        levels = np.where(states["to_play"] == seat, level, rival).astype(np.int8)
        chosen = ask(teacher, states, np.maximum(levels, 1), rng)
        game.step(states, np.where((levels > 0) & (ply >= opening), chosen, actions).astype(np.int32))
        ply += 1
    wins = int(np.sum(states["outcome"] == seat))
    return wins, count - wins - int(np.sum(states["outcome"] == DRAW))


@pytest.mark.parametrize("name", ["tictactoe", "connect4", "gomoku9", "gomoku15"])
def test_stronger_levels_win(name):
    game = games.get(name)
    strongest = get_teacher(game).levels
    for level in range(2, strongest + 1):
        wins, losses = score(game, level, level - 1, 200, opening=2)
        assert wins > 1.3 * losses + 10
    wins, losses = score(game, strongest, 0, 500, opening=0)
    assert wins > (420 if name == "tictactoe" else 495)
    assert losses == 0


def some_games(game: Game, count: int = 60, seed: int = 3):
    return play_scripted_games(game, get_teacher(game), count, np.random.default_rng(seed))


@pytest.mark.parametrize("name", NAMES)
def test_choices_depend_on_record_level_and_seed_only(name):
    game = games.get(name)
    teacher = get_teacher(game)
    states = some_games(game).states[:300]
    rng = np.random.default_rng(0)
    levels = rng.integers(1, teacher.levels + 1, len(states)).astype(np.int8)
    seeds = rng.integers(0, 2**64, len(states), np.uint64)
    together, alone = np.zeros((2, len(states)), np.int32)
    teacher.choose(states, levels, seeds, together)
    for i in range(len(states)):
        teacher.choose(states[i : i + 1], levels[i : i + 1], seeds[i : i + 1], alone[i : i + 1])
    np.testing.assert_array_equal(together, alone)
    assert game.legal_mask(states)[np.arange(len(states)), together].all()
    assert 0.3 < repeat_rate(teacher, states, rng) < 1


def test_sides_move_at_their_own_levels_and_labels_are_the_strongests():
    """Level 2 takes the last free cell, level 1 the first."""
    game = games.get("tictactoe")

    def first_and_last(states):
        legal = game.legal_mask(states)
        return legal.argmax(1), 8 - legal[:, ::-1].argmax(1)

    def choose(states, levels, seeds, actions):
        first, last = first_and_last(states)
        actions[:] = np.where(levels == 2, last, first)

    played = play_scripted_games(game, Teacher(2, 0, choose), 1000, np.random.default_rng(0))
    first, last = first_and_last(played.states)
    np.testing.assert_array_equal(played.labels, last)
    starts, legal = np.flatnonzero(np.diff(played.game_id, prepend=-1)), game.legal_mask(played.states)
    sides = []
    for at in (starts, starts + 1):  # the first moves of both sides
        moves = (legal[at] > legal[at + 1]).argmax(1)
        sides.append(np.where(moves == last[at], 2, np.where(moves == first[at], 1, 0)))
    # A side is strong in 70 % of the games, else of either level; 8 % of the moves are random.
    for side in sides:
        np.testing.assert_allclose(np.bincount(side) / 1000, [0.06, 0.15, 0.79], atol=0.03)
    assert np.mean((sides[0] == 1) & (sides[1] == 2)) == pytest.approx(0.15 * 0.79, abs=0.03)


def test_scripted_games_stop_at_the_next_batch():
    told: list[int] = []
    game = games.get("tictactoe")
    rng = np.random.default_rng(3)
    assert play_scripted_games(game, get_teacher(game), 10**6, rng, told.append, lambda: bool(told)) is None
    assert 0 < sum(told) < 10**5


@pytest.mark.parametrize("name", NAMES)
def test_scripted_games(name):
    game = games.get(name)
    told: list[int] = []
    rng = np.random.default_rng(3)
    played = play_scripted_games(game, get_teacher(game), 600, rng, told.append)
    again = some_games(game, 600)
    assert sum(told) == 600
    for field in ("states", "labels", "outcome", "game_id"):
        np.testing.assert_array_equal(getattr(played, field), getattr(again, field))

    assert np.all(played.states["outcome"] == ONGOING)
    assert game.legal_mask(played.states)[np.arange(len(played.labels)), played.labels].all()
    assert set(played.outcome) == {0, 1, DRAW}
    assert np.all(np.diff(played.game_id) >= 0)
    assert 0 <= played.game_id[0] <= played.game_id[-1] < 600

    # Replayed: some legal move leads from each sample to the game's next one, from the last one to the game's outcome.
    last = np.append(np.diff(played.game_id) > 0, True)
    following = np.roll(played.states, -1)
    reached = np.zeros(len(last), bool)
    for action in range(game.num_actions):
        after = played.states.copy()
        game.step(after, np.full(len(after), action, np.int32))
        legal = game.legal_mask(played.states)[:, action] == 1
        reached |= legal & np.where(last, after["outcome"] == played.outcome, after == following)
    assert reached.all()

    first = np.flatnonzero(np.diff(played.game_id, prepend=-1))
    assert len(np.unique(played.states[first])) > (100 if name == "tictactoe" else 300)


def test_no_teacher_is_one_clear_line():
    unknown = replace(games.get("tictactoe"), name="chess", family="chess")
    with pytest.raises(ValueError, match="no scripted teacher for chess"):
        get_teacher(unknown)
