"""Training: Muon and AdamW on policy and result, and a running average of the weights, which is what plays.

On a CPU a batch is cut in as many parts as there are workers (as long as they stay large enough), and each worker takes
one whole part forward and back: they meet once a step. Spread over the cores operator by operator, they would meet
hundreds of times and wait each time for the slowest. Batch norm's statistics are a part's own (ghost batches: Hoffer et
al. 2017, arXiv 1705.08741), so the number of parts belongs to what a run learns, not to the machine that goes on with it
(but for CUDA, which takes a batch whole).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from alphamini.learn.muon import Muon
from alphamini.learn.recipe import TrainConfig
from alphamini.learn.samples import Batch, Samples
from alphamini.model.checkpoint import Weights
from alphamini.model.config import NetConfig
from alphamini.model.grow import grow
from alphamini.model.net import Net
from alphamini.model.quantize import random_positions
from alphamini.model.threads import cores
from alphamini.model.torch_net import precisions
from games import Game

LEAST = 64  # samples of a part: batch norm needs company
# Of log(sum of exp(logits))^2, in the loss: what all logits of a position have in common changes no policy, so nothing else
# keeps it small, and bf16 would round away what they differ by (PaLM: Chowdhery et al. 2022, arXiv 2204.02311, section 5)
Z_LOSS = 1e-4
SEEN = 256  # positions that show which planes a game uses


@dataclass(frozen=True)
class Losses:
    """Means over a run of steps; the few samples without a target policy (harvested, not won) count as 0 in the policy's."""

    policy: float  # cross-entropy with the target policy, in nats
    value: float  # cross-entropy of win, draw and loss with the result, in nats
    accuracy: float  # share of samples where the net's first choice is the target's


class Trainer:
    """A net, its optimisers (Muon for convolutions, AdamW for the rest) and its average.

    bf16 where the machine computes in it natively, fp32 sums everywhere.
    """

    def __init__(self, game: Game, net: NetConfig, config: TrainConfig, seed: int, workers: int):
        torch.manual_seed(seed)
        self.game, self.config = game, config
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.net = Net(net).to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._silence_unseen()
        self.average = copy.deepcopy(self.net).eval()
        weights = list(self.net.parameters())
        self.muon = Muon((w for w in weights if w.dim() == 4), config.weight_decay)
        self.adam = torch.optim.AdamW(
            (w for w in weights if w.dim() < 4), config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.steps = 0
        most = 1 if self.device.type == "cuda" else max(1, min(workers, config.batch // LEAST))
        parts = max(n for n in range(1, most + 1) if config.batch % n == 0)
        self._batches = [Batch(game, config.batch // parts) for _ in range(parts)]
        self._replicas = [self.net, *(_replica(self.net) for _ in range(parts - 1))]
        threads = (max(1, cores() // parts),)  # of each part
        self._pool = ThreadPoolExecutor(parts, "training", torch.set_num_threads, threads) if parts > 1 else None
        self._bf16 = "bf16" in precisions(self.device.type)

    @torch.no_grad()
    def _silence_unseen(self) -> None:
        """Planes that are empty in random games begin with weights of 0. Some are for other rules of the family (exactly
        five in gomoku): training would leave their random weights as they are, and noise to a game that shows them."""
        unseen = ~self.game.planes(random_positions(self.game, SEEN)).any((0, 2, 3))
        self.net.state_dict()["stem.0.weight"][:, unseen] = 0

    def train(
        self,
        draw: Callable[[int, np.random.Generator], Samples],
        learning_rates: Sequence[float],
        rng: np.random.Generator,
        progress: Callable[[int], None] = lambda steps: None,
    ) -> Losses:
        """A step for each of `learning_rates`, on batches from `draw(count, rng)`, each sample turned at random.

        ValueError, one line, where the losses are no finite numbers any more."""
        totals, images = torch.zeros(3), len(self.game.action_symmetries)
        for net in self._replicas:
            net.train()
            torch._foreach_copy_(_statistics(net), _statistics(self.net))  # weights may have been loaded
        for learning_rate in learning_rates:
            samples = draw(self.config.batch, rng)
            totals += self._step(samples, rng.integers(0, images, len(samples)), learning_rate)
            progress(1)
        if not all(weight.isfinite().all() for weight in self.net.state_dict().values()):
            totals += torch.nan  # the losses are from before their steps, the last of which may spoil the net
        return _means(totals, max(len(learning_rates), 1))

    def _step(self, samples: Samples, turns: NDArray[np.int64], learning_rate: float) -> Tensor:
        parts = range(len(self._replicas))
        learn = partial(self._learn, samples, turns)
        losses = list(self._pool.map(learn, parts)) if self._pool else [learn(0)]
        self._merge()
        self.muon.step(learning_rate)
        for group in self.adam.param_groups:
            group["lr"] = learning_rate
        self.adam.step()
        self.steps += 1
        self._follow()
        return torch.stack(losses).mean(0).cpu()

    def _learn(self, samples: Samples, turns: NDArray[np.int64], part: int) -> Tensor:
        """The gradients of one part of the batch, to its replica's `grad`s; its losses and accuracy."""
        net, batch = self._replicas[part], self._batches[part]
        mine = slice(part * batch.size, (part + 1) * batch.size)
        net.zero_grad(set_to_none=True)
        losses, size = self._losses(net, batch.fill(samples[mine], turns[mine]))
        (losses[0] + losses[1] + Z_LOSS * size).backward()
        return losses.detach()

    @torch.no_grad()
    def _merge(self) -> None:
        """Gradients and batch norm's running statistics of all parts become their means."""
        (gradients, *more), (statistics, *others) = zip(
            *(([w.grad for w in net.parameters()], _statistics(net)) for net in self._replicas), strict=True
        )
        for part in more:
            torch._foreach_add_(gradients, part)
        for part in others:
            torch._foreach_add_(statistics, part)
        if more:
            torch._foreach_div_(gradients, len(self._replicas))
            torch._foreach_div_(statistics, len(self._replicas))
        for part in others:
            torch._foreach_copy_(part, statistics)

    def _losses(self, net: Net, batch: Batch) -> tuple[Tensor, Tensor]:
        """Policy loss, value loss and accuracy [3], and the mean square of the logits' normaliser."""
        planes = torch.from_numpy(batch.planes).to(self.device, memory_format=torch.channels_last)
        target, mask, result = (torch.from_numpy(x).to(self.device) for x in (batch.policy, batch.mask, batch.result))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
            logits, outcome = net(planes)
        logits = logits.masked_fill(mask == 0, -1e9)
        normaliser = logits.logsumexp(1, keepdim=True)
        policy_loss = (target * (normaliser - logits)).sum(1).mean()
        value_loss = F.cross_entropy(outcome, result)
        accuracy = (logits.argmax(1) == target.argmax(1)).float().mean()
        return torch.stack([policy_loss, value_loss, accuracy]), normaliser.square().mean()

    @torch.no_grad()
    def _follow(self) -> None:
        """average <- keep * average + (1 - keep) * net; batch norm's statistics are averaged like weights.

        The average is young for its first steps: it keeps less then, so that it forgets the random start.
        """
        keep = min(self.config.average, self.steps / (self.steps + 10))
        pairs = [
            (mine, theirs)
            for mine, theirs in zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True)
            if mine.is_floating_point()
        ]
        torch._foreach_lerp_([mine for mine, _ in pairs], [theirs for _, theirs in pairs], 1 - keep)

    @torch.no_grad()
    def test(self, samples: Samples) -> Losses:
        """The averaged net on samples that it has not seen, one at least; ValueError as in `train`."""
        total = torch.zeros(3)
        for start in range(0, len(samples), self._batches[0].size):
            part = samples[start : start + self._batches[0].size]
            batch = self._batches[0] if len(part) == self._batches[0].size else Batch(self.game, len(part))
            batch.fill(part, np.zeros(len(part), np.int64))
            total += len(part) * self._losses(self.average, batch)[0].cpu()
        return _means(total, len(samples))

    def weights(self) -> Weights:
        """The averaged net's weights, as copies: what plays, and what a checkpoint holds."""
        return _to_numpy(self.average.state_dict())

    def state(self) -> dict[str, np.ndarray]:
        """Everything an exact resume needs, as arrays."""
        arrays = {f"net.{k}": v for k, v in _to_numpy(self.net.state_dict(), everything=True).items()}
        arrays |= {f"average.{k}": v for k, v in _to_numpy(self.average.state_dict(), everything=True).items()}
        arrays |= {f"muon.{i}": v.cpu().numpy().copy() for i, v in enumerate(self.muon.momentum)}
        for index, moments in self.adam.state_dict()["state"].items():
            arrays |= {f"adam.{index}.{k}": v.detach().cpu().numpy().copy() for k, v in moments.items()}
        return arrays | {"steps": np.array(self.steps)}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """The inverse of `state`; ValueError, one line, for that of a version which had AdamW alone."""
        if "muon.0" not in arrays:
            raise ValueError(
                "an earlier version began this run, with another optimiser; "
                "a new run goes on from its net: --start .../checkpoints/latest.safetensors --run ANOTHER"
            )
        for name, net in (("net.", self.net), ("average.", self.average)):
            net.load_state_dict({k[len(name) :]: torch.from_numpy(v) for k, v in arrays.items() if k.startswith(name)})
        for i, momentum in enumerate(self.muon.momentum):
            momentum.copy_(torch.from_numpy(arrays[f"muon.{i}"]))
        whole = self.adam.state_dict()
        for name, value in arrays.items():
            if name.startswith("adam."):
                _, index, key = name.split(".", 2)
                whole["state"].setdefault(int(index), {})[key] = torch.from_numpy(value)
        self.adam.load_state_dict(whole)
        self.steps = int(arrays["steps"])

    def load_weights(self, weights: Weights) -> None:
        """Starts from a net that someone else trained, which may be smaller; the optimisers start afresh."""
        tensors = {k: torch.from_numpy(v) for k, v in grow(weights, self.weights()).items()}
        for net in (self.net, self.average):
            net.load_state_dict(tensors, strict=False)


def _means(totals: Tensor, count: int) -> Losses:
    if not totals.isfinite().all():
        raise ValueError("training has diverged; what was saved last is from before (is the learning rate too high?)")
    return Losses(*(totals / count).tolist())


def _replica(net: Net) -> Net:
    """A net that shares the weights of `net`, not their gradients nor batch norm's statistics."""
    replica = copy.deepcopy(net)
    for mine, theirs in zip(replica.parameters(), net.parameters(), strict=True):
        mine.data = theirs.data
    return replica


def _statistics(net: Net) -> list[Tensor]:
    return [buffer for buffer in net.buffers() if buffer.is_floating_point()]


def _to_numpy(state: dict[str, Tensor], everything: bool = False) -> dict[str, np.ndarray]:
    """Copies as numpy arrays; batch norm's step counters (integers) only if `everything` is wanted."""
    return {
        k: v.detach().cpu().contiguous().numpy().copy() for k, v in state.items() if everything or v.is_floating_point()
    }
