"""What a net is, without torch: its shape, and which game it was made for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, get_type_hints

from games import Game


@dataclass(frozen=True)
class NetConfig:
    """The architecture (see `net.Net`). Nothing in it depends on the board's size."""

    planes: int  # C, input planes
    policy: str  # "cells" or "columns", as the game says (see `games.game.Game`)
    blocks: int = 6
    channels: int = 64
    head_channels: int = 32
    value_hidden: int = 64
    action_planes: int = 1  # K, planes of actions that lie on the board
    extra_actions: int = 0  # E, actions that do not

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> NetConfig:
        """ValueError or TypeError, one line, if `data` is not what `asdict` gives."""
        kinds = get_type_hints(cls)
        for name, value in dict(data).items():
            if type(value) is not kinds.get(name):
                raise ValueError(f"{name!r} of a net cannot be {value!r}")
        return cls(**data)

    def convolutions(self) -> dict[str, tuple[int, ...]]:
        """The kernels' shapes of its `net.ConvNorm`s by name."""
        c, h = self.channels, self.head_channels
        found: dict[str, tuple[int, ...]] = {"stem": (c, self.planes, 3, 3)}
        for i in range(self.blocks):
            found |= {f"blocks.{i}.first": (c, c, 3, 3), f"blocks.{i}.second": (c, c, 3, 3)}
        return found | dict.fromkeys(("policy_local", "policy_global", "value_local"), (h, c, 1, 1))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The net's weights by name, as `net.Net` has them: what a checkpoint must hold."""
        h, v = self.head_channels, self.value_hidden
        found: dict[str, tuple[int, ...]] = {}
        for name, shape in self.convolutions().items():
            found[f"{name}.0.weight"] = shape
            found |= {f"{name}.1.{part}": shape[:1] for part in ("weight", "bias", "running_mean", "running_var")}
        linear: dict[str, tuple[int, ...]] = {"policy_mix": (h, 2 * h), "policy_out": (self.action_planes, h, 1, 1)}
        linear |= {"value_hidden": (v, 2 * h), "value_out": (3, v)}
        if self.extra_actions:
            linear["policy_extra"] = (self.extra_actions, 2 * h)
        for name, shape in linear.items():
            found |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
        return found

    @classmethod
    def for_game(cls, game: Game, blocks: int, channels: int) -> NetConfig:
        """A net of that size that fits the game."""
        return cls(
            planes=game.num_planes,
            policy=game.policy,
            blocks=blocks,
            channels=channels,
            action_planes=game.action_planes,
            extra_actions=game.extra_actions,
        )

    def fits(self, game: Game) -> bool:
        """Does a net of this shape read the game's planes and answer with its actions?"""
        return self == replace(
            self,
            planes=game.num_planes,
            policy=game.policy,
            action_planes=game.action_planes,
            extra_actions=game.extra_actions,
        )


def default_size(game: Game) -> tuple[int, int]:
    """(blocks, channels): small boards get small nets."""
    cells = game.shape[0] * game.shape[1]
    if cells <= 16:
        return 2, 32
    if cells <= 42:
        return 5, 48
    return 6, 48
