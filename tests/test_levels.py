"""Levels in Elo: from ratings to simulations and temperature."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import games
from alphamini.arena.levels import Levels, Strength, read_levels
from alphamini.arena.players import SearchPlayer
from alphamini.model.evaluators import Uniform

RATED = [(0.0, Strength(1)), (100.0, Strength(4)), (200.0, Strength(64)), (-100.0, Strength(1, 1.0)),
         (-300.0, Strength(1, 3.0))]  # fmt: skip


@pytest.mark.parametrize(("elo", "strength"), [
    (-300, Strength(1, 3.0)),
    (-200, Strength(1, 1.7321)),
    (-25, Strength(1, 0.25)),
    (0, Strength(1)),
    (50, Strength(2)),
    (150, Strength(16)),
    (200, Strength(64)),
])  # fmt: skip
def test_between_ratings(elo, strength):
    assert Levels(RATED).at(elo) == strength


@pytest.mark.parametrize("elo", [-301, 200.5, float("nan"), float("inf")])
def test_outside_of_what_was_rated(elo):
    with pytest.raises(ValueError, match="is not within the rated ones, -300 to 200 Elo"):
        Levels(RATED).at(elo)


def test_noise_does_not_make_more_thinking_weaker():
    levels = Levels([(0.0, Strength(1)), (30.0, Strength(2)), (10.0, Strength(4)), (100.0, Strength(8))])
    assert levels.at(20) == Strength(2)  # 30 and 10 are one rating, 20
    assert [levels.at(elo).sims for elo in (0, 10, 19, 60, 100)] == [1, 1, 2, 6, 8]


def test_a_strength_draws_from_the_policy():
    uniform = (np.arange(1000) + 0.5) / 1000
    drawn = np.bincount([Strength(1, 1.0).draw([1, 0, 3], u) for u in uniform], minlength=3)
    assert drawn.tolist() == [250, 0, 750]
    drawn = np.bincount([Strength(1, 0.5).draw([1, 0, 3], u) for u in uniform], minlength=3)
    assert drawn.tolist() == [100, 0, 900]
    assert {Strength(1).draw([1, 0, 3], u) for u in uniform} == {2}


def report(tmp_path, **changes):
    spec = "net:checkpoints/gomoku5.safetensors@sims="
    players = [{"elo": 0, "spec": "scripted"}, {"elo": 10, "spec": spec + "1"}, {"elo": 30, "spec": spec + "8"},
               {"elo": -70, "spec": spec + "1,temperature=2"}]  # fmt: skip
    (tmp_path / "net.json").write_text(json.dumps({"game": "gomoku5", "players": players, **changes}))
    return tmp_path / "net.safetensors"


def test_ratings_lie_beside_the_net(tmp_path):
    levels = read_levels(report(tmp_path), games.get("gomoku5"))
    assert levels.range == (-70, 30)
    assert levels.at(-70) == Strength(1, 2.0)
    assert levels.at(30) == Strength(8)


def test_ratings_of_another_net_are_refused(tmp_path):
    path = report(tmp_path, nets={"net": hashlib.sha256(b"weights").hexdigest()[:16]})
    path.write_bytes(b"weights")
    assert read_levels(path, games.get("gomoku5")).range == (-70, 30)
    path.write_bytes(b"weights that have learned more")
    with pytest.raises(ValueError, match=r"net\.json rates another net.*evaluate --game gomoku5 --levels"):
        read_levels(path, games.get("gomoku5"))


@pytest.mark.parametrize(("changes", "words"), [
    ({"nets": 7}, "is not a file of ratings"),
    ({"game": "gomoku9"}, "rates gomoku9, not gomoku5"),
    ({"players": []}, "rates too few strengths"),
    ({"players": 7}, "is not a file of ratings"),
    ({"players": [{"elo": "x"}]}, "is not a file of ratings"),
    ({"players": [{"elo": 0, "spec": 5}]}, "is not a file of ratings"),
    ({"players": [{"elo": 0, "spec": "net@sims=0"}]}, "its numbers are out of range"),
    ({"players": [{"elo": 0, "spec": "net@sims=1,temperature=nan"}]}, "its numbers are out of range"),
    ({"players": [{"elo": float("nan"), "spec": "net@sims=1"}]}, "its numbers are out of range"),
])  # fmt: skip
def test_a_wrong_file_is_one_line(tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        read_levels(report(tmp_path, **changes), games.get("gomoku5"))


def test_no_advice_writes_over_the_ratings_of_another_game(tmp_path):
    with pytest.raises(ValueError, match=r"net\.json rates gomoku9, not gomoku5$"):
        read_levels(report(tmp_path, game="gomoku9"), games.get("gomoku5"))


def test_without_ratings(tmp_path):
    with pytest.raises(ValueError, match=r"there are no ratings for levels at .*evaluate --game gomoku5 --levels"):
        read_levels(Path(tmp_path / "other.safetensors"), games.get("gomoku5"))


def test_a_player_with_a_temperature_draws_legal_moves():
    game = games.get("gomoku5")
    player = SearchPlayer(game, "x", lambda rng: Uniform(game), 1, None, temperature=1.0)
    states = game.new_states(200)
    game.step(states, np.zeros(200, np.int32))
    actions = player.choose(states, np.random.default_rng(0))
    assert actions.min() > 0
    assert len(set(actions.tolist())) == 24
    again = SearchPlayer(game, "x", lambda rng: Uniform(game), 1, None, temperature=1.0)
    np.testing.assert_array_equal(again.choose(states, np.random.default_rng(0)), actions)
