"""Training steps, batch 512, on gomoku9: positions a second of our trainer beside plain torch (fp32, eager, NCHW).

Plain is the same net and losses with AdamW and torch's defaults. Ours adds filling the batch (symmetries, planes), Muon
and the averaged net, and is the faster all the same: bf16 where the CPU has it, channels last, a part of the batch a core.
"""

from __future__ import annotations

from collections.abc import Callable

import common
import numpy as np
import torch
from torch.nn import functional as F

import games
from alphamini.learn.recipe import TrainConfig
from alphamini.learn.samples import sample_dtype
from alphamini.learn.trainer import Trainer
from alphamini.model.config import NetConfig
from alphamini.model.net import Net
from alphamini.model.quantize import random_positions
from alphamini.model.threads import cores

GAME = games.get("gomoku9")
BATCH = 512


def samples(count: int) -> np.ndarray:
    found = np.zeros(count, sample_dtype(GAME))
    found["state"] = random_positions(GAME, count)
    legal = GAME.legal_mask(found["state"]).astype(np.float32)
    found["policy"] = legal / legal.sum(1, keepdims=True)
    found["result"] = np.arange(count) % 3
    return found


def ours(blocks: int, channels: int, steps: int) -> Callable[[], float]:
    trainer = Trainer(GAME, NetConfig.for_game(GAME, blocks, channels), TrainConfig(batch=BATCH), 0, cores())
    data, rng = samples(4096), np.random.default_rng(0)

    def train() -> None:
        trainer.train(lambda count, rng: data[rng.integers(0, len(data), count)], [1e-3] * steps, rng)

    return lambda: common.rate(steps * BATCH, train)


def plain(blocks: int, channels: int, steps: int) -> Callable[[], float]:
    net = Net(NetConfig.for_game(GAME, blocks, channels)).train()
    optimizer = torch.optim.AdamW(net.parameters())
    data = samples(BATCH)
    planes, legal = torch.from_numpy(GAME.planes(data["state"])), torch.from_numpy(GAME.legal_mask(data["state"]))
    target, result = torch.from_numpy(data["policy"].astype(np.float32)), torch.from_numpy(data["result"].astype(int))

    def train() -> None:
        for _ in range(steps):
            logits, outcome = net(planes)
            policy = F.log_softmax(logits.masked_fill(legal == 0, -1e9), 1)
            loss = F.cross_entropy(outcome, result) - (target * policy).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return lambda: common.rate(steps * BATCH, train)


def main() -> None:
    options = common.parser(__doc__).parse_args()
    steps, repeats = (1, 1) if options.quick else (6, 7)
    rows: list[common.Row] = []
    for blocks, channels in ((6, 64), (6, 48), (4, 32)):
        tasks = {"ours": ours(blocks, channels, steps), "plain": plain(blocks, channels, steps)}
        found = common.medians(tasks, repeats)
        rows.append(
            {
                "name": f"{blocks}x{channels}",
                "value": found["ours"],
                "unit": "positions/s",
                "plain torch": found["plain"],
                "ratio": found["ours"] / found["plain"],
            }
        )
    common.report("training", rows, options.json)


if __name__ == "__main__":
    common.run_command(main)
