from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from streamgmm.mixture import Effort, Frame, OnlineMixture, Rules, estimate_frame, fit
from tests.mixture.streams import (
    COVARIANCES,
    PLAIN,
    fitted,
    modes,
    placed,
    state_bytes,
    with_holes,
)

REGULARISATION = 1e-3


def in_its_own_units(d: int, ridge: float) -> Frame:
    return Frame(np.zeros(d), np.ones(d), np.full(d, ridge))


def at(
    means: np.ndarray, covariances: np.ndarray, *, ridge: float, covariance: str
) -> OnlineMixture:
    """Return the plain mixture with even weights and these parameters in force."""
    K, d = means.shape
    mixture = OnlineMixture(
        in_its_own_units(d, ridge), K, Rules(**{**PLAIN, "covariance": covariance})
    )
    mixture.set_statistics(
        mass=1.0,
        weights=np.full(K, 1 / K),
        counts=np.full(K, 1 / K),
        means=means,
        scatters=covariances - ridge * np.eye(d),
    )
    return mixture


@pytest.mark.parametrize("rounds", [1, 30])
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_from_the_same_start_it_climbs_as_scikit_learn_does(covariance: str, rounds: int) -> None:
    """In the frame's coordinates; the likelihood differs by what a step there is worth."""
    K, d = 4, 3
    X = np.random.default_rng(0).normal(size=(350, d)) @ np.diag([1.0, 3.0, 0.5])
    X += np.random.default_rng(1).integers(0, 3, size=(350, 1)) * 2.5
    Z, slope = placed(in_its_own_units(d, REGULARISATION), X)
    assert slope.mean() > 0.01  # some of them far out
    means = Z[[0, 100, 200, 300]]
    covariances = np.tile(np.cov(Z.T) * np.eye(d), (K, 1, 1))

    mixture = at(means, covariances, ridge=REGULARISATION, covariance=covariance)
    for _ in range(rounds):
        mixture.engine.expectation_maximisation(X, np.ones(len(X)))

    precisions = np.linalg.inv(covariances)
    reference = GaussianMixture(
        K,
        covariance_type=covariance,
        tol=0.0,
        reg_covar=REGULARISATION,
        max_iter=rounds,
        weights_init=np.full(K, 1 / K),
        means_init=means,
        precisions_init={
            "full": precisions,
            "tied": precisions[0],
            "diag": np.einsum("kii->ki", precisions).copy(),
            "spherical": d / np.einsum("kii->k", covariances),
        }[covariance],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        reference.fit(Z)

    likelihood = reference.score(Z) - slope.mean()
    assert mixture.expect(X)[0].mean() == pytest.approx(likelihood, rel=1e-9)
    np.testing.assert_allclose(mixture.weights, reference.weights_, rtol=1e-6)
    found = mixture.frame.to_frame(mixture.means)
    np.testing.assert_allclose(found, reference.means_, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_a_fit_is_as_good_as_scikit_learn_s(covariance: str) -> None:
    """Seeds differ; with the rules off and a few starts both find the three modes."""
    X = modes(400, 3)
    frame = estimate_frame(X, resolution=False)
    rules = Rules(**{**PLAIN, "covariance": covariance})
    effort = Effort(starts=3, max_iter=300, tol=1e-7)
    mixture = fit(X, 3, frame=frame, rules=rules, rng=np.random.default_rng(0), effort=effort)
    reference = GaussianMixture(
        3, covariance_type=covariance, reg_covar=1e-3, n_init=3, tol=1e-7, max_iter=300,
        random_state=0,
    ).fit(frame.to_frame(X))  # fmt: skip
    likelihood = mixture.expect(X)[0].mean() + frame.log_scale
    # Both go a little past the maximum, as what is added to the diagonal is no part of EM.
    assert likelihood > reference.score(frame.to_frame(X)) - 1e-6
    assert likelihood == pytest.approx(reference.score(frame.to_frame(X)), rel=1e-3)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    covariance=st.sampled_from(COVARIANCES),
    components=st.integers(1, 9),
    d=st.integers(1, 4),
    holes=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 1000),
)
def test_with_the_rules_off_the_likelihood_never_falls(
    covariance: str, components: int, d: int, holes: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40 * components, d)) + 3.0 * rng.integers(0, 3, (40 * components, 1))
    X = with_holes(X, holes, seed=seed) if holes else X
    start = np.tile(4.0 * np.eye(d), (components, 1, 1))
    means = rng.normal(size=(components, d)) * 3.0
    mixture = at(means, start, ridge=1e-12, covariance=covariance)
    weight = rng.choice([0.5, 1.0, 2.0], size=len(X))
    climbed = [mixture.engine.expectation_maximisation(X, weight) for _ in range(25)]
    assert np.isfinite(climbed).all()
    # a component that has shrunk onto d events has no likelihood but what the ridge leaves it
    assume(np.linalg.eigvalsh(mixture.covariances).min() > 1e-6)
    steps = np.diff(climbed)
    assert steps.min() >= -1e-9 * np.abs(climbed).max()


def test_a_whole_weight_is_so_many_events() -> None:
    X = modes(200, 3)
    weight = np.random.default_rng(0).integers(0, 4, size=200)
    start = at(X[:3], np.tile(np.cov(X.T), (3, 1, 1)), ridge=1e-3, covariance="full")
    a, b = start.copy(), start.copy()
    repeated = np.repeat(X, weight, axis=0)
    for _ in range(5):
        a.engine.expectation_maximisation(X, weight.astype(float))
        b.engine.expectation_maximisation(repeated, np.ones(len(repeated)))
    np.testing.assert_allclose(a.means, b.means, rtol=1e-9)
    np.testing.assert_allclose(a.covariances, b.covariances, rtol=1e-8, atol=1e-12)
    assert a.mass == pytest.approx(weight.sum(), rel=1e-12)


def test_the_best_of_more_starts_is_no_worse() -> None:
    X = modes(300, 3, k=6)
    likelihood = [fitted(X, 6, seed=5, starts=starts).expect(X)[0].mean() for starts in (1, 4, 12)]
    assert likelihood == sorted(likelihood)


def test_the_same_seed_gives_the_same_bits() -> None:
    X = with_holes(modes(300, 3), 0.1)
    assert state_bytes(fitted(X, 5).state()) == state_bytes(fitted(X, 5).state())
    assert state_bytes(fitted(X, 5).state()) != state_bytes(fitted(X, 5, seed=1).state())


def test_components_of_one_fit_are_not_those_of_another() -> None:
    X = modes(300, 3)
    a, b = fitted(X, 5), fitted(X + 1.0, 5)
    assert len(set(a.ids.tolist()) | set(b.ids.tolist())) == 10
    np.testing.assert_array_equal(fitted(X, 1).ids, fitted(X + 1.0, 1).ids)


@pytest.mark.parametrize("rules", [{}, PLAIN], ids=["rules", "plain"])
@pytest.mark.parametrize(
    "X",
    [np.full((20, 2), 3.0), np.repeat([[0.0, 1.0], [5.0, 2.0]], 10, axis=0), np.zeros((1, 2))],
    ids=["constant", "two", "one"],
)
def test_fewer_distinct_events_than_components(X: np.ndarray, rules: dict[str, Any]) -> None:
    mixture = fitted(X, 8, **rules)
    far = np.array([[1e9, -1e9], [np.nan, 4.0], [np.nan, np.nan], [0.0, 0.0]])
    assert np.isfinite(mixture.score(np.concatenate([X, far]))).all()
    assert np.isfinite(mixture.score_learn(np.concatenate([X, far, X]))).all()
    assert abs(mixture.weights.sum() - 1.0) < 1e-12


def test_weights_of_a_fit_keep_their_floor() -> None:
    mixture = fitted(np.full((20, 2), 3.0), 8, weight_floor=0.01)
    assert mixture.weights.min() >= 0.01 / 8 * (1 - 1e-12)
