"""Strengths below the strongest: a level in Elo becomes a number of simulations and a temperature.

The ratings of a net lie beside it: `gomoku9.json` beside `gomoku9.safetensors`, as `evaluate --levels` writes them.
Weaker than the raw policy's best move is a move drawn from the raw policy: p ** (1 / temperature).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite
from pathlib import Path

import numpy as np

from alphamini.arena.specs import parse_spec
from alphamini.model.checkpoint import fingerprint
from alphamini.options import python_command
from alphamini.search.search import choose
from games import Game, in_shell

TEMPERATURES = (8.0, 4.0, 2.0, 1.5, 1.0, 0.75, 0.5, 0.25)  # of the raw policy, the weakest first
BUDGETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Strength:
    """How a net is weakened: simulations a move, and the temperature that its move is drawn at."""

    sims: int
    temperature: float = 0.0  # 0: the best move

    def draw(self, policy: Sequence[float], uniform: float) -> int:
        """An index into `policy` (it need not sum to 1) at the temperature; `uniform` is in [0, 1)."""
        return int(choose(np.array([policy], np.float32), self.temperature, np.array([uniform]))[0])


LADDER = tuple(Strength(1, temperature) for temperature in TEMPERATURES) + tuple(Strength(sims) for sims in BUDGETS)
"""What is rated for the levels of a net, the weakest first."""


class Levels:
    """The strengths of one net by their ratings."""

    def __init__(self, rated: Sequence[tuple[float, Strength]]):
        """`rated`: (Elo, strength). Ratings that noise has put in the wrong order are pooled (isotonic regression)."""
        ordered = sorted(rated, key=lambda point: (point[1].sims, -point[1].temperature))
        self._strengths = [strength for _, strength in ordered]
        self._elo = _rising([elo for elo, _ in ordered])

    @property
    def range(self) -> tuple[float, float]:
        return self._elo[0], self._elo[-1]

    def at(self, elo: float) -> Strength:
        """The strength of that rating, between two rated ones; ValueError, one line, outside of what was rated."""
        low, high = self.range
        if not low <= elo <= high:
            raise ValueError(f"level {elo:g} is not within the rated ones, {ceil(low)} to {floor(high)} Elo")
        above = int(np.searchsorted(self._elo, elo))
        if self._elo[above] == elo:
            return self._strengths[above]
        a, b = self._strengths[above - 1], self._strengths[above]
        share = (elo - self._elo[above - 1]) / (self._elo[above] - self._elo[above - 1])
        return Strength(round(_between(a.sims, b.sims, share)), round(_between(a.temperature, b.temperature, share), 4))


def read_levels(checkpoint: Path, game: Game) -> Levels:
    """The levels of the net `checkpoint` in `game`, from the JSON beside it; ValueError, one line, if they lack."""
    path = checkpoint.with_suffix(".json")
    rate = f"{python_command()} -m alphamini.evaluate --game {in_shell(game)} --levels"
    how = f"rate it: {rate} --checkpoint {checkpoint} --out {path}"
    if not path.is_file():
        raise ValueError(f"there are no ratings for levels at {path}; {how}")
    try:
        report = json.loads(path.read_text())
        rated_game, nets = report["game"], {*dict(report.get("nets", {})).values()}
        players = [(float(p["elo"]), parse_spec(p["spec"])) for p in report["players"]]
        rated = [
            (elo, Strength(int(spec.options["sims"]), float(spec.options.get("temperature", 0))))
            for elo, spec in players
            if spec.kind == "net" and "sims" in spec.options
        ]
        if not all(isfinite(elo) and of.sims > 0 and 0 <= of.temperature < inf for elo, of in rated):
            raise ValueError("its numbers are out of range")
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a file of ratings ({type(error).__name__}: {error})") from None
    if rated_game != game.name:
        raise ValueError(f"{path} rates {rated_game}, not {game.name}")  # and must not be written over
    if nets and fingerprint(checkpoint) not in nets:
        raise ValueError(f"{path} rates another net, perhaps this one before it learned more; {how}")
    if len(rated) < 2:
        raise ValueError(f"{path} rates too few strengths of the net; {how}")
    return Levels(rated)


def _between(a: float, b: float, share: float) -> float:
    """On a log axis, on which ratings lie nearly on a line; a temperature of 0 is on no such axis."""
    return a * (b / a) ** share if a and b else a + share * (b - a)


def _rising(values: Sequence[float]) -> list[float]:
    """The nearest sequence (least squares) that never falls: pool adjacent violators (Ayer et al. 1955)."""
    pools: list[tuple[float, int]] = []
    for value in values:
        pools.append((value, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2:]
            pools[-2:] = [((a * n + b * m) / (n + m), n + m)]
    return [mean for mean, count in pools for _ in range(count)]
