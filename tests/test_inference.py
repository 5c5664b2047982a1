"""Inference backends: they all compute `net.Net`; low precision, batching and threads do not change the answers."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import games
from alphamini.model import engines, torch_net
from alphamini.model.config import NetConfig
from alphamini.model.evaluators import RandomRollouts, Uniform, make_backend
from alphamini.model.fold import balance, fold
from alphamini.model.net import ConvNorm, Net
from alphamini.model.quantize import (
    LEAST_TOP,
    MOST_DIVERGENCE,
    MOST_VALUE_ERROR,
    Agreement,
    agreement,
    random_positions,
)

openvino_net = pytest.importorskip("alphamini.model.openvino_net")


def some_net(game, blocks=2, channels=32, seed=0):
    """A net as training leaves it: no batch normalisation is the identity, and the policy has opinions."""
    torch.manual_seed(seed)
    net = Net(NetConfig.for_game(game, blocks, channels))
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.3)
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    net.policy_out.weight.data *= 10
    return net.eval()


def weights_of(net):
    return {name: w.numpy() for name, w in net.state_dict().items() if w.is_floating_point()}


def answers(net, game, states):
    """What training means by the net: float32 torch with batch normalisation."""
    with torch.inference_mode():
        logits, outcome = net(torch.from_numpy(game.planes(states)))
        chances = outcome.softmax(1)
    return logits.numpy(), (chances[:, 0] - chances[:, 2]).numpy()


def backend_of(game, net, precision="fp32", workers=1, device="openvino", **more):
    return make_backend(game, net.config, weights_of(net), precision, workers, device, **more)


def offered(device):
    return openvino_net.precisions() if device == "openvino" else torch_net.precisions("cpu")


@pytest.mark.parametrize("device", ["openvino", "torch"])
@pytest.mark.parametrize("name", ["gomoku6", "gomoku15", "connect4", "tictactoe", "othello6", "breakthrough6"])
def test_fp32_is_the_net(name, device):
    game = games.get(name)
    net = some_net(game)
    states = random_positions(game, 37)
    logits, value = backend_of(game, net, device=device).worker().evaluate(states)
    right_logits, right_value = answers(net, game, states)
    np.testing.assert_allclose(logits, right_logits, atol=1e-4)
    np.testing.assert_allclose(value, right_value, atol=1e-4)
    assert logits.dtype == value.dtype == np.float32


LAYOUTS = {  # (policy, planes of actions, extra actions): actions on a board of 6 x 11
    ("cells", 1, 0): 66,
    ("columns", 1, 0): 11,
    ("cells", 3, 0): 198,
    ("cells", 1, 1): 67,
    ("cells", 6, 2): 398,
    ("columns", 1, 2): 13,
}


@pytest.mark.parametrize(("device", "precision"), [
    ("openvino", "fp32"), ("openvino", "bf16"), ("openvino", "int8"), ("torch", "fp32"), ("torch", "bf16"),
])  # fmt: skip
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_actions_on_a_board_that_is_not_square(layout, device, precision):
    if precision not in offered(device):
        pytest.skip(f"this machine has no {precision}")
    policy, action_planes, extra = layout
    config = NetConfig(5, policy, 1, 16, 8, 12, action_planes=action_planes, extra_actions=extra)
    torch.manual_seed(1)
    net = Net(config).eval()
    planes = np.random.default_rng(0).random((3, 5, 6, 11), np.float32)
    with torch.inference_mode():
        logits, outcome = net(torch.from_numpy(planes))
        chances = outcome.softmax(1)
    weights = weights_of(net)
    if device == "torch":
        engine = torch_net.TorchEngine(config, weights, precision, "cpu", workers=1)
    else:
        exact, _, peaks = openvino_net.measure(config, weights, (6, 11), planes)
        np.testing.assert_allclose(exact, logits, atol=1e-4)
        low = peaks if precision == "int8" else None
        engine = openvino_net.OpenVinoEngine(config, weights, (6, 11), precision, 1, low)
    found, value = engine.session().infer(planes)
    assert found.shape == (3, LAYOUTS[layout])
    tolerance = 1e-4 if precision == "fp32" else 0.03
    np.testing.assert_allclose(found, logits, atol=tolerance)
    np.testing.assert_allclose(value, chances[:, 0] - chances[:, 2], atol=tolerance)


def test_a_plane_of_actions_lies_like_the_board():
    """Plane k of the logits is read off the features of its own cell: action k*H*W + cell, extra actions last."""
    config = NetConfig(2, "cells", blocks=0, channels=4, head_channels=4, action_planes=2, extra_actions=1)
    net = Net(config).eval()
    for parameter in net.parameters():
        parameter.data.zero_()
    for layer in (net.stem, net.policy_local, net.policy_global):
        layer[1].weight.data.fill_(1)
    for k in range(2):  # input plane k goes through everything alone, to output plane k
        net.stem[0].weight.data[k, k, 1, 1] = 1
        net.policy_local[0].weight.data[k, k] = net.policy_out.weight.data[k, k] = 1
    net.policy_global[0].weight.data[0, 1] = 1
    net.policy_extra.weight.data[0, 4] = 1  # the maximum of input plane 1
    planes = np.random.default_rng(0).random((1, 2, 3, 4), np.float32)
    engine = openvino_net.OpenVinoEngine(config, weights_of(net), (3, 4), "fp32", workers=1)
    logits = engine.session().infer(planes)[0][0]
    np.testing.assert_allclose(logits, [*planes.reshape(-1), planes[0, 1].max()], atol=1e-4)


@pytest.mark.parametrize(("device", "precision"), [("openvino", "int8"), ("openvino", "bf16"), ("torch", "bf16")])
@pytest.mark.parametrize("name", ["gomoku9", "connect4", "othello8", "breakthrough8"])
def test_low_precision_says_the_same(name, device, precision):
    if precision not in offered(device):
        pytest.skip(f"this machine has no {precision}")
    game = games.get(name)
    net = some_net(game, blocks=6, channels=64)
    backend = backend_of(game, net, precision, device=device, calibration=random_positions(game, 128, seed=1))
    unseen = random_positions(game, 256, seed=2)
    found = agreement(answers(net, game, unseen), backend.worker().evaluate(unseen), game.legal_mask(unseen))
    assert found.holds, str(found)
    assert found.divergence > 0  # it did compute in another precision


def uneven_net(game):
    """A net some of whose channels are a hundred times as large as others, and matter as much."""
    net = some_net(game, blocks=3)
    rng = torch.Generator().manual_seed(3)
    for block in net.blocks:
        scale = 10 ** (2 * torch.rand(32, generator=rng) - 2)
        block.first[1].weight.data *= scale
        block.first[1].bias.data *= scale
        block.second[0].weight.data /= scale[:, None, None]
    return net


def test_balanced_channels_are_more_alike_and_compute_the_same():
    game = games.get("connect4")
    net = uneven_net(game)
    planes, weights = game.planes(random_positions(game, 64)), weights_of(net)
    logits, value, peaks = openvino_net.measure(net.config, weights, game.shape, planes)
    balanced, ranges = balance({name: fold(weights, name) for name in net.config.convolutions()}, peaks)
    plain = torch_net.folded(net.config, weights)
    for name, (kernel, bias) in balanced.items():
        layer = plain.get_submodule(name)[0]
        layer.load_state_dict({"weight": torch.from_numpy(kernel), "bias": torch.from_numpy(bias)})
    found = []
    for layer in (plain.stem, *(layer for block in plain.blocks for layer in (block.first, block))):
        layer.register_forward_hook(lambda _, __, out: found.append(out.relu().amax((0, 2, 3)).numpy()))
    with torch.inference_mode():
        same, outcome = plain(torch.from_numpy(planes))
    np.testing.assert_allclose(same, logits, atol=1e-3)
    chances = outcome.softmax(1)
    np.testing.assert_allclose(chances[:, 0] - chances[:, 2], value, atol=1e-4)
    np.testing.assert_allclose([peak.max() for peak in found], ranges, rtol=1e-3)
    for i in (1, 3, 5):  # the uneven ones
        assert np.median(found[i] / ranges[i]) > 2 * np.median(peaks[i] / peaks[i].max())


def test_int8_keeps_to_fp32_where_channels_are_uneven(monkeypatch):
    if "int8" not in offered("openvino"):
        pytest.skip("this machine has no int8")
    game = games.get("connect4")
    net, states = uneven_net(game), random_positions(game, 256, seed=2)
    divergence = []
    for exponent in (0.75, 0):
        monkeypatch.setattr("alphamini.model.fold.BALANCE", exponent)
        found = backend_of(game, net, "int8").worker().evaluate(states)
        divergence.append(agreement(answers(net, game, states), found, game.legal_mask(states)).divergence)
    assert divergence[0] < divergence[1] / 2, divergence


@pytest.mark.parametrize("precision", engines.PRECISIONS[1:])
def test_a_row_does_not_depend_on_its_batch(precision):
    if precision not in offered("openvino"):
        pytest.skip(f"this machine has no {precision}")
    game = games.get("gomoku9")
    states = random_positions(game, 70)
    backend = backend_of(game, some_net(game), precision)
    evaluator = backend.worker()
    logits, value = (x.copy() for x in evaluator.evaluate(states))
    # Batches of other sizes may run other kernels. These logits reach 1, and bf16 has 8 bits.
    tolerance = 1e-5 if precision == "fp32" else 0.1
    for rows in (slice(0, 1), slice(5, 8), slice(0, 64), slice(69, 70), slice(3, 70)):
        backend.forget()  # or these would come from the cache
        part_logits, part_value = evaluator.evaluate(states[rows])
        np.testing.assert_allclose(part_logits, logits[rows], atol=tolerance)
        np.testing.assert_allclose(part_value, value[rows], atol=tolerance)


@pytest.mark.parametrize(("small", "graphs"), [(0, {openvino_net.ANY}), (3, {1, 3, openvino_net.ANY})])
def test_only_who_is_waited_for_has_graphs_of_small_batches(small, graphs):
    game = games.get("tictactoe")
    net = some_net(game)
    backend = backend_of(game, net)
    evaluator = backend.worker(small)
    for count in (5, 1, 3, 2, 1, 6):
        states = random_positions(game, count)
        backend.forget()  # or these would come from the cache
        for found, exact in zip(evaluator.evaluate(states), answers(net, game, states), strict=True):
            np.testing.assert_allclose(found, exact, atol=1e-4)
    assert evaluator._session.requests.keys() == graphs


@pytest.mark.parametrize("device", ["openvino", "torch"])
def test_an_empty_batch_is_fine(device):
    game = games.get("gomoku9")
    evaluator = backend_of(game, some_net(game), device=device).worker()
    logits, value = evaluator.evaluate(game.new_states(0))
    assert logits.shape == (0, 81)
    assert value.shape == (0,)
    assert len(evaluator.evaluate(game.new_states(2))[1]) == 2


@pytest.mark.parametrize("device", ["openvino", "torch"])
def test_update_hands_over_new_weights(device):
    game = games.get("gomoku9")
    states = random_positions(game, 8)
    old, new = some_net(game, seed=0), some_net(game, seed=1)
    backend = backend_of(game, old, device=device)
    evaluator = backend.worker()
    np.testing.assert_allclose(evaluator.evaluate(states)[0], answers(old, game, states)[0], atol=1e-4)
    backend.update(weights_of(new))
    np.testing.assert_allclose(evaluator.evaluate(states)[0], answers(new, game, states)[0], atol=1e-4)


def test_threads_get_the_answers_of_one_while_weights_change():
    game = games.get("gomoku9")
    nets = [some_net(game, seed=0), some_net(game, seed=1)]
    backend = backend_of(game, nets[0], workers=2)

    def work(seed):
        rng = np.random.default_rng(seed)
        evaluator = backend.worker()
        for _ in range(30):
            states = random_positions(game, int(rng.integers(1, 20)), seed=int(rng.integers(1000)))
            logits = evaluator.evaluate(states)[0]
            assert min(abs(logits - answers(net, game, states)[0]).max() for net in nets) < 1e-4

    with ThreadPoolExecutor() as threads:
        both = [threads.submit(work, seed) for seed in range(2)]
        backend.update(weights_of(nets[1]))
    for one in both:
        one.result()  # raises what its thread has raised


def test_auto_steps_up_when_a_precision_does_not_agree(monkeypatch):
    game = games.get("gomoku9")
    net = some_net(game)
    assert backend_of(game, net, "auto").name == f"openvino {openvino_net.precisions()[0]}"
    monkeypatch.setattr("alphamini.model.quantize.MOST_DIVERGENCE", -1.0)
    backend = backend_of(game, net, "auto")
    assert backend.name == "openvino fp32"
    for precision in openvino_net.precisions()[:-1]:
        assert f"{precision} does not agree with fp32" in backend.describe()


def test_a_precision_is_judged_on_the_positions_that_were_given():
    game = games.get("connect4")
    net = some_net(game)
    given, newer = random_positions(game, 5, seed=7), random_positions(game, 6, seed=8)
    backend = backend_of(game, net, calibration=given)
    np.testing.assert_array_equal(backend._sample().planes, game.planes(given))
    for update in ((newer,), ()):  # they stay until others come
        backend.update(weights_of(net), *update)
        np.testing.assert_array_equal(backend._sample().planes, game.planes(newer))
        np.testing.assert_array_equal(backend._sample().legal, game.legal_mask(newer))


def test_random_positions_come_from_all_of_their_games():
    game = games.get("othello8")
    states = random_positions(game, 500)
    choices = game.legal_mask(states).sum(1)
    assert choices.min() >= 1  # none of them over
    assert (choices == 1).mean() < 0.1  # the last position of most games is a forced one
    stones = (game.planes(states)[:, :2] > 0).sum((1, 2, 3))  # 4 at first, up to 63
    np.testing.assert_allclose(np.quantile(stones, (0.1, 0.5, 0.9)), (10, 33, 58), atol=4)


def test_judging_a_precision_leaves_the_callers_threads_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        game = games.get("tictactoe")
        backend_of(game, some_net(game), "auto", workers=2, device="torch")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_agreement_knows_another_net_from_the_same():
    game = games.get("gomoku9")
    states = random_positions(game, 200)
    one, other = (answers(some_net(game, seed=seed), game, states) for seed in (0, 1))
    legal = game.legal_mask(states)
    assert agreement(one, one, legal) == Agreement(0, 1, 0)
    different = agreement(one, other, legal)
    assert different.divergence > 0.01  # both are nearly flat
    assert different.top < LEAST_TOP


def test_agreement_by_hand():
    """Two positions with two legal actions of three; the second is said the same."""
    legal = np.array([[1, 1, 0], [1, 1, 0]], np.uint8)
    exact = np.log(np.array([[0.5, 0.5, 9], [0.8, 0.2, 9]], np.float32)), np.array([0.5, 0], np.float32)
    low = np.log(np.array([[0.9, 0.1, 0.1], [0.8, 0.2, 0.1]], np.float32)), np.array([0.3, 0.1], np.float32)
    found = agreement(exact, low, legal)
    assert found.divergence == pytest.approx((0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(0.5 / 0.1)) / 2, rel=1e-4)
    assert found.value_error == pytest.approx(0.15)
    other = np.log(np.array([[0.1, 0.9, 0.1], [0.8, 0.2, 0.1]], np.float32)), low[1]
    assert agreement(exact, other, legal).top == 1  # what it likes best is as good
    assert agreement(other, low, legal).top == 0.5


def test_a_precision_must_agree_in_everything():
    assert Agreement(MOST_DIVERGENCE, LEAST_TOP, MOST_VALUE_ERROR).holds
    assert not Agreement(MOST_DIVERGENCE * 1.01, 1, 0).holds
    assert not Agreement(0, LEAST_TOP * 0.99, 0).holds
    assert not Agreement(0, 1, MOST_VALUE_ERROR * 1.01).holds


def test_a_folded_channel_that_hardly_varies_is_as_in_training():
    torch.manual_seed(0)
    layer = ConvNorm(2, 3, 3).eval()
    layer[1].running_var = torch.tensor([0.0, 1e-5, 1.0])
    planes = torch.rand(1, 2, 4, 5)
    with torch.inference_mode():
        expected = layer(planes)
        weights = {f"x.{name}": w.numpy() for name, w in layer.state_dict().items()}
        kernel, bias = (torch.from_numpy(part) for part in fold(weights, "x"))
        found = torch.nn.functional.conv2d(planes, kernel, bias, padding=1)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)  # the largest are some 100


def test_without_openvino_torch_takes_over(monkeypatch):
    code = (
        "import sys; sys.modules['openvino'] = None\n"
        "from alphamini.model import engines\n"
        "assert engines.openvino_net is None\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    monkeypatch.setattr(engines, "openvino_net", None)
    game = games.get("tictactoe")
    assert backend_of(game, some_net(game), "auto", device="auto").name.startswith("torch")
    with pytest.raises(ValueError, match="OpenVINO is not installed"):
        backend_of(game, some_net(game), device="openvino")


def test_openvino_needs_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import alphamini.model.evaluators\n"
        "from alphamini.model import openvino_net\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nobody_is_told_that_openvino_was_imported(tmp_path, monkeypatch):
    """Its telemetry would note in the user's home what it sends."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CI", "")  # where it keeps quiet
    subprocess.run([sys.executable, "-c", "from alphamini.model.engines import openvino_net as _"], check=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wish", [{"precision": "int4"}, {"device": "abacus"}, {"precision": "int8", "device": "torch"}]
)
def test_impossible_wishes_are_refused_in_one_line(wish):
    game = games.get("tictactoe")
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        backend_of(game, some_net(game), **wish)


def test_uniform_knows_nothing():
    logits, value = Uniform(games.get("gomoku9")).evaluate(games.get("gomoku9").new_states(3))
    assert logits.shape == (3, 81)
    assert not logits.any()
    assert not value.any()


def test_rollouts_are_for_the_side_to_move():
    """Tic-tac-toe with one or two cells left: every continuation is known."""
    game = games.get("tictactoe")
    draw = game.initial().play_all([0, 1, 2, 4, 3, 5, 7, 6])  # x fills the last cell, no row
    win = game.initial().play_all([0, 1, 2, 3, 4, 5, 7, 6])  # x fills the last cell: a diagonal
    start = game.initial()
    begun = [start.play(action).state for action in range(9)]
    states = np.concatenate([draw.state] * 50 + [win.state] * 50 + [start.state] * 4000 + begun * 500)
    before = states.copy()
    logits, value = RandomRollouts(game, seed=0).evaluate(states)
    assert (states == before).all()  # the leaves are the tree's
    assert logits.shape == (len(states), 9)
    assert not logits.any()
    assert (value[:50] == 0).all()
    assert (value[50:100] == 1).all()
    # At random x wins 737/1260 of the games, o 121/420, counted over the whole tree.
    assert value[100:4100].mean() == pytest.approx(737 / 1260 - 121 / 420, abs=0.05)
    assert value[4100:].mean() == pytest.approx(121 / 420 - 737 / 1260, abs=0.05)  # o is to move
    again = RandomRollouts(game, seed=0).evaluate(states)[1]
    assert (again == value).all()
