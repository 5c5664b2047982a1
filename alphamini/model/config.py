"""What a net is, without torch: its shape, and which game it was made for."""

from __future__ import annotations

from dataclasses import dataclass

from games import Game


@dataclass(frozen=True)
class NetConfig:
    """The architecture (see `net.Net`). Nothing in it depends on the board's size."""

    planes: int  # C, input planes
    policy: str  # "cells" or "columns", as the game says
    blocks: int = 6
    channels: int = 64
    head_channels: int = 32
    value_hidden: int = 64

    @classmethod
    def for_game(cls, game: Game, blocks: int, channels: int) -> NetConfig:
        return cls(planes=game.num_planes, policy=game.policy, blocks=blocks, channels=channels)


def default_size(game: Game) -> tuple[int, int]:
    """(blocks, channels): small boards get small nets."""
    cells = game.shape[0] * game.shape[1]
    if cells <= 16:
        return 2, 32
    if cells <= 42:
        return 5, 48
    return 6, 64
