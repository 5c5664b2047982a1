"""The self-play worker: its games are legal, its targets and results belong to their positions."""

from dataclasses import replace

import numpy as np
import pytest

import games
from alphamini.learn.actor import Actor, SelfPlayConfig
from alphamini.learn.samples import LOSS, WIN
from alphamini.learn.teachers import Teacher
from alphamini.model.evaluators import Uniform

CONFIG = SelfPlayConfig(full_sims=32, fast_sims=8, opening_plies=3)


@pytest.mark.parametrize("name", ["tictactoe", "connect4", "gomoku7"])
def test_games_replay_and_samples_belong_to_them(name: str) -> None:
    game = games.get(name)
    actor = Actor(game, CONFIG, 16, np.random.SeedSequence(1))
    found = actor.play(Uniform(game), 1500)
    assert found.moves >= 1500
    assert len(found.games) == len(found.samples) > 10
    full = 0
    for (moves, outcome), samples in zip(found.games, found.samples, strict=True):
        position, states = game.initial(), {}
        for move in moves:
            states[position.state.tobytes()] = position
            position = position.play(move)
        assert position.outcome == outcome
        full += len(samples)
        for sample in samples:
            seen = states[sample["state"].tobytes()]  # a position of this very game
            policy = sample["policy"].astype(np.float64)
            assert policy.sum() == pytest.approx(1, abs=0.01)
            assert set(np.flatnonzero(policy)) <= set(seen.legal_actions)
            if outcome != games.DRAW:
                assert sample["result"] == (WIN if outcome == seen.to_play else LOSS)
    share = full / sum(len(moves) for moves, _ in found.games)
    assert 0.3 < share < 0.6  # half of the searched moves, and the random openings are not searched


def test_openings_vary_and_noise_reaches_only_full_searches() -> None:
    game = games.get("gomoku7")
    actor = Actor(game, replace(CONFIG, opening_share=1.0), 32, np.random.SeedSequence(2))
    assert set(actor.opening.tolist()) == {1, 2, 3}
    assert (actor.ply == actor.opening).all()
    assert len({row.tobytes() for row in actor.moves[:, :3]}) > 20


def test_simulations_are_counted_once_though_subtrees_are_kept() -> None:
    """Before a game can end in the search, each simulation is one evaluation."""
    game = games.get("connect4")
    actor = Actor(game, replace(CONFIG, full_share=1.0, opening_share=0.0), 1, np.random.SeedSequence(5))
    found = actor.play(Uniform(game), 3)
    assert found.moves == 3
    assert 32 < found.visits < 3 * 32
    assert found.visits == found.evaluations - 1  # the wave after the last move


def test_a_won_position_is_learned_as_such() -> None:
    """In a game that one move wins, the search proves it and the target is that move alone."""
    game = games.get("tictactoe")
    actor = Actor(game, replace(CONFIG, full_share=1.0, opening_share=0.0), 64, np.random.SeedSequence(3))
    found = actor.play(Uniform(game), 2000)
    proven = 0
    for samples in found.samples:
        for sample in samples:
            position = games.Position(game, sample["state"].reshape(1))
            winning = [a for a in position.legal_actions if position.play(a).outcome == position.to_play]
            if winning:
                proven += 1
                assert set(np.flatnonzero(sample["policy"])) <= set(winning)
    assert proven > 50


def test_play_is_a_function_of_its_seed() -> None:
    game = games.get("connect4")

    def play(seed: int) -> list[tuple[list[int], int]]:
        return Actor(game, CONFIG, 8, np.random.SeedSequence(seed)).play(Uniform(game), 300).games

    assert play(1) == play(1) != play(2)


def test_the_harvest_is_exact() -> None:
    """Harvested positions of tic-tac-toe are checked by solving them."""
    game = games.get("tictactoe")

    def solve(position: games.Position) -> int:
        """The value for the side to move."""
        if position.is_over:
            return round(games.outcome_value(position.outcome, position.to_play))
        return max(-solve(position.play(a)) for a in position.legal_actions)

    actor = Actor(game, replace(CONFIG, harvest_share=0.2), 16, np.random.SeedSequence(4))
    samples = np.concatenate(actor.play(Uniform(game), 400).harvest)
    assert set(samples["result"]) == {0, 1, 2}
    for sample in samples[:200]:
        position = games.Position(game, sample["state"].reshape(1))
        assert not position.is_over
        assert solve(position) == 1 - sample["result"]
        targets = np.flatnonzero(sample["policy"])
        assert (len(targets) > 0) == (sample["result"] == WIN)
        assert all(solve(position.play(int(a))) == -1 for a in targets)


@pytest.mark.parametrize("name", ["tictactoe", "connect4", "gomoku7"])
def test_the_teacher_takes_a_side_and_none_of_its_moves_is_a_target(name: str) -> None:
    """With a teacher that always plays the last legal action, whose moves are known by themselves."""
    game = games.get(name)

    def last(states, levels, seeds, actions):
        actions[:] = game.num_actions - 1 - game.legal_mask(states)[:, ::-1].argmax(1)

    config = replace(CONFIG, teacher_share=1.0, full_share=1.0, opening_share=0.5)
    actor = Actor(game, config, 16, np.random.SeedSequence(1), Teacher(levels=2, opening_plies=0, choose=last))
    found = actor.play(Uniform(game), 1000)
    sides = set()
    for (moves, outcome), samples in zip(found.games, found.samples, strict=True):
        assert len(set(samples["state"]["to_play"].tolist())) <= 1
        position = game.initial()
        if len(samples):
            mine = int(samples["state"]["to_play"][0])
            sides.add(mine)
            at = position.state.tobytes()
            searched = {sample["state"].tobytes() for sample in samples}
            begun = False
            for move in moves:
                at = position.state.tobytes()
                begun = begun or at in searched
                if begun:
                    assert (at in searched) == (position.to_play == mine)
                    assert position.to_play == mine or move == max(position.legal_actions)
                position = position.play(move)
            assert position.outcome == outcome
    assert sides == {0, 1}
