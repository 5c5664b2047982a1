"""The optimiser of convolutions, against a singular value decomposition and against itself."""

import numpy as np
import pytest
import torch

import games
from alphamini.learn.muon import MOMENTUM, Muon, orthogonal
from alphamini.learn.recipe import TrainConfig
from alphamini.learn.trainer import Trainer
from alphamini.model.config import NetConfig


def convolution(outputs: int, inputs: int, seed: int, size: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.nn.Parameter(torch.randn(outputs, inputs, size, size, generator=generator))
    weight.grad = torch.randn(weight.shape, generator=generator)
    return weight


@pytest.mark.parametrize("shape", [(3, 16, 144), (2, 48, 27), (1, 1, 32), (1, 20, 20)])
def test_a_matrix_becomes_nearly_the_nearest_orthogonal_one(shape: tuple[int, ...]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 7
    found = orthogonal(matrices)
    left, values, right = torch.linalg.svd(matrices, full_matrices=False)
    large = values > 0.02 * values.norm(dim=1, keepdim=True)  # the smallest are not pushed all the way up in five steps
    pushed = (left.mT @ found @ right.mT).diagonal(dim1=1, dim2=2)
    assert pushed[large].min() > 0.6
    assert pushed.max() < 1.3
    rest = found - left @ torch.diag_embed(pushed) @ right
    assert rest.abs().max() < 1e-4  # the singular vectors stay as they were


def test_what_has_no_gradient_does_not_move() -> None:
    """A plane that a game never shows has a gradient of exactly 0; so has all of a net that is not in play."""
    for outputs, inputs in ((16, 4), (64, 4)):  # wide and tall
        weight = convolution(outputs, inputs, seed=2)
        weight.grad[:, 1] = 0
        before = weight.detach().clone()
        Muon([weight], weight_decay=0).step(0.01)
        assert torch.equal(weight[:, 1], before[:, 1])
        assert (weight - before)[:, [0, 2, 3]].abs().min() > 0
        weight.grad.zero_()
        before = weight.detach().clone()
        Muon([weight], weight_decay=0).step(0.01)
        assert torch.equal(weight, before)


def test_a_step_is_as_long_as_the_rate_says_and_follows_the_gradient() -> None:
    for size in (1, 3):
        weight = convolution(32, 32, seed=3, size=size)
        weight.grad *= 1e-6  # its length does not matter
        before = weight.detach().clone()
        Muon([weight], weight_decay=0).step(0.01)
        move = weight.detach() - before
        assert move.square().mean().sqrt() == pytest.approx(0.01, rel=0.3)
        assert (move * weight.grad).sum() < 0


def test_weights_decay_by_rate_times_decay() -> None:
    weight = convolution(8, 8, seed=4)
    weight.grad.zero_()
    before = weight.detach().clone()
    Muon([weight], weight_decay=0.5).step(0.1)
    torch.testing.assert_close(weight.detach(), before * 0.95)


def test_momentum_goes_on_where_gradients_end() -> None:
    """After a gradient, none: the step is along the momentum, a tenth of it a step shorter before it is made orthogonal."""
    weight = convolution(8, 4, seed=5)
    gradient = weight.grad.clone()
    muon = Muon([weight], weight_decay=0)
    muon.step(0.01)
    torch.testing.assert_close(muon.momentum[0], (1 - MOMENTUM) * gradient)
    before = weight.detach().clone()
    weight.grad = torch.zeros_like(gradient)
    muon.step(0.01)
    torch.testing.assert_close(muon.momentum[0], MOMENTUM * (1 - MOMENTUM) * gradient)
    expected = orthogonal(gradient.reshape(1, 8, -1)).reshape(gradient.shape)
    torch.testing.assert_close(before - weight.detach(), 0.01 * 36**0.5 * expected, rtol=1e-3, atol=1e-5)


def test_weights_of_one_shape_are_moved_together_as_alone_and_in_any_layout() -> None:
    shapes = [(8, 4), (8, 4), (4, 8), (8, 4)]
    together = [convolution(*shape, seed=i) for i, shape in enumerate(shapes)]
    alone = [convolution(*shape, seed=i) for i, shape in enumerate(shapes)]
    for weight in together:
        weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    group, each = Muon(together, 1e-4), [Muon([weight], 1e-4) for weight in alone]
    for _ in range(3):
        group.step(0.01)
        for muon in each:
            muon.step(0.01)
    for mine, theirs in zip(together, alone, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_a_state_of_adamw_alone_is_refused_in_one_line() -> None:
    """Runs of earlier versions: their optimiser knew nothing of momenta."""
    game = games.get("tictactoe")
    trainer = Trainer(game, NetConfig.for_game(game, 1, 8), TrainConfig(batch=8), seed=0, workers=1)
    before = trainer.weights()
    old = {name: array * 0 for name, array in trainer.state().items() if not name.startswith("muon.")}
    with pytest.raises(ValueError, match=r"^an earlier version began this run.*--start"):
        trainer.restore(old)
    assert all(np.array_equal(before[name], weight) for name, weight in trainer.weights().items())
