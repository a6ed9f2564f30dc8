from __future__ import annotations

import numpy as np
import pytest

from streamgmm.detection import explain
from tests.mixture.streams import COVARIANCES, fitted, modes, with_holes


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_each_feature_against_what_the_others_let_expect(covariance: str) -> None:
    """By the Schur complement of the other features, in the user's units."""
    mixture = fitted(modes(500, 4), 3, covariance=covariance)
    X = with_holes(modes(40, 4, seed=1), 0.2)
    X = X[~np.isnan(X).all(axis=1)]
    X[::3] *= 1.5
    for x in X:
        found = explain(mixture, x)
        mean, Sigma = mixture.means[found.component], mixture.covariances[found.component]
        assert np.array_equal(mixture.covariance_in_force(found.component), Sigma)
        observed = np.flatnonzero(~np.isnan(x))
        assert sorted(reason.feature for reason in found.reasons) == observed.tolist()
        for reason in found.reasons:
            i, others = reason.feature, [j for j in observed if j != reason.feature]
            e, v = mean[i], Sigma[i, i]
            if others:
                unit = np.sqrt(np.diag(Sigma)[others])
                correlation = Sigma[np.ix_(others, others)] / np.outer(unit, unit)
                gain = np.linalg.solve(correlation, Sigma[others, i] / unit)
                e = mean[i] + gain @ ((x[others] - mean[others]) / unit)
                v = Sigma[i, i] - gain @ (Sigma[others, i] / unit)
            assert reason.value == x[i]
            assert reason.expected == pytest.approx(e, rel=1e-7)
            assert reason.spread == pytest.approx(np.sqrt(v), rel=1e-7)
            assert reason.surprise == pytest.approx(0.5 * (x[i] - e) ** 2 / v, rel=1e-5, abs=1e-9)
        surprises = [reason.surprise for reason in found.reasons]
        assert surprises == sorted(surprises, reverse=True)


def test_the_feature_that_is_off_comes_first() -> None:
    mixture = fitted(modes(500, 4), 3)
    typical = mixture.means[mixture.weights.argmax()]
    for i in range(4):
        x = typical.copy()
        x[i] += 30.0 * mixture.frame.scale[i]
        found = explain(mixture, x)
        assert found.reasons[0].feature == i
        assert found.reasons[0].value > found.reasons[0].expected
        assert found.distance > 5.0


def test_a_broken_correlation_is_a_reason_though_each_value_is_usual() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=2000)
    X = np.column_stack([a, a + 0.1 * rng.normal(size=2000), rng.normal(size=2000)])
    mixture = fitted(X, 1)
    found = explain(mixture, np.array([1.5, -1.5, 0.0]))
    assert {found.reasons[0].feature, found.reasons[1].feature} == {0, 1}
    assert found.reasons[1].surprise > 5.0
    assert found.reasons[2].surprise < 1.0


def test_the_reference_is_the_nearest_established_component() -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(1000, 2)), rng.normal(size=(10, 2)) * 0.1 + 50.0])
    mixture = fitted(X, 2)
    rare = int(mixture.weights.argmin())
    found = explain(mixture, np.array([50.0, 50.0]))
    assert not mixture.established[rare]
    assert found.component != rare
    assert mixture.established[found.component]
    np.testing.assert_allclose(
        found.distance**2, mixture.expect(np.array([[50.0, 50.0]]))[2][0, found.component]
    )


def test_even_the_farthest_event_has_reasons() -> None:
    mixture = fitted(modes(300, 3), 5)
    found = explain(mixture, np.array([1e300, -1e300, 5.0]))
    assert np.isfinite([reason.expected for reason in found.reasons]).all()
    assert np.isfinite(found.distance)


def test_nothing_observed_has_no_reasons() -> None:
    found = explain(fitted(modes(300, 3), 5), np.full(3, np.nan))
    assert found.reasons == ()
    assert found.distance == 0.0
