"""A plain search, one tree, one object a node, in pure Python: what the batched kernels must agree with.

It scores every legal action afresh at every step, so it knows nothing of slots, lazy opening or waves. Arithmetic is
float32 in the kernels' order, so that ties fall alike; the priors come from the kernels' own softmax (tested apart).
"""

from __future__ import annotations

import math

import numpy as np

from alphamini.search import kernels, priors

f4 = np.float32
ONGOING, DRAW = -1, 2
WON, DRAWN = kernels.WON, kernels.DRAWN


def hashed(states: np.ndarray, count: int, seed: int) -> np.ndarray:
    """f8[B, count] in [0, 1): numbers that depend on a state's bytes alone."""
    data = np.ascontiguousarray(states).view(np.uint8).reshape(len(states), -1).astype(np.uint64)
    weights = np.random.default_rng(seed).integers(1, 2**63, data.shape[1], dtype=np.uint64)
    x = (data * weights).sum(1, dtype=np.uint64)[:, None] + np.arange(count, dtype=np.uint64) * np.uint64(
        0x9E3779B97F4A7C15
    )
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(11)) / 2.0**53


class HashEvaluator:
    """Peaked logits and a value, drawn from the state's bytes."""

    def __init__(self, num_actions: int, seed: int = 0, peak: float = 6.0):
        self.num_actions, self.seed, self.peak = num_actions, seed, peak

    def evaluate(self, states):
        numbers = hashed(states, self.num_actions + 1, self.seed)
        logits = (self.peak * numbers[:, 1:] ** 3).astype(f4)
        return logits, (1.6 * numbers[:, 0] - 0.8).astype(f4)


class UniformEvaluator:
    """Every action as good as another, every position even: ties everywhere."""

    def __init__(self, num_actions: int):
        self.num_actions = num_actions

    def evaluate(self, states):
        return np.zeros((len(states), self.num_actions), f4), np.zeros(len(states), f4)


class Node:
    def __init__(self, state):
        self.state = state  # [1] record
        self.to_play = int(state["to_play"][0])
        self.visits, self.value_sum, self.proof = 0, f4(0), 0
        self.prior: dict[int, np.float32] = {}  # every legal action, once the node has been evaluated
        self.tried_prior = f4(0)
        self.children: dict[int, Node] = {}  # in the order of opening
        self.edge_visits: dict[int, int] = {}
        self.edge_values: dict[int, np.float32] = {}  # sums, for the side to move here
        outcome = int(state["outcome"][0])
        if outcome != ONGOING:
            self.proof = DRAWN if outcome == DRAW else WON if outcome == self.to_play else -WON

    def value_of(self, child: Node, value):
        return value if child.to_play == self.to_play else -value

    def proof_of(self, action: int) -> int:
        child = self.children.get(action)
        if child is None or child.proof == 0:
            return 0
        if child.proof == DRAWN:
            return DRAWN
        proof = self.value_of(child, child.proof)
        return proof - 1 if proof > 0 else proof + 1

    def size(self) -> int:
        return 1 + sum(child.size() for child in self.children.values())


def proven_value(proof: int) -> np.float32:
    return f4(0) if proof == DRAWN else f4(1 if proof > 0 else -1)


class ReferenceSearch:
    def __init__(self, rules, evaluator, config, capacity: int):
        self.rules, self.evaluator, self.config, self.capacity = rules, evaluator, config, capacity
        self.noise, self.share = np.zeros(rules.num_actions, f4), f4(0)

    def reset(self, state) -> None:
        self.root, self.nodes = Node(state.copy()), 1

    def set_noise(self, noise, share: float) -> None:
        self.noise, self.share = noise, f4(share)

    def advance(self, action: int, state) -> None:
        child = self.root.children.get(action)
        if child is None:
            return self.reset(state)
        self.root, self.nodes = child, child.size()
        if child.prior:
            self._mix_noise()

    def run(self, budget: int) -> None:
        if self.root.visits == 0 and self.root.proof == 0 and budget > 0:
            value = self._evaluate(self.root)
            self._mix_noise()
            self._count(self.root, value)
        while self.root.proof == 0 and self.root.visits < budget and self.nodes < self.capacity:
            self._simulate(self.root)

    def _simulate(self, node: Node) -> np.float32:
        """One descent from `node`; the value it brings, for the side to move at `node`."""
        if node.proof != 0:
            return self._count(node, proven_value(node.proof))
        if not node.prior:
            return self._count(node, self._evaluate(node))
        action = self._best(node)
        fresh = action not in node.children
        if fresh:
            state = node.state.copy()
            self.rules.step(state, np.array([action], np.int32))
            node.children[action] = Node(state)
            self.nodes += 1
            node.tried_prior += node.prior[action]
            node.edge_visits[action], node.edge_values[action] = 0, f4(0)
        child = node.children[action]
        known = child.proof != 0 and not fresh
        value = node.value_of(child, self._simulate(child))
        node.edge_visits[action] += 1
        node.edge_values[action] += value
        if child.proof != 0 and not known:
            self._prove(node)
            if node.proof != 0:
                value = proven_value(node.proof)
        return self._count(node, value)

    def _count(self, node: Node, value: np.float32) -> np.float32:
        node.visits += 1
        node.value_sum += value
        return value

    def _prove(self, node: Node) -> None:
        proofs = [node.proof_of(action) for action in node.prior]
        wins = [proof for proof in proofs if proof > DRAWN]
        if wins:
            node.proof = max(wins)
        elif all(proofs):
            node.proof = max(proofs)

    def _best(self, node: Node) -> int:
        v = node.visits
        weight = f4((self.config.c_init + math.log((v + self.config.c_base + 1) / self.config.c_base)) * math.sqrt(v))
        reduction = self.config.root_fpu_reduction if node is self.root else self.config.fpu_reduction
        first_play = node.value_sum / f4(v) - f4(reduction) * np.sqrt(max(node.tried_prior, f4(0)))
        scores = []  # tried actions come first: they win ties
        for action in node.children:
            if node.proof_of(action) >= 0:
                n = f4(node.edge_visits[action])
                score = node.edge_values[action] / n + weight * node.prior[action] / (f4(1) + n)
                scores.append((score, action))
        for action, prior in node.prior.items():
            if action not in node.children:
                scores.append((first_play + weight * prior, action))
        return max(scores, key=lambda pair: pair[0])[1]

    def _evaluate(self, node: Node) -> np.float32:
        actions = self.rules.num_actions
        mask, prior = np.zeros((1, actions), np.uint8), np.zeros(actions, f4)
        self.rules.legal(node.state, mask)
        bits, row = np.zeros(actions, np.int32), np.zeros(1, np.int32)
        logits, values = self.evaluator.evaluate(node.state)
        scale = f4(1 / self.config.prior_temperature)
        priors.masked_softmaxes(logits, mask, scale, 1, row, row, bits, bits.view(f4), prior[None])
        node.prior = {action: prior[action] for action in range(actions) if mask[0, action]}
        return min(max(values[0], f4(-1)), f4(1))

    def _mix_noise(self) -> None:
        if self.share <= 0:
            return
        root = self.root
        # The order of the sums is the kernels': untried actions, then tried ones in order of opening.
        kept = [action for action in root.prior if action not in root.children]
        kept += [action for action in root.children if root.proof_of(action) >= 0]
        total = f4(0)
        for action in kept:
            total += self.noise[action]
        if total <= 0:
            return
        for action in kept:
            root.prior[action] = (f4(1) - self.share) * root.prior[action] + self.share * self.noise[action] / total
        root.tried_prior = f4(0)
        for action in kept:
            if action in root.children:
                root.tried_prior += root.prior[action]

    def visits(self) -> np.ndarray:
        out = np.zeros(self.rules.num_actions, np.int32)
        for action, count in self.root.edge_visits.items():
            out[action] = count
        return out

    def proofs(self) -> np.ndarray:
        return np.array([self.root.proof_of(action) for action in range(self.rules.num_actions)], np.int32)
