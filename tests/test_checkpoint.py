"""Checkpoints: a round trip, and one clear line for everything that is not one."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import games
from alphamini.model import shipped
from alphamini.model.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint, write_bytes
from alphamini.model.config import NetConfig
from alphamini.model.evaluators import make_backend
from alphamini.model.net import Net

GOMOKU9 = games.get("gomoku9")


def checkpoint(game: games.Game = GOMOKU9) -> Checkpoint:
    config = NetConfig.for_game(game, 1, 8)
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in config.shapes().items()}
    return Checkpoint(game.name, game.rules_version, config, weights, step=7, note="a note")


def metadata(**changes: str) -> dict[str, str]:
    net = {
        "planes": GOMOKU9.num_planes,
        "policy": "cells",
        "blocks": 1,
        "channels": 8,
        "head_channels": 32,
        "value_hidden": 64,
    }
    return {
        "format": "alphamini-1", "game": "gomoku9", "rules_version": str(GOMOKU9.rules_version),
        "net": json.dumps(net), "step": "0", "note": "",
    } | changes  # fmt: skip


@pytest.mark.parametrize("name", ["gomoku9", "connect4", "tictactoe", "othello8", "breakthrough6"])
def test_shapes_are_those_of_the_net(name: str) -> None:
    config = NetConfig.for_game(games.get(name), 3, 16)
    state = {k: tuple(v.shape) for k, v in Net(config).state_dict().items() if v.is_floating_point()}
    assert state == config.shapes()


def test_round_trip_and_other_sizes_of_the_family(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, checkpoint())
    for name in ("gomoku9", "gomoku15", "gomoku9-standard"):
        loaded = load_checkpoint(path, games.get(name))
        assert (loaded.game, loaded.step, loaded.note, loaded.net) == ("gomoku9", 7, "a note", checkpoint().net)
        assert all(np.array_equal(loaded.weights[k], v) for k, v in checkpoint().weights.items())
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]  # nothing half-written stays behind


@pytest.mark.parametrize("name", ["gomoku9", "gomoku15"])
def test_the_shipped_nets_of_freestyle_gomoku_read_no_noise_in_standard(name: str) -> None:
    """Training has never shown them the plane for exactly five."""
    game = games.get(name)
    assert not load_checkpoint(shipped.shipped_checkpoint(game), game).weights["stem.0.weight"][:, 3].any()


def test_a_failed_write_says_where_and_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, checkpoint())
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr("alphamini.model.checkpoint.os.fsync", fail)
    with pytest.raises(OSError, match=r"disk full: .*net\.safetensors"):
        save_checkpoint(path, checkpoint())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


def rejected(path: Path, game: games.Game = GOMOKU9) -> str:
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path, game)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_what_is_not_a_checkpoint_gets_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    assert "no checkpoint at" in rejected(path)
    assert "no checkpoint at" in rejected(tmp_path)  # a folder
    path.write_bytes(b"hello")
    assert "not a whole safetensors file" in rejected(path)
    save_checkpoint(path, checkpoint())
    path.write_bytes(path.read_bytes()[:-100])
    assert "not a whole safetensors file" in rejected(path)
    head = json.dumps({"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()  # numpy has none
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(4))
    assert "not an alphamini checkpoint" in rejected(path)
    head = json.dumps(json.loads(head) | {"__metadata__": metadata()}).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(4))
    assert "not float32" in rejected(path)
    save_file({"a": np.zeros(1, np.float32)}, path)
    assert "not an alphamini checkpoint" in rejected(path)


def test_a_checkpoint_of_something_else_gets_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, checkpoint(games.get("connect4")))
    assert "trained for connect4, not for gomoku9" in rejected(path)
    weights = checkpoint().weights
    save_file(weights, path, metadata(rules_version="99"))
    assert "rules version 99" in rejected(path)
    save_file(weights, path, metadata(game="nosuchgame"))
    assert "trained for nosuchgame" in rejected(path)
    save_file(weights, path, metadata(net="{}"))
    assert "broken metadata" in rejected(path)
    for wrong in ({"blocks": "2"}, {"blocks": 1.5}, {"policy": 3}, {"depth": 1}):
        save_file(weights, path, metadata(net=json.dumps(json.loads(metadata()["net"]) | wrong)))
        assert "broken metadata" in rejected(path)
    save_file(weights, path, metadata(net="[" * 100_000))
    assert "broken metadata" in rejected(path)
    save_file(weights, path, metadata(net=json.dumps(json.loads(metadata()["net"]) | {"blocks": 10**12})))
    assert "does not hold the weights" in rejected(path)  # and at once
    for other in ({"action_planes": 2}, {"extra_actions": 1}, {"policy": "columns"}):
        net = json.dumps(json.loads(metadata()["net"]) | other)
        save_file(weights, path, metadata(net=net))
        assert "a net that does not fit gomoku9" in rejected(path)
    save_file({k: v for k, v in weights.items() if k != "stem.0.weight"}, path, metadata())
    assert "does not hold the weights" in rejected(path)
    save_file(weights | {"stem.1.bias": np.full(8, np.nan, np.float32)}, path, metadata())
    assert "not finite" in rejected(path)
    save_file(weights | {"stem.1.bias": np.zeros(8, np.float64)}, path, metadata())
    assert "float32" in rejected(path)


def test_the_net_that_ships_for_a_size_is_the_nearest_of_its_family(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDERS", (tmp_path / "nowhere", tmp_path))
    for name in ("gomoku9", "gomoku15", "hex7"):
        (tmp_path / f"{name}.safetensors").touch()
    sizes = {"gomoku9": 9, "gomoku7": 9, "gomoku11": 9, "gomoku13-standard": 15, "gomoku20": 15}
    for name, size in sizes.items():
        assert shipped.shipped_checkpoint(games.get(name)).stem == f"gomoku{size}"
    with pytest.raises(CheckpointError, match="no net ships for gomoku15-renju"):
        shipped.shipped_checkpoint(games.get("gomoku15-renju"))


def test_renju_has_a_net_that_opens_near_the_centre() -> None:
    game = games.get("gomoku15-renju")
    found = load_checkpoint(shipped.shipped_checkpoint(game), game)
    backend = make_backend(game, found.net, found.weights, precision="fp32")
    row, column = divmod(int(backend.worker().evaluate(game.new_states(1))[0].argmax()), 15)
    assert 4 <= row <= 10
    assert 4 <= column <= 10


def test_a_link_stays_one_and_what_is_no_file_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    real, link, pipe = tmp_path / "folder" / "real.json", tmp_path / "link.json", tmp_path / "pipe"
    real.write_text("before")
    link.symlink_to(real)
    os.mkfifo(pipe)
    write_bytes(link, b"after")
    assert link.is_symlink()
    assert real.read_bytes() == b"after"
    with pytest.raises(ValueError, match=r"cannot write .*pipe: it is no regular file"):
        write_bytes(pipe, b"after")
    assert pipe.is_fifo()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["folder", "link.json", "pipe", "real.json"]
