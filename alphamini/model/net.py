"""The net: a residual tower with a policy head and a win/draw/loss head, in torch.

The tower is AlphaGo Zero's (Silver et al. 2017, Methods, "Neural network architecture"); the heads pool over the
board instead of flattening it (KataGo, arXiv 1902.10565, section 3.3), so that one set of weights fits every board size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alphamini.model.config import NetConfig


class ConvNorm(nn.Sequential):
    """A convolution without bias, then batch normalisation."""

    def __init__(self, inputs: int, outputs: int, size: int):
        super().__init__(nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False), nn.BatchNorm2d(outputs))


class Block(nn.Module):
    """x + conv(relu(conv(x))), then relu."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = ConvNorm(channels, channels, 3)
        self.second = ConvNorm(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(F.relu(self.first(x))))


def pool(x: Tensor) -> Tensor:
    """[B, K, H, W] -> [B, 2K]: the mean and the maximum of each channel over the board."""
    return torch.cat([F.adaptive_avg_pool2d(x, 1), F.adaptive_max_pool2d(x, 1)], 1).flatten(1)


class Net(nn.Module):
    """planes [B, C, H, W] -> policy logits [B, A] (not masked), win/draw/loss logits [B, 3] for the side to move.

    The actions lie as `games.game.Game` says; those without a place on the board are seen from the pooled features, as
    KataGo's pass is (arXiv 1902.10565, appendix A).
    """

    def __init__(self, config: NetConfig):
        super().__init__()
        self.config = config
        channels, head = config.channels, config.head_channels
        self.stem = ConvNorm(config.planes, channels, 3)
        self.blocks = nn.ModuleList(Block(channels) for _ in range(config.blocks))
        self.policy_local = ConvNorm(channels, head, 1)
        self.policy_global = ConvNorm(channels, head, 1)
        self.policy_mix = nn.Linear(2 * head, head)
        self.policy_out = nn.Conv2d(head, config.action_planes, 1)
        if config.extra_actions:
            self.policy_extra = nn.Linear(2 * head, config.extra_actions)
        self.value_local = ConvNorm(channels, head, 1)
        self.value_hidden = nn.Linear(2 * head, config.value_hidden)
        self.value_out = nn.Linear(config.value_hidden, 3)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        x = F.relu(self.stem(planes))
        for block in self.blocks:
            x = block(x)
        local, overall, value = self.policy_local(x), self.policy_global(x), self.value_local(x)
        with torch.autocast(x.device.type, enabled=False):
            return self.heads(local.float(), overall.float(), value.float())

    def heads(self, local: Tensor, overall: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """In fp32 where the convolutions are in bf16, which would leave logits of 64 to 128 in steps of half a nat."""
        pooled = pool(F.relu(overall))
        p = self.policy_out(F.relu(local + self.policy_mix(pooled)[:, :, None, None]))  # [B, K, H, W]
        policy = p.mean((1, 2)) if self.config.policy == "columns" else p.flatten(1)
        if self.config.extra_actions:
            policy = torch.cat([policy, self.policy_extra(pooled)], 1)
        v = F.relu(self.value_hidden(pool(F.relu(value))))
        return policy, self.value_out(v)
