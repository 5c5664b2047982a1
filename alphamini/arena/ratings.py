"""Elo ratings of a pool of players: Bradley-Terry by maximum likelihood, with 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ELO = 400 / np.log(10)  # Elo points a unit of log-odds
PRIOR_DRAWS = 1.0  # of every player, shared out over the opponents that it has met: keeps 100 % scores finite
GAUGE = 1e-6  # games tell differences alone: this pins the level of them all, and of a player without games
PRIOR_PAIRS = 2.0  # the weight, in openings, of the variance of independent games without draws; see `_scatter`


@dataclass(frozen=True)
class Pair:
    """What players `a` and `b` (indices) did against each other; wins and losses are a's.

    `pentanomial`: of the openings played from both seats, how many gave a 0, 1/2, 1, 3/2 and 2 points; None where
    the games stand alone.
    """

    a: int
    b: int
    wins: int
    draws: int
    losses: int
    pentanomial: tuple[int, ...] | None = None

    @property
    def games(self) -> int:
        return self.wins + self.draws + self.losses

    @property
    def score(self) -> float:
        """a's share of the points."""
        return (self.wins + self.draws / 2) / max(self.games, 1)

    def __add__(self, more: Pair) -> Pair:
        """The result with further games of the same two players, which have other openings."""
        both = None
        if self.pentanomial is not None and more.pentanomial is not None:
            both = tuple(x + y for x, y in zip(self.pentanomial, more.pentanomial, strict=True))
        return Pair(self.a, self.b, self.wins + more.wins, self.draws + more.draws, self.losses + more.losses, both)


@dataclass(frozen=True)
class Ratings:
    """Elo points relative to the anchor, player 0, who has 0 +- 0. `covariance` f8[P, P] in Elo^2, of those differences."""

    elo: NDArray[np.float64]  # [P]
    covariance: NDArray[np.float64]

    def interval(self, player: int) -> tuple[float, float]:
        """The 95 % interval of the player's distance to the anchor."""
        half = 1.96 * float(np.sqrt(max(self.covariance[player, player], 0.0)))
        return float(self.elo[player] - half), float(self.elo[player] + half)

    def combination(self, weights: NDArray[np.float64]) -> tuple[float, float]:
        """(sum of weights f8[P] * Elo, half of its 95 % interval)."""
        variance = float(weights @ self.covariance @ weights)
        return float(weights @ self.elo), 1.96 * math.sqrt(max(variance, 0.0))

    def difference(self, a: int, b: int) -> tuple[float, float]:
        """(Elo of a less Elo of b, half of its 95 % interval)."""
        weights = np.zeros(len(self.elo))
        weights[a] += 1
        weights[b] -= 1
        return self.combination(weights)

    def superiority(self, a: int, b: int) -> float:
        """The likelihood of superiority: the chance in [0, 1] that a is stronger than b."""
        elo, half = self.difference(a, b)
        return 0.5 if half == 0 else 0.5 * math.erfc(-elo / (half / 1.96) / math.sqrt(2))


def rate(players: int, pairs: Sequence[Pair]) -> Ratings:
    """Maximum-likelihood Bradley-Terry ratings (Hunter 2004, "MM algorithms for generalized Bradley-Terry models"),
    a draw counted as half a win for both, by Newton's method.

    So a difference of d Elo always means an expected score of 1 / (1 + 10^(-d/400)), however many games are drawn.
    With draws, and with two games from each opening, the games are not the independent coin flips of that likelihood,
    and its inverse Hessian H^-1 is not the covariance. The covariance is the sandwich H^-1 J H^-1 (White 1982,
    "Maximum likelihood estimation of misspecified models", theorem 3.2), where J sums what the points of the openings
    really scattered by. The prior's games are data in H and J, so a score of 100 % still has a wide interval.

    The prior's draws are with opponents that a player has met (as in Coulom's BayesElo), who are near it where pairs were
    chosen well. One with an average player would pull the ends of a long ladder hundreds of Elo towards its middle.
    """
    met = np.bincount([player for pair in pairs for player in (pair.a, pair.b)], minlength=players)
    theta = np.zeros(players)
    for _ in range(100):
        gradient = -GAUGE * theta
        hessian = GAUGE * np.eye(players)
        scatter = np.zeros((players, players))
        for pair in pairs:
            p = 1 / (1 + np.exp(theta[pair.b] - theta[pair.a]))
            prior = PRIOR_DRAWS * (1 / met[pair.a] + 1 / met[pair.b]) / 2
            surprise = pair.wins + pair.draws / 2 - pair.games * p + prior * (0.5 - p)
            gradient[pair.a] += surprise
            gradient[pair.b] -= surprise
            _add(hessian, pair, (pair.games + prior) * p * (1 - p))
            _add(scatter, pair, _scatter(pair, p) + prior * (0.5 - p) ** 2)
        step = np.linalg.solve(hessian, gradient)
        theta += np.clip(step, -2, 2)  # a damped start: far-off ratings have a flat likelihood
        if np.abs(step).max() < 1e-9:
            break
    relative = np.eye(players)
    relative[:, 0] -= 1
    bread = np.linalg.inv(hessian)
    covariance = relative @ bread @ scatter @ bread @ relative.T
    return Ratings((theta - theta[0]) * ELO, covariance * ELO**2)


def _add(matrix: NDArray[np.float64], pair: Pair, weight: float) -> None:
    """A pair's weight in a matrix over players: it bears on the difference of the two alone."""
    matrix[pair.a, pair.a] += weight
    matrix[pair.b, pair.b] += weight
    matrix[pair.a, pair.b] -= weight
    matrix[pair.b, pair.a] -= weight


def _scatter(pair: Pair, p: float) -> float:
    """The variance of a's points in all games of the pair, about the expected share `p` of each game.

    Few openings say little of their variance: it is mixed with that of PRIOR_PAIRS openings whose games are independent
    and never drawn. Less 1 in the divisor, as p was fitted to the same games.
    """
    if pair.pentanomial is None:
        count, prior, expected, independent = pair.games, 2 * PRIOR_PAIRS, p, p * (1 - p)
        points = [(0.0, pair.losses), (0.5, pair.draws), (1.0, pair.wins)]
    else:
        count, prior, expected, independent = sum(pair.pentanomial), PRIOR_PAIRS, 2 * p, 2 * p * (1 - p)
        points = [(k / 2, openings) for k, openings in enumerate(pair.pentanomial)]
    if count == 0:
        return 0.0
    squares = sum(number * (point - expected) ** 2 for point, number in points)
    return count * (squares + prior * independent) / (count + prior - 1)


def elo_of_score(pair: Pair) -> tuple[float, float]:
    """(Elo of a over b, half of its 95 % interval) from one match."""
    return rate(2, [pair]).difference(0, 1)


def wilson(correct: int, positions: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927, "Probable inference"); (0, 1) where nothing was counted."""
    if positions == 0:
        return 0.0, 1.0
    z, share = 1.96, correct / positions
    middle = (share + z * z / (2 * positions)) / (1 + z * z / positions)
    half = z / (1 + z * z / positions) * math.sqrt(share * (1 - share) / positions + (z / (2 * positions)) ** 2)
    return max(0.0, middle - half), min(1.0, middle + half)
