"""Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"), for the weights of convolutions.

A convolution's weights are a matrix, from the inputs that one output sees to the outputs. Its momentum is replaced by the
nearest orthogonal matrix, so that all directions of the matrix learn at one rate; AdamW, which scales each weight by
itself, moves it along the few that most gradients share. docs/learning.md has what this is worth. (torch.optim.Muon
takes matrices alone.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

MOMENTUM = 0.9  # 0.95 is worse (docs/learning.md)
POWERS = (3.4445, -4.7750, 2.0315)  # of the Newton-Schulz polynomial: singular values come near to 1 in a few steps
NEWTON_STEPS = 5


class Muon:
    """Moves `weights` [out, in, h, w] by steps whose root mean square is about the learning rate, as AdamW's is.

    (Liu et al. 2025, arXiv 2502.16982, section 2.2: one rate and one weight decay then do for both optimisers.)
    """

    def __init__(self, weights: Iterable[Tensor], weight_decay: float):
        self.weights, self.weight_decay = list(weights), weight_decay
        self.momentum = [torch.zeros_like(weight) for weight in self.weights]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """One step along the weights' `grad`s."""
        gradients: list[Tensor] = [weight.grad for weight in self.weights]  # type: ignore[misc]
        torch._foreach_lerp_(self.momentum, gradients, 1 - MOMENTUM)
        ahead = torch._foreach_lerp(gradients, self.momentum, MOMENTUM)  # Nesterov's
        torch._foreach_mul_(self.weights, 1 - learning_rate * self.weight_decay)
        alike: dict[torch.Size, list[int]] = defaultdict(list)  # matrices of one shape are worked on together
        for i, weight in enumerate(self.weights):
            alike[weight.shape].append(i)
        for (outputs, inputs, height, width), those in alike.items():
            # channels last, as they lie in memory: the order of the columns makes no difference
            matrices = torch.stack([ahead[i].permute(0, 2, 3, 1).reshape(outputs, -1) for i in those])
            scale = learning_rate * max(matrices.shape[1:]) ** 0.5
            moves = orthogonal(matrices).reshape(-1, outputs, height, width, inputs).permute(0, 1, 4, 2, 3)
            torch._foreach_add_([self.weights[i] for i in those], list(moves), alpha=-scale)


def orthogonal(matrices: Tensor) -> Tensor:
    """[N, rows, columns]: each matrix with its singular values (those that are not 0) pushed near to 1."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-12)
    a, b, c = POWERS
    for _ in range(NEWTON_STEPS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x
