"""What the tree costs: microseconds a simulation of whole waves, with an evaluator that costs nothing.

A wave is everything that self-play pays but the net: selection, the rules, the softmax, expansion and backup.
"""

from __future__ import annotations

import time

import numpy as np
from common import medians, parser, report, run_command

import games
from alphamini.search.search import Search

TREES = 128
BATCHES = 8  # of ready-made answers
PEAK = 3.0  # logits are normal with this deviation: a trained net's priors are about as peaked


class FreeEvaluator:
    """Hands out ready-made logits and values, another batch each wave."""

    def __init__(self, trees: int, actions: int):
        rng = np.random.default_rng(0)
        self.logits = rng.normal(0, PEAK, (BATCHES, trees, actions)).astype(np.float32)
        self.values = rng.uniform(-0.3, 0.3, (BATCHES, trees)).astype(np.float32)
        self.calls = 0

    def evaluate(self, states):
        self.calls += 1
        batch = self.calls % len(self.logits)
        return self.logits[batch, : len(states)], self.values[batch, : len(states)]


class Task:
    """One search of every tree from the start position; the time a simulation, in microseconds."""

    def __init__(self, game: games.Game, simulations: int):
        self.search = Search(game, TREES, simulations)
        self.search.budget[:] = simulations
        self.rows = np.arange(TREES, dtype=np.int32)
        self.roots = game.new_states(TREES)
        self.num_actions = game.num_actions

    def __call__(self) -> float:
        evaluator = FreeEvaluator(TREES, self.num_actions)
        start = time.perf_counter()
        self.search.reset(self.rows, self.roots)
        self.search.run(evaluator, self.rows)
        seconds = time.perf_counter() - start
        return 1e6 * seconds / int(self.search.statistics(self.rows).total.sum())


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--game", default="gomoku9")
    arguments = options.parse_args()
    game = games.get(arguments.game)
    budgets = (100, 400) if arguments.quick else (100, 400, 1600)
    rows = []
    for budget in budgets:  # one after another: the trees of one would push those of another out of the cache
        name = f"{game.name}, {budget} simulations"
        value = medians({name: Task(game, budget)}, 3 if arguments.quick else 9)[name]
        rows.append({"name": name, "value": value, "unit": "us/simulation", "trees": TREES})
    report("tree", rows, arguments.json)


if __name__ == "__main__":
    run_command(main)
