"""Snort (Simon Norton): cats (x) and dogs (o) take fields of a 5 x 5 farm in turn; no cat next to a dog.

Who cannot move, loses. The cats begin, and win: with the centre, and then always the field opposite to the dogs' last.

planes 0 the mover's animals | 1 the opponent's | 2 ones; actions field = row * 5 + column, row 0 at the top, written c3
"""

import numpy as np
from numba import njit

from games.game import Game
from games.grid import cell_text, draw, parse_cell, square_symmetries

N = 5
# `pad` fills the record to whole 8-byte words; `outcome` is -1 while the game goes on, then the winner (2: a draw).
DTYPE = np.dtype([("animals", "i1", (N, N)), ("to_play", "i1"), ("outcome", "i1"), ("pad", "u1", (5,))])
SYMMETRIES = square_symmetries(N)


@njit(nogil=True, cache=True)
def _free(s, r, c):  # animals: 0 nobody, 1 a cat, 2 a dog
    free = s.animals[r, c] == 0
    for dr, dc in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        if 0 <= r + dr < N and 0 <= c + dc < N:
            free &= s.animals[r + dr, c + dc] != 2 - s.to_play
    return free


@njit(nogil=True, cache=True)
def init(states):
    for i in range(len(states)):
        s = states[i]
        s.animals[:, :] = 0
        s.to_play = 0
        s.outcome = -1
        s.pad[:] = 0


@njit(nogil=True, cache=True)
def legal(states, mask):
    for i in range(len(states)):
        for a in range(N * N):
            mask[i, a] = states[i].outcome == -1 and _free(states[i], a // N, a % N)


@njit(nogil=True, cache=True)
def step(states, actions):
    for i in range(len(states)):
        s = states[i]
        if s.outcome == -1:
            s.animals[actions[i] // N, actions[i] % N] = s.to_play + 1
            s.to_play = 1 - s.to_play
            stuck = True
            for a in range(N * N):
                stuck &= not _free(s, a // N, a % N)
            if stuck:
                s.outcome = 1 - s.to_play


@njit(nogil=True, cache=True)
def observe(states, planes):
    for i in range(len(states)):
        for r in range(N):
            for c in range(N):
                animal = states[i].animals[r, c]
                planes[i, 0, r, c] = animal == states[i].to_play + 1
                planes[i, 1, r, c] = animal == 2 - states[i].to_play
                planes[i, 2, r, c] = 1


def make():
    return Game(
        name="snort", family="snort", rules_version=1, shape=(N, N), num_planes=3, num_actions=N * N, max_plies=N * N,
        dtype=DTYPE, init=init, legal=legal, step=step, observe=observe, sides=("cats", "dogs"),
        action_symmetries=SYMMETRIES, cell_symmetries=SYMMETRIES,
        action_text=lambda action: cell_text(action, N, N),
        parse_action=lambda text: parse_cell(text, N, N),
        board_text=lambda state, last, colour: draw(state["animals"], last, colour),
    )  # fmt: skip


GAMES = {"snort": make}
