"""What ratings and sequential tests claim, against brute force, the bootstrap, and simulated truth."""

from itertools import combinations

import numpy as np
import pytest

from alphamini.arena.ratings import Pair, elo_of_score, rate, wilson
from alphamini.arena.sequential import SequentialTest

TRUTH = np.array([0.0, 60.0, 150.0, -90.0])
OPENINGS = 100


def points(truth_a: float, truth_b: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Half points [n] of player a in the two games of n openings: a third is drawn, and half of the openings are so
    lopsided that whoever moves first does not lose: the two games lean on one another."""
    share = 1 / (1 + 10 ** ((truth_b - truth_a) / 400))
    draw = 0.6 * min(share, 1 - share)
    games = rng.choice([2, 1, 0], (n, 2), p=[share - draw / 2, draw, 1 - share - draw / 2])
    lopsided = rng.random(n) < 0.5
    # The same draw of luck, once from each seat: the sum keeps its mean and loses most of its variance.
    luck = rng.random(n)
    mirrored = 1 + (luck < 2 * share - 1).astype(int) - (luck < 1 - 2 * share).astype(int)
    return np.where(lopsided, 2 * mirrored, games.sum(1))


def pentanomial_pair(a: int, b: int, half_points: np.ndarray) -> Pair:
    """A pair with the same score; wins and losses of the single games do not matter to its rating."""
    total = int(half_points.sum())
    games = 2 * len(half_points)
    draws = total % 2
    wins = total // 2
    counts = np.bincount(half_points, minlength=5)
    return Pair(a, b, wins, draws, games - wins - draws, tuple(counts.tolist()))


def pool(rng: np.random.Generator) -> dict[tuple[int, int], np.ndarray]:
    return {(a, b): points(TRUTH[a], TRUTH[b], OPENINGS, rng) for a, b in combinations(range(4), 2)}


def rated(results: dict[tuple[int, int], np.ndarray]) -> np.ndarray:
    return rate(4, [pentanomial_pair(a, b, x) for (a, b), x in results.items()])


def test_the_covariance_is_that_of_the_bootstrap_over_openings() -> None:
    rng = np.random.default_rng(3)
    results = pool(rng)
    found = rated(results)
    resampled = np.array([rated({k: rng.choice(x, len(x)) for k, x in results.items()}).elo for _ in range(400)])
    assert found.covariance[1:, 1:] == pytest.approx(np.cov(resampled.T)[1:, 1:], rel=0.25)
    assert np.sqrt(np.diag(found.covariance)[1:]) == pytest.approx(resampled.std(0)[1:], rel=0.1)
    # Taken as single games, the same results seem to scatter by more than they do.
    alone = rate(4, [Pair(a, b, p.wins, p.draws, p.losses) for (a, b), x in results.items()
                     for p in [pentanomial_pair(a, b, x)]])  # fmt: skip
    assert alone.elo == pytest.approx(found.elo, abs=1e-6)
    assert (np.diag(alone.covariance)[1:] > 1.2 * np.diag(found.covariance)[1:]).all()


def test_intervals_hold_the_truth_in_95_of_100_pools() -> None:
    rng = np.random.default_rng(4)
    inside = []
    for _ in range(250):
        found = rated(pool(rng))
        inside += [low <= TRUTH[i] <= high for i in range(1, 4) for low, high in [found.interval(i)]]
    assert 0.92 < np.mean(inside) < 0.98


def test_intervals_of_short_matches_are_not_too_narrow() -> None:
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(500):
        x = points(40, 0, 12, rng)
        elo, half = elo_of_score(pentanomial_pair(0, 1, x))
        inside.append(abs(elo - 40) <= half)
    assert np.mean(inside) > 0.92
    assert elo_of_score(Pair(0, 1, 1, 0, 1, (0, 0, 1, 0, 0)))[1] > 100  # two games tell next to nothing
    assert elo_of_score(Pair(0, 1, 100, 0, 0, (0, 0, 0, 0, 50)))[1] > 150  # and 100 % has no upper end


def test_the_interval_of_an_even_match_by_hand() -> None:
    """With n games the likelihood's curvature is (n + 1) / 4, the 1 being the prior's game."""
    elo = 400 / np.log(10)
    # Two openings, of 0 and 2 points: squares of 2 and the prior's two openings of 1/2, over 2 + 2 - 1.
    paired = 1.96 * elo * np.sqrt(2 * (2 + 2 * 0.5) / 3) / (5 / 4)
    assert elo_of_score(Pair(0, 1, 2, 0, 2, (1, 0, 0, 0, 1))) == pytest.approx((0, paired), rel=1e-4)
    # Four games: squares of 1 and the prior's four games of 1/4, over 4 + 4 - 1.
    alone = 1.96 * elo * np.sqrt(4 * (1 + 4 * 0.25) / 7) / (5 / 4)
    assert elo_of_score(Pair(0, 1, 2, 0, 2)) == pytest.approx((0, alone), rel=1e-4)
    assert Pair(0, 1, 3, 4, 1).score == 5 / 8


def test_a_long_ladder_is_not_pulled_together() -> None:
    """Ten players, each 135 Elo above the last, who meet their next two for 20 games, and the lower half an anchor."""
    rng, truth = np.random.default_rng(8), np.array([0.0, *np.arange(-200, 1150, 135)])
    meetings = [(i, j) for i in range(1, 11) for j in (i + 1, i + 2) if j < 11] + [(0, i) for i in range(1, 6)]
    found = []
    for _ in range(60):
        results = [pentanomial_pair(a, b, points(truth[a], truth[b], 10, rng)) for a, b in meetings]
        ratings = rate(11, results)
        low, high = np.transpose([ratings.interval(i) for i in range(1, 11)])
        found.append((np.polyfit(range(10), ratings.elo[1:], 1)[0], np.mean((low <= truth[1:]) & (truth[1:] <= high))))
    slope, inside = np.mean(found, 0)
    assert 131 < slope < 141
    assert inside > 0.92


def test_draws_narrow_the_interval_and_leave_the_elo() -> None:
    drawn, decided = elo_of_score(Pair(0, 1, 25, 60, 15)), elo_of_score(Pair(0, 1, 55, 0, 45))
    assert drawn[0] == pytest.approx(decided[0])
    assert drawn[0] == pytest.approx(400 * np.log10(0.55 / 0.45), abs=1)
    assert drawn[1] < 0.7 * decided[1]


def test_superiority_is_symmetric_and_grows_with_the_games() -> None:
    ratings = rated(pool(np.random.default_rng(6)))
    for a, b in combinations(range(4), 2):
        assert ratings.superiority(a, b) + ratings.superiority(b, a) == pytest.approx(1)
    assert ratings.superiority(2, 3) > 0.999
    even = rate(2, [Pair(0, 1, 10, 0, 10)])
    assert even.superiority(0, 1) == pytest.approx(0.5)
    few, many = (rate(2, [Pair(0, 1, 6 * k, 0, 4 * k)]) for k in (1, 20))
    assert 0.5 < few.superiority(0, 1) < 0.8 < many.superiority(0, 1) < 1
    elo, half = many.difference(0, 1)  # a difference of one standard error is 84.13 %
    assert many.superiority(0, 1) == pytest.approx(normal(elo / (half / 1.96)), abs=1e-3)


def normal(z: float) -> float:
    """The normal distribution function, by summing its density."""
    x = np.linspace(-10, z, 200_001)
    return float(np.exp(-x * x / 2).sum() * (x[1] - x[0]) / np.sqrt(2 * np.pi))


def test_the_constrained_likelihoods_are_the_largest_by_brute_force() -> None:
    """For three outcomes a distribution with a given mean has one free number: all its values are tried."""
    counts = np.array([10, 0, 25, 0, 15])
    test = SequentialTest(0, 40)

    def largest(mean: float) -> float:
        win = np.linspace(1e-6, mean - 1e-6, 400_001)
        draw = 2 * (mean - win)
        lose = 1 - win - draw
        ok = lose > 0
        return float((10 * np.log(lose[ok]) + 25 * np.log(draw[ok]) + 15 * np.log(win[ok])).max())

    expected = largest(1 / (1 + 10 ** (-40 / 400))) - largest(0.5)
    assert test.ratio(counts) == pytest.approx(expected, abs=0.01)
    assert test.ratio(counts[::-1]) < 0 < test.ratio([2, 3, 10, 20, 30])
    assert test.ratio([0, 0, 0, 0, 0]) == 0


def distribution(elo: float) -> np.ndarray:
    """A pentanomial [5] with the mean of `elo`: a drawish one, bent until its mean is right (exponential tilting)."""
    start, x = np.array([0.05, 0.2, 0.45, 0.22, 0.08]), np.arange(5) / 4
    low, high = -50.0, 50.0
    for _ in range(100):
        bend = (low + high) / 2
        p = start * np.exp(bend * x)
        p /= p.sum()
        low, high = (bend, high) if p @ x < 1 / (1 + 10 ** (-elo / 400)) else (low, bend)
    return p


@pytest.mark.parametrize(("elo", "wrong", "chance"), [(0.0, "H1", 0.05), (40.0, "H0", 0.1)])
def test_a_sequential_test_errs_as_often_as_it_may(elo: float, wrong: str, chance: float) -> None:
    """Where a hypothesis is just true, the other one is accepted with its error's probability, and no longer."""
    test, runs, rng = SequentialTest(0, 40, 0.05, 0.1), 1500, np.random.default_rng(7)
    counts, verdict = np.zeros((runs, 5)), np.zeros(runs, int)
    for _ in range(400):
        open_ = np.flatnonzero(verdict == 0)
        if not len(open_):
            break
        counts[open_] += rng.multinomial(10, distribution(elo), len(open_))
        ratio = test.ratio(counts[open_])
        low, high = test.bounds
        verdict[open_] = np.where(ratio <= low, -1, np.where(ratio >= high, 1, 0))
    assert (verdict != 0).mean() > 0.999
    errors = (verdict == (1 if wrong == "H1" else -1)).mean()
    deviation = np.sqrt(chance * (1 - chance) / runs)
    assert chance / 3 < errors < chance + 3 * deviation  # looking every 10 openings oversteps: somewhat below


@pytest.mark.parametrize(("options", "message"), [
    ((10, 10, 0.05, 0.05), "--elo0 must be below --elo1"), ((0, float("nan"), 0.05, 0.05), "--elo0 must be below"),
    ((0, 5, 0.5, 0.05), "--alpha and --beta"), ((0, 5, 0.05, 0), "--alpha and --beta"),
    ((0, 5000, 0.05, 0.05), "from -1000 to 1000"),
])  # fmt: skip
def test_what_is_no_test_is_refused(options: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SequentialTest(*options).check()


def test_wilson_intervals() -> None:
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, table I, method 3
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)
    assert wilson(0, 0) == (0, 1)
