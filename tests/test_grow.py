"""A grown net: the same function at first, and every new weight can learn."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import games
from alphamini import selfplay
from alphamini.learn.command import open_run, run_parser
from alphamini.model.checkpoint import Checkpoint, Weights, save_checkpoint
from alphamini.model.config import NetConfig
from alphamini.model.grow import grow
from alphamini.model.net import Net
from alphamini.options import run_command

OTHELLO = games.get("othello6")  # has an action off the board


def random_net(blocks: int, channels: int, seed: int) -> Net:
    """With statistics of batch norm that are not those of a start."""
    torch.manual_seed(seed)
    net = Net(NetConfig.for_game(OTHELLO, blocks, channels))
    for name, weight in net.state_dict().items():
        if weight.is_floating_point():
            weight.copy_(
                torch.rand_like(weight) + 0.5 if "running_var" in name else weight + torch.randn_like(weight) / 16
            )
    return net.eval()


def weights(net: Net) -> Weights:
    return {k: v.numpy() for k, v in net.state_dict().items() if v.is_floating_point()}


def save_given(path: Path, blocks: int, channels: int) -> None:
    net = random_net(blocks, channels, seed=0)
    save_checkpoint(path, Checkpoint(OTHELLO.name, OTHELLO.rules_version, net.config, weights(net)))


@pytest.mark.parametrize("size", [(2, 16), (2, 24), (5, 16), (4, 32)])
def test_a_grown_net_computes_the_same(size: tuple[int, int]) -> None:
    old, large = random_net(2, 16, seed=0), random_net(*size, seed=1)
    grown = grow(weights(old), weights(large))
    assert {k: v.shape for k, v in grown.items()} == large.config.shapes()
    large.load_state_dict({k: torch.from_numpy(v) for k, v in grown.items()}, strict=False)
    planes = torch.rand(8, OTHELLO.num_planes, *OTHELLO.shape)
    with torch.no_grad():
        for mine, theirs in zip(large(planes), old(planes), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


def test_wider_heads_are_refused() -> None:
    old = random_net(2, 16, seed=0)
    wide = Net(replace(old.config, head_channels=2 * old.config.head_channels))
    with pytest.raises(ValueError, match="heads have another width"):
        grow(weights(old), weights(wide))


def test_all_of_a_grown_net_learns() -> None:
    old, large = random_net(1, 8, seed=0), random_net(2, 16, seed=1)
    large.load_state_dict({k: torch.from_numpy(v) for k, v in grow(weights(old), weights(large)).items()}, strict=False)
    large.train()
    optimizer = torch.optim.AdamW(large.parameters(), lr=1e-2, weight_decay=0)
    before = {k: v.detach().clone() for k, v in large.named_parameters()}
    for _ in range(3):  # the first step moves the weights that were 0, and what lies behind them learns after that
        optimizer.zero_grad()
        policy, value = large(torch.rand(8, OTHELLO.num_planes, *OTHELLO.shape))
        (policy.square().mean() + value.square().mean()).backward()
        optimizer.step()
    for name, weight in large.named_parameters():
        assert (weight != before[name]).float().mean() > 0.5, name  # the rest: dead units


@pytest.mark.parametrize(("blocks", "channels"), [(1, 16), (2, 8), (3, 8)])
def test_a_net_does_not_shrink(blocks: int, channels: int) -> None:
    with pytest.raises(ValueError, match="can only grow"):
        grow(weights(random_net(2, 16, seed=0)), weights(random_net(blocks, channels, seed=1)))


def test_a_run_that_would_shrink_its_start_leaves_nothing_behind(tmp_path: Path, monkeypatch, capsys) -> None:
    save_given(tmp_path / "given.safetensors", 2, 16)
    monkeypatch.chdir(tmp_path)
    command = ["selfplay", "--game", "othello6", "--start", "given.safetensors", "--blocks", "1"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        run_command(selfplay.main)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: a net can only grow: --blocks and --channels must not be below those of --start"
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["given.safetensors"]


def test_sizes_not_asked_for_are_those_of_the_start(tmp_path: Path, monkeypatch) -> None:
    save_given(tmp_path / "given.safetensors", 1, 8)
    monkeypatch.chdir(tmp_path)
    command = ["selfplay", "--game", "othello6", "--start", "given.safetensors", "--channels", "16"]
    monkeypatch.setattr(sys, "argv", command)
    options, defaults = run_parser("selfplay", "")
    recipe = open_run(options.parse_args(), defaults).recipe
    assert (recipe.blocks, recipe.channels) == (1, 16)
