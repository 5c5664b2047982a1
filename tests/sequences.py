"""How many ways a game can go: every sequence of moves counted, equal positions together."""

import numpy as np


def children(game, states):
    """All records one ply on, and the rows of `states` they come from."""
    parents, actions = np.nonzero(game.legal_mask(states))
    following = states[parents]
    game.step(following, actions.astype(np.int32))
    return following, parents


def perft(game, depth):
    """How many sequences of 1, 2, ... `depth` plies there are; a pass is a ply, a game that is over has no more."""
    layer, ways, counts = game.new_states(1), np.ones(1, np.int64), []
    for _ in range(depth):
        following, parents = children(game, layer)
        layer, which = np.unique(following, return_inverse=True)
        ways = np.bincount(which, ways[parents], len(layer)).astype(np.int64)
        counts.append(int(ways.sum()))
    return counts
