"""What the tests of the doors share: an engine that thinks of nothing, and conversations with a door."""

from __future__ import annotations

import random

from alphamini.interfaces.engine import Analysis, Candidate
from alphamini.interfaces.gomocup import Gomocup
from alphamini.interfaces.gtp import GTP
from games import get


class StubEngine:
    """Plays any legal move, at once; notes what it was asked."""

    about = "a stub"

    def __init__(self, game, seed=0):
        self.game, self._rng, self.asked = game, random.Random(seed), []

    def analyse(self, position, sims=None, seconds=None, watch=None):
        assert position.game is self.game
        assert not position.is_over
        self.asked.append((sims, seconds))
        actions = position.legal_actions
        self._rng.shuffle(actions)
        candidates = tuple(Candidate(a, 1, 0.5, 1 / len(actions), 0, 1 / len(actions)) for a in actions)
        analysis = Analysis(actions[0], 0.5, len(actions), 0.0, tuple(actions[:1]), 0, candidates)
        self.stopped = watch is not None and watch(lambda: analysis)
        return analysis


class StubEngines:
    """As `alphamini.interfaces.provider.Engines`."""

    def __init__(self):
        self.memory, self._engine = None, None

    def get(self, game):
        if self._engine is None or self._engine.game is not game:
            self._engine = StubEngine(game)
        return self._engine

    def limit_memory(self, memory):
        self.memory = memory


class StubWire:
    waiting = True

    def __init__(self):
        self.said = []
        self.coming = []  # the lines that are there during a search

    def ahead(self):
        return self.coming

    def say(self, text):
        self.said.append(text)

    def wait(self, seconds):
        raise AssertionError("nobody is there to wait for")

    def take(self):
        """What was said since the last time, one string."""
        said, self.said = self.said, []
        return "\n".join(said)


class Conversation:
    """A door and what it answers to each line."""

    def __init__(self, make):
        self.wire, self.engines = StubWire(), StubEngines()
        self.door = make(self.engines, self.wire)
        self.open = True

    def ask(self, *lines):
        """The answer to all of `lines` together."""
        for line in lines:
            self.open = self.door.obey(line)
        return self.wire.take()


def gomocup():
    return Conversation(lambda engines, wire: Gomocup(engines, wire, seconds=5))


def gtp(name="gomoku5"):
    return Conversation(lambda engines, wire: GTP(get(name), engines, wire))
