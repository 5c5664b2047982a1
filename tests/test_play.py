"""Playing in the terminal: what the user sees, whatever is typed; and the engine and the session below it."""

from __future__ import annotations

import io
import itertools
import logging
import os
import random
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import games
from alphamini import play as play_command
from alphamini.arena.levels import Levels, Strength
from alphamini.arena.players import make_player
from alphamini.interfaces import terminal
from alphamini.interfaces.engine import Engine
from alphamini.interfaces.provider import Engines
from alphamini.interfaces.session import Session
from alphamini.interfaces.terminal import Terminal
from alphamini.model import shipped
from alphamini.model.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from alphamini.model.config import NetConfig
from alphamini.model.evaluators import Uniform
from alphamini.model.net import Net
from alphamini.options import run_command
from alphamini.search.kernels import DRAWN

HUMANS = {"first": {0}, "second": {1}, "both": {0, 1}, "none": set()}


def engine_of(name):
    game = games.get(name)
    return Engine(game, evaluator=Uniform(game))


def session_of(name="tictactoe", side="first", sims=50):
    engine = engine_of(name)
    return Session(engine.game, lambda: engine, frozenset(HUMANS[side]), sims)


def transcript(session, *lines, live=False, colour=False):
    """What the user sees, the prompts and the typed lines included, when the input ends after `lines`."""
    out, typed = io.StringIO(), iter(lines)

    def read(prompt):
        out.write(prompt)
        line = next(typed, None)
        if line is None:
            raise EOFError
        out.write(line + "\n")
        return line

    Terminal(session, read, out, live, colour).run()
    return out.getvalue()


def answer(session, *lines):
    """What the user sees after the last of `lines`, up to the next prompt."""
    whole = transcript(session, *lines)
    return whole[whole.rindex("> " + lines[-1] + "\n") :].split("\n", 1)[1].rsplit("\n", 3)[0]


def play(session, *moves):
    for move in moves:
        session.play(session.position.parse_action(move))


# The terminal


def test_a_game_against_the_engine():
    seen = transcript(session_of(sims=400), "b2")
    assert "   a b c\n 3 . . . 3\n 2 . . . 2\n 1 . . . 1\n\nx> b2\no plays " in seen
    assert "400 visits, " in seen
    assert " 2 . x . 2" in seen
    assert seen.endswith("x> \nbye\n")


def test_the_last_move_is_marked_and_coloured():
    assert " 2 .(x). 2" in transcript(session_of(side="both"), "b2")
    assert " 2 .(\x1b[1m\x1b[31mx\x1b[0m). 2" in transcript(session_of(side="both"), "b2", colour=True)
    assert "\x1b" not in transcript(session_of(), "b2", "hint")


def test_a_live_terminal_says_that_it_thinks():
    assert "thinking ...\r\x1b[Ko plays" in transcript(session_of(), "b2", live=True)


@pytest.mark.parametrize(("line", "words"), [
    ("b2", "b2 is not legal here"),
    ("d4", "outside the board"),
    ("hello", "expected a cell like a1 or c3, got 'hello'; help lists the commands"),
    ("undo 2", "undo takes nothing after it"),
    ("redo", "nothing to play again"),
    ("save", "save needs the name of a file"),
    ("load", "load needs the name of a file"),
    ("sims", "sims needs a whole number from 1 to 1000000"),
    ("sims 0", "sims needs a whole number from 1 to 1000000"),
    ("sims ２", "sims needs a whole number from 1 to 1000000"),
    ("sims 99999999999999", "sims needs a whole number from 1 to 1000000"),
    ("level", "level needs a rating in Elo, or off"),
    ("level high", "level needs a rating in Elo, or off"),
    ("level 100", "there are no ratings for levels here"),
    ("analysis", "analysis needs on or off"),
    ("analysis maybe", "analysis needs on or off"),
    ("load /nowhere/game", "there is no file"),
    ("load /", "there is no file"),
    ("save /", "choose another name"),
])  # fmt: skip
def test_wrong_input_explains_itself_and_the_game_goes_on(line, words):
    session = session_of(side="both")
    play(session, "b2")
    before = session.position
    said = answer(session, line)
    assert words in said
    assert "\n" not in said
    assert session.position is before


def test_an_empty_line_asks_again():
    assert transcript(session_of(), "  ").endswith("x>   \nx> \nbye\n")


def test_undo_takes_back_the_move_and_the_answer_and_redo_plays_them_again():
    session = session_of()
    start = session.position
    transcript(session, "b2")
    then = session.position
    assert len(then.moves) == 2
    transcript(session, "undo")
    assert session.position is start
    transcript(session, "redo")
    assert session.position is then
    assert "nothing to take back" in answer(session, "undo", "undo")


def test_undo_keeps_the_engines_first_move():
    session = session_of(side="second")
    assert "nothing to take back" in answer(session, "undo")
    assert len(session.position.moves) == 1
    transcript(session, session.position.action_text(session.position.legal_actions[0]), "undo")
    assert len(session.position.moves) == 1


def test_a_new_move_forgets_what_was_taken_back():
    session = session_of(side="both")
    transcript(session, "b2", "a1", "undo", "c3")
    assert [session.position.action_text(a) for a in session.position.moves] == ["b2", "c3"]
    assert "nothing to play again" in answer(session, "redo")


def test_two_humans_take_back_one_move_each():
    session = session_of(side="both")
    transcript(session, "b2", "a1", "undo")
    assert len(session.position.moves) == 1


def test_hint_shows_the_search_and_changes_nothing():
    session = session_of(side="both", sims=400)
    play(session, "a1", "b2", "a2", "b1")  # x wins at a3, o would win at b3
    before = session.position
    said = answer(session, "hint").splitlines()
    assert said[0].startswith("hint: a3 (wins in 1 ply, ")
    assert said[0].endswith("line a3)")
    assert said[1].split() == ["move", "visits", "prior", "win", "rate"]
    assert said[2].split()[:1] == ["a3"]
    assert said[-1].startswith("  inference: ")
    assert len(said) <= 8
    assert session.position is before


def test_hint_with_one_simulation_is_the_raw_policy():
    said = answer(session_of(sims=1), "hint")
    assert "(win rate 50%, 1 visit, " in said
    assert "11.1%         -" in said


def test_moves():
    session = session_of(side="both")
    assert answer(session, "moves") == "no moves yet"
    assert answer(session, "b2", "a1", "moves") == "1. b2  2. a1"


def test_resign_ends_the_game_and_can_be_taken_back():
    session = session_of("gomoku5", side="both")
    said = answer(session, "c3", "resign")
    assert said.startswith("white (o) resigns, black (x) wins. What now: undo, new, save FILE or quit?")
    assert session.is_over
    assert session.winner == 0
    assert answer(session, "save x.psq").startswith("a PSQ file cannot say that somebody has resigned")
    for line in ("a1", "hint", "resign"):
        assert answer(session, line) == "the game is over"
    transcript(session, "undo")
    assert not session.is_over
    assert len(session.position.moves) == 1


def test_the_end_of_a_game():
    session = session_of(side="both")
    assert "x wins. What now" in answer(session, "a1", "b1", "a2", "b2", "a3")
    assert "game over> quit\nbye\n" in transcript(session, "quit")
    transcript(session, "undo")
    assert len(session.position.moves) == 4
    assert "x wins" in answer(session, "redo")
    transcript(session, "new")
    assert session.position.moves == ()


def test_a_draw():
    assert "A draw." in answer(session_of(side="both"), "a1", "b2", "c3", "b1", "b3", "a3", "c1", "c2", "a2")


def test_the_engine_plays_itself():
    session = session_of(side="none", sims=3000)
    seen = transcript(session)
    assert seen.count(" plays ") == 9
    assert "A draw." in seen  # with enough simulations nobody loses
    assert "draw, " in seen
    assert seen.endswith("game over> \nbye\n")


def test_quit_and_help():
    assert transcript(session_of(), "quit").endswith("x> quit\nbye\n")
    said = answer(session_of(), "HELP")
    for word in ("undo", "redo", "hint", "moves", "resign", "new", "save FILE", "load FILE", "quit"):
        assert f"  {word} " in said


def test_ctrl_c_leaves_with_a_line():
    def read(prompt):
        raise KeyboardInterrupt

    out = io.StringIO()
    Terminal(session_of(), read, out).run()
    assert out.getvalue().endswith("\nbye\n")


def test_garbage_never_raises(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = random.Random(0)
    words = ["undo", "redo", "hint", "moves", "new", "resign", "load", "save", "a1", "b2", "c3", "b3", "f", "~x/y", "/"]
    signs = "a1\x00\x1b\t '\"\\%{}é\udcff漢" + "9" * 5
    lines = []
    for _ in range(600):
        sign = rng.choice(["".join(rng.choices(signs, k=rng.randrange(8))), "x" * 5000, rng.choice(words)])
        lines.append(f"{rng.choice(words)} {sign}".strip() if rng.random() < 0.5 else rng.choice(words))
    assert transcript(session_of(sims=5), *lines).endswith("bye\n")


def test_sims_are_set_while_playing():
    session = session_of(side="both", sims=10)
    assert answer(session, "sims 77") == "77 simulations a move"
    assert " 77 visits, " in answer(session, "hint")


def test_analysis_while_it_thinks(monkeypatch):
    monkeypatch.setattr(terminal, "LOG_SECONDS", 0)
    monkeypatch.setattr(terminal, "LIVE_SECONDS", 0)
    seen = transcript(session_of("gomoku5", sims=30), "analysis on", "c3")
    views = [line for line in seen.splitlines() if line.startswith("  win rate ")]
    assert len(views) == 30
    assert all(" line " in view for view in views)
    assert " 30 visits, " in views[-1]
    seen = transcript(session_of("gomoku5", sims=30), "analysis on", "c3", live=True)
    assert seen.count("\r\x1b[Kwin rate ") == 30
    assert "  win rate " not in transcript(session_of("gomoku5"), "analysis on", "analysis off", "c3")


LEVELS = Levels([(-300.0, Strength(1, 8.0)), (-100.0, Strength(1, 1.0)), (0.0, Strength(1)), (100.0, Strength(64))])


def test_levels():
    session, out = session_of("gomoku5", side="second"), io.StringIO()
    typed = iter(["level 50", "sims 3", "level -300", "level off", "level 500", "quit"])
    session.strength = LEVELS.at(0)
    Terminal(session, lambda prompt: next(typed), out, levels=lambda: LEVELS).run()
    seen = out.getvalue()
    assert " 1 visit, " in seen  # the first move, at level 0
    for words in (
        "level 50: 8 simulations a move\n",
        "3 simulations a move\n",
        "level -300: 1 simulation a move, moves drawn at temperature 8\n",
        "level 500 is not within the rated ones, -300 to 100 Elo\n",
    ):
        assert words in seen
    assert seen.count("3 simulations a move\n") == 2  # as asked for, and when the level is off
    assert session.strength is None


def test_a_weak_level_draws_its_moves():
    session = session_of("gomoku5", side="none")
    session.strength = Strength(1, 1.0)
    actions = {session.think().action for _ in range(100)}
    assert len(actions) > 15  # of 25 that are alike to the uniform evaluator
    session.strength = Strength(1)
    assert len({session.think().action for _ in range(20)}) == 1


def test_a_level_does_not_profit_from_the_hints():
    session = session_of("gomoku5", sims=200)
    session.strength = Strength(1, 1.0)
    session.play(session.analyse().action)
    assert session.think().visits == 1  # the hint's tree had many more here


# Files


def test_save_then_load(tmp_path):
    file = tmp_path / "game.txt"
    session = session_of("gomoku9", side="both")
    play(session, "e5", "d4", "e6", "e4", "e7", "d5", "d6", "f4", "g4", "c7", "h3", "i2")
    board = str(session.position)
    assert f"saved in {file}" in answer(session, f"save {file}")
    assert file.read_text() == "game gomoku9\ne5 d4 e6 e4 e7 d5 d6 f4 g4 c7\nh3 i2\n"
    transcript(session, "new", f"load {file}")
    assert str(session.position) == board
    transcript(session, "undo")
    assert len(session.position.moves) == 11
    transcript(session, f"save {file}")  # over the first one


def test_a_resigned_game_stays_resigned(tmp_path):
    file = tmp_path / "game.txt"
    session = session_of(side="both")
    assert "x wins" in answer(session, "b2", "resign", f"save {file}", "new", f"load {file}")
    assert session.resigned


def test_a_loaded_game_in_which_the_engine_moves_next(tmp_path):
    (tmp_path / "game").write_text("game tictactoe\nb2")
    assert "o plays" in answer(session_of(), f"load {tmp_path / 'game'}")


@pytest.mark.parametrize(("content", "words"), [
    (b"", "line 1: expected 'game NAME', got ''"),
    (b"game connect4\n4", "a game of connect4, not of tictactoe"),
    (b"\xff\xfe\x00", "line 1: expected 'game NAME'"),
    (b"game tictactoe\nb2 b2", "line 2, column 4: move 2: b2 is not legal here"),
    (b"game tictactoe\nb2 hello", "line 2, column 4: expected a cell"),
    (b"game tictactoe\nb2\xff", "line 2, column 1: expected a cell"),
    (b"game tictactoe\na1 b1 a2 b2 a3 b3", "move 6: the game is over"),
    (b"game tictactoe\na1 b1 a2 b2 a3 resign", "the game is over on the board"),
    (b"game tictactoe\nresign b2", "'b2' after the result"),
])  # fmt: skip
def test_a_malformed_file_gets_one_line_and_the_game_goes_on(tmp_path, content, words):
    file = tmp_path / "game"
    file.write_bytes(content)
    session = session_of(side="both")
    play(session, "c1")
    before = session.position
    said = answer(session, f"load {file}")
    assert words in said
    assert "\n" not in said
    assert session.position is before


def test_a_game_goes_through_sgf(tmp_path):
    """What is saved as SGF is SGF, and comes back, a resignation too."""
    file = tmp_path / "game.sgf"
    session = session_of(side="both", name="gomoku7")
    play(session, "d4", "e5", "c3")
    answer(session, "resign", f"save {file}")
    assert file.read_bytes().startswith(b"(;")
    before = session.position.moves
    answer(session, "new", f"load {file}")
    assert (session.position.moves, session.resigned) == (before, True)


def test_only_what_the_session_knows_whole_is_overwritten(tmp_path):
    file, notes = tmp_path / "game.sgf", "(;GM[1]SZ[9]C[a week's work];B[ee]C[best])"
    file.write_text(notes)
    session = session_of("go9", side="both")
    play(session, "d4")
    assert "is there already; choose another name" in answer(session, f"save {file}")
    assert file.read_text() == notes
    answer(session, f"load {file}")  # its notes are not kept
    play(session, "d4")
    assert "choose another name" in answer(session, f"save {file}")
    assert file.read_text() == notes
    new = tmp_path / "new.sgf"
    assert "saved in" in answer(session, f"save {new}", "undo", f"save {new}")
    assert "choose another name" in answer(session, "new", f"save {new}")  # the game there is another one
    another = session_of("go9", side="both")
    answer(another, f"load {tmp_path / 'new.sgf'}")
    play(another, "d4")
    assert "saved in" in answer(another, f"save {tmp_path}/../{tmp_path.name}/new.sgf")


def test_what_somebody_has_added_meanwhile_is_not_overwritten(tmp_path):
    file, session = tmp_path / "game.sgf", session_of("go9", side="both")
    play(session, "d4")
    answer(session, f"save {file}")
    more = file.read_text().replace(";B", "C[my notes];B")
    file.write_text(more)
    play(session, "e5")
    assert "choose another name" in answer(session, f"save {file}")
    assert file.read_text() == more


def test_only_a_resignation_is_loaded_as_one(tmp_path):
    """Go is often counted without the two passes; by our rules the game goes on."""
    session = session_of("go9", side="both")
    for result, resigned in (("B+12.5", False), ("B+T", False), ("B+R", True), ("B+Resign", True), ("W+R", False)):
        (tmp_path / "game.sgf").write_text(f"(;GM[1]SZ[9]KM[7.5]RE[{result}];B[ee])")  # white is to move
        answer(session, f"load {tmp_path / 'game.sgf'}")
        assert session.resigned == resigned, result
    (tmp_path / "game").write_text("game go9\ne5 1-0\n")
    answer(session, f"load {tmp_path / 'game'}")
    assert not session.resigned


def test_no_other_file_is_overwritten(tmp_path):
    file = tmp_path / "diary"
    file.write_text("dear diary")
    assert "choose another name" in answer(session_of(), f"save {file}")
    assert file.read_text() == "dear diary"


# The engine


@pytest.mark.parametrize("sims", [0, -5])
def test_a_search_has_a_simulation_at_least(sims):
    engine = engine_of("tictactoe")
    with pytest.raises(ValueError, match=f"sims must be 1 or more, not {sims}"):
        engine.analyse(engine.game.initial().play(0), sims=sims)


def test_a_tree_is_kept_down_the_game_and_dropped_on_undo():
    engine = engine_of("gomoku9")
    start = engine.game.initial()
    first = engine.analyse(start, sims=500)
    assert first.visits == 500
    assert engine.analyse(start, sims=500).variation == first.variation
    two_on = start.play_all(first.variation[:2])
    assert 1 < engine.analyse(two_on, sims=1).visits < 500  # what the search had seen there
    assert engine.analyse(start, sims=1).visits == 1
    untried = next(c.action for c in engine.analyse(start, sims=5).candidates if c.visits == 0)
    assert engine.analyse(start.play(untried), sims=7).visits == 7


def test_a_tree_that_is_used_again_is_of_the_right_position():
    """The engine's proofs hold for what was really played."""
    engine, rng = engine_of("tictactoe"), random.Random(0)
    for _ in range(30):
        position = engine.game.initial()
        while not position.is_over:
            analysis = engine.analyse(position, sims=rng.choice([1, 10, 5000]))
            assert {c.action for c in analysis.candidates} == set(position.legal_actions)
            assert position.play_all(analysis.variation)
            if analysis.proof > 1:
                assert position.play_all(analysis.variation).outcome == position.to_play
            position = position.play(rng.choice([analysis.action, rng.choice(position.legal_actions)]))


WARM = """
import sys
from numba.core.dispatcher import Dispatcher
from alphamini.interfaces.engine import Engine
from alphamini.model.evaluators import Uniform
from games import get

def compiled():
    found = {}
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("alphamini", "games"):
            kernels = {k: f for k, f in vars(module).items() if isinstance(f, Dispatcher)}
            found |= {(name, k): tuple(f.signatures) for k, f in kernels.items()}
    return found

game = get("gomoku5")
engine = Engine(game, evaluator=Uniform(game))
before, position = compiled(), game.initial()
while not position.is_over and len(position.moves) < 6:
    position = position.play(engine.analyse(position, sims=700).action)
engine.analyse(game.initial(), sims=10)
engine.limit_memory(0)
engine.analyse(game.initial(), sims=10)
assert compiled() == before, set(compiled().items()) - set(before.items())
"""


def test_no_move_waits_for_code_to_be_compiled():
    """Where the kernels are not on the disk yet, one takes seconds."""
    done = subprocess.run([sys.executable, "-c", WARM], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def test_after_an_interrupt_in_the_middle_of_a_move_the_engine_begins_anew(monkeypatch):
    engine = engine_of("connect4")
    position = engine.game.initial()
    engine.analyse(position, sims=300)
    position, advance = position.play(3), engine._search.advance

    def interrupted(*arguments):
        advance(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(engine._search, "advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        engine.analyse(position, sims=100)
    monkeypatch.undo()
    again, fresh = engine.analyse(position, sims=100), engine.analyse(position, sims=100, fresh=True)
    assert (again.visits, again.win_rate, again.variation) == (fresh.visits, fresh.win_rate, fresh.variation)


def test_a_search_ends_in_time_however_slow_a_wave_is(monkeypatch):
    game, now = games.get("gomoku9"), 0.0
    waves = iter(())

    class Slow(Uniform):
        def evaluate(self, states):
            nonlocal now
            now += next(waves, 0.02)
            return super().evaluate(states)

    engine = Engine(game, evaluator=Slow(game))
    monkeypatch.setattr("alphamini.interfaces.engine.time.perf_counter", lambda: now)
    waves = iter([0.02, 0.05])
    analysis = engine.analyse(game.initial(), seconds=0.15)  # at 0.11 there is no time for another one of 0.05
    assert analysis.visits == 4
    assert analysis.seconds == pytest.approx(0.11)
    assert engine.analyse(game.initial(), seconds=0.0).visits == 1


def test_a_search_for_a_time(monkeypatch):
    """On a clock by which every look at it takes a millisecond: by a real one, a busy machine may stop for all of it."""
    engine, looks = engine_of("gomoku15"), itertools.count()
    monkeypatch.setattr("alphamini.interfaces.engine.time", SimpleNamespace(perf_counter=lambda: next(looks) / 1000))
    analysis = engine.analyse(engine.game.initial(), seconds=0.2)
    assert analysis.seconds == pytest.approx(0.2, abs=0.002)
    assert analysis.visits > 100
    won = engine.game.initial()
    for text in ("h8", "a1", "i8", "a2", "j8", "a3", "k8", "a4"):
        won = won.play(won.parse_action(text))
    analysis = engine.analyse(won, seconds=60)  # a certain result ends the search
    assert analysis.proof > 1
    assert analysis.seconds < 30


def test_an_interrupted_search_leaves_no_broken_tree():
    engine = engine_of("gomoku9")
    position = engine.game.initial()
    whole = engine.analyse(position, sims=100)
    evaluate = engine._evaluator.evaluate
    engine._evaluator.evaluate = lambda states: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        engine.analyse(position.play(40), sims=100)
    engine._evaluator.evaluate = evaluate
    assert engine.analyse(position, sims=100).variation == whole.variation


def test_a_proven_move_has_its_exact_win_rate():
    """The mean of its visits, most of them before the proof, says less."""
    engine, seen = engine_of("tictactoe"), {"won": set(), "drawn": set(), "lost": set()}
    for moves in ([4, 0, 8], [0, 1], [0, 1, 4], [0, 4]):
        for candidate in engine.analyse(engine.game.initial().play_all(moves), sims=5000).candidates:
            if candidate.proof:
                kind = "drawn" if candidate.proof == DRAWN else "won" if candidate.proof > 0 else "lost"
                seen[kind].add(candidate.win_rate)
    assert seen == {"won": {1.0}, "drawn": {0.5}, "lost": {0.0}}


def test_the_prior_is_the_nets_own_policy():
    """The search explores by a flatter one."""
    game = games.get("tictactoe")
    policy = np.array([0.5, 0.2, 0.1, 0.1, 0.04, 0.03, 0.02, 0.01, 0.0001], np.float32)

    class Known(Uniform):
        def evaluate(self, states):
            logits, value = super().evaluate(states)
            return np.broadcast_to(np.log(policy), logits.shape).astype(logits.dtype), value

    found = {c.action: c.prior for c in Engine(game, evaluator=Known(game)).analyse(game.initial(), sims=50).candidates}
    np.testing.assert_allclose([found[a] for a in range(9)], policy / policy.sum(), rtol=0.02)


def test_the_engine_refuses_what_it_cannot_analyse():
    engine = engine_of("tictactoe")
    with pytest.raises(ValueError, match="this engine plays tictactoe"):
        engine.analyse(games.get("connect4").initial())
    with pytest.raises(ValueError, match="the game is over"):
        engine.analyse(engine.game.initial().play_all([0, 3, 1, 4, 2]))
    for seconds in (-1, float("nan")):
        with pytest.raises(ValueError, match="seconds must be 0 or more"):
            engine.analyse(engine.game.initial(), seconds=seconds)
    with pytest.raises(ValueError, match="sims must be 1 or more"):
        Engine("tictactoe", evaluator=Uniform(engine.game), sims=0)


# The command


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("nets") / "small.safetensors"
    small_net(games.get("tictactoe"), path)
    return path


def small_net(game, path):
    torch.manual_seed(0)
    net = Net(NetConfig.for_game(game, 1, 8))
    weights = {name: w.numpy() for name, w in net.state_dict().items() if w.is_floating_point()}
    save_checkpoint(path, Checkpoint(game.name, game.rules_version, net.config, weights))


def command(*arguments, stdin=b"", **environment):
    return subprocess.run(
        [sys.executable, "-m", "alphamini.play", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**os.environ, **environment},
        timeout=600,
    )


def test_the_library_takes_a_game_name_and_a_path(checkpoint):
    engine = Engine("tictactoe", str(checkpoint))
    assert engine.analyse(engine.game.initial()).visits > 0


def test_a_net_in_memory_must_fit_the_game(checkpoint):
    net = load_checkpoint(checkpoint, games.get("tictactoe"))
    assert Engine("tictactoe", net).game is games.get("tictactoe")
    with pytest.raises(ValueError, match="a net for tictactoe does not fit connect4"):
        Engine("connect4", net)


def test_the_command(checkpoint, tmp_path):
    lines = f"b2\nhint\n\xff\nsave {tmp_path / 'game'}\nundo\nresign\nquit\n".encode("latin-1")
    done = command("--game", "tictactoe", "--checkpoint", checkpoint, "--sims", "50", stdin=lines)
    seen = done.stdout.decode()
    assert done.returncode == 0
    assert done.stderr == b""
    assert seen.startswith("tictactoe with the net small, 50 simulations a move.\n")
    assert "x> b2\no plays " in seen
    assert "\nhint: " in seen
    assert "expected a cell like a1 or c3" in seen
    assert "saved in" in seen
    assert "x resigns, o wins" in seen
    assert seen.endswith("game over> quit\nbye\n")


def test_output_that_cannot_show_every_letter(checkpoint):
    done = command("--game", "tictactoe", "--checkpoint", checkpoint, stdin="é\n".encode(), PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert b"expected a cell" in done.stdout


@pytest.mark.parametrize("arguments", [
    ["--game", "chess"],
    ["--checkpoint", "missing.safetensors"],
    ["--checkpoint", __file__],
    ["--game", "connect4", "--checkpoint", "CHECKPOINT"],
    ["--sims", "0"],
    ["--sims", "many"],
    ["--seconds", "0"],
    ["--seconds", "nan"],
    ["--sims", "10", "--seconds", "1"],
    ["--side", "left"],
    ["--level", "strong"],
    ["--level", "99999"],
    ["--level", "0", "--sims", "5"],
])  # fmt: skip
def test_bad_options_are_one_line(checkpoint, arguments, monkeypatch, capsys):
    arguments = [str(checkpoint) if a == "CHECKPOINT" else a for a in arguments]
    monkeypatch.setattr(sys, "argv", ["play", *arguments])
    with pytest.raises(SystemExit) as ending:
        run_command(play_command.main)
    assert ending.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1


def test_a_game_without_a_net_is_played_with_rollouts(monkeypatch, tmp_path, capfd, caplog):
    monkeypatch.setattr(shipped, "FOLDERS", (tmp_path,))
    monkeypatch.setattr(sys, "argv", ["play", "--game", "connect4", "--sims", "20"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))  # pytest's own has no encoding to set
    monkeypatch.setattr(play_command, "_read", lambda prompt: next(typed))
    typed = iter(["4", "hint", "level 0", "quit"])
    play_command.main()
    assert "no net ships for connect4" in caplog.text
    assert "until then random rollouts think" in caplog.text
    seen = capfd.readouterr().out
    assert "connect4 with random rollouts, 20 simulations a move." in seen
    assert "inference: random rollouts: no net ships for the game" in seen
    assert "random rollouts have no ratings for levels" in seen


@pytest.mark.parametrize("name", ["gomoku5-standard", "gomoku6", "gomoku5"])
def test_a_net_for_another_size_or_other_rules_says_so(name, monkeypatch, tmp_path, capfd, caplog):
    game, told = games.get(name), "" if name == "gomoku5" else "; the net was trained for gomoku5"
    small_net(games.get("gomoku5"), tmp_path / "gomoku5.safetensors")
    monkeypatch.setattr(shipped, "FOLDERS", (tmp_path,))
    monkeypatch.setattr(sys, "argv", ["play", "--game", name, "--sims", "2"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(play_command, "_read", lambda prompt: next(typed))
    typed = iter(["hint", "quit"])
    play_command.main()
    seen = capfd.readouterr().out
    assert seen.startswith(f"{name} with the net gomoku5, 2 simulations a move{told}.\n")
    (inference,) = re.findall(r"inference: (.*)\n", seen)
    about = make_player(game, "net@sims=1").about
    with caplog.at_level(logging.INFO):
        Engines().get(game)
    assert f"{name}, inference: {inference}" in caplog.text
    for line in (inference, about):
        assert line.endswith(told)
        assert ("trained" in line) == bool(told)


def test_a_net_that_does_not_fit_leaves_the_engine_that_was_there(checkpoint):
    engines = Engines(checkpoint)
    engine = engines.get(games.get("tictactoe"))
    with pytest.raises(CheckpointError, match="connect4"):
        engines.get(games.get("connect4"))
    assert engines.get(games.get("tictactoe")) is engine


def test_a_bad_option_leaves_no_traceback():
    done = command("--checkpoint", "missing.safetensors")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"error: no checkpoint at missing.safetensors\n")


def test_torch_stays_out_where_openvino_plays(checkpoint):
    pytest.importorskip("openvino")
    script = (
        "import sys; from alphamini import play; play.main();"
        "print('torch' in sys.modules, 'alphamini.learn' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "--game", "tictactoe", "--checkpoint", str(checkpoint), "--sims", "4"],
        input=b"b2\n",
        capture_output=True,
        timeout=600,
    )
    assert done.stdout.endswith(b"bye\nFalse False\n") or torch.cuda.is_available()
