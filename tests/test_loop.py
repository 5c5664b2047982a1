"""The learning loop: an interrupted run is the same as a straight one, and its folder is always whole."""

import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import alphamini.learn.loop as loop_module
import games
from alphamini import selfplay
from alphamini.learn.loop import Loop
from alphamini.learn.recipe import Recipe, for_game, from_json, to_json
from alphamini.learn.run import RunFolder
from alphamini.learn.samples import DRAWN, WIN
from alphamini.learn.scripted import ScriptedGames
from alphamini.learn.trainer import Losses
from alphamini.model.checkpoint import load_checkpoint
from alphamini.model.evaluators import Uniform

TICTACTOE = games.get("tictactoe")


def small_recipe(**changes: object) -> Recipe:
    recipe = for_game(TICTACTOE)
    return replace(
        recipe,
        blocks=1,
        channels=8,
        precision="fp32",
        scripted_games=200,
        pretrain_steps=60,
        iteration_moves=300,
        first_training=50,
        window_start=100,
        window_most=250,
        selfplay=replace(recipe.selfplay, games=16, full_sims=16, fast_sims=6, teacher_share=0.2),
        train=replace(recipe.train, batch=32),
        **changes,
    )


def start(path: Path, recipe: Recipe) -> Loop:
    folder = RunFolder(path)
    if folder.config() is None:
        folder.create(recipe, workers=2)
    return Loop(folder, recipe, workers=2)


def iterate(loop: Loop, times: int) -> None:
    if not loop.supervised:
        loop.pretrain()
    for _ in range(times):
        iteration = loop.iterate()
        loop.commit({"stage": "selfplay", "iteration": iteration.number, "games": iteration.games})


def everything(loop: Loop) -> dict[str, np.ndarray]:
    """All that decides how the run goes on."""
    state = {f"trainer/{k}": v for k, v in loop.trainer.state().items()}
    for i, actor in enumerate(loop.actors):
        # What lies beyond a game's own moves is left over from earlier games: it is never read.
        for name, array in actor.state().items():
            if name == "moves":
                array = np.concatenate([array[row, :n] for row, n in enumerate(actor.ply)])
            state[f"actor{i}/{name}"] = array
        state[f"actor{i}/stream"] = np.array(json.dumps(actor.rng.bit_generator.state))
    window = loop.replay.newest(10**6)
    state["replay"] = window
    state["counters"] = np.array([loop.replay.added, loop.iterations, loop.pretrained])
    return state


def assert_same(a: Loop, b: Loop) -> None:
    left, right = everything(a), everything(b)
    assert left.keys() == right.keys()
    for name in left:
        assert left[name].tobytes() == right[name].tobytes(), name
    assert [{**r, "seconds": 0} for r in a.folder.metrics()] == [{**r, "seconds": 0} for r in b.folder.metrics()]
    assert games_of(a) == games_of(b)


def games_of(loop: Loop) -> dict[str, str]:
    return {p.name: p.read_text() for p in sorted((loop.folder.path / "games").glob("*.txt"))}


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    loop = start(tmp_path_factory.mktemp("straight"), small_recipe())
    iterate(loop, 4)
    return loop


def test_a_resumed_run_equals_a_straight_one(straight: Loop, tmp_path: Path) -> None:
    first = start(tmp_path, small_recipe())
    first.stop.set()
    first.pretrain()  # a stop asked for before the first step: nothing is done, nothing is lost
    first = start(tmp_path, small_recipe())
    iterate(first, 1)
    second = start(tmp_path, small_recipe())
    iterate(second, 2)
    third = start(tmp_path, small_recipe())
    iterate(third, 1)
    assert_same(straight, third)


def test_a_kill_before_the_commit_costs_only_that_step(straight: Loop, tmp_path: Path) -> None:
    killed = start(tmp_path, small_recipe())
    iterate(killed, 2)
    killed.iterate()  # samples and games are on the disk, the state is not: as if killed here
    killed.folder.log({"stage": "selfplay", "iteration": 3, "games": 0})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"stage": "self')  # and in the middle of a line
    resumed = start(tmp_path, small_recipe())
    assert resumed.iterations == 2
    iterate(resumed, 2)
    assert_same(straight, resumed)


def test_the_fewest_scripted_games_are_enough_to_hold_some_out(tmp_path: Path) -> None:
    loop = start(tmp_path, replace(small_recipe(), scripted_games=20, pretrain_steps=1))
    loop.pretrain()
    (row,) = loop.folder.metrics()
    assert {"held_out_policy_loss", "held_out_value_loss", "held_out_accuracy", "teacher_repeat_rate"} <= row.keys()


def test_held_out_games_are_not_learnt_from_and_the_rate_rises_and_falls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = np.repeat(np.arange(0, 400, 2, dtype=np.int32), 5)  # every other game ended inside its opening
    scripted = ScriptedGames(
        TICTACTOE.new_states(1000), np.zeros(1000, np.int32), np.where(ids < 380, 0, 2).astype(np.int8), ids
    )
    monkeypatch.setattr(loop_module, "play_scripted_games", lambda *given: scripted)
    loop, rates = start(tmp_path, replace(small_recipe(), pretrain_steps=500, pretrain_learning_rate=1.0)), []

    def train(draw, learning_rates, rng, progress):
        rates.extend(learning_rates)
        assert set(draw(100, rng)["result"]) == {WIN}
        return Losses(0, 0, 0)

    def test(samples):
        assert samples["result"].tolist() == [DRAWN] * 50
        return Losses(0, 0, 0)

    monkeypatch.setattr(loop.trainer, "train", train)
    monkeypatch.setattr(loop.trainer, "test", test)
    loop.pretrain()
    assert len(rates) == 500
    np.testing.assert_allclose(rates[:45], np.arange(1, 46) / 50)
    np.testing.assert_allclose(rates[45:], np.linspace(1, 0.1, 501)[45:500])


def test_self_play_learns_from_its_window_at_a_rate_that_falls_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(small_recipe(from_scratch=True), iteration_moves=150, first_training=100)
    loop, rates, windows = start(tmp_path, recipe), [], []
    draw = loop.replay.draw

    def train(draw, learning_rates, rng, progress):
        rates.append(learning_rates[0])
        draw(1, rng)
        return Losses(0, 0, 0)

    monkeypatch.setattr(loop.trainer, "train", train)
    monkeypatch.setattr(loop.replay, "draw", lambda *given: (windows.append(given[1]), draw(*given))[1])
    assert loop.iterate().losses is None
    assert 0 < len(loop.replay) < 100
    expected = []
    for left, share in ((1.0, 1.0), (0.35, 1.0), (0.175, 0.5), (0.0, 0.05)):
        assert loop.iterate(left).losses is not None
        expected.append(recipe.train.learning_rate * share)
        assert windows[-1] == recipe.window(loop.replay.added)
        assert loop.backend is not None
        newest = loop.replay.newest(256 * 32)["state"]
        spread = np.linspace(0, len(newest) - 1, min(256, len(newest))).astype(int)
        np.testing.assert_array_equal(loop.backend._calibration, newest[spread])
    np.testing.assert_allclose(rates, expected)
    assert windows[0] < windows[-1]  # it grows


def test_an_iteration_is_told_what_is_left_of_a_limited_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfplay, "stop_on_signals", lambda loop: None)
    loop, told = start(tmp_path, small_recipe(from_scratch=True)), []
    monkeypatch.setattr(loop, "elapsed", lambda: 0.25 * 0.93 * 600)  # of ten minutes 7 % are for the final figure

    def iterate(left: float) -> None:
        told.append(left)
        raise SystemExit

    monkeypatch.setattr(loop, "iterate", iterate)
    with pytest.raises(SystemExit):
        selfplay.train(loop, 10)
    assert told == [pytest.approx(0.75)]


@pytest.mark.parametrize("which", ["first", "middle", "last"])
def test_a_run_that_lacks_samples_is_refused(which: str, tmp_path: Path) -> None:
    """Else it would learn from zeros."""
    recipe = replace(small_recipe(from_scratch=True), window_most=10_000)
    loop = start(tmp_path, recipe)
    iterate(loop, 3)
    files = sorted(loop.replay.folder.glob("*.npy"))
    files[{"first": 0, "middle": 1, "last": 2}[which]].unlink()
    with pytest.raises(ValueError, match="lacks samples"):
        start(tmp_path, recipe)


def test_a_state_from_a_backup_is_refused_and_nothing_of_the_run_deleted(tmp_path: Path) -> None:
    """The right state may still be somewhere."""
    recipe = small_recipe(from_scratch=True)
    loop, state = start(tmp_path, recipe), tmp_path / "state" / "state.npz"
    iterate(loop, 1)
    old = state.read_bytes()
    iterate(loop, 3)
    new = state.read_bytes()
    assert not (tmp_path / "samples" / "000001.npy").exists()  # left the window: the old state cannot go on
    state.write_bytes(old)
    with pytest.raises(ValueError, match="lacks samples"):
        start(tmp_path, recipe)
    state.write_bytes(new)
    assert_same(loop, start(tmp_path, recipe))
    assert len(loop.folder.metrics()) == len(games_of(loop)) == 4


@pytest.mark.parametrize("name", ["samples/000001.npy", "state/state.npz"])
@pytest.mark.parametrize("share", [0, 0.5])
def test_half_a_file_is_refused_by_its_name(name: str, share: float, tmp_path: Path) -> None:
    recipe = small_recipe(from_scratch=True)
    iterate(start(tmp_path, recipe), 1)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ValueError, match=name):
        start(tmp_path, recipe)


def test_a_run_that_lacks_its_state_is_refused_and_nothing_of_it_deleted(tmp_path: Path) -> None:
    recipe = small_recipe(from_scratch=True)
    loop = start(tmp_path, recipe)
    iterate(loop, 2)
    (tmp_path / "state" / "state.npz").unlink()
    with pytest.raises(ValueError, match=r"state.npz is missing: the run cannot go on"):
        start(tmp_path, recipe)
    assert len(loop.folder.metrics()) == len(games_of(loop)) == 2
    (tmp_path / "metrics.jsonl").unlink()
    with pytest.raises(ValueError, match=r"state.npz is missing: the run cannot go on"):
        start(tmp_path, recipe)
    assert len(games_of(loop)) == 2


@pytest.mark.parametrize("broken", [lambda whole: b"PK\3\4", lambda whole: whole[:40] + bytes(len(whole) - 40)])
def test_samples_that_are_none_are_refused_by_their_name(broken, tmp_path: Path) -> None:
    recipe = small_recipe(from_scratch=True)
    iterate(start(tmp_path, recipe), 1)
    path = tmp_path / "samples" / "000001.npy"
    path.write_bytes(broken(path.read_bytes()))
    with pytest.raises(ValueError, match=r"000001.npy is not a whole file of samples"):
        start(tmp_path, recipe)


def test_what_a_resume_needs_reaches_the_disk_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = start(tmp_path, small_recipe(from_scratch=True))
    fsync, replace_file, synced, renamed = os.fsync, os.replace, set(), []

    def note_sync(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)
        fsync(handle)

    def note_rename(source: Path | str, target: Path | str) -> None:
        if Path(target).is_relative_to(tmp_path):  # numba renames too, where it keeps what it has just compiled
            assert Path(source).stat().st_ino in synced
            renamed.append(Path(target).name)
        replace_file(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_rename)
    iterate(loop, 1)
    assert renamed == ["000001.npy", "000001.txt", "latest.safetensors", "state.npz"]


def test_a_stop_during_self_play_keeps_the_games_that_ended_and_their_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(small_recipe(from_scratch=True), first_training=1)
    loop = start(tmp_path, recipe)
    moves = 0

    def stop_soon() -> bool:
        nonlocal moves
        moves += 1
        if moves == 60:
            loop.stop.set()
        return moves >= 60

    loop.stop.is_set = stop_soon  # type: ignore[method-assign]
    iteration = loop.iterate()
    loop.commit({"stage": "selfplay", "iteration": iteration.number})
    assert 0 < iteration.games < 300
    assert iteration.losses is None
    resumed = start(tmp_path, recipe)
    assert len(resumed.replay) == iteration.samples + iteration.harvested > 0
    train, steps = resumed.trainer.train, []
    monkeypatch.setattr(resumed.trainer, "train", lambda *given: (steps.append(len(given[1])), train(*given))[1])
    first, second = resumed.iterate(), resumed.iterate()
    came = [one.samples + one.harvested for one in (iteration, first, second)]
    assert steps == [round(new * recipe.reuse / recipe.train.batch) for new in (came[0] + came[1], came[2])]


def test_a_milestone_is_saved_before_the_iteration_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it, a kill would lose it: a run that goes on does not come by there again."""
    monkeypatch.setattr(selfplay, "stop_on_signals", lambda loop: None)
    loop = start(tmp_path, small_recipe(from_scratch=True))
    loop.iterations = 9
    milestone = loop.folder.checkpoints / "iteration000010.safetensors"

    def killed(metrics: dict[str, object]) -> None:
        assert milestone.exists()
        raise SystemExit

    monkeypatch.setattr(loop, "commit", killed)
    with pytest.raises(SystemExit):
        selfplay.train(loop, None)


def test_a_precision_that_new_weights_change_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(selfplay, "stop_on_signals", lambda loop: None)
    monkeypatch.setattr(selfplay, "Judge", lambda *_: SimpleNamespace(seconds=np.inf))
    loop = start(tmp_path, small_recipe(from_scratch=True))
    commit, names = loop.commit, iter(["first", "first", "second", "second"])
    backend = SimpleNamespace(describe=lambda: f"{backend.name}: why", selfplay_worker=lambda: Uniform(TICTACTOE))
    backend.update = lambda *_: setattr(backend, "name", next(names))
    backend.update()
    monkeypatch.setattr(loop, "_ready_backend", lambda: backend)
    loop.backend = backend

    def committed(metrics: dict[str, object]) -> None:
        commit(metrics)
        if loop.iterations == 3:
            loop.stop.set()

    monkeypatch.setattr(loop, "commit", committed)
    selfplay.train(loop, None)
    assert [row["inference"] for row in loop.folder.metrics()] == ["first", "first", "second"]
    assert capsys.readouterr().out.count("inference: second: why") == 1


def test_a_figure_that_was_stopped_is_drawn_when_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    def stopped(loop: Loop, *rest: object) -> None:
        drawn.append(loop.iterations)
        loop.stop.set()

    monkeypatch.setattr(selfplay, "stop_on_signals", lambda loop: None)
    monkeypatch.setattr(selfplay, "MILESTONE", 1.0)
    monkeypatch.setattr(Loop, "elapsed", lambda self: 0.95 + 0.1 * self.iterations)
    monkeypatch.setattr(selfplay, "thinking", stopped)
    for _ in range(2):
        selfplay.train(start(tmp_path, small_recipe(from_scratch=True)), None)
    assert drawn == [1, 2]


def test_a_finished_run_keeps_its_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    figure = tmp_path / "thinking.json"

    def draw(loop: Loop, *rest: object) -> None:
        figure.write_text(json.dumps({"run_seconds": loop.elapsed()}))

    monkeypatch.setattr(selfplay, "stop_on_signals", lambda loop: None)
    monkeypatch.setattr(selfplay, "thinking", draw)
    loop = start(tmp_path, small_recipe(from_scratch=True))
    iterate(loop, 1)
    minutes = loop.seconds / 60
    selfplay.train(loop, minutes)
    first = json.loads(figure.read_text())["run_seconds"]
    capsys.readouterr()
    selfplay.train(start(tmp_path, loop.recipe), minutes)
    assert capsys.readouterr().out == (
        f"the run in {tmp_path} has had its --minutes, and its figure; with more of them, or without, it goes on\n"
    )
    assert json.loads(figure.read_text())["run_seconds"] == first
    selfplay.train(start(tmp_path, loop.recipe), 2 * first / 60)
    assert json.loads(figure.read_text())["run_seconds"] > first


def test_a_run_of_next_to_no_minutes_has_one_iteration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(selfplay, "stop_on_signals", lambda loop: None)
    monkeypatch.setattr(selfplay, "thinking", lambda loop, *rest: drawn.append(loop.iterations))
    selfplay.train(start(tmp_path, small_recipe(from_scratch=True)), 1e-6)
    assert drawn == [1]


def test_a_run_goes_on_from_another_net_and_then_without_it(straight: Loop, tmp_path: Path) -> None:
    given = tmp_path / "given.safetensors"
    latest = straight.folder.path / "checkpoints" / "latest.safetensors"
    given.write_bytes(latest.read_bytes())
    recipe = small_recipe(start=str(given))
    loop = start(tmp_path / "run", recipe)
    assert loop.supervised
    weights = load_checkpoint(latest, TICTACTOE).weights
    for net in (
        loop.trainer.weights(),
        load_checkpoint(loop.folder.checkpoints / "start.safetensors", TICTACTOE).weights,
    ):
        for name, weight in weights.items():
            np.testing.assert_array_equal(net[name], weight)
    iterate(loop, 1)
    given.unlink()
    resumed = start(tmp_path / "run", recipe)
    assert_same(loop, resumed)


def test_the_run_folder_holds_what_it_should(straight: Loop) -> None:
    path = straight.folder.path
    for name in ("supervised", "latest"):
        checkpoint = load_checkpoint(path / "checkpoints" / f"{name}.safetensors", TICTACTOE)
        assert checkpoint.net.blocks == 1
    rows = straight.folder.metrics()
    assert [row["stage"] for row in rows] == ["supervised"] * 2 + ["selfplay"] * 4
    assert 0 < rows[1]["held_out_accuracy"] <= 1
    assert rows[1]["policy_loss"] < rows[0]["policy_loss"]
    for text in games_of(straight).values():
        for line in text.splitlines():
            *moves, result = line.split()
            position = TICTACTOE.initial()
            for move in moves:
                position = position.play(position.parse_action(move))
            assert position.is_over
            assert ("1-0", "0-1", "1/2")[position.outcome] == result
    kept = sum(len(np.load(p)) for p in straight.replay.folder.glob("*.npy"))
    assert len(straight.replay) == 250 <= kept < 250 + 300  # bounded, on the disk too
    assert not list(path.rglob("*.tmp"))


def test_a_recipe_survives_json_and_refuses_unknown_settings() -> None:
    recipe = small_recipe()
    data = json.loads(json.dumps(to_json(recipe)))
    assert from_json(data) == recipe
    with pytest.raises(ValueError, match="unknown setting 'lerning_rate'"):
        from_json({**data, "lerning_rate": 1})
    with pytest.raises(ValueError, match="unknown setting 'sims'"):
        from_json({**data, "selfplay": {"sims": 3}})
    with pytest.raises(ValueError, match="blocks must be of type int, not '1'"):
        from_json({**data, "blocks": "1"})
    with pytest.raises(ValueError, match="full_sims must be of type int, not True"):
        from_json({**data, "selfplay": {"full_sims": True}})
    assert from_json({**data, "reuse": 6}).reuse == 6


def test_files_of_others_in_a_run_are_left_alone(tmp_path: Path) -> None:
    recipe = small_recipe(from_scratch=True)
    iterate(start(tmp_path, recipe), 1)
    notes = [tmp_path / "games" / "notes.txt", tmp_path / "samples" / "mine.npy"]
    for path in notes:
        path.write_text("nice games")
    assert start(tmp_path, recipe).iterations == 1
    assert all(path.read_text() == "nice games" for path in notes)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="not empty and holds no run"):
        RunFolder(tmp_path).create(small_recipe(), workers=2)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    for text in ("{", "[]", '{"recipe": []}', "[" * 100_000):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ValueError, match="not a run's configuration"):
            RunFolder(tmp_path).config()


def test_window_grows_with_the_samples() -> None:
    recipe = replace(small_recipe(), window_start=1000, window_power=0.5, window_most=3000)
    assert [recipe.window(n) for n in (10, 1000, 4000, 10**6)] == [1000, 1000, 2000, 3000]


@pytest.mark.parametrize(("games", "shares"), [(1, [1]), (2, [1, 1]), (5, [3, 2])])
def test_all_workers_together_play_as_many_games_at_once_as_the_recipe_says(
    tmp_path: Path, games: int, shares: list[int]
) -> None:
    recipe = small_recipe(from_scratch=True)
    recipe = replace(recipe, selfplay=replace(recipe.selfplay, games=games), iteration_moves=20)
    loop = start(tmp_path, recipe)
    iterate(loop, 1)
    assert [actor.count for actor in loop.actors] == shares
    assert_same(loop, start(tmp_path, recipe))
