"""The games as PettingZoo environments (the extra `pettingzoo`): https://pettingzoo.farama.org/api/aec/

env = alphamini.interfaces.aec.env("gomoku9", render_mode="ansi")
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import AECEnv
from pettingzoo.utils import wrappers

from games import get, outcome_value

AGENTS = ["player_0", "player_1"]
RENDER_MODES = ["ansi", "human"]


def env(game: str, render_mode: str | None = None) -> AECEnv:
    """The environment with PettingZoo's usual guards: who plays an illegal action, loses; misuse is an error."""
    guarded = wrappers.TerminateIllegalWrapper(GameEnv(game, render_mode), illegal_reward=-1)
    return wrappers.OrderEnforcingWrapper(wrappers.AssertOutOfBoundsWrapper(guarded))


class GameEnv(AECEnv):
    """One game as it is. An observation is {"observation": the net's planes f4[C, H, W], from the agent's own point of
    view, "action_mask": i1[A]}; the mask of who is not to move is 0. Rewards come at the end: 1, -1, or 0 for both.
    """

    def __init__(self, game: str, render_mode: str | None = None):
        """ValueError, one line, where there is no such game or render mode."""
        super().__init__()
        if render_mode not in (None, *RENDER_MODES):
            raise ValueError(f"no render mode {render_mode!r}; there are {', '.join(RENDER_MODES)}")
        self._game = get(game)
        self.metadata = {
            "render_modes": RENDER_MODES,
            "name": f"alphamini_{self._game.name}",
            "is_parallelizable": False,
        }
        self.render_mode = render_mode
        self.possible_agents = AGENTS[:]
        planes = (self._game.num_planes, *self._game.shape)
        space = spaces.Dict(
            {
                "observation": spaces.Box(-np.inf, np.inf, planes, np.float32),
                "action_mask": spaces.Box(0, 1, (self._game.num_actions,), np.int8),
            }
        )
        self.observation_spaces = dict.fromkeys(AGENTS, space)
        self.action_spaces = {agent: spaces.Discrete(self._game.num_actions) for agent in AGENTS}

    def observation_space(self, agent: str) -> spaces.Space:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self.position = self._game.initial()
        self.agents = AGENTS[:]
        self.rewards = dict.fromkeys(AGENTS, 0.0)
        self._cumulative_rewards = dict.fromkeys(AGENTS, 0.0)
        self.terminations = dict.fromkeys(AGENTS, False)
        self.truncations = dict.fromkeys(AGENTS, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in AGENTS}
        self.agent_selection = AGENTS[self.position.to_play]

    def observe(self, agent: str) -> dict[str, NDArray]:
        state, player = self.position.state.copy(), AGENTS.index(agent)
        state["to_play"] = player
        mask = np.zeros(self._game.num_actions, np.int8)
        if player == self.position.to_play:
            mask[:] = self._game.legal_mask(self.position.state)[0]
        return {"observation": self._game.planes(state)[0], "action_mask": mask}

    def step(self, action: int | None) -> None:
        """ValueError, one line, where the action is not legal."""
        if self.terminations[self.agent_selection] or self.truncations[self.agent_selection]:
            self._was_dead_step(action)
            return
        self.position = self.position.play(-1 if action is None else int(action))
        self._cumulative_rewards[self.agent_selection] = 0.0
        self.rewards = dict.fromkeys(AGENTS, 0.0)
        if self.position.is_over:
            self.rewards = {a: outcome_value(self.position.outcome, player) for player, a in enumerate(AGENTS)}
            self.terminations = dict.fromkeys(AGENTS, True)
        self.agent_selection = AGENTS[self._next_player()]
        self._accumulate_rewards()
        if self.render_mode == "human":
            self.render()

    def _next_player(self) -> int:
        """Who is to move; at the end the other one, as each agent is told of it once."""
        return 1 - AGENTS.index(self.agent_selection) if self.position.is_over else self.position.to_play

    def render(self) -> str | None:
        text = str(self.position)
        if self.render_mode != "human":
            return text
        print(text)
        return None

    def close(self) -> None:
        pass
