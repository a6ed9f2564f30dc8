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
from tests.mixture.naive import GRADED, as_far, naive_copy
from tests.mixture.streams import COVARIANCES, UNCORRELATED, fitted, modes, with_holes


def conditional(
    mean: np.ndarray, Sigma: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return E[x_m | x_o] and Cov[x_m | x_o] by the precision matrix of all features."""
    m = np.isnan(x)
    P = np.linalg.inv(Sigma)
    C = np.linalg.inv(P[np.ix_(m, m)])
    return mean[m] - C @ P[np.ix_(m, ~m)] @ (x[~m] - mean[~m]), C


MISSING = pytest.mark.parametrize("missing", [[0], [2, 3], [0, 1, 3]])


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_what_was_missing_before_changes_no_bit(covariance: str) -> None:
    """Of events in a row that miss the same columns something is computed but once."""
    mixture = fitted(modes(400, 4), 5, covariance=covariance)
    X = np.repeat(modes(40, 4, seed=1), 3, axis=0)
    columns = np.random.default_rng(0).integers(0, 2, size=(40, 4)).astype(bool)
    X[np.repeat(columns, 3, axis=0)] = np.nan
    X[::7] = modes(len(X[::7]), 4, seed=2)
    together, alone = mixture.expect(X), [mixture.expect(x[None]) for x in X]
    for i, part in enumerate(together):
        assert part.tobytes() == np.concatenate([one[i] for one in alone]).tobytes()


@pytest.mark.parametrize("covariance", COVARIANCES)
@MISSING
def test_responsibilities_and_likelihood_are_those_of_what_is_observed(
    covariance: str, missing: list[int]
) -> None:
    """`score="nll_observed"` is that likelihood, whatever is missing, in the user's units."""
    rules: dict[str, Any] = {"covariance": covariance, "established": None}
    mixture = fitted(modes(400, 4), 5, score="nll_observed", **rules)
    X = modes(60, 4, seed=1)
    X[:, missing] = np.nan
    o = ~np.isnan(X[0])
    scores, (likelihood, responsibilities, _) = mixture.score(X), mixture.expect(X)
    for i, x in enumerate(X):
        joint = [
            np.log(w) + multivariate_normal(mean[o], Sigma[np.ix_(o, o)]).logpdf(x[o])
            for w, mean, Sigma in zip(
                mixture.weights, mixture.means, mixture.covariances, strict=True
            )
        ]
        assert likelihood[i] == pytest.approx(logsumexp(joint), rel=1e-9)
        assert scores[i] == pytest.approx(-logsumexp(joint), rel=1e-9)
        np.testing.assert_allclose(responsibilities[i], np.exp(joint - logsumexp(joint)), atol=1e-9)


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("established", [None, "graded"])
@MISSING
def test_the_score_is_that_of_the_expected_event_moved_as_far_out(
    covariance: str, established: str | None, missing: list[int]
) -> None:
    """What is missing, as the most responsible component expects it; then m^2 grows with f."""
    mixture = fitted(modes(400, 4), 5, covariance=covariance, established=established)
    X = modes(60, 4, seed=1)
    X[:10] += 0.2 * (X[:10] - X.mean(axis=0))
    X[:, missing] = np.nan
    _, responsibilities, distances = mixture.expect(X)
    covariances, means, weights = mixture.covariances, mixture.means, mixture.weights
    thresholds = np.zeros(1) if established is None else GRADED
    naive, everything = naive_copy(mixture), np.ones(4, dtype=bool)
    for i, x in enumerate(X):
        k = int(responsibilities[i].argmax())
        filled = x.copy()
        filled[missing] = conditional(means[k], covariances[k], x)[0]
        m2 = distances[i, k]
        levels = np.array(
            [
                multivariate_normal(mean, Sigma).logpdf(filled)
                for mean, Sigma in zip(means, covariances, strict=True)
            ]
        )
        seen, in_all = naive.freedom(k, ~np.isnan(x)), naive.freedom(k, everything)
        levels -= 0.5 * (as_far(m2, seen, in_all) - m2)
        counted = [mixture.support >= c for c in thresholds]
        expected = -np.mean([logsumexp(levels[c], b=weights[c]) for c in counted])
        assert mixture.score(x[None, :])[0] == pytest.approx(expected, rel=1e-9)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(1e-4, 0.9999))
def test_as_far_out_is_as_unlikely(observed: int, missing: int, p: float) -> None:
    """Wilson and Hilferty's deviates against scipy's chi-squared quantiles, from 1 of d on."""
    d = observed + missing
    m2, m2_all = chi2.ppf(p, observed), chi2.ppf(p, d)
    spread = np.sqrt(2 * d)
    tolerance = 0.25 if p > 0.1 else 1.5  # near the mean of a component nobody looks
    assert as_far(m2, observed, d) == pytest.approx(m2_all, rel=0, abs=tolerance * spread)


@given(st.integers(1, 6), st.integers(0, 50))
def test_the_farther_out_the_stranger_whatever_is_missing(observed: int, seed: int) -> None:
    """Along a ray the score rises without end; at no point does a hidden field explain it away."""
    d = 6
    gaussian = one_gaussian(d)
    rng = np.random.default_rng(seed)
    steps = np.geomspace(1e-3, 1e9, 200)
    X = gaussian.means + steps[:, None] * rng.normal(size=d) * gaussian.frame.scale
    X[:, rng.permutation(d)[observed:]] = np.nan
    scores, m2 = gaussian.score(X), gaussian.expect(X)[2][:, 0]
    assert (np.diff(scores) > 0).all()
    at_mean = gaussian.score(gaussian.means)[0]
    assert (scores >= at_mean + 0.5 * m2 - 1e-9 * np.abs(scores)).all()


def one_gaussian(d: int) -> OnlineMixture:
    return fitted(np.random.default_rng(d).normal(size=(300, d)), 1)


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


def test_nothing_observed_scores_as_the_heaviest_component_does_on_average() -> None:
    mixture = fitted(modes(400, 3), 4, established=None)
    heaviest = mixture.weights.argmax()
    average = naive_copy(mixture).freedom(heaviest, np.ones(3, dtype=bool))
    expected = mixture.score(mixture.means[[heaviest]])[0] + average / 2
    assert mixture.score(np.full((1, 3), np.nan))[0] == pytest.approx(expected, rel=1e-12)


def as_explained(mixture: OnlineMixture, n: int, seed: int) -> np.ndarray:
    """Return n events that scatter as those that the components explained did."""
    rng = np.random.default_rng(seed)
    X = np.empty((n, mixture.d))
    which = rng.choice(mixture.n_components, size=n, p=mixture.weights / mixture.weights.sum())
    for k, S in enumerate(mixture.scatters * np.outer(mixture.frame.scale, mixture.frame.scale)):
        of_k = which == k
        X[of_k] = rng.multivariate_normal(mixture.means[k], S, size=of_k.sum())
    return X


def hidden(X: np.ndarray, missing: int) -> np.ndarray:
    """Return X without `missing` random fields of each event."""
    order = np.random.default_rng(2).random(X.shape).argsort(axis=1)
    return np.where(order < missing, np.nan, X)


@pytest.mark.parametrize("score", ["nll", "tail"])
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_on_its_own_events_scores_do_not_tell_what_is_missing(covariance: str, score: str) -> None:
    """Neither their mean nor their spread, nor how often they pass a high level.

    Where one covariance stands for unlike ones, m^2 spreads more than chi-squared does: with fewer
    fields rather fewer events are far out, never more.
    """
    least = 0.4 if covariance in ("tied", "spherical") else 1 / 1.5
    mixture: OnlineMixture = fitted(
        modes(1000, 4), 3, covariance=covariance, score=score, established=None
    )
    X = as_explained(mixture, 40_000, seed=1)
    complete = mixture.score(X)
    level = np.quantile(complete, 0.99)
    for missing in (1, 2):
        scores = mixture.score(hidden(X, missing))
        assert scores.mean() == pytest.approx(complete.mean(), abs=0.3)
        assert scores.std() == pytest.approx(complete.std(), rel=0.2)
        assert least < (scores > level).mean() / 0.01 < 1.5


@pytest.mark.parametrize("shared", [1, 3])
@pytest.mark.parametrize("shrinkage", [0.0, 0.2])
def test_nor_where_the_covariance_in_force_is_wider_than_the_events(
    shared: int, shrinkage: float
) -> None:
    """Ten features that few causes share have narrow directions, which the shrinkage widens.

    Were each feature a degree of freedom, half of them missing would alert 7 times as often.
    """
    d = 10
    rng = np.random.default_rng(shared)
    X = rng.normal(size=(45_000, shared)) @ rng.normal(size=(shared, d))
    X += 0.1 * rng.normal(size=X.shape)
    mixture = fitted(X[:5000], 1, established=None, correlation_shrinkage=shrinkage)
    complete = mixture.score(X[5000:])
    level = np.quantile(complete, 0.99)
    for missing in (1, d // 2):
        scores = mixture.score(hidden(X[5000:], missing))
        assert 1 / 1.5 < (scores > level).mean() / 0.01 < 1.5


def test_tail_of_one_gaussian_is_the_tail_of_what_was_observed() -> None:
    """As unlikely over all as what was observed is: to the accuracy of the deviates."""
    mixture = fitted(
        modes(400, 4), 1, score="tail", shrinkage=0.0, correlation_shrinkage=0.0, resolution=False
    )
    X = modes(300, 4, seed=1)
    X[:, 2] = np.nan
    m2 = mixture.expect(X)[2][:, 0]
    np.testing.assert_allclose(mixture.score(X), -chi2.logsf(m2, 3), atol=0.1, rtol=0.02)
