"""The PettingZoo adapter, by PettingZoo's own tests."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pettingzoo")
from pettingzoo.test import api_test

import games
from alphamini.interfaces import aec


@pytest.mark.parametrize("name", ["tictactoe", "connect4", "gomoku5", "go5"])
@pytest.mark.filterwarnings("ignore")  # it advises about names and optional methods
def test_pettingzoos_own_test(name, capsys):
    api_test(aec.env(name, render_mode="ansi"), num_cycles=200)
    api_test(aec.GameEnv(name), num_cycles=200)


def test_a_game_by_hand():
    env = aec.env("tictactoe", render_mode="ansi")
    env.reset()
    seen = []
    for agent in env.agent_iter():
        _observation, reward, termination, truncation, _ = env.last()
        seen.append((agent, reward, termination))
        env.step(None if termination or truncation else [0, 3, 1, 4, 2][len(seen) - 1])
    assert seen[:5] == [(f"player_{i % 2}", 0, False) for i in range(5)]
    assert sorted(seen[5:]) == [("player_0", 1, True), ("player_1", -1, True)]
    assert "x" in env.render()


def test_each_agent_sees_its_own_stones():
    env = aec.GameEnv("tictactoe")
    env.reset()
    env.step(4)
    position = games.get("tictactoe").initial().play(4)
    first, second = env.observe("player_0"), env.observe("player_1")
    np.testing.assert_array_equal(second["observation"], position.game.planes(position.state)[0])
    np.testing.assert_array_equal(first["observation"][:2], second["observation"][[1, 0]])
    assert first["action_mask"].sum() == 0
    assert second["action_mask"].tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1]


def test_an_illegal_action_loses():
    env = aec.env("tictactoe")
    env.reset()
    env.step(4)
    env.step(4)
    assert env.terminations == {"player_0": True, "player_1": True}
    assert env.rewards["player_1"] == -1
    raw = aec.GameEnv("tictactoe")
    raw.reset()
    raw.step(4)
    with pytest.raises(ValueError, match="b2 is not legal here"):
        raw.step(4)
    with pytest.raises(ValueError, match="no game"):
        aec.env("chess")
    with pytest.raises(ValueError, match="no render mode 'rgb_array'; there are ansi, human"):
        aec.env("tictactoe", render_mode="rgb_array")
