"""The compiled mixture against the naive recursion, event by event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from streamgmm.mixture import OnlineMixture
from streamgmm.mixture.rules import SCORES
from tests.mixture.naive import Naive, naive_copy
from tests.mixture.streams import (
    COVARIANCES,
    LAWS,
    UNCORRELATED,
    event_times,
    fitted,
    learning_weights,
    modes,
    with_holes,
)

EXACT = {"tolerance": 0.0}


def assert_same_statistics(mixture: OnlineMixture, naive: Naive, tolerance: float) -> None:
    close = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(mixture.mass, naive.mass, **close)
    np.testing.assert_allclose(mixture.weights, naive.w, **close)
    np.testing.assert_allclose(mixture.counts, naive.n, **close)
    np.testing.assert_allclose(mixture.tenure, naive.tenure, **close)
    support = np.maximum(naive.traffic(), naive.experience())
    np.testing.assert_allclose(mixture.support, support, **close)
    np.testing.assert_allclose(mixture.frame.to_frame(mixture.means), naive.mu, **close)
    S = naive.S
    if mixture.rules.covariance in UNCORRELATED:
        S = np.einsum("kii,ij->kij", S, np.eye(mixture.d))
    np.testing.assert_allclose(mixture.scatters, S, **close)
    # Not the scale: a component of one outlier has its mean beyond the frame's linear part.
    slope = mixture.frame.slope(naive.mu)
    scale = slope[:, :, None] * slope[:, None, :]
    np.testing.assert_allclose(mixture.covariances / scale, naive.Sigma, **close)


@pytest.mark.parametrize("holes", [0.0, 0.25], ids=["complete", "holes"])
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_with_tolerance_0_it_is_the_naive_recursion(
    covariance: str, law: Any, holes: float
) -> None:
    d, n = 3, 100
    mixture = fitted(modes(120, d), 5, covariance=covariance, forgetting=law, **EXACT)
    mixture.start_clock(1.7e9)
    naive = naive_copy(mixture)
    X = modes(n, d, seed=1)
    X[n // 4] += 300.0  # an outlier, so that bounded influence has something to bound
    X = with_holes(X, holes, seed=2) if holes else X
    u, t = learning_weights(n), event_times(n)

    expected = naive.score_learn(X, u, t)
    scores = mixture.score_learn(X, weight=u, time=t)

    scored = ~np.isnan(expected)
    assert scored.sum() > 0.95 * n
    np.testing.assert_allclose(scores[scored], expected[scored], rtol=1e-10, atol=1e-10)
    assert_same_statistics(mixture, naive, 1e-10)


rules_of_all_kinds = st.fixed_dictionaries(
    {
        "covariance": st.sampled_from(COVARIANCES),
        "forgetting": st.sampled_from(list(LAWS.values())),
        "score": st.sampled_from(list(SCORES)),
        "established": st.sampled_from(["graded", None, 0.0, 0.3, 1.0]),
        "shrinkage": st.sampled_from([0.0, 2.0, 100.0]),
        "correlation_shrinkage": st.sampled_from([0.0, 0.1, 1.0]),
        "influence": st.sampled_from([1.0, 30.0, float("inf")]),
        "weight_floor": st.sampled_from([0.0, 1e-4, 0.1]),
    }
)

ONE_OUTLIER = {
    "covariance": "full",
    "forgetting": LAWS["stationary"],
    "score": "nll",
    "established": "graded",
    "shrinkage": 0.0,
    "correlation_shrinkage": 0.0,
    "influence": 1.0,
    "weight_floor": 0.0,
}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rules=rules_of_all_kinds,
    components=st.integers(1, 9),
    d=st.integers(1, 5),
    holes=st.sampled_from([0.0, 0.4]),
    seed=st.integers(0, 1000),
)
@example(rules=ONE_OUTLIER, components=9, d=5, holes=0.0, seed=9)
def test_it_is_the_naive_recursion_under_any_rules(
    rules: dict[str, Any], components: int, d: int, holes: float, seed: int
) -> None:
    X = modes(180, d, seed=seed)
    mixture = fitted(X[:120], components, seed=seed, **rules, **EXACT)
    # A component without any weight has no logarithm of it; the naive recursion takes logarithms.
    assume((mixture.weights > 0.0).all())
    # some are established by what they have explained, under some of the thresholds
    mixture.set_statistics(
        mass=mixture.mass, weights=mixture.weights, counts=mixture.counts,
        means=mixture.frame.to_frame(mixture.means), scatters=mixture.scatters,
        tenure=np.random.default_rng(seed).choice([0.0, 800.0, 2_110.0, np.inf], size=components),
    )  # fmt: skip
    naive = naive_copy(mixture)
    Y = with_holes(X[120:], holes, seed=seed) if holes else X[120:]
    u, t = learning_weights(len(Y), seed=seed), event_times(len(Y), seed=seed)

    expected = naive.score_learn(Y, u, t)
    scores = mixture.score_learn(Y, weight=u, time=t)

    scored = ~np.isnan(expected)
    np.testing.assert_allclose(scores[scored], expected[scored], rtol=1e-8, atol=1e-8)
    assert_same_statistics(mixture, naive, 1e-8)
