"""Renju: what black may not play, against drawn positions with known answers and against a slow reading of the rules."""

import re

import numpy as np
import pytest
from test_gomoku_planes import classes
from twins import RowTwin

import games
from games.check import CHECKS, random_games

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


class RenjuTwin(RowTwin):
    """The rules on whole lines as strings: x black, o white, . empty, with a wall (#) at both ends."""

    def __init__(self, n):
        super().__init__(n, n, 5)

    def line(self, row, column, step):
        """The cells of the whole line through a cell, and its text."""
        dr, dc = step
        while 0 <= row - dr < self.height and 0 <= column - dc < self.width:
            row, column = row - dr, column - dc
        cells = []
        while 0 <= row < self.height and 0 <= column < self.width:
            cells.append((row, column))
            row, column = row + dr, column + dc
        return cells, "#" + "".join(self.board[r][c] for r, c in cells) + "#"

    def status(self, row, column):
        """ "five", "overline", "double four", "double three" or "" for black's stone on an empty cell."""
        self.board[row][column] = "x"
        try:
            lines = [self.line(row, column, step) for step in STEPS]
            places = [1 + cells.index((row, column)) for cells, _ in lines]
            runs = [next(m for m in re.finditer("x+", text) if m.start() <= at < m.end())
                    for (_, text), at in zip(lines, places, strict=True)]  # fmt: skip
            if any(len(run[0]) == 5 for run in runs):
                return "five"
            if any(len(run[0]) > 5 for run in runs):
                return "overline"
            if sum(fours(text, at) for (_, text), at in zip(lines, places, strict=True)) > 1:
                return "double four"
            threes = sum(self.three(cells, text, at) for (cells, text), at in zip(lines, places, strict=True))
            return "double three" if threes > 1 else ""
        finally:
            self.board[row][column] = "."

    def three(self, cells, text, at):
        """Can one more stone, neither forbidden nor a five, make a straight four with the stone at `at`?"""
        for more in [i for i, cell in enumerate(text) if cell == "."]:
            after = text[:more] + "x" + text[more + 1 :]
            for four in re.finditer(r"(?<!x)\.(?=xxxx\.(?!x))", after):
                if {at, more} <= set(range(four.start() + 1, four.start() + 5)) and not self.status(*cells[more - 1]):
                    return True
        return False

    def legal(self):
        free = super().legal()
        return free if self.to_play == 1 else [a for a in free if self.status(*divmod(a, self.width)) in ("", "five")]

    def wins(self, line):
        rows = [len(row) for row in re.findall("x+" if self.to_play == 0 else "o+", line)]
        return 5 in rows if self.to_play == 0 else max(rows) >= 5

    def play(self, action):
        super().play(action)
        if self.outcome == -1 and not self.legal():
            self.outcome = 2


def fours(text, at):
    """How many fours on this line the stone at `at` is part of: rows of five that lack one stone; .xxxx. is one."""
    found = set()
    for gap in [i for i, cell in enumerate(text) if cell == "."]:
        after = text[:gap] + "x" + text[gap + 1 :]
        for five in re.finditer("x+", after):
            if len(five[0]) == 5 and five.start() <= at < five.end() and five.start() <= gap < five.end():
                found.add(frozenset(range(five.start(), five.end())) - {gap})
    return len(found)


def state(game, board, to_play=0):
    states = game.new_states(1)
    cells = np.array([[".xo".index(cell) for cell in row] for row in board])
    states["stones"][0], states["count"], states["to_play"] = cells, np.count_nonzero(cells), to_play
    return states


def drawn(diagram, size=15):
    """The rows of a diagram in the middle of an empty board; `A` ... are cells that are asked about, and empty."""
    rows = ["".join(line.split()) for line in diagram.strip().splitlines()]
    top, left = (size - len(rows)) // 2, (size - len(rows[0])) // 2
    board = [["."] * size for _ in range(size)]
    asked = {}
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            if cell.isupper():
                asked[cell] = (top + r, left + c)
            else:
                board[top + r][left + c] = cell
    return board, asked


# name: (diagram, the answer for each letter)
DIAGRAMS = {
    "two threes": (
        """
        . . . . . . .
        . . . x . . .
        . . . x . . .
        . x x A . . .
        . . . . . . .
        . . . . . . .""",
        {"A": "double three"},
    ),
    "threes with a gap, on the diagonals": (
        """
        . . . . . . . . .
        . . . . . . . . .
        . . x . . . x . .
        . . . . . x . . .
        . . . . A . . . .
        . . . . . x . . .
        . . . . . . . . .
        . . . . . . . . .""",
        {"A": "double three"},
    ),
    "one three is closed by white: no straight four": (
        """
        . . . o . . .
        . . . x . . .
        . . . x . . .
        . x x A . . .
        . . . . . . .""",
        {"A": ""},
    ),
    "a three with the edge of five cells: .xxx. between whites is no three": (
        """
        . . . . . . . .
        . . . o . . . .
        . . . . . . . .
        . . . x . . . .
        . . . x . . . .
        . x x A . . . .
        . . . . . . . .
        . . . o . . . .""",
        {"A": ""},
    ),
    "two fours": (
        """
        . . . . o . . .
        . . . . x . . .
        . . . . x . . .
        . . . . x . . .
        o x x x A . . .
        . . . . . . . .""",
        {"A": "double four"},
    ),
    "two fours in one line": (
        """
        o x A x x . x o
        o x B x x . x x
        . . . . . . . .
        x . x C x . x .
        . . . . . . . .
        x x . x D . x x
        . . . . . . . .
        . . . . . . . .""",
        {"A": "", "B": "", "C": "double four", "D": "double four"},
    ),
    "two fours in one line, three stones on either side": (
        """
        . x x x . A . x x x .
        . . . . . . . . . . .
        o x x x . B . x x o .""",
        {"A": "double four", "B": ""},
    ),
    "a straight four is one four": (
        """
        . . . . . . .
        . x x A x . .
        . . . . . . .""",
        {"A": ""},
    ),
    "a four and a three": (
        """
        . . . . . . .
        . . . x . . .
        . . . x . . .
        x x x A . . .
        . . . . . . .""",
        {"A": ""},
    ),
    "six, and seven": (
        """
        . x x x A x x .
        . . . . . . . .
        x x x B x x x .""",
        {"A": "overline", "B": "overline"},
    ),
    "five goes before everything: six, two fours, two threes": (
        """
        . . . x . . . . .
        . . . x . . . . .
        . . . x . . . . .
        . . . x . . . . .
        . x x A x x . . .
        . . . x . . . . .
        . . . x . . . . .""",
        {"A": "five"},
    ),
    "a four whose fifth stone would be a sixth is none": (
        """
        . . . . . . . . . .
        o x x x A . x . . .
        . . . . x . . . . .
        . . . . x . . . . .
        . . . . x . . . . .
        . . . . . . . . . .""",
        {"A": ""},
    ),
    "a three whose straight four would make a six at both ends is none": (
        """
        . . . . . . . . .
        . . . . x . . . .
        . . . . x . . . .
        x . . x A x . . x
        . . . . . . . . .
        . . . . . . . . .""",
        {"A": ""},
    ),
    "a three whose straight four's only cell is itself a double four is none": (
        """
        . . . . . o . . . .
        . . . . . x . . . .
        . . . . . x . . . .
        . . . . . x . . . .
        . . o . x B A x . .
        . . . . . . . . . .
        . . . . . . x . . .
        . . . . . . x . . .
        . . . . . . . . . .""",
        {"A": ""},
    ),
    "... and counts again once that four is closed": (
        """
        . . . . . o . . . .
        . . . . . x . . . .
        . . . . . x . . . .
        . . . . . o . . . .
        . . o . x B A x . .
        . . . . . . . . . .
        . . . . . . x . . .
        . . . . . . x . . .
        . . . . . . . . . .""",
        {"A": "double three"},
    ),
}


@pytest.mark.parametrize("name", DIAGRAMS)
def test_drawn_positions(name):
    diagram, answers = DIAGRAMS[name]
    game, twin = games.get("gomoku15-renju"), RenjuTwin(15)
    board, asked = drawn(diagram)
    twin.board = board
    mask = game.legal_mask(state(game, board))[0].reshape(15, 15)
    assert {letter: twin.status(*asked[letter]) for letter in answers} == answers
    assert {letter: bool(mask[asked[letter]]) for letter in answers} == {
        k: v in ("", "five") for k, v in answers.items()
    }
    assert game.legal_mask(state(game, board, to_play=1)).sum() == sum(row.count(".") for row in board)


def random_boards(count, seed):
    """(size, board) with black stones here and there, thick and thin, and some white ones among them."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        size = (8, 9, 15)[number % 3]
        black, white = rng.uniform(0.1, 0.45), rng.uniform(0, 0.25)
        yield size, rng.choice(list(".xo"), (size, size), p=[1 - black - white, black, white]).tolist()


def compare(count, seed):
    """How many cells of each kind there were; every one of them was right."""
    seen = dict.fromkeys(("", "five", "overline", "double four", "double three"), 0)
    for size, board in random_boards(count, seed):
        game, twin = games.get(f"gomoku{size}-renju"), RenjuTwin(size)
        twin.board = board
        statuses = {r * size + c: twin.status(r, c) for r in range(size) for c in range(size) if board[r][c] == "."}
        for status in statuses.values():
            seen[status] += 1
        black = state(game, board)
        expected = [cell for cell, status in statuses.items() if status in ("", "five")]
        assert np.flatnonzero(game.legal_mask(black)[0]).tolist() == expected
        forbidden = set(statuses) - set(expected)
        for states in (black, state(game, board, to_play=1)):
            assert set(np.flatnonzero(game.planes(states)[0, 12])) == forbidden
    return seen


def test_random_boards_against_the_twin():
    assert min(compare(30, 1).values()) > 5


@pytest.mark.slow
def test_many_random_boards_against_the_twin():
    assert min(compare(600, 2).values()) > 200


def test_games_against_the_twin():
    """Whole games, black and white crowded together: forbidden points come up, both sides win, outcomes agree."""
    size, rng = 8, np.random.default_rng(3)
    game = games.get(f"gomoku{size}-renju")
    outcomes, forbidden = set(), 0
    for _ in range(16):
        position, twin = game.initial(), RenjuTwin(size)
        while not position.is_over:
            legal = twin.legal()
            assert position.legal_actions == legal
            forbidden += size * size - len(position.moves) - len(legal)
            half = [a for a in legal if (2 * a < size * size) == (position.to_play == 0)]
            position = position.play(int(rng.choice(half or legal)))
            twin.play(position.last_action)
            assert (position.outcome, position.to_play) == (twin.outcome, twin.to_play)
        outcomes.add(position.outcome)
    assert forbidden > 20
    assert {games.WIN_0, games.WIN_1} <= outcomes


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check):
    check(games.get("gomoku8-renju"), np.random.default_rng(1))


def test_planes():
    """What the mover makes and what the opponent makes, each by his own rule; black makes nothing where he may not play."""
    for size, board in random_boards(9, 6):
        game, twin = games.get(f"gomoku{size}-renju"), RenjuTwin(size)
        twin.board = board
        allowed = np.ones((size, size), np.float32)
        for r, c in zip(*np.nonzero(np.array(board) == "."), strict=True):
            allowed[r, c] = twin.status(r, c) in ("", "five")
        for to_play in (0, 1):
            states = state(game, board, to_play)
            planes, cells = game.planes(states)[0], states["stones"][0]
            np.testing.assert_array_equal(planes[:4], [cells == to_play + 1, cells == 2 - to_play, cells >= 0,
                                                       np.full_like(cells, to_play == 0)])  # fmt: skip
            for side in range(2):
                black = to_play ^ side == 0
                expected = classes(cells, 1 if black else 2, exact=black)
                if black:
                    expected[1:] *= allowed
                np.testing.assert_array_equal(planes[4 + side : 12 : 2], expected)


def test_who_wins_with_six():
    game = games.get("gomoku15-renju")
    for stone, outcome in (("x", None), ("o", games.WIN_1)):
        board = [["."] * 15 for _ in range(15)]
        for column in (2, 3, 4, 6, 7):
            board[7][column] = stone
        states = state(game, board, to_play="xo".index(stone))
        assert bool(game.legal_mask(states)[0, 7 * 15 + 5]) == (outcome is not None)
        if outcome is not None:
            game.step(states, np.array([7 * 15 + 5], np.int32))
            assert states["outcome"][0] == outcome


def test_a_black_side_with_forbidden_points_alone_is_a_draw():
    """Two empty cells; on one of them black would make six. White takes the other."""
    game = games.get("gomoku8-renju")
    board = ["xoxoxoxo", "xoxoxoxo", "oxoxoxox", "oxoxoxox", "xoxoxoxo", "xoxoxoxo", "oxoxoxox", "xxx.xx.o"]
    board = [list(row) for row in board]
    board[6][6] = "x"
    twin = RenjuTwin(8)
    twin.board, twin.to_play = [list(row) for row in board], 1
    assert twin.status(7, 3) == "overline"
    states = state(game, board, to_play=1)
    assert np.flatnonzero(game.legal_mask(states)[0]).tolist() == [59, 62]
    game.step(states, np.array([62], np.int32))
    twin.play(62)
    assert states["outcome"][0] == twin.outcome == games.DRAW
    assert not game.legal_mask(states).any()


def test_the_other_rules_know_no_forbidden_points():
    for name in ("gomoku9", "gomoku9-standard"):
        game = games.get(name)
        plies, _ = random_games(game, 50, np.random.default_rng(4))
        for ply in plies:
            live = ply.states["outcome"] == games.ONGOING
            assert (game.legal_mask(ply.states).sum(axis=1) == live * (81 - ply.states["count"])).all()
