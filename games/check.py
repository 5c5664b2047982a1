"""What must hold for every game, as functions that raise `Violation` with one clear line.

A new game passes `check_game(games.get(name))` before anything else is built on it. These checks need no knowledge
of the rules; that the rules are the right ones is for a slow twin, written independently, to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.check_playout import check_playout
from games.files import told
from games.game import DRAW, ONGOING, WIN_0, WIN_1, Game, States
from games.playout import random_actions
from games.violation import Violation, require

RESULTS = ("resign", "1-0", "0-1", "1/2")
GARBAGE = ("", "   ", "?!", "-1", "zz99", "e5 e6 e7", "a1\nb2", "99999999", "１", "x" * 1000)


@dataclass(frozen=True)
class Ply:
    """One ply of a batch of random games: the states [B] before it and the actions i4[B] (0 once a game is over)."""

    states: States
    actions: NDArray[np.int32]


def random_games(game: Game, count: int, rng: np.random.Generator) -> tuple[list[Ply], States]:
    """`count` random games side by side: their plies and the final states [B]."""
    states = game.new_states(count)
    plies: list[Ply] = []
    while (states["outcome"] == ONGOING).any():
        require(len(plies) < game.max_plies, f"a game is longer than max_plies = {game.max_plies}")
        plies.append(Ply(states.copy(), random_actions(game, states, rng)))
        game.step(states, plies[-1].actions)
    return plies, states


def check_statics(game: Game, rng: np.random.Generator) -> None:
    """The numbers and names, the record's type, the start position, the symmetry tables."""
    for name in ("rules_version", "num_planes", "num_actions", "max_plies"):
        value = getattr(game, name)
        require(isinstance(value, int | np.integer) and value > 0, f"{name} is {value!r}, not a whole number above 0")
    named = isinstance(game.sides, tuple) and len(game.sides) == 2 and all(isinstance(s, str) and s for s in game.sides)
    require(named, f"sides are {game.sides!r}, not the names of two")
    require(game.policy in ("cells", "columns"), f"policy is {game.policy!r}, neither 'cells' nor 'columns'")
    require(game.dtype.itemsize % 8 == 0, f"a record has {game.dtype.itemsize} bytes, not whole 8-byte words")
    for field in ("to_play", "outcome", *game.past):
        require(field in (game.dtype.names or ()), f"the record has no field {field!r}")
    dirty = np.frombuffer(b"\xff" * (2 * game.dtype.itemsize), game.dtype).copy()
    game.init(dirty)
    require(_same(dirty, game.new_states(2)), "init leaves some bytes of the record as they were")
    require((dirty["outcome"] == ONGOING).all(), "the start position is over")

    cells = game.shape[0] * game.shape[1]
    tables = np.hstack([game.action_symmetries, game.cell_symmetries])
    require(game.action_symmetries.shape[1] == game.num_actions, "action_symmetries is not [S, A]")
    require(game.cell_symmetries.shape[1] == cells, "cell_symmetries is not [S, H*W]")
    for table in (game.action_symmetries, game.cell_symmetries):
        require((np.sort(table) == np.arange(table.shape[1])).all(), "a symmetry is not a permutation")
        require((table[0] == np.arange(table.shape[1])).all(), "symmetry 0 is not the identity")
    group = {row.tobytes() for row in tables}
    require(len(group) == len(tables), "two symmetries are the same")
    for first in range(len(tables)):
        for second in range(len(tables)):
            actions = game.action_symmetries[second][game.action_symmetries[first]]
            images = game.cell_symmetries[second][game.cell_symmetries[first]]
            require(np.hstack([actions, images]).tobytes() in group, "the symmetries are not closed under composition")
    placed = game.num_actions - game.extra_actions
    require(0 <= game.extra_actions < game.num_actions, f"{game.num_actions} actions are too few for the layout")
    images = game.action_symmetries[:, :placed]
    require((images < placed).all(), "a symmetry moves an extra action onto the board")
    if game.policy == "columns":
        columns = game.cell_symmetries.reshape(-1, *game.shape) % game.shape[1]
        require((columns == images[:, None, :]).all(), "a symmetry moves columns and cells apart")
    else:
        planes, landed = np.divmod(images.reshape(len(images), game.action_planes, cells), cells)
        require((landed == game.cell_symmetries[:, None, :]).all(), "a symmetry moves actions and cells apart")
        require((planes == planes[:, :, :1]).all(), "a symmetry tears a plane of actions apart")


def check_text(game: Game, rng: np.random.Generator) -> None:
    """Every action survives the way through text; what is not a move is refused in one line."""
    silent = [action for action in range(game.num_actions) if game.action_text(action) == ""]
    if silent:
        played = np.concatenate([ply.states for ply in random_games(game, 64, rng)[0]])
        require(not game.legal_mask(played)[:, silent].any(), "an action that is legal has no text")
    for action in sorted(set(range(game.num_actions)) - set(silent)):
        text = game.action_text(action)
        require(text.split() == [text], f"action {action} is written {text!r}: files have blanks between the moves")
        require(text.lower() not in RESULTS, f"action {action} is written {text!r}, by which files tell a result")
        require(game.parse_action(text) == action, f"action {action} is written {text!r}, which reads as another")
        require(game.parse_action(f" {text.upper()} ") == action, f"{text.upper()!r} with spaces is not understood")
    for text in GARBAGE:
        _refused("parse_action", game.parse_action, text)


def check_positions(game: Game, rng: np.random.Generator) -> None:
    """The door for people: `play` refuses what is illegal, and never changes the position it starts from."""
    position = game.initial()
    while not position.is_over:
        require(len(position.moves) < game.max_plies, f"a game is longer than max_plies = {game.max_plies}")
        require(position.legal_actions, "an unfinished game has no legal action")
        before, legal = position.state.tobytes(), position.legal_actions
        for action in {-1, game.num_actions, *range(game.num_actions)} - set(legal):
            _refused("play", position.play, action)
        following = position.play(int(rng.choice(legal)))
        require(position.state.tobytes() == before, "play changes the position it starts from")
        require(len(following.moves) == len(position.moves) + 1, "play does not record the move")
        position = following
        require(position.text(colour=False) == str(position) != "", "str(position) is not its text")
    require(position.legal_actions == [], "a finished game has legal actions")
    _refused("play", position.play, 0)


def check_random_games(game: Game, rng: np.random.Generator) -> None:
    """Random games end, in time, with an outcome, and stay as they are; the record is all there is to know."""
    plies, final = random_games(game, 64, rng)
    require(np.isin(final["outcome"], (WIN_0, WIN_1, DRAW)).all(), "a finished game has no outcome")
    require(not game.legal_mask(final).any(), "a finished game has legal actions")
    for action in range(game.num_actions):
        after = final.copy()
        game.step(after, np.full(len(final), action, np.int32))
        require(_same(after, final), f"action {action} after the end changes the record")
    for ply in plies:
        live = ply.states["outcome"] == ONGOING
        require(np.isin(ply.states["to_play"], (0, 1)).all(), "to_play is neither 0 nor 1")
        require((game.legal_mask(ply.states).any(axis=1) == live).all(), "an unfinished game has no legal action")

    middle = len(plies) // 2
    copy = np.frombuffer(plies[middle].states.tobytes(), game.dtype).copy()
    for ply in plies[middle:]:
        require(_same(copy, ply.states), "a copy of the record plays on differently: some state lies outside of it")
        game.step(copy, ply.actions)
    require(_same(copy, final), "a copy of the record ends differently: some state lies outside of it")


def check_batch(game: Game, rng: np.random.Generator) -> None:
    """A row's result depends neither on its neighbours nor on what the output arrays held before; there may be no row."""
    plies, _ = random_games(game, 64, rng)
    pool = np.concatenate([ply.states for ply in plies])
    actions = np.concatenate([ply.actions for ply in plies])
    chosen = rng.choice(len(pool), min(len(pool), 400), replace=False)
    together, mask = pool[chosen], np.full((len(chosen), game.num_actions), 7, np.uint8)
    planes = np.full((len(chosen), game.num_planes, *game.shape), np.nan, np.float32)
    game.legal(together, mask)
    game.observe(together, planes)
    require(_same(together, pool[chosen]), "legal or observe changes the records")
    require(np.isin(mask, (0, 1)).all(), "legal writes something other than 0 and 1, or not every action")
    require(bool(np.isfinite(planes).all()), "observe does not write every cell")
    game.step(together, actions[chosen])
    for row, index in enumerate(chosen):
        alone = pool[index : index + 1].copy()
        require((game.legal_mask(alone)[0] == mask[row]).all(), "legal depends on the neighbours in the batch")
        require((game.planes(alone)[0] == planes[row]).all(), "observe depends on the neighbours in the batch")
        game.step(alone, actions[index : index + 1])
        require(_same(alone, together[row : row + 1]), "step depends on the neighbours in the batch")
    for name, outputs in (("legal", mask), ("observe", planes), ("step", actions)):
        try:
            getattr(game, name)(pool[:0], outputs[:0])
        except Exception as error:
            raise Violation(f"{name} fails on a batch of no records: {told(error)}") from None


def check_symmetries(game: Game, rng: np.random.Generator) -> None:
    """Playing the images of a game's moves gives the image of the game."""
    plies, final = random_games(game, 16, rng)
    for number, (actions, cells) in enumerate(zip(game.action_symmetries, game.cell_symmetries, strict=True)):
        image = game.new_states(len(final))
        for ply in [*plies, Ply(final, np.zeros(len(final), np.int32))]:
            for field in ("to_play", "outcome"):
                require((image[field] == ply.states[field]).all(), f"{field} changes under symmetry {number}")
            legal = game.legal_mask(image)[:, actions] == game.legal_mask(ply.states)
            require(legal.all(), f"the legal actions do not follow symmetry {number}")
            planes = game.planes(image).reshape(len(image), game.num_planes, -1)[:, :, cells]
            require((planes.reshape(-1) == game.planes(ply.states).reshape(-1)).all(), f"planes: symmetry {number}")
            game.step(image, actions[ply.actions])


def check_transpositions(game: Game, rng: np.random.Generator) -> None:
    """Two orders of moves to one position give the same bytes, the past aside: a player's next two moves are swapped."""
    plies, final = random_games(game, 64, rng)
    states = [ply.states for ply in plies] + [final]
    for first, second, third, after in zip(plies, plies[1:], plies[2:], states[3:], strict=False):
        swapped = first.states.copy()
        possible = first.states["to_play"] == third.states["to_play"]
        for actions in (third.actions, second.actions, first.actions):
            possible &= game.legal_mask(swapped)[np.arange(len(swapped)), actions] == 1
            game.step(swapped, actions)
        for field in ("to_play", "outcome"):
            possible &= swapped[field] == after[field]
        possible &= (game.legal_mask(swapped) == game.legal_mask(after)).all(axis=1)
        possible &= (game.planes(swapped) == game.planes(after)).all(axis=(1, 2, 3))
        one, two = swapped[possible], after[possible]
        for field in game.past:
            one[field] = two[field] = 0
        require(_same(one, two), "one position, two records: the order of moves shows in it")


CHECKS: tuple[Callable[[Game, np.random.Generator], None], ...] = (
    check_statics,
    check_text,
    check_positions,
    check_random_games,
    check_batch,
    check_symmetries,
    check_transpositions,
    check_playout,
)


def check_game(game: Game, seed: int = 0) -> None:
    """Runs every check; `Violation` says which one found what."""
    for check in CHECKS:
        try:
            check(game, np.random.default_rng(seed))
        except Violation as violation:
            raise Violation(f"{game.name}: {check.__name__}: {violation}") from None


KERNELS = ("init", "legal", "step", "observe")


@dataclass(frozen=True)
class Finding:
    """What one check has found: the check's name, what it asks for, and what is wrong ("" if nothing is)."""

    check: str
    promise: str
    wrong: str


def findings(game: Game, seed: int = 0) -> Iterator[Finding]:
    """Runs every check, on a game that may be broken in any way; an exception of the game's own is a finding too.

    `check_playout` would play on without end where games do not end: it is left out once something else is wrong.
    """
    sound = True
    named: dict[str, Any] = {name: _named(name, getattr(game, name)) for name in KERNELS}
    game = replace(game, **named)
    for check in CHECKS:
        wrong = ""
        try:
            if check is check_playout:
                require(sound, "left out until all of the others hold")
            check(game, np.random.default_rng(seed))
        except Violation as violation:
            wrong = str(violation)
        except Exception as error:
            wrong = told(error)
        sound &= not wrong
        yield Finding(check.__name__, (check.__doc__ or "").splitlines()[0], wrong)


def _named(name: str, kernel: Callable[..., None]) -> Callable[..., None]:
    """A kernel whose exceptions carry its name: those of compiled functions know no place."""

    def call(*arguments: object) -> None:
        try:
            kernel(*arguments)
        except Exception as error:
            error.add_note(f"in {name}")
            raise

    return call


def _same(a: States, b: States) -> bool:
    return a.tobytes() == b.tobytes()


def _refused(name: str, method: Callable[[Any], object], argument: object) -> None:
    """The call must raise ValueError with one short line."""
    what = f"{name}({str(argument)[:20]!r})"
    try:
        method(argument)
    except ValueError as error:
        message = str(error)
        require(0 < len(message) < 200 and "\n" not in message, f"{what} is refused with {message!r}, not one line")
    else:
        raise Violation(f"{what} is not refused")
