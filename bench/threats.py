"""Gomoku's wins by threats, proved: what listed answers and drawn games do not tell.

Without --games: a player's moves in the suite's positions that are won by threats. Their listed winning moves are sound
but not complete, so a move that is not listed is put to the proof. With --games: matches that `evaluate --out` wrote;
in how many of a player's drawn and lost games was there a win by threats at any of its turns?

A threat is a move after which its side would win by continuous fours (the rules mark these in the planes). The search
tries every threat, the fewest answers first, against every legal reply: what it proves is won; what it does not prove
may be won all the same. (Threat-space search: Allis, van den Herik and Huntjens 1993, "Go-Moku and threat-space search")
"""

from __future__ import annotations

from pathlib import Path

import common
import numpy as np

import games
from alphamini.arena.players import make_player
from alphamini.arena.suite import load_suite
from alphamini.evaluate import read_report
from alphamini.model.threads import cores
from games import ONGOING, Game, States

SUITE = Path(__file__).parent / "suites" / "gomoku9_tactics.jsonl"
FIVE, THEIR_FIVE, FOURS_WIN, THEIR_FOURS_WIN, COMMON = 4, 5, 12, 13, 14  # planes of games/gomoku.py


class Prover:
    """Looks for wins by up to `depth` threats among at most `nodes` positions a question."""

    def __init__(self, game: Game, depth: int, nodes: int):
        self.game, self.depth, self.nodes = game, depth, nodes

    def wins(self, state: States) -> bool:
        """Is it proved that the side to move of the one state [1] wins?"""
        return self._deepen(lambda depth: self._attack(state, depth))

    def lost(self, state: States) -> bool:
        """Is it proved that the side to move of the one state [1] has no reply that saves it?"""
        return self._deepen(lambda depth: self._all_lose(state, depth))

    def _deepen(self, proved) -> bool:
        self._left = self.nodes
        return any(self._left > 0 and proved(depth) for depth in range(self.depth + 1))

    def _attack(self, state: States, depth: int) -> bool:
        if self._seen(state)[0][0]:
            return True
        if depth == 0 or self._left <= 0:
            return False
        children = self._children(state)
        mine, theirs, answers = self._seen(children)
        threats = np.flatnonzero((children["outcome"] == ONGOING) & ~mine & theirs)
        ordered = threats[np.argsort(answers[threats], kind="stable")]
        return any(self._all_lose(children[i : i + 1], depth - 1) for i in ordered)

    def _all_lose(self, state: States, depth: int) -> bool:
        """Do all moves of the side to move lose?"""
        children = self._children(state)
        lost_at_once = (children["outcome"] == ONGOING) & self._seen(children)[0]
        others = children[~lost_at_once]
        return bool((others["outcome"] == ONGOING).all()) and all(
            self._attack(others[i : i + 1], depth) for i in range(len(others))
        )

    def _children(self, state: States) -> States:
        actions = np.flatnonzero(self.game.legal_mask(state)[0])
        children = np.repeat(state, len(actions))
        self.game.step(children, actions.astype(np.int32))
        return children

    def _seen(self, states: States) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """[B] each: does the side to move win by fours or a five at once; would its opponent, if it passed; and how
        many cells might stop that."""
        self._left -= len(states)
        marked = self.game.planes(states).sum((2, 3))
        mine = (marked[:, FIVE] > 0) | ((marked[:, FOURS_WIN] > 0) & (marked[:, THEIR_FIVE] == 0))
        theirs = (marked[:, THEIR_FIVE] > 0) | (marked[:, THEIR_FOURS_WIN] > 0)
        return mine, theirs, np.where(marked[:, THEIR_FIVE] > 0, marked[:, THEIR_FIVE], marked[:, COMMON])


def judge_suite(prover: Prover, spec: str) -> list[common.Row]:
    suite = load_suite(SUITE, prover.game)
    won = np.array([answer.kind == "win vct" for answer in suite.answers])
    states, answers = suite.states[won], [a for a in suite.answers if a.kind == "win vct"]
    actions = make_player(prover.game, spec, cores()).choose(states, np.random.default_rng(0))
    listed = proved = 0
    for i, answer in enumerate(answers):
        if int(actions[i]) in answer.right:
            listed += 1
            continue
        after = states[i : i + 1].copy()
        prover.game.step(after, actions[i : i + 1].astype(np.int32))
        proved += prover.lost(after)
    about = f"of {len(answers)} wins by threats"
    return [
        {"name": f"{spec}: a listed move", "value": listed, "unit": about},
        {"name": f"{spec}: another, proved to win", "value": proved, "unit": about},
        {"name": f"{spec}: neither", "value": len(answers) - listed - proved, "unit": about},
    ]


def judge_games(prover: Prover, file: Path, player: str) -> list[common.Row]:
    report = read_report(file.read_bytes())
    if report is None or report["game"] != prover.game.name or "games" not in report:
        raise ValueError(f"{file} is no match of {prover.game.name} by evaluate --out")
    names = sorted({record[seat] for record in report["games"] for seat in ("first", "second")})
    if player not in names:
        raise ValueError(f"--player: {file} has {', '.join(names)}, not {player!r}")
    counts = {"drawn": [0, 0], "lost": [0, 0]}
    for record in report["games"]:
        if player not in (record["first"], record["second"]):
            continue
        side = 0 if record["first"] == player else 1
        if record["result"] == ("1-0", "0-1")[side]:
            continue
        kind = counts["drawn" if record["result"].startswith("1/2") else "lost"]
        kind[0] += 1
        position, missed = prover.game.initial(), False
        for ply, move in enumerate(record["moves"].split()):
            if ply >= record["opening"] and position.to_play == side and not missed:
                missed = prover.wins(position.state)
            position = position.play(prover.game.parse_action(move))
        kind[1] += missed
    return [
        {"name": f"{player}: {kind} games with a missed win", "value": missed, "unit": f"of {total}"}
        for kind, (total, missed) in counts.items()
    ]


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("--player", default="net@sims=400", help="the player, or its name in the games")
    options.add_argument("--games", type=Path, metavar="FILE.json", help="a match of gomoku9 by `evaluate --out`")
    options.add_argument("--depth", type=int, default=8, help="threats in a row")
    options.add_argument("--nodes", type=int, default=200_000, help="positions looked at for a question")
    wish = options.parse_args()
    if wish.quick:
        wish.depth, wish.nodes = 2, 5000
        wish.player = wish.player if wish.games else "net@sims=8"
    prover = Prover(games.get("gomoku9"), wish.depth, wish.nodes)
    found = judge_games(prover, wish.games, wish.player) if wish.games else judge_suite(prover, wish.player)
    common.report("threats", found, wish.json)


if __name__ == "__main__":
    common.run_command(main)
