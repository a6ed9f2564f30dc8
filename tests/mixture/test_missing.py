"""Missing values against explicit conditional Gaussians."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import chi2, multivariate_normal

from streamgmm.mixture import OnlineMixture, Stationary
from tests.mixture.streams import COVARIANCES, UNCORRELATED, fitted, modes, with_holes


def conditional(
    mean: np.ndarray, Sigma: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return E[x_m | x_o] and Cov[x_m | x_o] by the precision matrix of all features."""
    m = np.isnan(x)
    P = np.linalg.inv(Sigma)
    C = np.linalg.inv(P[np.ix_(m, m)])
    return mean[m] - C @ P[np.ix_(m, ~m)] @ (x[~m] - mean[~m]), C


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("missing", [[0], [2, 3], [0, 1, 3]])
def test_the_score_is_the_marginal_plus_the_conditional_entropy(
    covariance: str, missing: list[int]
) -> None:
    mixture = fitted(modes(400, 4), 5, covariance=covariance, established=None)
    X = modes(60, 4, seed=1)
    X[:, missing] = np.nan
    o = ~np.isnan(X[0])
    scores, (likelihood, responsibilities, _) = mixture.score(X), mixture.expect(X)
    for i, x in enumerate(X):
        joint, entropy = np.empty(5), np.empty(5)
        for k, (mean, Sigma) in enumerate(zip(mixture.means, mixture.covariances, strict=True)):
            marginal = multivariate_normal(mean[o], Sigma[np.ix_(o, o)])
            joint[k] = np.log(mixture.weights[k]) + marginal.logpdf(x[o])
            entropy[k] = multivariate_normal(*conditional(mean, Sigma, x)).entropy()
        r = np.exp(joint - logsumexp(joint))
        assert likelihood[i] == pytest.approx(logsumexp(joint), rel=1e-9)
        np.testing.assert_allclose(responsibilities[i], r, atol=1e-9)
        assert scores[i] == pytest.approx(-logsumexp(joint) + r @ entropy, rel=1e-9)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_what_is_missing_is_learned_as_it_is_expected_to_be(covariance: str) -> None:
    """mu moves by the filled-in event, S by that and the conditional covariance."""
    rules: dict[str, Any] = {"covariance": covariance, "forgetting": Stationary()}
    mixture = fitted(modes(200, 3), 1, tolerance=0.0, influence=float("inf"), **rules)
    scale = np.outer(mixture.frame.scale, mixture.frame.scale)
    for x in with_holes(modes(30, 3, seed=1), 0.4):
        if np.isnan(x).all():
            continue
        mean, Sigma, S = mixture.means[0], mixture.covariances[0], mixture.scatters[0] * scale
        eta = 1.0 / (mixture.counts[0] + 1.0)
        m = np.isnan(x)
        filled, C = x.copy(), np.zeros((3, 3))
        if m.any():
            filled[m], C[np.ix_(m, m)] = conditional(mean, Sigma, x)
            ridge = mixture.frame.ridge * mixture.frame.scale**2
            C -= np.diag(np.where(m, ridge, 0.0))  # S is Sigma without it
        delta = filled - mean
        expected = (1 - eta) * (S + eta * np.outer(delta, delta)) + eta * C
        mixture.learn(x[None, :])
        np.testing.assert_allclose(mixture.means[0], mean + eta * delta, rtol=1e-10)
        if covariance in UNCORRELATED:
            expected = expected * np.eye(3)
        np.testing.assert_allclose(
            mixture.scatters[0] * scale / scale, expected / scale, atol=1e-10
        )


@given(st.integers(0, 200), st.integers(1, 6))
def test_features_in_any_order_score_alike(seed: int, d: int) -> None:
    """Which columns are missing, first, last or between, is all one."""
    rng = np.random.default_rng(seed)
    X = modes(120, d, seed=seed)
    order = rng.permutation(d)
    a = fitted(X, 1)
    b = fitted(np.ascontiguousarray(X[:, order]), 1)
    Y = with_holes(modes(20, d, seed=seed + 1), 0.5, seed=seed)
    np.testing.assert_allclose(
        b.score(np.ascontiguousarray(Y[:, order])), a.score(Y), rtol=1e-9, atol=1e-9
    )


def test_nothing_observed_scores_the_model_s_entropy() -> None:
    mixture = fitted(modes(400, 3), 4, established=None)
    entropies = [
        multivariate_normal(mean, Sigma).entropy()
        for mean, Sigma in zip(mixture.means, mixture.covariances, strict=True)
    ]
    score = mixture.score(np.full((1, 3), np.nan))[0]
    assert score == pytest.approx(mixture.weights @ entropies, rel=1e-9)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_on_its_own_events_the_mean_score_does_not_depend_on_what_is_missing(
    covariance: str,
) -> None:
    mixture: OnlineMixture = fitted(
        modes(1000, 4), 3, covariance=covariance, established=None, correlation_shrinkage=0.0
    )
    X, _ = mixture.sample(40_000, np.random.default_rng(1))
    complete = mixture.score(X)
    for share in (0.25, 0.5):
        holed = np.where(np.random.default_rng(2).random(X.shape) < share, np.nan, X)
        assert mixture.score(holed).mean() == pytest.approx(complete.mean(), abs=0.3)


def test_tail_counts_the_dimensions_that_were_observed() -> None:
    mixture = fitted(modes(400, 3), 1, score="tail")
    X = with_holes(modes(50, 3, seed=1), 0.3)
    X = X[~np.isnan(X).all(axis=1)]
    m2 = mixture.expect(X)[2][:, 0]
    expected = -chi2.logsf(m2, (~np.isnan(X)).sum(axis=1))
    np.testing.assert_allclose(mixture.score(X), expected, rtol=1e-9, atol=1e-13)
    assert mixture.score(np.full((1, 3), np.nan))[0] == pytest.approx(0.0, abs=1e-12)
