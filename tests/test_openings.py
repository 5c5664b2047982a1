"""Books of openings: made again byte for byte, balanced by an independent judge, whole through a file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import games
from alphamini.arena.bookmaker import BookOptions, make_book, symmetric_keys
from alphamini.arena.match import play_match
from alphamini.arena.openings import Book, Opening, RandomOpenings, choose_openings, load_book, shipped_book
from alphamini.arena.players import make_player
from alphamini.arena.solver import Solver

TICTACTOE = games.get("tictactoe")
OPTIONS = BookOptions(openings=20, plies=3, player="rollouts@sims=400", within=0.2, seed=3)


@pytest.fixture(scope="module")
def book() -> Book:
    return make_book(TICTACTOE, OPTIONS, threads=2)


def test_a_book_is_balanced_and_holds_no_position_twice(book: Book) -> None:
    solver = Solver(TICTACTOE)
    drawn = 0
    for opening in book.openings:
        assert abs(opening.value) <= OPTIONS.within
        drawn += solver.value(TICTACTOE.initial().play_all(opening.moves).state) == 0
    assert drawn == len(book.openings) > 10  # every opening that a long search calls close is a draw in truth
    keys = symmetric_keys(TICTACTOE, np.array([opening.moves for opening in book.openings], np.int32))
    assert len(set(keys)) == len(keys)


def test_an_opening_that_can_only_be_drawn_tells_nobody_apart() -> None:
    """Of tic-tac-toe's last two moves, many lead to a draw whatever is played."""

    def outcomes(state: np.ndarray) -> set[int]:
        found = set()
        for action in np.flatnonzero(TICTACTOE.legal_mask(state)[0]):
            after = state.copy()
            TICTACTOE.step(after, np.array([action], np.int32))
            found |= outcomes(after) if after["outcome"][0] == games.ONGOING else {int(after["outcome"][0])}
        return found

    def dead(drawn: float) -> list[bool]:
        options = replace(OPTIONS, plies=7, within=1.0, drawn=drawn, openings=40)
        book = make_book(TICTACTOE, options, threads=1)
        return [outcomes(TICTACTOE.initial().play_all(o.moves).state) == {games.DRAW} for o in book.openings]

    assert any(dead(1.0))
    assert not any(dead(0.5))


def test_equal_positions_have_equal_keys() -> None:
    lines = np.array([[0, 4, 1], [1, 4, 0], [2, 4, 1], [0, 4, 5]], np.int32)  # transposed; mirrored; another
    first, second, third, other = symmetric_keys(TICTACTOE, lines)
    assert first == second == third != other


def test_the_same_options_make_the_same_book(book: Book) -> None:
    assert make_book(TICTACTOE, OPTIONS, threads=1).openings == book.openings
    assert make_book(TICTACTOE, replace(OPTIONS, seed=4), threads=1).openings != book.openings


def test_a_book_survives_its_file_and_is_played_from_both_seats(book: Book, tmp_path: Path) -> None:
    book.save(tmp_path / "b.jsonl")
    loaded = choose_openings(TICTACTOE, str(tmp_path / "b.jsonl"))
    assert isinstance(loaded, Book)
    assert loaded.openings == book.openings
    assert loaded.options == {"plies": 3, "player": "rollouts@sims=400", "within": 0.2, "drawn": 0.5, "seed": 3}
    size = len(book.openings)
    player = make_player(TICTACTOE, "random")
    result = play_match(TICTACTOE, player, player, 2 * size, seed=0, openings=loaded)
    played = [(tuple(g.moves[: g.opening]), g.first) for g in result.games]
    assert sorted(played) == sorted((o.moves, first) for o in book.openings for first in (0, 1))


def test_openings_of_several_lengths_are_played_to_their_ends() -> None:
    lines = [(), (4,), (0, 4, 8)]
    book = Book(TICTACTOE, tuple(Opening(line, 0.0) for line in lines), {})
    player = make_player(TICTACTOE, "random")
    result = play_match(TICTACTOE, player, player, 5, seed=0, openings=book)  # rounded up
    assert sorted(tuple(g.moves[: g.opening]) for g in result.games) == sorted([*lines, *lines])
    for record in result.games:
        assert TICTACTOE.initial().play_all(record.moves).outcome == record.outcome


def test_a_book_is_used_up_before_it_repeats() -> None:
    book = Book(TICTACTOE, tuple(Opening((a,), 0.0) for a in range(9)), {})
    drawn = [line[0] for line in book.draw(21, np.random.default_rng(0))]
    assert sorted(drawn[:9]) == sorted(drawn[9:18]) == list(range(9))


@pytest.mark.parametrize("name", ["connect4", "gomoku9"])
def test_shipped_books_are_whole(name: str) -> None:
    game = games.get(name)
    path = shipped_book(game)
    assert path is not None
    book = load_book(path, game)
    assert len(book.openings) >= 200
    assert max(abs(o.value) for o in book.openings) <= book.options["within"]
    keys = symmetric_keys(game, np.array([o.moves for o in book.openings], np.int32))
    assert len(set(keys)) == len(keys)
    assert choose_openings(game, "auto") == book


def test_wishes() -> None:
    assert choose_openings(TICTACTOE, "3") == RandomOpenings(TICTACTOE, 3)
    assert choose_openings(TICTACTOE, "auto") == RandomOpenings(TICTACTOE, 1)  # no book ships for it
    assert RandomOpenings(TICTACTOE, 0).draw(2, np.random.default_rng(0)) == [[], []]
    for wish, message in {"book": "no book ships", "9": "must be from 0 to 8", "-1": "--openings takes"}.items():
        with pytest.raises(ValueError, match=message):
            choose_openings(TICTACTOE, wish)


HEAD = '{"format": "alphamini-book-1", "game": "tictactoe", "rules_version": 1, "options": {}}\n'


@pytest.mark.parametrize(("text", "message"), [
    ("", "line 1: no book"), ("nonsense", "line 1: not JSON"), ("[]", "line 1: not a JSON object"),
    (HEAD, "holds no openings"), (HEAD + "[" * 100_000, "line 2: not JSON"),
    (HEAD.replace("tictactoe", "hex3"), "line 1: a book for hex3, not for tictactoe"),
    (HEAD.replace('version": 1', 'version": 9'), "line 1: made for rules version 9"),
    (HEAD + '{"moves": "a1 a1", "value": 0}', "line 2: a1 is not legal here"),
    (HEAD + '{"moves": "a1", "value": 0}\n{"value": 0}', "line 3: no field 'moves'"),
    (HEAD + '{"moves": "a1", "value": "x"}', "line 2: could not convert"),
    (HEAD + '{"moves": "a1 b1 a2 b2 a3", "value": 0}', "line 2: the opening ends the game"),
])  # fmt: skip
def test_bad_books_get_one_line_that_names_the_place(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        load_book(path, TICTACTOE)
    assert str(error.value).startswith(str(path))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(("change", "message"), [
    ({"openings": 0}, "--openings"), ({"plies": 9}, "--plies"), ({"within": 0.0}, "--within"),
    ({"drawn": 1.5}, "--drawn"),
    ({"player": "random"}, "only a search"), ({"player": "rollouts@seconds=1"}, "only a search"),
])  # fmt: skip
def test_options_that_make_no_book_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_book(TICTACTOE, replace(OPTIONS, **change), threads=1)
