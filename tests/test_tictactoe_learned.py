"""The whole path on tic-tac-toe, for two and a half minutes: what comes out does not lose."""

from pathlib import Path

import numpy as np
import pytest

import games
from alphamini.arena.players import Player, make_player
from alphamini.learn.loop import Loop
from alphamini.learn.recipe import for_game
from alphamini.learn.run import RunFolder
from games.playout import random_actions

TICTACTOE = games.get("tictactoe")
SECONDS = 150


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run")
    folder, recipe = RunFolder(path), for_game(TICTACTOE)
    folder.create(recipe, workers=2)
    loop = Loop(folder, recipe, workers=2)
    loop.pretrain()
    while loop.elapsed() < SECONDS:
        loop.commit({"stage": "selfplay", "iteration": loop.iterate().number})
    return folder.checkpoints / "latest.safetensors"


def losses_over_all_lines(player: Player, side: int) -> tuple[int, int]:
    """(finished lines, those lost) where `side` is played by `player` and the other side plays every legal move."""
    rng = np.random.default_rng(0)
    frontier, finished, lost = TICTACTOE.new_states(1), 0, 0
    while len(frontier):
        mover = frontier["to_play"][0]  # every line of a ply is at the same side
        if mover == side:
            after = frontier.copy()
            TICTACTOE.step(after, player.choose(frontier, rng))
        else:
            rows, actions = np.nonzero(TICTACTOE.legal_mask(frontier))
            after = frontier[rows]
            TICTACTOE.step(after, actions.astype(np.int32))
        over = after["outcome"] != games.ONGOING
        finished += int(over.sum())
        lost += int((after["outcome"][over] == 1 - side).sum())
        frontier = after[~over]
    return finished, lost


@pytest.mark.slow
def test_with_64_simulations_it_loses_no_line_at_all(net: Path) -> None:
    player = make_player(TICTACTOE, f"net:{net}@sims=64")
    for side in (0, 1):
        finished, lost = losses_over_all_lines(player, side)
        assert finished > 20
        assert lost == 0


@pytest.mark.slow
def test_the_raw_policy_loses_none_of_a_thousand_random_games(net: Path) -> None:
    player, rng = make_player(TICTACTOE, f"net:{net}@sims=1"), np.random.default_rng(1)
    for side in (0, 1):
        states = TICTACTOE.new_states(500)
        while len(live := np.flatnonzero(states["outcome"] == games.ONGOING)):
            batch = states[live]
            mine = batch["to_play"][0] == side
            TICTACTOE.step(batch, player.choose(batch, rng) if mine else random_actions(TICTACTOE, batch, rng))
            states[live] = batch
        assert (states["outcome"] == 1 - side).sum() == 0
