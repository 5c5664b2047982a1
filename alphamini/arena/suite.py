"""Positions with known answers, and how a player does on them.

A suite is a file of JSON lines; every line is one position of one game:

    game    the game's name
    moves   how it was reached: a string of the game's moves with blanks between ("b2 a1"; without, where every move is
            one character: "4435"), or a list of them, or of [column, row] from zero
    to_move optional: "B" or "W", player 0 or 1; checked

and its answer in one of two forms:

    scores  one for each action, for the side to move: above 0 wins, 0 draws, below 0 loses, null is illegal; a larger
            one wins sooner or loses later. With `value`, the best of them, and `best`, the moves that reach it.
            Right is a move whose score has the value's sign. (The `best` ones are counted apart, as perfect play.)
    type    "win" with `winning_moves`, or "defend" with `defences`: the moves that are right. With `subtype`, and
            `still_lost`: true where no defence helps in the long run; such a position is left out of every share.

Further fields are ignored.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphamini.arena.json_lines import json_lines
from alphamini.arena.players import Player
from alphamini.arena.ratings import wilson
from alphamini.arena.solver import Solver, reachable
from alphamini.parallel import map_all
from alphamini.progress import progress_bar
from games import ONGOING, Game, Position, States
from games.playout import random_actions

SOLVED = "solved"  # the suite that the project solves itself
MOST_SOLVED = 20_000  # positions of a game that is asked about whole; of larger ones ...
SAMPLE = 500  # ... so many from random games
BATCH = 64  # positions that a player is asked about at once: enough for a net, few enough to stop soon
CLASSES = {1: "won", 0: "drawn", -1: "lost"}


@dataclass(frozen=True)
class Answer:
    """Of one position: its class, the actions that are right, and those of them that are best (None: not known)."""

    kind: str
    right: frozenset[int]
    best: frozenset[int] | None


@dataclass(frozen=True)
class Suite:
    """N positions [N] and their answers. `left_out`: how many more the file holds that no move saves."""

    game: Game
    name: str
    states: States
    answers: Sequence[Answer]
    left_out: int = 0


def load_suite(path: Path, game: Game) -> Suite:
    """The suite at `path`; ValueError with one line, which names the file's line, if it is none or not of `game`."""
    states, answers, left_out = [], [], 0
    for number, row in json_lines(path):
        try:
            if row["game"] != game.name:
                raise ValueError(f"a position of {row['game']}, not of {game.name}")
            position = _position(game, row)
            answer = _answer(position, row)
        except KeyError as error:
            raise ValueError(f"{path} line {number}: no field {error}") from None
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ValueError(f"{path} line {number}: {error}") from None
        if row.get("still_lost") is True:
            left_out += 1
        else:
            states.append(position.state)
            answers.append(answer)
    if not states:
        raise ValueError(f"{path} holds no positions to score")
    return Suite(game, path.name, np.concatenate(states), answers, left_out)


def solved_suite(game: Game, seed: int = 0) -> Suite:
    """Every position of a small game, or a sample from random games of a larger one, solved here.

    ValueError, one line, if the game is too large for that.
    """
    solver = Solver(game)
    states = reachable(game, MOST_SOLVED)
    if states is None:
        states = _sample(game, np.random.default_rng(seed))
    answers = []
    for i in progress_bar(range(len(states)), desc="solving", unit="position", leave=False):
        values = solver.action_values(states[i : i + 1])
        value = int(values.max())
        right = frozenset(np.flatnonzero(values == value).tolist())
        answers.append(Answer(CLASSES[value], right, None))
    return Suite(game, SOLVED, states, answers)


@dataclass(frozen=True)
class Tally:
    """A share, with its 95 % interval by Wilson."""

    positions: int
    correct: int

    @staticmethod
    def of(right: Iterable[bool]) -> Tally:
        flags = list(right)
        return Tally(len(flags), sum(flags))

    def json(self) -> dict[str, Any]:
        low, high = wilson(self.correct, self.positions)
        return {"positions": self.positions, "correct": self.correct, "ci95": [round(low, 4), round(high, 4)]}


@dataclass(frozen=True)
class Score:
    """How one player did. `possible`: over the positions alone where an error is possible; `perfect`: moves that are
    best, over those where the best ones are known."""

    player: str
    total: Tally
    possible: Tally
    classes: dict[str, Tally]
    perfect: Tally | None

    def json(self) -> dict[str, Any]:
        """What `evaluate --suite` writes of a player."""
        classes = {name: tally.json() for name, tally in self.classes.items()}
        found = {"player": self.player, **self.total.json(), "classes": classes,
                 "error_possible": self.possible.json()}  # fmt: skip
        return found if self.perfect is None else {**found, "perfect": self.perfect.json()}


def score(
    suite: Suite, player: Player, seed: int, threads: int = 1, stop: Callable[[], bool] = lambda: False
) -> Score | None:
    """Asks the player for all positions, BATCH at once in each thread. None after `stop()`: some are not answered."""
    parts = [np.arange(start, len(suite.states), threads) for start in range(min(threads, len(suite.states)))]
    streams = np.random.default_rng(seed).spawn(len(parts))
    actions = np.zeros(len(suite.states), np.int32)
    batch = 1 if player.one_by_one else BATCH

    def answer(mine: NDArray[np.int64], rng: np.random.Generator) -> None:
        for start in range(0, len(mine), batch):
            if not stop():
                some = mine[start : start + batch]
                actions[some] = player.choose(suite.states[some], rng)

    with ThreadPoolExecutor(threads) as pool:
        map_all(pool, answer, parts, streams)
    return None if stop() else score_actions(suite, player.name, actions)


def score_actions(suite: Suite, player: str, actions: NDArray[np.int32]) -> Score:
    """The score of choosing actions i4[N]."""
    right = [int(action) in answer.right for action, answer in zip(actions, suite.answers, strict=True)]
    choices = suite.game.legal_mask(suite.states).sum(1)
    possible = [len(answer.right) < count for answer, count in zip(suite.answers, choices, strict=True)]
    kinds = list(dict.fromkeys(answer.kind for answer in suite.answers))
    perfect = [int(action) in answer.best for action, answer in zip(actions, suite.answers, strict=True)
               if answer.best is not None]  # fmt: skip
    return Score(
        player,
        Tally.of(right),
        Tally.of(r for r, p in zip(right, possible, strict=True) if p),
        {k: Tally.of(r for r, a in zip(right, suite.answers, strict=True) if a.kind == k) for k in sorted(kinds)},
        Tally.of(perfect) if perfect else None,
    )


def suite_report(suite: Suite, scores: Sequence[Score]) -> dict[str, Any]:
    """The JSON of `evaluate --suite`: the first player's figures, and every player's under "players"."""
    rows = [score.json() for score in scores]
    return {"game": suite.game.name, "suite": suite.name, **rows[0], "left_out": suite.left_out, "players": rows}


def suite_table(suite: Suite, scores: Sequence[Score]) -> str:
    """Every player's shares with their 95 % intervals, as text."""
    head = ("player", "positions", "n", "right", "95 % interval")
    rows: list[tuple[str, ...]] = [head]
    for found in scores:
        named = [("all", found.total)]
        if found.possible.positions < found.total.positions:
            named.append(("error possible", found.possible))
        named += found.classes.items()
        if found.perfect is not None and found.perfect.correct < found.perfect.positions:
            named.append(("(best move)", found.perfect))
        for name, tally in named:
            low, high = wilson(tally.correct, tally.positions)
            share = f"{tally.correct / tally.positions:.1%}" if tally.positions else "-"
            rows.append((found.player, name, str(tally.positions), share, f"{low:.1%} to {high:.1%}"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = ["  ".join([row[0].ljust(widths[0]), row[1].ljust(widths[1]), *(c.rjust(w) for c, w in
             zip(row[2:], widths[2:], strict=True))]) for row in rows]  # fmt: skip
    if suite.left_out:
        lines.append(f"left out: {suite.left_out} positions that no move saves")
    return "\n".join(lines)


def _position(game: Game, row: dict[str, Any]) -> Position:
    """The position that the line's moves reach; ValueError if they do not."""
    moves = row["moves"]
    if isinstance(moves, str):
        moves = moves.split() if " " in moves.strip() or _whole_move(game, moves) else list(moves.strip())
    if not isinstance(moves, list):
        raise ValueError("moves is neither a string nor a list")
    position = game.initial()
    for move in moves:
        position = position.play(_action(game, move))
    if position.is_over:
        raise ValueError("the game is over")
    if "to_move" in row and row["to_move"] != "BW"[position.to_play]:
        raise ValueError(f"to_move is {row['to_move']!r}, but the moves leave it to {'BW'[position.to_play]}")
    return position


def _whole_move(game: Game, text: str) -> bool:
    """Is `text` one move, such as "e5"?"""
    try:
        game.parse_action(text)
    except ValueError:
        return False
    return True


def _action(game: Game, move: Any) -> int:
    """An action from its text, from a column's digit, or from [column, row]; ValueError otherwise."""
    if isinstance(move, str):
        return game.parse_action(move)
    if isinstance(move, int) and not isinstance(move, bool) and game.policy == "columns":
        return game.parse_action(str(move))
    height, width = game.shape
    if isinstance(move, list) and len(move) == 2 and all(type(x) is int for x in move) and game.policy == "cells":
        x, y = move
        if 0 <= x < width and 0 <= y < height:
            return int(y * width + x)
    raise ValueError(f"{json.dumps(move)} is no move of {game.name}")


def _answer(position: Position, row: dict[str, Any]) -> Answer:
    """The line's answer; ValueError if it contradicts itself or the rules."""
    if "scores" in row:
        return _scored(position, row)
    if "type" not in row:
        raise ValueError("neither the field 'scores' nor the field 'type'")
    field = {"win": "winning_moves", "defend": "defences"}.get(str(row["type"]))
    if field is None:
        raise ValueError(f"type is {json.dumps(row['type'])}, not win or defend")
    kind = " ".join([str(row["type"]), *([str(row["subtype"])] if "subtype" in row else [])])
    right = _actions(position, row[field], field)
    if not right and row.get("still_lost") is not True:
        raise ValueError(f"{field} is empty")
    return Answer(kind, right, None)


def _scored(position: Position, row: dict[str, Any]) -> Answer:
    scores, legal = row["scores"], position.legal_actions
    if not isinstance(scores, list) or len(scores) != position.game.num_actions:
        raise ValueError(f"scores is not a list of {position.game.num_actions}")
    if not all(s is None or (type(s) in (int, float) and math.isfinite(s)) for s in scores):
        raise ValueError("scores holds something other than numbers and null")
    if [a for a, s in enumerate(scores) if s is not None] != legal:
        raise ValueError("scores is not null at just the illegal moves")
    value = max(scores[a] for a in legal)
    if row["value"] != value:
        raise ValueError(f"value is {json.dumps(row['value'])}, but the best of the scores is {value}")
    best = frozenset(a for a in legal if scores[a] == value)
    if _actions(position, row["best"], "best") != best:
        raise ValueError("best are not the moves of the best score")
    sign = int(np.sign(value))
    return Answer(CLASSES[sign], frozenset(a for a in legal if np.sign(scores[a]) == sign), best)


def _actions(position: Position, moves: Any, field: str) -> frozenset[int]:
    if not isinstance(moves, list):
        raise ValueError(f"{field} is not a list")
    actions = frozenset(_action(position.game, move) for move in moves)
    for action in sorted(actions - set(position.legal_actions)):
        raise ValueError(f"{field}: {position.action_text(action)} is not legal here")
    return actions


def _sample(game: Game, rng: np.random.Generator) -> States:
    """SAMPLE different positions of random games, from every stage of them, none over."""
    found: dict[bytes, States] = {}
    while len(found) < SAMPLE:
        states = game.new_states(SAMPLE)
        stop = rng.integers(0, game.max_plies, SAMPLE)
        for ply in range(int(stop.max())):
            actions = random_actions(game, states, rng)
            going = np.flatnonzero((stop > ply) & (states["outcome"] == ONGOING))
            after = states[going]
            game.step(after, actions[going])
            states[going] = after
        for i in np.flatnonzero(states["outcome"] == ONGOING):
            if len(found) < SAMPLE:
                found.setdefault(states[i].tobytes(), states[i : i + 1])
    return np.concatenate(list(found.values()))
