from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, multivariate_t

from streamgmm.mixture import Rules, WarmUp
from tests.mixture.streams import COVARIANCES, UNCORRELATED, modes, placed, state_bytes, with_holes


def scores_of(warmup: WarmUp, X: np.ndarray) -> np.ndarray:
    scores = np.empty(len(X))
    for i, x in enumerate(X):
        scores[i] = warmup.score(x[None, :])[0]
        warmup.learn(x)
    return scores


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 5), st.sampled_from([0.0, 0.4]), st.integers(0, 99))
def test_every_score_is_finite_from_the_first_event_on(
    n: int, d: int, holes: float, seed: int
) -> None:
    X = modes(n, d, seed=seed)
    X = with_holes(X, holes, seed=seed) if holes else X
    warmup = WarmUp(n, d, Rules())
    scores = scores_of(warmup, X)
    assert np.isfinite(scores).all()
    assert (scores[:2] == 0.0).all()
    assert warmup.complete
    assert warmup.n_seen == n
    np.testing.assert_array_equal(warmup.rows, X)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_the_provisional_model_is_one_gaussian_with_a_prior(covariance: str) -> None:
    """After n events: d events of unit variance at the location, then the n, in frame units."""
    n, d = 128, 3
    X = np.random.default_rng(0).normal(size=(n, d)) @ np.array(
        [[1.0, 0.5, 0.0], [0.0, 2.0, 0.3], [0.0, 0.0, 0.1]]
    )
    rules = Rules(covariance=covariance, influence=float("inf"), correlation_shrinkage=0.0)
    warmup = WarmUp(1000, d, rules)
    scores_of(warmup, X)
    model = warmup.provisional
    assert model is not None
    Z = model.frame.to_frame(X)
    mean = Z.sum(axis=0) / (n + d)
    raw = (d * np.eye(d) + Z.T @ Z) / (n + d)
    Sigma = raw - np.outer(mean, mean)
    if covariance in UNCORRELATED:
        Sigma = Sigma * np.eye(d)
    if covariance == "spherical":
        Sigma = Sigma.trace() / d * np.eye(d)
    Sigma = Sigma + np.diag(model.frame.ridge)
    Y, slope = placed(model.frame, modes(20, d, seed=1))
    expected = slope - multivariate_normal(mean, Sigma).logpdf(Y)
    # the last renewal of a factor may lie a tolerance back
    fresh = model.with_rules(tolerance=0.0)
    np.testing.assert_allclose(fresh.score(modes(20, d, seed=1)), expected, rtol=1e-9)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_provisional_scores_are_those_of_student_s_t(covariance: str) -> None:
    """With as many degrees of freedom as there were events, far out and with holes too."""
    n, d = 64, 3
    X = modes(n, d)
    warmup = WarmUp(1000, d, Rules(covariance=covariance))
    scores_of(warmup, X)
    model = warmup.provisional
    assert model is not None
    mean, Sigma = model.means[0], model.covariances[0]
    Y = modes(20, d, seed=1)
    expected = -multivariate_t(mean, Sigma, df=n).logpdf(Y)
    np.testing.assert_allclose(warmup.score(Y), expected, rtol=1e-9)
    Y[:, 0] = np.nan
    C = 1.0 / np.linalg.inv(Sigma)[0, 0]
    expected = -multivariate_t(mean[1:], Sigma[1:, 1:], df=n).logpdf(Y[:, 1:])
    expected += 0.5 * np.log(2 * np.pi * np.e * C)
    np.testing.assert_allclose(warmup.score(Y), expected, rtol=1e-9)


@pytest.mark.parametrize("score", ["nll", "tail"])
def test_in_warm_up_too_the_farther_the_stranger(score: str) -> None:
    X = modes(64, 3)
    warmup = WarmUp(1000, 3, Rules(score=score))
    scores_of(warmup, X)
    model = warmup.provisional
    assert model is not None
    away = model.means + model.frame.scale * 10.0 ** np.arange(0, 90, 2)[:, None]
    assert (np.diff(warmup.score(away)) > 1.0).all()


def test_an_outlier_shows_in_warm_up_too() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    warmup = WarmUp(500, 2, Rules())
    scores = scores_of(warmup, X)
    assert warmup.score(np.array([[12.0, 12.0]]))[0] > scores.max() + 5.0


def test_saved_and_restored_it_goes_on_bit_for_bit() -> None:
    X = with_holes(modes(90, 3), 0.1)
    warmup = WarmUp(200, 3, Rules())
    scores_of(warmup, X[:37])
    other = WarmUp(200, 3, Rules())
    other.restore(warmup.state())
    assert scores_of(warmup, X[37:]).tobytes() == scores_of(other, X[37:]).tobytes()
    assert state_bytes(warmup.state()) == state_bytes(other.state())


def test_new_columns_are_missing_in_what_came_before() -> None:
    warmup = WarmUp(200, 2, Rules())
    X = modes(40, 2)
    scores_of(warmup, X)
    warmup.widen(1)
    np.testing.assert_array_equal(warmup.rows[:, :2], X)
    assert np.isnan(warmup.rows[:, 2]).all()
    assert np.isfinite(warmup.score(np.array([[50.0, 50.0, 7.0]]))[0])
    scores_of(warmup, modes(40, 3))
    assert warmup.fit(4, np.random.default_rng(0)).d == 3


def test_held_out_scores_come_from_fits_without_the_event() -> None:
    """One far event: the fit that saw it gives it a component, a fit without does not."""
    X = np.random.default_rng(0).normal(size=(150, 2))
    X[70] = 1e4
    warmup = WarmUp(150, 2, Rules(established=None))
    for x in X:
        warmup.learn(x)
    own = warmup.fit(8, np.random.default_rng(0)).score(X)
    held_out = warmup.held_out_scores(8, np.random.default_rng(0))
    assert held_out.shape == (150,)
    assert held_out[70] > 10 * own[70]
    assert np.median(held_out) > np.median(own)
