"""Batched Monte Carlo tree search: many trees, one wave of leaves at a time.

A wave (four hops, see `Search.wave`): select -> the rules step the leaves -> an evaluator values them -> expand and
back up. Search sees the rules as three batch calls and the states as bytes; it imports neither games nor nets.
One leaf a tree and wave: the batch comes from many games, so no virtual loss bends the trees. Only a single tree that
somebody waits for takes several, once it is large enough to bear them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from alphamini.search import kernels as k
from alphamini.search import priors as p

MOST_LEAVES = 8  # of a hasty wave, unless the evaluator says another number
MAX_SIMS = 1_000_000  # of a tree: far beyond it the float32 sums would lose single visits
LINE = 12  # moves of a principal variation at most
LEAVES = 64  # of a hasty wave at most, whatever the evaluator says
VISITS_A_LEAF = 32  # a hasty wave takes one leaf for so many visits of the root

Rows = NDArray[np.int32]
"""Indices of trees, [n]."""


class Rules(Protocol):
    """What search asks of a game: see `games.game.Game`."""

    @property
    def dtype(self) -> np.dtype[np.void]: ...
    @property
    def num_actions(self) -> int: ...
    @property
    def step(self) -> Callable[..., None]: ...
    @property
    def legal(self) -> Callable[..., None]: ...


class Evaluator(Protocol):
    """states [B] -> prior logits f4[B, A] (not masked), value f4[B] for the side to move, in [-1, 1].

    The arrays may be the evaluator's own buffers: they hold until its next call.
    An attribute `at_once`, where there is one, says how many leaves of one tree are worth asking about together, up to
    LEAVES. A method `evaluate_some`, where there is one, takes the place of `evaluate` in `Search.wave`: it may answer
    for the first of the states alone, one at least; the others wait for the next wave, and their trees with them.
    """

    def evaluate(self, states: NDArray[np.void]) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...


@dataclass(frozen=True)
class SearchConfig:
    """PUCT's constants. c(v) = c_init + log((v + c_base + 1) / c_base) (Silver et al. 2018, suppl. "Search")."""

    # The priors are softmax(logits / this): a net that has learnt from search is surer than it is right.
    prior_temperature: float = 2.0
    c_init: float = 1.25
    c_base: float = 19652.0
    fpu_reduction: float = 0.2  # an untried action's value: its parent's mean less this * sqrt(prior mass tried)
    root_fpu_reduction: float = 0.1
    q_visits: float = 50.0  # with q_scale: how far values move the improved policy away from the prior
    q_scale: float = 0.3
    q_doubt: float = 2.0  # in the choice of a move: a value of so many visits counts half
    target_temperature: float = 0.75  # below 1: sharper than the formula, nearer to what a long search plays


@dataclass(frozen=True)
class RootStatistics:
    """The roots of n trees; values and proofs are for the side to move at the root. See `kernels.statistics`."""

    visits: NDArray[np.int32]  # [n, A]
    q: NDArray[np.float32]  # [n, A], nan where never tried
    prior: NDArray[np.float32]  # [n, A]
    proof: NDArray[np.int32]  # [n, A]
    value: NDArray[np.float32]  # [n] mean value of the search; exact where proven
    root_proof: NDArray[np.int32]  # [n]
    total: NDArray[np.int32]  # [n] visits of the root, its own evaluation included


def _stride(actions: int) -> int:
    """32-bit words of a node's record: whole cache lines."""
    return -(-(k.HEADER + k.SLOT_WORDS * actions) // 16) * 16


def bytes_a_node(rules: Rules) -> int:
    """What a node of a large tree takes: its record, the priors of all actions, and its state."""
    return 4 * _stride(rules.num_actions) + 4 * rules.num_actions + rules.dtype.itemsize


class Search:
    """`trees` search trees of up to `capacity` nodes each, over the states of one game. Not thread-safe: one a thread.
    `rows`, wherever it stands, names trees by index, none twice.

    A budget counts root visits, the root's own evaluation included, visits kept by `advance` too: with a budget of 1
    the search is the raw policy. A tree stops early when its root is proven or it is full.
    A wave that ends in an exception (from the evaluator, say) leaves its trees without their leaves: reset them.
    """

    def __init__(self, rules: Rules, trees: int, capacity: int, config: SearchConfig = SearchConfig()):
        self.rules, self.trees, self.capacity, self.config = rules, trees, max(capacity, 1), config
        actions, size = rules.num_actions, rules.dtype.itemsize
        nodes = trees * self.capacity
        self._stride = _stride(min(actions, self.capacity))
        memory = np.zeros(nodes * self._stride + 16, np.int32)
        start = -memory.ctypes.data % 64 // 4  # the first record begins at the start of a cache line
        self._ints = memory[start : start + nodes * self._stride]
        self._floats = self._ints.view(np.float32)
        self._priors = np.zeros((nodes, actions), np.float32)
        self._states = np.zeros((nodes, size), np.uint8)
        self._counts = np.zeros(trees, np.int32)
        self._prior_bits = self._priors.view(np.int32)
        fields = rules.dtype.fields
        assert fields is not None  # a state is a record
        self._fields = fields["to_play"][1], fields["outcome"][1]  # which bytes they are
        self.budget = np.zeros(trees, np.int32)  # [trees] visits a root is to get; yours to set
        self._noise = np.zeros((trees, actions), np.float32)
        self._noise_share = np.zeros(trees, np.float32)
        self._noisy = False  # any of them
        self._mixed = np.zeros(trees, bool)  # is noise in the root's priors?
        self._clean_prior = np.zeros((trees, actions), np.float32)  # of the roots with noise: as it was before
        # A root may get more visits than it has nodes (proven lines); `kernels._best_child` extends the table then.
        visits = np.arange(max(self.capacity, 1024) + 1, dtype=np.float64)
        c = config.c_init + np.log((visits + config.c_base + 1) / config.c_base)
        self._explore = (c * np.sqrt(visits)).astype(np.float32)
        self._prior_scale = np.float32(1 / config.prior_temperature)
        self._fpu, self._root_fpu = np.float32(config.fpu_reduction), np.float32(config.root_fpu_reduction)
        # The wave's leaves, and scratch.
        leaves = max(trees, LEAVES)
        self._leaf_states = np.zeros(leaves, rules.dtype)
        self._leaf_bytes = self._leaf_states.view(np.uint8).reshape(leaves, size)
        self._leaf_row, self._leaf_node, self._leaf_action = np.zeros((3, leaves), np.int32)
        self._waiting = 0  # leaves at the front that the evaluator has put off ...
        self._busy = np.zeros(trees, bool)  # ... and their trees
        self._mask = np.zeros((leaves, actions), np.uint8)
        self._again = np.zeros(leaves, np.int32)
        self._legal = np.zeros(leaves, np.int32)
        self._cursor = np.zeros((2, trees), np.int32)
        self._bits = np.zeros(actions, np.int32)
        self._powers = self._bits.view(np.float32)
        self._place = np.zeros(self.capacity, np.int32)

    def reset(self, rows: Rows, roots: NDArray[np.void]) -> None:
        """Throws the trees `rows` away; each begins anew at the state roots[i]."""
        data = np.ascontiguousarray(roots).view(np.uint8).reshape(len(rows), self.rules.dtype.itemsize)
        self._drop(rows)
        self._mixed[rows] = False
        k.reset(self._ints, self._states, self._counts, self._stride, self.capacity, rows, data, *self._fields)

    def set_noise(self, rows: Rows, noise: NDArray[np.float32] | None, share: float = 0.0) -> None:
        """Root noise for the roots of each later reset or advance: prior <- (1 - share) prior + share * noise.

        `noise` f4[n, A] need not be normalised: gamma variates give Dirichlet noise over the legal actions.
        """
        self._noise_share[rows] = share
        self._noisy = bool(self._noise_share.any())
        if noise is not None:
            self._noise[rows] = noise

    def advance(self, rows: Rows, actions: NDArray[np.int32], roots: NDArray[np.void]) -> None:
        """Plays actions[i] in tree rows[i] and keeps the subtree; `roots` are the states reached, for trees that
        hold nothing below that action."""
        unfinished = self._busy[rows]
        moved = np.zeros(len(rows), np.uint8)
        k.advance(self._ints, self._priors, self._states, self._counts, self._stride, self.capacity, rows,
                  actions.astype(np.int32), moved, self._place)  # fmt: skip
        self._mixed[rows] = False
        self._mix_noise(rows[moved == 1])
        lost = (moved == 0) | unfinished
        if lost.any():
            self.reset(rows[lost], roots[lost])

    def searching(self, rows: Rows) -> NDArray[np.bool_]:
        """[n] which of `rows` still want simulations."""
        wanted = np.empty(len(rows), bool)
        k.searching(self._ints, self._counts, self._stride, self.capacity, rows, self.budget, self._busy, wanted)
        return wanted

    def wave(self, evaluator: Evaluator, rows: Rows) -> int:
        """At most one evaluated leaf for each of `rows`; returns how many were evaluated.

        A tree whose leaf ends the game needs no evaluation: it is backed up at once and goes again in this wave. A tree
        whose leaf the evaluator has put off comes first the next time, and does nothing else till then.
        """
        end, self._waiting = self._waiting, 0
        if end:
            rows = rows[~self._busy[rows]]
            self._busy[self._leaf_row[:end]] = False
        most, again = end + len(rows), rows
        while len(again):
            found = k.select(*self._descent(again, end))
            end, finished = self._settle(end, end + found)
            again = self._again[:finished].copy()
        if end < most:  # some have no leaf: perhaps not even a root to descend from
            end += k.unevaluated_roots(self._ints, self._states, self._stride, self.capacity, rows, self.budget, end,
                                       self._leaf_row, self._leaf_node, self._leaf_bytes)  # fmt: skip
        if not end:
            return 0
        answered = self._expand(getattr(evaluator, "evaluate_some", evaluator.evaluate), end)
        if self._noisy:
            self._mix_noise(self._leaf_row[:answered][self._leaf_node[:answered] == 0])
        if answered < end:
            self._put_off(np.arange(answered, end))
        return answered

    def hasty_wave(self, evaluator: Evaluator, row: Rows) -> int:
        """As `wave`, for one tree that somebody waits for: several leaves at once, one for every VISITS_A_LEAF visits
        that the root has, kept apart by virtual losses. A batch costs far less than its leaves one by one."""
        most = min(getattr(evaluator, "at_once", MOST_LEAVES), LEAVES)
        leaves = min(int(self._ints[int(row[0]) * self.capacity * self._stride + k.VISITS]) // VISITS_A_LEAF, most)
        if leaves < 2 or self._waiting:
            return self.wave(evaluator, row)
        found = k.select_several(*self._descent(row, leaves))
        k.hold(self._ints, self._floats, self._stride, self.capacity, 0, found, self._leaf_row, self._leaf_node, -1)
        count, _ = self._settle(0, found)
        if count:
            self._expand(evaluator.evaluate, count)
        return count

    def _put_off(self, leaves: NDArray[np.intp]) -> None:
        """Moves these leaves to the front, where they wait."""
        self._waiting = len(leaves)
        for leaf in (self._leaf_row, self._leaf_node, self._leaf_states):
            leaf[: len(leaves)] = leaf[leaves]
        self._busy[self._leaf_row[: len(leaves)]] = True

    def _drop(self, rows: Rows) -> None:
        """Forgets the waiting leaves of `rows`."""
        if self._waiting:
            self._busy[rows] = False
            self._put_off(np.flatnonzero(self._busy[self._leaf_row[: self._waiting]]))

    def _settle(self, start: int, end: int) -> tuple[int, int]:
        """The rules step the leaves [start, end): see `kernels.settle`."""
        self.rules.step(self._leaf_states[start:end], self._leaf_action[start:end])
        settled: tuple[int, int] = k.settle(self._ints, self._floats, self._states, self._stride, self.capacity,
                                            start, end, self._leaf_row, self._leaf_node, self._leaf_bytes,
                                            *self._fields, self._again)  # fmt: skip
        return settled

    def _descent(self, rows: Rows, number: int) -> tuple[Any, ...]:
        """The arguments of `kernels.select` (number: the offset) and `kernels.select_several` (number: how many)."""
        return (self._ints, self._floats, self._prior_bits, self._states, self._counts, self._stride, self.capacity,
                rows, self.budget, self._explore, self._fpu, self._root_fpu, number, self._leaf_row, self._leaf_node,
                self._leaf_action, self._leaf_bytes, self._cursor)  # fmt: skip

    def _expand(self, evaluate: Callable[..., tuple[NDArray[np.float32], NDArray[np.float32]]], count: int) -> int:
        """Asks about the first `count` leaves, and expands and backs up those that are answered; their number."""
        logits, values = evaluate(self._leaf_states[:count])
        count = len(values)
        states, mask = self._leaf_states[:count], self._mask[:count]
        self.rules.legal(states, mask)
        p.write_priors(logits, values, mask, self._prior_scale, self.capacity, self._leaf_row, self._leaf_node,
                       self._bits, self._powers, self._priors, self._legal)  # fmt: skip
        k.expand(self._ints, self._floats, self._prior_bits, self._stride, self.capacity, count,
                 self._leaf_row, self._leaf_node, values, self._legal)  # fmt: skip
        return count

    def _mix_noise(self, roots: Rows) -> None:
        roots = roots[self._noise_share[roots] > 0]
        if len(roots):
            self._mixed[roots] = True
            self._clean_prior[roots] = self._node_statistics(roots, np.zeros(len(roots), np.int32))[2]
            k.mix_noise(self._ints, self._floats, self._priors, self._prior_bits, self._stride, self.capacity, roots,
                        self._noise, self._noise_share)  # fmt: skip

    def run(self, evaluator: Evaluator, rows: Rows) -> None:
        """Waves until every tree of `rows` has met its budget."""
        while len(rows := rows[self.searching(rows)]):
            self.wave(evaluator, rows)

    def policy(self, rows: Rows) -> NDArray[np.float32]:
        """f4[n, A]: how the search would move, a distribution.

        Won: the wins alone that proved it. Lost: the longest resistance alone. Else the visits without the proven
        losses; where nothing has been tried (a budget of 1) the evaluator's own policy. All 0 where the game is over.
        """
        found = self.statistics(rows)
        policy = _preference(found.visits, found.proof, found.root_proof)
        untried = (found.root_proof == 0) & ~policy.any(1)
        # Divided by the greatest before the power: what is left when the favourites have been proven losses may be tiny.
        prior = found.prior[untried]
        prior /= np.maximum(prior.max(1, keepdims=True), np.finfo(np.float32).tiny)
        policy[untried] = prior**self.config.prior_temperature
        return policy / np.maximum(policy.sum(1, keepdims=True), np.float32(1e-30))

    def best(self, rows: Rows) -> NDArray[np.int32]:
        """i4[n]: the move to play (0 where the game is over): the first choice of the improved policy, with little
        trust in values of few visits (see `SearchConfig.q_doubt`).

        At equal simulations it beats the most visited move, by most where these are few (docs/learning.md). Proofs as
        in `policy`.
        """
        found = self.statistics(rows)
        kept = np.where(found.proof == found.root_proof[:, None], 0, -np.inf)
        scores = np.where(found.root_proof[:, None] != 0, kept, self._improved(rows, found, self.config.q_doubt))
        return scores.argmax(1).astype(np.int32)

    def improved_policy(self, rows: Rows) -> NDArray[np.float32]:
        """f4[n, A]: the prior made better by what the search has seen, the target for a net.

        softmax((logit + (q_visits + most visits) * q_scale * q) / target_temperature), where an action never tried
        counts as the root's mean value (Danihelka et al. 2022, "Policy improvement by planning with Gumbel",
        equations 8 to 11). Root noise does not enter. Proofs as in `policy`.
        """
        found = self.statistics(rows)
        logits = self._improved(rows, found, doubt=0.0)
        top = np.maximum(logits.max(1, keepdims=True), np.finfo(np.float32).min)  # finite where all is lost, too
        policy = np.exp((logits - top) / self.config.target_temperature)
        policy = np.where(found.root_proof[:, None] != 0, found.proof == found.root_proof[:, None], policy)
        return (policy / np.maximum(policy.sum(1, keepdims=True), 1e-30)).astype(np.float32)

    def _improved(self, rows: Rows, found: RootStatistics, doubt: float) -> NDArray[np.float32]:
        """[n, A] the improved policy's logits, but for a constant; -inf for proven losses and what is not legal.

        A mean value of n visits counts n / (n + doubt) of its way from the root's."""
        config = self.config
        prior = np.where(self._mixed[rows, None], self._clean_prior[rows], found.prior)
        gain = np.where(found.visits > 0, found.q - found.value[:, None], 0)
        gain *= found.visits / np.maximum(found.visits + doubt, 1)
        scale = (config.q_visits + found.visits.max(1, keepdims=True)) * config.q_scale
        with np.errstate(divide="ignore"):
            logits = config.prior_temperature * np.log(prior)  # the evaluator's, but for a constant
        return np.where(found.proof < 0, -np.inf, logits + scale * gain)

    def statistics(self, rows: Rows) -> RootStatistics:
        """What the searches of `rows` have found at their roots."""
        visits, q, prior, proof, _ = self._node_statistics(rows, np.zeros(len(rows), np.int32))
        roots = self._records(rows)
        total, root_proof = self._ints[roots + k.VISITS], self._ints[roots + k.PROVEN]
        mean = self._floats[roots + k.VALUE_SUM] / np.maximum(total, 1)
        value = np.where(root_proof != 0, exact_value(root_proof), mean).astype(np.float32)
        return RootStatistics(visits, q, prior, proof, value, root_proof, total)

    def proven_nodes(self, rows: Rows) -> tuple[Rows, NDArray[np.int32]]:
        """(tree i4[n], node i4[n]) of the nodes below the roots of `rows` that are proven, and where play goes on; those
        that a tree has kept since they were named are not named again."""
        found = np.zeros((2, int(self._counts[rows].sum())), np.int32)
        count = k.proven_nodes(self._ints, self._counts, self._stride, self.capacity, rows, *found)
        return found[0, :count], found[1, :count]

    def proven(
        self, trees: Rows, nodes: NDArray[np.int32]
    ) -> tuple[NDArray[np.void], NDArray[np.float32], NDArray[np.int32]]:
        """Nodes from `proven_nodes`: their states [n], the moves f4[n, A] that are proven to win, as a distribution
        (all 0 where the node is not won), and their results i4[n] for the side to move: 1, 0 or -1."""
        states = self._states[trees.astype(np.int64) * self.capacity + nodes].view(self.rules.dtype)[:, 0]
        proof = self._ints[self._records(trees, nodes) + k.PROVEN]
        wins = (self._node_statistics(trees, nodes)[3] > k.DRAWN) & (proof > k.DRAWN)[:, None]
        policy = wins / np.maximum(wins.sum(1, keepdims=True), 1)
        return states, policy.astype(np.float32), exact_value(proof)

    def visits(self, rows: Rows) -> NDArray[np.int32]:
        """i4[n]: the roots' visits, their own evaluations included."""
        return self._ints[self._records(rows) + k.VISITS]

    def principal_variation(self, row: int) -> list[int]:
        """The line both sides would play: the best move, then the most visited actions, a proven result first. Empty
        where nothing has been tried."""
        rows, node = np.array([row], np.int32), np.zeros(1, np.int32)
        line: list[int] = []
        while len(line) < LINE:
            visits, _, _, proof, child = self._node_statistics(rows, node)
            if not child.any():
                break
            proven = self._ints[self._records(rows, node) + k.PROVEN]
            preference = np.where(child > 0, _preference(visits, proof, proven), -1)
            line.append(int(preference.argmax() if line else self.best(rows)[0]))
            if not (node := child[:, line[-1]]):  # the best move may be one that was never tried
                break
        return line

    def _node_statistics(self, rows: Rows, nodes: NDArray[np.int32]) -> tuple[NDArray, ...]:
        """(visits, q, prior, proof, child) [n, A] each. See `kernels.statistics`."""
        shape = len(rows), self.rules.num_actions
        visits, proof, child = (np.zeros(shape, np.int32) for _ in range(3))
        q, prior = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        k.statistics(self._ints, self._floats, self._priors, self._stride, self.capacity, rows, nodes,
                     visits, q, prior, proof, child)  # fmt: skip
        return visits, q, prior, proof, child

    def _records(self, rows: Rows, nodes: NDArray[np.int32] | int = 0) -> NDArray[np.int64]:
        """[n] where the nodes' records begin; in 64 bits, as a few large trees pass 2**31 words."""
        return (rows.astype(np.int64) * self.capacity + nodes) * self._stride


def _preference(
    visits: NDArray[np.int32], proof: NDArray[np.int32], node_proof: NDArray[np.int32]
) -> NDArray[np.float32]:
    """f4[n, A], not normalised, from visits and proofs [n, A] of n nodes' actions: 1 for the actions that keep what
    is proven of a node; else the visits, without the proven losses."""
    proven = node_proof[:, None]
    tried = np.where(proof < 0, 0, visits)
    return np.where(proven != 0, proof == proven, tried).astype(np.float32)


def exact_value(proof: NDArray[np.int32]) -> NDArray[np.int32]:
    """1, 0 or -1 for proofs of a win, a draw and a loss; 0 also for what is not proven."""
    return np.where(proof == k.DRAWN, 0, np.sign(proof))


def proof_plies(proof: int) -> int:
    """Plies until the proven win or loss is on the board; 0 for a draw or no proof."""
    return k.WON - abs(proof) if abs(proof) > k.DRAWN else 0


def choose(policy: NDArray[np.float32], temperature: NDArray[np.float64] | float, uniform: NDArray[np.float64]):
    """[n] actions drawn from policy f4[n, A] ** (1 / temperature); 0 = the most probable. `uniform` f8[n] in [0, 1)."""
    temperature = np.broadcast_to(np.asarray(temperature, np.float64), (len(policy),))
    best = policy.argmax(1)
    with np.errstate(divide="ignore"):
        logs = np.log(policy.astype(np.float64)) / np.maximum(temperature, 1e-3)[:, None]
    weights = np.exp(logs - logs.max(1, keepdims=True))
    sums = np.cumsum(weights, 1)
    # `<=`: where uniform is 0 the actions of probability 0 in front are skipped.
    drawn = (sums <= uniform[:, None] * sums[:, -1:]).sum(1)
    return np.where(temperature > 0, np.minimum(drawn, policy.shape[1] - 1), best).astype(np.int32)
