"""Elo ratings of a pool of players: Bradley-Terry by maximum likelihood, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ELO = 400 / np.log(10)  # Elo points a unit of log-odds
PRIOR_DRAWS = 1.0  # every player also drew so many games with an average player: keeps 100 % scores finite


@dataclass(frozen=True)
class Pair:
    """What players `a` and `b` (indices) did against each other; wins and losses are a's."""

    a: int
    b: int
    wins: int
    draws: int
    losses: int

    @property
    def games(self) -> int:
        return self.wins + self.draws + self.losses

    @property
    def score(self) -> float:
        """a's share of the points."""
        return (self.wins + self.draws / 2) / max(self.games, 1)


@dataclass(frozen=True)
class Ratings:
    """Elo points relative to the anchor, which has 0 +- 0. `covariance` f8[P, P] in Elo^2, of those differences."""

    elo: NDArray[np.float64]  # [P]
    covariance: NDArray[np.float64]

    def interval(self, player: int) -> tuple[float, float]:
        """The 95 % interval of the player's distance to the anchor."""
        half = 1.96 * float(np.sqrt(max(self.covariance[player, player], 0.0)))
        return float(self.elo[player] - half), float(self.elo[player] + half)

    def difference(self, a: int, b: int) -> tuple[float, float]:
        """(Elo of a less Elo of b, half of its 95 % interval)."""
        c = self.covariance
        variance = c[a, a] + c[b, b] - 2 * c[a, b]
        return float(self.elo[a] - self.elo[b]), 1.96 * float(np.sqrt(max(variance, 0.0)))


def rate(players: int, pairs: Sequence[Pair], anchor: int = 0) -> Ratings:
    """Maximum-likelihood Bradley-Terry ratings (Hunter 2004, "MM algorithms for generalized Bradley-Terry models"),
    a draw counted as half a win for both, by Newton's method. The intervals come from the inverse Hessian."""
    theta = np.zeros(players)
    for _ in range(100):
        p0 = 1 / (1 + np.exp(-theta))
        gradient = PRIOR_DRAWS * (0.5 - p0)
        hessian = np.diag(PRIOR_DRAWS * p0 * (1 - p0))
        for pair in pairs:
            p = 1 / (1 + np.exp(theta[pair.b] - theta[pair.a]))
            surprise = pair.wins + pair.draws / 2 - pair.games * p
            gradient[pair.a] += surprise
            gradient[pair.b] -= surprise
            weight = pair.games * p * (1 - p)
            hessian[pair.a, pair.a] += weight
            hessian[pair.b, pair.b] += weight
            hessian[pair.a, pair.b] -= weight
            hessian[pair.b, pair.a] -= weight
        step = np.linalg.solve(hessian, gradient)
        theta += np.clip(step, -2, 2)  # a damped start: far-off ratings have a flat likelihood
        if np.abs(step).max() < 1e-9:
            break
    relative = np.eye(players)
    relative[:, anchor] -= 1
    covariance = relative @ np.linalg.inv(hessian) @ relative.T
    return Ratings((theta - theta[anchor]) * ELO, covariance * ELO**2)


def elo_of_score(pair: Pair) -> tuple[float, float]:
    """(Elo of a over b, half of its 95 % interval) from one match."""
    return rate(2, [pair], anchor=1).difference(0, 1)
