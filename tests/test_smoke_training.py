"""Every family of games through the whole path, tiny: self-play, training, a checkpoint that loads and plays."""

from dataclasses import replace
from math import log

import numpy as np
import pytest

import games
from alphamini.arena.match import play_match
from alphamini.arena.players import RandomPlayer, net_player
from alphamini.learn.loop import Loop
from alphamini.learn.recipe import for_game
from alphamini.learn.run import RunFolder
from alphamini.model.checkpoint import load_checkpoint


def smallest_games():
    """One game of each family in the registry: the one with the fewest cells."""
    found = {}
    for name in games.names():
        game = games.get(name)
        if game.family not in found or np.prod(game.shape) < np.prod(found[game.family].shape):
            found[game.family] = game
    return found


GAMES = smallest_games()


@pytest.mark.slow
@pytest.mark.parametrize("family", GAMES)
def test_a_net_learns_from_self_play_and_plays(family, tmp_path):
    game = GAMES[family]
    recipe = for_game(game)
    recipe = replace(
        recipe,
        blocks=1,
        channels=16,
        precision="fp32",
        from_scratch=True,
        iteration_moves=800,
        first_training=100,
        window_start=2000,
        window_most=4000,
        selfplay=replace(recipe.selfplay, games=32, full_sims=16, fast_sims=4, opening_plies=2),
        train=replace(recipe.train, batch=64, learning_rate=5e-3),
    )
    folder = RunFolder(tmp_path)
    folder.create(recipe, workers=1)
    loop = Loop(folder, recipe, workers=1)
    iterations = [loop.iterate() for _ in range(7)]  # after 3, some are hardly better than a guess
    loop.commit({"stage": "selfplay", "iteration": 7})
    assert sum(iteration.games for iteration in iterations) > 0
    losses = loop.trainer.test(loop.replay.newest(512))
    legal = game.legal_mask(np.ascontiguousarray(loop.replay.newest(512)["state"])).sum(axis=1)
    assert losses.value < log(3)  # better than an even guess at the result,
    assert losses.policy < np.log(legal).mean()  # and at the move

    net = load_checkpoint(tmp_path / "checkpoints" / "latest.safetensors", game)
    player = net_player(game, net, "net", sims=8, seconds=None, threads=1)
    for record in play_match(game, player, RandomPlayer(game), games=4, seed=1).games:
        position = game.initial().play_all(record.moves)  # ValueError if a move is not legal
        assert position.outcome == record.outcome


def test_a_game_without_a_teacher_is_learnt_from_scratch():
    assert not for_game(games.get("gomoku9")).from_scratch
    assert for_game(replace(games.get("gomoku9"), family="nobody knows it")).from_scratch
