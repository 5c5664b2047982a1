"""The self-play worker: its games are legal, its targets and results belong to their positions."""

from dataclasses import replace

import numpy as np
import pytest

import alphamini.learn.actor as actor_module
import games
from alphamini.learn.actor import Actor, SelfPlayConfig
from alphamini.learn.samples import LOSS, WIN
from alphamini.learn.teachers import Teacher
from alphamini.model.evaluators import Uniform
from alphamini.search.search import choose

CONFIG = SelfPlayConfig(full_sims=32, fast_sims=8, opening_plies=3)


@pytest.mark.parametrize("name", ["tictactoe", "connect4", "gomoku7"])
def test_games_replay_and_samples_belong_to_them(name: str) -> None:
    game = games.get(name)
    actor = Actor(game, CONFIG, 16, np.random.SeedSequence(1))
    found = actor.play(Uniform(game), 1500)
    assert found.moves >= 1500
    assert len(found.games) == len(found.samples) > 10
    policies = np.concatenate([actor.state()["samples"], *found.samples])["policy"].astype(np.float64)
    assert found.targets == len(policies)
    entropy = -(policies * np.log(np.maximum(policies, 1e-9))).sum()
    assert found.entropy_sum == pytest.approx(entropy, rel=0.01)  # samples are kept in 16 bits
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


def test_openings_vary_and_none_ends_the_game() -> None:
    game = games.get("gomoku7")
    actor = Actor(game, replace(CONFIG, opening_share=1.0), 32, np.random.SeedSequence(2))
    assert set(actor.opening.tolist()) == {1, 2, 3}
    assert (actor.ply == actor.opening).all()
    assert len({row.tobytes() for row in actor.moves[:, :3]}) > 20
    late = Actor(games.get("tictactoe"), replace(CONFIG, opening_plies=8), 64, np.random.SeedSequence(2))
    assert late.ply.max() == 8
    assert (late.states["outcome"] == games.ONGOING).all()


def test_a_game_that_is_longer_than_it_promises_is_one_line() -> None:
    game = replace(games.get("gomoku7"), max_plies=8)
    with pytest.raises(ValueError, match=r"^a game of gomoku7 is longer than its max_plies, 8$"):
        Actor(game, CONFIG, 4, np.random.SeedSequence(1)).play(Uniform(game), 1500)


def test_noise_reaches_only_full_searches() -> None:
    """Where every legal move has the same prior, of which a full search gives its share away for the noise."""
    game = games.get("gomoku7")
    actor = Actor(game, CONFIG, 32, np.random.SeedSequence(2))
    actor.play(Uniform(game), 1)  # the fast searches' first moves
    found, legal = actor.search.statistics(actor.rows), game.legal_mask(actor.states)
    kinds = set()
    for row in np.flatnonzero((found.total > 0) & (found.root_proof == 0)):
        prior = found.prior[row, (legal[row] == 1) & (found.proof[row] >= 0)] * legal[row].sum()
        assert prior.min() > 0.9 - 1e-5  # noise_share is 0.1
        assert (np.ptp(prior) > 0.01) == actor.full[row]
        kinds.add((bool(actor.full[row]), bool(actor.ply[row] > actor.opening[row])))
    assert kinds == {(True, False), (True, True), (False, True)}  # in new trees and in kept ones


def test_the_noise_is_the_more_peaked_the_more_moves_there_are() -> None:
    game, alphas = games.get("tictactoe"), []

    class Noted(np.random.Generator):
        def standard_gamma(self, alpha, *rest):
            alphas.append((alpha[:, 0] * game.legal_mask(actor.states[actor.full]).sum(1)).tolist())
            return super().standard_gamma(alpha, *rest)

    actor = Actor(game, replace(CONFIG, noise_total=3.0), 16, np.random.SeedSequence(2))
    actor.rng = Noted(actor.rng.bit_generator)
    actor._prepare(actor.rows)
    np.testing.assert_allclose(alphas, 3.0)


def test_moves_are_drawn_at_a_temperature_that_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    game, told = games.get("connect4"), []

    def noted(policy, temperature, uniform):
        told.append(float(temperature[0]))
        return choose(policy, temperature, uniform)

    monkeypatch.setattr(actor_module, "choose", noted)
    config = replace(CONFIG, full_sims=8, opening_share=0.0, temperature=0.8, temperature_halflife=2.0,
                     temperature_end=0.15)  # fmt: skip
    Actor(game, config, 1, np.random.SeedSequence(1)).play(Uniform(game), 7)
    expected = [max(0.8 * 0.5 ** (ply / 2), 0.15) for ply in range(7)]
    assert expected[4] > expected[5] == 0.15
    np.testing.assert_allclose(told[:7], expected)


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

    def harvest(share: float) -> np.ndarray:
        actor = Actor(game, replace(CONFIG, harvest_share=share), 16, np.random.SeedSequence(4))
        return np.concatenate(actor.play(Uniform(game), 400).harvest)

    samples = harvest(0.2)
    assert 0.15 < len(samples) / len(harvest(1.0)) < 0.25  # of the same games
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
        assert (levels == 2).all()  # the strongest
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
