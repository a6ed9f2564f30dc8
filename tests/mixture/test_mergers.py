"""What changes of structure cost, and which mergers are made."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamgmm.mixture.mergers import (
    _in_force,
    _lost_by_merging,
    cheapest_merge,
    cheapest_retirement,
    log_determinants,
    merge_costs,
    simplify,
)
from streamgmm.mixture.structure import merge, retire
from tests.mixture.streams import COVARIANCES, fitted, modes, with_holes
from tests.mixture.test_structure import parts_of


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_determinants_are_those_of_numpy(covariance: str) -> None:
    parts = parts_of(3, 4, covariance)
    S = parts.covariance.unpack(parts.scatters, 4)
    np.testing.assert_allclose(
        log_determinants(parts, parts.scatters), np.linalg.slogdet(S)[1], rtol=1e-9
    )


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_merges_are_weighed_by_the_covariances_in_force(covariance: str) -> None:
    mixture = fitted(modes(400, 3), 5, covariance=covariance)
    mixture.learn(modes(300, 3, seed=1))
    mixture.components = retire(mixture.components, 1)  # renews the factors
    parts = mixture.components
    packed = _in_force(mixture, parts)
    scale = np.outer(mixture.frame.scale, mixture.frame.scale)
    np.testing.assert_allclose(
        parts.covariance.unpack(packed, 3), mixture.covariances / scale, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_a_merge_costs_what_the_bound_says(covariance: str) -> None:
    """And the bound is one: sampled, the merged mixture is no farther from the present one."""
    mixture = fitted(modes(400, 2), 5, covariance=covariance, established=None)
    w, mu, Sigma = mixture.weights, mixture.means, mixture.covariances
    frame = np.outer(mixture.frame.scale, mixture.frame.scale)
    X = mixture.sample(40_000, np.random.default_rng(0))[0]
    for i, j in [(0, 1), (2, 4)]:
        cost = merge_costs(mixture, [(i, j)])[0]
        a, b = w[[i, j]] / (w[i] + w[j])
        both = a * Sigma[i] + b * Sigma[j] + a * b * np.outer(mu[i] - mu[j], mu[i] - mu[j])
        if covariance in ("diag", "spherical"):
            both = np.diag(np.diag(both))
        det = [np.linalg.slogdet(S / frame)[1] for S in (both, Sigma[i], Sigma[j])]
        expected = 0.5 * ((w[i] + w[j]) * det[0] - w[i] * det[1] - w[j] * det[2])
        assert cost == pytest.approx(expected, rel=0.1)
        if covariance in ("tied", "spherical"):
            continue  # the merged component is not of that shape: it costs more
        merged = mixture.copy()
        merged.components = merge(mixture.components, i, j)
        lost = (merged.score(X) - mixture.score(X)).mean()
        assert lost < 1.3 * cost + 0.01
    best, i, j = cheapest_merge(mixture)
    every = [(i, j) for i in range(5) for j in range(i)]
    assert best == pytest.approx(merge_costs(mixture, every).min(), rel=1e-9)


def test_it_is_cheapest_to_let_go_of_what_says_least() -> None:
    mixture = fitted(modes(400, 2), 5)
    parts = mixture.components
    weights = parts.weights.copy()
    weights[3] *= 1e-4
    mixture.set_statistics(
        mass=400.0, weights=weights / weights.sum(), counts=parts.counts, means=parts.means,
        scatters=mixture.scatters,
    )  # fmt: skip
    cost, k = cheapest_retirement(mixture)
    assert k == 3
    assert cost <= 30.0 * mixture.weights[3]
    mixture.accept(3)
    assert cheapest_retirement(mixture)[1] != 3
    alone = fitted(modes(100, 2), 1)
    assert math.isinf(cheapest_retirement(alone)[0])
    assert math.isinf(cheapest_merge(alone)[0])


# ---- as few as it takes ------------------------------------------------------------------


def three_behaviours(n: int, d: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(d).normal(size=(3, d)) * 6.0
    return centres[rng.integers(3, size=n)] + rng.normal(size=(n, d))


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("d", [1, 2, 5])
def test_a_behaviour_that_components_share_becomes_one(d: int, covariance: str) -> None:
    """Ordinary events then score as those of three Gaussians: no tail of half-established ones."""
    X, Y = three_behaviours(600, d), three_behaviours(4_000, d, 1)
    mixture = fitted(X, 16, covariance=covariance)
    many = mixture.copy()
    simplify(mixture, X, np.ones(600))
    assert mixture.components.occupied.sum() <= 4
    assert abs(mixture.weights.sum() - 1.0) < 1e-12
    score = mixture.score(Y)
    assert np.quantile(score, 0.98) - np.median(score) < 12.0
    assert np.quantile(score, 0.98) <= np.quantile(many.score(Y), 0.98) + 0.5


@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_what_is_apart_stays_apart(covariance: str) -> None:
    X = three_behaviours(600, 3) * 5.0
    mixture = fitted(X, 3, covariance=covariance, starts=5)
    before = mixture.ids.copy()
    simplify(mixture, X, np.ones(600))
    np.testing.assert_array_equal(mixture.ids, before)


@pytest.mark.parametrize("holes", [0.0, 0.2])
@pytest.mark.parametrize("covariance", ["full", "diag", "spherical"])
def test_the_loss_of_a_pair_is_that_of_the_merged_mixture(covariance: str, holes: float) -> None:
    """But for the shape of the others, which borrow a little from the wider pooled scatter."""
    X = modes(400, 3)
    X = with_holes(X, holes)[np.arange(400) != 200] if holes else X
    weight = np.random.default_rng(0).uniform(0.5, 2.0, size=len(X))
    mixture = fitted(X, 5, covariance=covariance, established=None, shrinkage=1e-6)
    mixture.components = mixture.components  # renews the factors
    pairs = [(0, 1), (3, 2)]
    lost = _lost_by_merging(mixture, X, weight, pairs)
    for (i, j), found in zip(pairs, lost, strict=True):
        merged = mixture.copy()
        merged.components = merge(mixture.components, i, j)
        worse = mixture.expect(X)[0] - merged.expect(X)[0]
        w = mixture.weights[i] + mixture.weights[j]
        expected = (weight * worse).sum() / weight.sum() / w
        assert found == pytest.approx(expected, rel=2e-3, abs=1e-4)
