"""Whole games of go on 9x9 against GNU Go over GTP: no illegal move on either side, and the same score at the end.

GNU Go is the Debian package `gnugo`. It scores by area with --chinese-rules, and after --capture-all-dead and
--play-out-aftermath dead stones are gone from its board, as they must be under rules without agreements.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

import games

GNUGO_PATH = shutil.which("gnugo", path=os.environ.get("PATH", "") + ":/usr/games")  # where Debian has it
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(GNUGO_PATH is None, reason="GNU Go is not installed (apt-get install gnugo)"),
]
OURS = [sys.executable, "-m", "alphamini.gtp", "--game", "go9", "--sims", "30"]
GNUGO = [GNUGO_PATH, "--mode", "gtp", "--level", "1", "--chinese-rules", "--positional-superko", "--forbid-suicide",
         "--capture-all-dead", "--play-out-aftermath"]  # fmt: skip


class Controlled:
    """An engine at the other end of two pipes."""

    def __init__(self, command):
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, command):
        """The answer to a command that must succeed."""
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        lines = []
        while line := self._process.stdout.readline().rstrip("\n"):
            lines.append(line)
        assert lines, f"no answer to {command}"
        assert lines[0].startswith("="), f"{command}: {lines[0]}"
        return "\n".join([lines[0][1:].strip(), *lines[1:]])

    def close(self):
        self.ask("quit")
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=60)


@pytest.mark.parametrize("we_begin", [True, False])
def test_a_whole_game(we_begin):
    ours, gnugo = Controlled(OURS), Controlled([*GNUGO, "--seed", "1"])
    try:
        for engine in (ours, gnugo):
            for command in ("boardsize 9", "clear_board", "komi 6.5"):
                engine.ask(command)
        movers = [ours, gnugo] if we_begin else [gnugo, ours]
        passes = 0
        for ply in range(162):
            mover, other = movers[ply % 2], movers[1 - ply % 2]
            colour = ("black", "white")[ply % 2]
            vertex = mover.ask(f"genmove {colour}")
            if vertex.lower() == "resign":
                vertex = "pass"
            other.ask(f"play {colour} {vertex}")
            passes = passes + 1 if vertex.lower() == "pass" else 0
            if passes == 2:
                break
        stones = {colour: set(gnugo.ask(f"list_stones {colour}").split()) for colour in ("black", "white")}
        assert stones["black"] | stones["white"] == set(ours.ask("final_status_list alive").split())
        score = ours.ask("final_score")  # the game is over to us, after two passes or the last ply there may be
        # With dead stones on the board they may disagree, and to GNU Go a game that we cut off goes on.
        if passes == 2 and not gnugo.ask("final_status_list dead").split():
            assert score == gnugo.ask("final_score")
    finally:
        ours.close()
        gnugo.close()


@pytest.mark.parametrize("seed", range(5))
def test_finished_boards_score_alike(seed):
    """GNU Go plays both sides to the bitter end; the game is replayed by ours."""
    ours, gnugo = Controlled(OURS), Controlled([*GNUGO, "--seed", str(seed + 1)])
    try:
        for engine in (ours, gnugo):
            for command in ("boardsize 9", "clear_board", "komi 7.5"):
                engine.ask(command)
        position, passes = games.get("go9").initial(), 0
        for opening in [("E5", "C3"), ("C4", "G6"), ("D3", "F7"), ("G3", "C7"), ("F4", "D6")][seed]:
            colour = ("black", "white")[position.to_play]
            gnugo.ask(f"play {colour} {opening}")
            position = position.play(position.parse_action(opening))
        while not position.is_over:
            vertex = gnugo.ask(f"genmove {('black', 'white')[position.to_play]}").lower()
            assert vertex != "resign"
            position = position.play(position.parse_action(vertex))
            passes += vertex == "pass"
        for ply, action in enumerate(position.moves):
            ours.ask(f"play {('b', 'w')[ply % 2]} {position.action_text(action)}")
        if gnugo.ask("final_status_list dead").split():
            pytest.skip("GNU Go left dead stones on the board")
        assert ours.ask("final_score") == gnugo.ask("final_score")
    finally:
        ours.close()
        gnugo.close()
