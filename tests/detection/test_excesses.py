from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from streamgmm.detection.excesses import ExcessLaw
from tests.detection.streams import Array


def ordered(distribution: stats.rv_continuous, n: int, seed: int) -> Array:
    return np.sort(distribution.rvs(size=n, random_state=np.random.default_rng(seed)))


def zhang_stephens(y: Array) -> float:
    """Return the shape by Zhang & Stephens (2009), with their own number of points."""
    n, m = len(y), 20 + int(np.sqrt(len(y)))
    j = np.arange(1, m + 1) - 0.5
    theta = 1 / y[-1] + (1 - np.sqrt(m / j)) / (3 * y[int(n / 4 + 0.5) - 1])
    k = -np.log1p(-theta[:, None] * y).mean(axis=1)
    likelihood = n * (np.log(theta / k) + k - 1)
    weight = np.exp(likelihood - likelihood.max())
    return float(np.log1p(-(theta * weight).sum() / weight.sum() * y).mean())


@pytest.mark.parametrize("shape", [-0.4, -0.1, 0.0, 0.3, 0.7, 1.2])
@pytest.mark.parametrize("n", [200, 2000])
def test_the_shape_is_that_of_the_published_estimator(shape: float, n: int) -> None:
    y = ordered(stats.genpareto(shape, scale=3.0), n, 1)
    law = ExcessLaw.fit(y)
    found = -float((law.points[2] / law.points[1]).sum())
    assert found == pytest.approx(zhang_stephens(y), abs=0.03)
    assert found == pytest.approx(shape, abs=4.0 * (1.0 + abs(shape)) / np.sqrt(n))


@pytest.mark.parametrize("shape", [-0.4, 0.0, 0.5, 1.0])
def test_alerts_keep_to_the_budget_in_the_mean_over_samples(shape: float) -> None:
    """The law is a mean over what the shape may be, so that its own errors are priced in."""
    true = stats.genpareto(shape)
    for probability in (0.1, 0.01, 0.002):
        reached = [
            true.sf(ExcessLaw.fit(ordered(true, 300, seed)).quantile(probability))
            for seed in range(60)
        ]
        assert 0.75 < np.mean(reached) / probability < 1.35


def test_a_tail_that_stops_dead_has_its_end_found() -> None:
    true = stats.uniform()
    reached = [ExcessLaw.fit(ordered(true, 700, seed)).quantile(0.01) for seed in range(30)]
    assert np.mean(true.sf(reached)) == pytest.approx(0.01, rel=0.3)


awkward: list[Callable[[], Array]] = [
    lambda: np.array([1e-300]),
    lambda: np.array([1e300]),
    lambda: np.array([1e-300, 1.0, 1e300]),
    lambda: np.full(100, 2.0),
    lambda: np.concatenate([np.full(99, 1e-9), [1e9]]),
]


@pytest.mark.parametrize("make", awkward)
def test_any_excesses_give_a_law(make: Callable[[], Array]) -> None:
    y = make()
    law = ExcessLaw.fit(y)
    assert law.points[2].sum() == pytest.approx(1.0)
    p = law.survival(np.array([0.0, *y, np.inf]))
    assert ((p >= 0.0) & (p <= 1.0)).all()
    assert (np.diff(p) <= 1e-12).all()
    assert p[0] == pytest.approx(1.0)


@given(st.floats(1e-9, 0.999), st.integers(0, 9), st.integers(1, 300))
@settings(max_examples=60)
def test_quantile_and_survival_agree(probability: float, seed: int, n: int) -> None:
    law = ExcessLaw.fit(np.sort(np.random.default_rng(seed).pareto(1.5, size=n) + 1e-9))
    at = law.quantile(probability)
    beside = law.survival(np.array([at, at * (1 - 1e-9)]))
    assert beside[0] <= probability * (1 + 1e-9)
    assert beside[1] >= probability * (1 - 1e-6)


def test_a_law_of_two_laws_does_not_agree() -> None:
    rng = np.random.default_rng(0)
    one = np.sort(rng.exponential(size=700))
    two = np.sort(np.concatenate([rng.exponential(size=600), rng.normal(900.0, 5.0, size=100)]))
    assert ExcessLaw.fit(one).agrees()
    assert not ExcessLaw.fit(two).agrees()
