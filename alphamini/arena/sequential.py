"""Sequential tests: is A stronger than B? Stop as soon as the games say so.

Wald's sequential probability ratio test of "A is elo1 above B" (H1) against "A is elo0 above B" (H0), on opening
pairs: the points of an opening's two games, played from both seats, are one observation with five outcomes (a
pentanomial), because two games from one opening are not independent. The likelihood of each hypothesis is the largest
that a distribution over the five outcomes with its mean can have: the generalized test of Van den Bergh 2020,
"The generalized sequential probability ratio test", section 3, with the multinomial of Owen's empirical likelihood.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

POINTS = np.arange(5) / 4  # of an opening's two games, as a share of both
UNSEEN = 1e-3  # openings, added to the count of every outcome: keeps the likelihoods finite
BISECTIONS = 60


@dataclass(frozen=True)
class SequentialTest:
    """The two hypotheses, in Elo, and the errors that the test may make."""

    elo0: Annotated[float, "with --sprt: H0, the first player is so many Elo above the second"] = 0.0
    elo1: Annotated[float, "with --sprt: H1, so many Elo above"] = 30.0
    alpha: Annotated[float, "with --sprt: the chance that H1 is accepted though H0 holds"] = 0.05
    beta: Annotated[float, "with --sprt: the chance that H0 is accepted though H1 holds"] = 0.05

    def check(self) -> None:
        """ValueError, one line, if this is no test."""
        if not (math.isfinite(self.elo0) and math.isfinite(self.elo1) and self.elo0 < self.elo1):
            raise ValueError(f"--elo0 must be below --elo1, not {self.elo0:g} and {self.elo1:g}")
        if max(abs(self.elo0), abs(self.elo1)) > 1000:
            raise ValueError("--elo0 and --elo1 must be from -1000 to 1000")
        if not (0 < self.alpha < 0.5 and 0 < self.beta < 0.5):
            raise ValueError("--alpha and --beta must be above 0 and below 0.5")

    @property
    def bounds(self) -> tuple[float, float]:
        """The log-likelihood ratios at which H0 and H1 are accepted (Wald 1945, section 3.2)."""
        return math.log(self.beta / (1 - self.alpha)), math.log((1 - self.beta) / self.alpha)

    def ratio(self, pentanomials: ArrayLike) -> NDArray[np.float64]:
        """[...] log-likelihood ratio of H1 to H0 for pentanomials [..., 5]; 0 where nothing was played."""
        counts = np.asarray(pentanomials, np.float64)
        ratio = _log_likelihood(counts, _share(self.elo1)) - _log_likelihood(counts, _share(self.elo0))
        return np.where(counts.sum(-1) > 0, ratio, 0.0)

    def verdict(self, ratio: float) -> str | None:
        """ "H0" or "H1" where the ratio has crossed a bound."""
        low, high = self.bounds
        return "H0" if ratio <= low else "H1" if ratio >= high else None


def _share(elo: float) -> float:
    """The expected share of the points."""
    return 1 / (1 + 10 ** (-elo / 400))


def _log_likelihood(counts: NDArray[np.float64], mean: float) -> NDArray[np.float64]:
    """[...] the largest log-likelihood of counts [..., 5] under a distribution whose mean share is `mean`.

    It is p_i = f_i / (1 + x (POINTS_i - mean)), f the frequencies, x the root of the decreasing
    sum f_i (POINTS_i - mean) / (1 + x (POINTS_i - mean)); the bounds of x are where a p_i would turn negative.
    """
    frequencies = counts + UNSEEN
    frequencies = frequencies / frequencies.sum(-1, keepdims=True)
    distance = POINTS - mean
    low = np.full(counts.shape[:-1], -1 / distance[-1])
    high = np.full(counts.shape[:-1], -1 / distance[0])
    for _ in range(BISECTIONS):
        x = (low + high) / 2
        slope = (frequencies * distance / (1 + x[..., None] * distance)).sum(-1)
        low, high = np.where(slope > 0, x, low), np.where(slope > 0, high, x)
    probability = frequencies / (1 + ((low + high) / 2)[..., None] * distance)
    return (counts * np.log(probability)).sum(-1)
