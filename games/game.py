"""The game contract: what every file in `games/` offers and nothing more.

Conventions, used everywhere in this project:

* B is a batch of states, which may be empty, A the number of actions, C planes of H x W cells, S symmetries.
* A *state* is one record of a numpy structured dtype; a batch is a 1-d array of them. The record is the
  whole truth: `to_play` (0 or 1) and `outcome` are fields of every game's record. It holds the position and
  nothing of the way there, in whole 8-byte words with zeros between the fields: equal positions, equal bytes.
  Only where the rules themselves look back (superko) some fields hold the past: the game names them (`past`).
* `outcome` is ONGOING, a win for player 0, a win for player 1, or DRAW.
* The side to move need not alternate (passes, two moves a turn): always read `to_play`.

Kernels are numba functions over a batch. A kernel calls only kernels of its own file, because numba's
on-disk cache does not notice an edit in another file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ONGOING, WIN_0, WIN_1, DRAW = -1, 0, 1, 2

States = NDArray[np.void]
"""[B] records of one game's dtype."""


@dataclass(frozen=True, eq=False)
class Game:
    """The static side of a game. Everything that changes during play lives in the state records.

    Kernels (`states` is [B] records, C-contiguous; outputs are written in place, nothing is allocated):

    * `init(states)`: every record becomes the start position.
    * `legal(states, mask u1[B, A])`: 1 where the action is legal; all 0 when the game is over.
    * `step(states, actions i4[B])`: plays one legal action a record; a record whose game is over stays as it is.
      Legality is not checked here: `Position.play` is the door for people.
    * `observe(states, planes f4[B, C, H, W])`: the net's input, from the side to move's point of view.
    * `playout(states, seeds u8[B])`: plays every record to its end uniformly at random. Optional: it is faster
      than the generic one (games/playout.py), never different in distribution.

    `action_symmetries` i4[S, A] and `cell_symmetries` i4[S, H*W] send an action or a cell to its image; row 0 is
    the identity. Playing the images of a game's moves gives the image of the game.
    `policy` and `action_planes` say how actions lie on the board, for nets that do not depend on its size. With
    "cells" there are K = `action_planes` planes of cells, one after the other: action = k*H*W + cell, the cell row by
    row and where `observe` shows it. With "columns" there is one action a column, and K is 1. What is left of the A
    actions are `extra_actions` without a place on the board, such as a pass; they come last.
    `past` names the fields of the record that hold how the position came about, for rules that ask for it.
    `rules_version` grows when the rules, the actions or the planes change: checkpoints of another version are refused.
    """

    name: str
    family: str  # the name without size and rule: nets fit every size of their family
    rules_version: int
    shape: tuple[int, int]  # H, W
    num_planes: int  # C
    num_actions: int  # A
    max_plies: int  # no game is longer
    dtype: np.dtype[np.void]
    init: Callable[..., None]
    legal: Callable[..., None]
    step: Callable[..., None]
    observe: Callable[..., None]
    action_symmetries: NDArray[np.int32]
    cell_symmetries: NDArray[np.int32]
    action_text: Callable[[int], str]  # one word; "" for an action that no position allows
    parse_action: Callable[[str], int]  # ValueError with one clear line
    board_text: Callable[..., str]  # (state, last_action | None, colour: bool) -> str
    policy: str = "cells"
    action_planes: int = 1  # K
    playout: Callable[..., None] | None = None
    past: tuple[str, ...] = ()
    sides: tuple[str, str] = ("x", "o")  # what people call player 0 and player 1

    @property
    def extra_actions(self) -> int:
        """How many actions have no place on the board."""
        height, width = self.shape
        return self.num_actions - (width if self.policy == "columns" else self.action_planes * height * width)

    def new_states(self, count: int) -> States:
        """`count` start positions."""
        states = np.zeros(count, self.dtype)
        self.init(states)
        return states

    def initial(self) -> Position:
        """The start position, for people."""
        return Position(self, self.new_states(1))

    def legal_mask(self, states: States) -> NDArray[np.uint8]:
        """u1[B, A]."""
        mask = np.zeros((len(states), self.num_actions), np.uint8)
        self.legal(states, mask)
        return mask

    def planes(self, states: States) -> NDArray[np.float32]:
        """f4[B, C, H, W]."""
        planes = np.zeros((len(states), self.num_planes, *self.shape), np.float32)
        self.observe(states, planes)
        return planes


class Position:
    """One position and the moves that led to it: slow, safe and friendly. Immutable: `play` returns a new one.

    `state`: the record, as a batch of one; `moves`: the actions since the start position; `previous`: the position before
    the last of them, None at the start and where it is not known.
    """

    def __init__(self, game: Game, state: States, moves: tuple[int, ...] = (), previous: Position | None = None):
        self.game = game
        self.state = state
        self.moves = moves
        self.previous = previous

    @property
    def to_play(self) -> int:
        """The side to move, 0 or 1."""
        return int(self.state["to_play"][0])

    @property
    def outcome(self) -> int:
        """ONGOING, WIN_0, WIN_1 or DRAW."""
        return int(self.state["outcome"][0])

    @property
    def is_over(self) -> bool:
        return self.outcome != ONGOING

    @property
    def last_action(self) -> int | None:
        return self.moves[-1] if self.moves else None

    @property
    def legal_actions(self) -> list[int]:
        """In rising order; none when the game is over."""
        return [int(a) for a in np.flatnonzero(self.game.legal_mask(self.state)[0])]

    def play(self, action: int) -> Position:
        """The position after `action`; ValueError if it is not legal here."""
        if self.is_over:
            raise ValueError("the game is over")
        if not 0 <= action < self.game.num_actions:
            raise ValueError(f"no action {action} in {self.game.name}")
        if not self.game.legal_mask(self.state)[0, action]:
            raise ValueError(f"{self.game.action_text(action) or f'action {action}'} is not legal here")
        state = self.state.copy()
        self.game.step(state, np.array([action], np.int32))
        return Position(self.game, state, (*self.moves, int(action)), self)

    def play_all(self, actions: Sequence[int]) -> Position:
        """The position after several actions; ValueError if one is not legal where it is played."""
        position = self
        for action in actions:
            position = position.play(action)
        return position

    def parse_action(self, text: str) -> int:
        """The action that people write so, legal here or not; ValueError, one line, if `text` is none."""
        return self.game.parse_action(text)

    def action_text(self, action: int) -> str:
        return self.game.action_text(action)

    def text(self, colour: bool = False) -> str:
        """The board, with the last move marked; `colour`: with a terminal's escape codes."""
        return self.game.board_text(self.state[0], self.last_action, colour)

    def __str__(self) -> str:
        return self.text()


def outcome_value(outcome: int, player: int) -> float:
    """The value in [-1, 1] of a finished game for `player`."""
    if outcome == DRAW:
        return 0.0
    return 1.0 if outcome == player else -1.0
