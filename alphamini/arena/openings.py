"""Where matches begin: uniformly random plies, or a frozen book of openings that a long search calls close.

A book is a text file of JSON lines, shipped as `alphamini/arena/books/GAME.jsonl`. The first line says what it is:

    {"format": "alphamini-book-1", "game": "gomoku9", "rules_version": 1, "options": {how it was made}}

Every further line is one opening: its moves as the game writes them, and the value in [-1, 1] that the search gave the
side to move:

    {"moves": "e5 d4 f6 c2", "value": -0.031}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from alphamini.arena.json_lines import json_lines
from alphamini.model.checkpoint import write_bytes
from alphamini.options import python_command
from games import ONGOING, Game, States, in_shell
from games.playout import random_actions

OPENING_TRIES = 100
FORMAT = "alphamini-book-1"
FOLDER = Path(__file__).resolve().parent / "books"


class Openings(Protocol):
    """A source of openings."""

    @property
    def about(self) -> str:
        """A few words for people."""

    def draw(self, count: int, rng: np.random.Generator) -> list[list[int]]:
        """`count` move lists, none of which ends the game; to different positions while that can be."""


def states_after(game: Game, lines: Sequence[Sequence[int]]) -> States:
    """[n] the states after n lists of legal moves."""
    states = game.new_states(len(lines))
    for ply in range(max(map(len, lines), default=0)):
        on = [i for i, line in enumerate(lines) if ply < len(line)]
        after = states[on]
        game.step(after, np.array([lines[i][ply] for i in on], np.int32))
        states[on] = after
    return states


def position_keys(game: Game, states: States) -> list[bytes]:
    """[n]: equal for equal positions, however they came about."""
    states = states.copy()
    for field in game.past:
        states[field] = 0
    return [state.tobytes() for state in states]


def default_opening_plies(game: Game) -> int:
    """Enough that openings differ, few enough that they decide little."""
    return min(6, max(1, round(game.max_plies / 20)))


@dataclass(frozen=True)
class RandomOpenings:
    """`plies` uniformly random plies; nothing is known of their balance."""

    game: Game
    plies: int

    @property
    def about(self) -> str:
        return f"{self.plies} random {'ply' if self.plies == 1 else 'plies'}"

    def draw(self, count: int, rng: np.random.Generator) -> list[list[int]]:
        """See `Openings.draw`; ValueError, one line, where every such opening ends the game."""
        game, plies = self.game, self.plies
        openings: list[list[int]] = []
        seen: set[bytes] = set()
        for attempt in range(OPENING_TRIES):
            if len(openings) == count:
                break
            states, moves = game.new_states(count), np.zeros((count, plies), np.int32)
            for ply in range(plies):
                live = states["outcome"] == ONGOING
                moves[live, ply] = random_actions(game, states[live], rng)
                game.step(states, moves[:, ply].copy())
            keys = position_keys(game, states)
            for line, key, outcome in zip(moves.tolist(), keys, states["outcome"], strict=True):
                new = key not in seen or attempt >= OPENING_TRIES // 2
                if outcome == ONGOING and new and len(openings) < count:
                    seen.add(key)
                    openings.append(line)
        if len(openings) < count:
            raise ValueError(f"{game.name} has no random openings of {plies} plies")
        return openings


@dataclass(frozen=True)
class Opening:
    """`value` in [-1, 1] for the side to move after `moves`, as the search that made the book saw it."""

    moves: tuple[int, ...]
    value: float


@dataclass(frozen=True)
class Book:
    """A frozen list of openings. `options` says how it was made."""

    game: Game
    openings: tuple[Opening, ...]
    options: dict[str, Any]
    name: str = "book"

    @property
    def about(self) -> str:
        return f"{self.name}, {len(self.openings)} balanced openings"

    def draw(self, count: int, rng: np.random.Generator) -> list[list[int]]:
        """See `Openings.draw`; the whole book is used before an opening comes again."""
        order = rng.permutation(len(self.openings))
        return [list(self.openings[order[i % len(order)]].moves) for i in range(count)]

    def save(self, path: Path) -> None:
        """Writes the book, whole or not at all."""
        head = {"format": FORMAT, "game": self.game.name, "rules_version": self.game.rules_version,
                "options": self.options}  # fmt: skip
        rows = [
            {**asdict(opening), "moves": " ".join(map(self.game.action_text, opening.moves))}
            for opening in self.openings
        ]
        write_bytes(path, "".join(json.dumps(row) + "\n" for row in [head, *rows]).encode())


def is_book(content: bytes) -> bool:
    """Is this a book's file, of whatever game?"""
    return content.startswith(f'{{"format": "{FORMAT}"'.encode())


def load_book(path: Path, game: Game) -> Book:
    """The book at `path`; ValueError with one line, which names the file's line, if it is none or not of `game`."""
    rows = json_lines(path)
    _, head = next(rows, (0, {}))
    if head.get("format") != FORMAT:
        raise ValueError(f"{path} line 1: no book of openings (no format {FORMAT!r})")
    if head.get("game") != game.name:
        raise ValueError(f"{path} line 1: a book for {head.get('game')}, not for {game.name}")
    if head.get("rules_version") != game.rules_version:
        raise ValueError(f"{path} line 1: made for rules version {head.get('rules_version')}; "
                         f"this is version {game.rules_version}")  # fmt: skip
    openings = []
    for number, row in rows:
        try:
            position = game.initial()
            for text in str(row["moves"]).split():
                position = position.play(position.parse_action(text))
            if position.is_over:
                raise ValueError("the opening ends the game")
            openings.append(Opening(position.moves, float(row["value"])))
        except KeyError as error:
            raise ValueError(f"{path} line {number}: no field {error}") from None
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{path} line {number}: {error}") from None
    if not openings:
        raise ValueError(f"{path} holds no openings")
    return Book(game, tuple(openings), head.get("options", {}), path.name)


def shipped_book(game: Game) -> Path | None:
    """The book that ships for exactly this game, if one does."""
    path = FOLDER / f"{game.name}.jsonl"
    return path if path.is_file() else None


def choose_openings(game: Game, wish: str) -> Openings:
    """The openings that `wish` names: "auto" (the shipped book, else random plies by the game), "book", a number of
    random plies, or a book's file. ValueError, one line, if it is none of them."""
    if wish in ("auto", "book"):
        path = shipped_book(game)
        if path is not None:
            return load_book(path, game)
        if wish == "book":
            raise ValueError(
                f"no book ships for {game.name}; make one: {python_command()} -m alphamini.book --game {in_shell(game)}"
            )
        return RandomOpenings(game, default_opening_plies(game))
    if wish.isdecimal() and wish.isascii():
        if int(wish) >= game.max_plies:
            raise ValueError(f"--openings: random plies must be from 0 to {game.max_plies - 1}")
        return RandomOpenings(game, int(wish))
    if not Path(wish).is_file():
        raise ValueError(f"--openings takes auto, book, a number of random plies or a book's file, not {wish!r}")
    return load_book(Path(wish), game)
