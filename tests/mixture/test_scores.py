"""Each score against its definition, by scipy."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import chi2, multivariate_normal

from streamgmm.mixture import Frame, OnlineMixture, Rules
from tests.mixture.naive import GRADED, VICINITY, log_chi_squared_tail
from tests.mixture.streams import COVARIANCES, fitted, modes, placed, shapes, with_holes


def log_densities(mixture: OnlineMixture, X: np.ndarray) -> np.ndarray:
    """Return log N(x; mu_k, Sigma_k) (n, K), in the user's units."""
    Z, slope = placed(mixture.frame, X)
    densities = [multivariate_normal(mean, Sigma).logpdf(Z) for mean, Sigma in shapes(mixture)]
    return np.stack(densities, axis=1) - slope[:, None]


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_nll_full_is_the_negative_log_likelihood(covariance: str) -> None:
    mixture = fitted(modes(300, 3), 5, covariance=covariance, score="nll_full")
    mixture.learn(modes(300, 3, seed=1))
    X = np.concatenate([modes(200, 3, seed=2), modes(20, 3, seed=3) * 30.0])
    expected = -logsumexp(log_densities(mixture, X), b=mixture.weights, axis=1)
    np.testing.assert_allclose(mixture.score(X), expected, rtol=1e-9)
    plain = mixture.with_rules(score="nll", established=None)
    assert plain.score(X).tobytes() == mixture.with_rules(score="nll_full").score(X).tobytes()


def vicinity(mixture: OnlineMixture) -> np.ndarray:
    """Return the traffic in the vicinity of each component (K,), relative to the busiest."""
    means = np.array([mean for mean, _ in shapes(mixture)])
    tied = mixture.with_rules(covariance="full", shrinkage=1e12)
    _, Sigma = tied.shape_in_frame(0)
    gap = means[:, None, :] - means[None, :, :]
    m2 = np.einsum("kji,il,kjl->kj", gap, np.linalg.inv(Sigma), gap)
    v = np.exp(-m2 / (2 * means.shape[1] * VICINITY**2)) @ mixture.weights
    return v / v.max()


@pytest.mark.parametrize("established", ["graded", 0.0, 0.2, 1.0])
def test_nll_counts_established_behaviour_only(established: str | float) -> None:
    mixture = fitted(modes(300, 3), 9, established=established)
    mixture.learn(modes(300, 3, seed=1))
    mixture = mixture.with_rules()  # looks anew at who supports whom
    X = np.concatenate([modes(200, 3, seed=2), modes(20, 3, seed=3) * 30.0])
    w, support = mixture.weights, vicinity(mixture)
    np.testing.assert_allclose(mixture.support, support, rtol=1e-9, atol=1e-15)
    thresholds = GRADED if established == "graded" else [float(established)]
    levels = log_densities(mixture, X)
    per_threshold = []
    for c in thresholds:
        counted = support >= c
        per_threshold.append(-logsumexp(levels[:, counted], b=w[counted], axis=1))
    np.testing.assert_allclose(mixture.score(X), np.mean(per_threshold, axis=0), rtol=1e-9)


def test_a_handful_cannot_vouch_for_one_another() -> None:
    """A component of 2% of the heaviest one's weight does not lower the score of its events."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 2))
    X[:15] += 40.0
    mixture = fitted(X, 2)
    rare = X[:15].mean(axis=0, keepdims=True)
    assert mixture.with_rules(established=None).score(rare)[0] < 10.0
    assert mixture.score(rare)[0] > 100.0


@given(st.integers(1, 30), st.floats(-6.0, 8.0))
def test_tail_of_one_gaussian_is_the_chi_squared_tail(d: int, power: float) -> None:
    """From the middle to tails of e^-(10^16)."""
    mixture = one_gaussian(d)
    x = mixture.means + mixture.frame.scale * 10.0**power / np.sqrt(d)
    m2 = mixture.expect(x)[2][0, 0]
    score = mixture.score(x)[0]
    assert score == pytest.approx(-log_chi_squared_tail(m2, d), rel=1e-11, abs=2e-12)
    if m2 < 500:
        assert score == pytest.approx(-chi2.logsf(m2, d), rel=1e-9, abs=2e-12)


def one_gaussian(d: int) -> OnlineMixture:
    if d not in _GAUSSIANS:
        _GAUSSIANS[d] = fitted(np.random.default_rng(d).normal(size=(100, d)), 1, score="tail")
    return _GAUSSIANS[d]


_GAUSSIANS: dict[int, OnlineMixture] = {}


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("d", [1, 2, 3, 8])
def test_tail_is_the_mixture_of_the_tails(d: int, covariance: str) -> None:
    mixture = fitted(modes(400, d), 6, covariance=covariance, score="tail", established=None)
    X = np.concatenate([modes(200, d, seed=2), modes(20, d, seed=3) * 1.5])
    m2 = mixture.expect(X)[2]
    means, Sigma = (np.array(part) for part in zip(*shapes(mixture), strict=True))
    delta = placed(mixture.frame, X)[0][:, None, :] - means[None]
    inverse = np.linalg.inv(Sigma)
    np.testing.assert_allclose(
        m2, np.einsum("nki,kij,nkj->nk", delta, inverse, delta), rtol=1e-8, atol=1e-10
    )
    tails = np.array([[log_chi_squared_tail(v, d) for v in row] for row in m2])
    expected = -logsumexp(tails, b=mixture.weights, axis=1)
    np.testing.assert_allclose(mixture.score(X), expected, rtol=1e-10, atol=1e-12)


def test_tail_has_no_units() -> None:
    X = modes(300, 3)
    a = fitted(X, 4, score="tail")
    b = fitted(X * 1024.0, 4, score="tail")
    Y = with_holes(modes(100, 3, seed=1), 0.2)
    assert a.score(Y).tobytes() == b.score(Y * 1024.0).tobytes()


@pytest.mark.parametrize("score", ["nll", "nll_full", "tail"])
def test_expect_gives_likelihoods_whatever_the_score(score: str) -> None:
    mixture = fitted(modes(300, 3), 5, score=score)
    X = modes(100, 3, seed=1)
    likelihood, responsibilities, _ = mixture.expect(X)
    joint = log_densities(mixture, X) + np.log(mixture.weights)
    expected = logsumexp(joint, axis=1)
    np.testing.assert_allclose(likelihood, expected, rtol=1e-9)
    np.testing.assert_allclose(responsibilities, np.exp(joint - expected[:, None]), atol=1e-9)


@pytest.mark.parametrize("score", ["nll", "nll_full", "tail"])
def test_a_component_without_weight_takes_no_part(score: str) -> None:
    """Not even where it is the nearest one by far: only the weight floor keeps it from being so."""
    rules = Rules(score=score, weight_floor=0.0, shrinkage=0.0, established=None)
    frame = Frame(np.zeros(1), np.ones(1), np.full(1, 1e-3))

    def with_weights(weights: list[float], means: list[float]) -> OnlineMixture:
        K = len(weights)
        mixture = OnlineMixture(frame, K, rules)
        mixture.set_statistics(
            mass=10.0,
            weights=np.array(weights),
            counts=10.0 * np.array(weights),
            means=np.array(means)[:, None],
            scatters=np.ones((K, 1, 1)),
        )
        return mixture

    three = with_weights([0.5, 0.5, 0.0], [-100.0, 100.0, 0.0])
    two = with_weights([0.5, 0.5], [-100.0, 100.0])
    x = np.array([[1.0]])
    assert three.score(x)[0] == two.score(x)[0]
    np.testing.assert_array_equal(three.expect(x)[1][0], [*two.expect(x)[1][0], 0.0])
    three.learn(x)
    two.learn(x)
    np.testing.assert_array_equal(three.weights, [*two.weights, 0.0])
    np.testing.assert_array_equal(three.means[:2], two.means)


def test_scoring_is_reentrant() -> None:
    """Eight threads over one mixture give the bits that one gives."""
    mixture = fitted(modes(300, 6), 12)
    X = with_holes(modes(4000, 6, seed=1), 0.1)
    alone = mixture.score(X).tobytes()
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.append(mixture.score(X).tobytes()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [alone] * 8
