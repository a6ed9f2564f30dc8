from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from streamgmm.detection import explain
from streamgmm.mixture import Frame
from tests.mixture.streams import COVARIANCES, Array, fitted, modes, placed, with_holes


def conditional(x: Array, mean: Array, Sigma: Array, i: int) -> tuple[float, float]:
    """Mean and variance of feature i given the other observed ones, by inverting their block."""
    others = [j for j in np.flatnonzero(~np.isnan(x)) if j != i]
    if not others:
        return mean[i], Sigma[i, i]
    unit = np.sqrt(np.diag(Sigma)[others])
    block = np.linalg.inv(Sigma[np.ix_(others, others)] / np.outer(unit, unit))
    gain = (Sigma[i, others] / unit) @ block
    e = mean[i] + gain @ ((x[others] - mean[others]) / unit)
    return e, Sigma[i, i] - gain @ (Sigma[others, i] / unit)


def in_user_units(frame: Frame, i: int, z: float) -> tuple[float, float]:
    """Value of feature i at z, and what a small step there is worth."""
    size = abs(z) if abs(z) <= 5.0 else 5.0 * np.exp(abs(z) / 5.0 - 1.0)
    step = frame.scale[i] * max(size / 5.0, 1.0)
    return frame.location[i] + frame.scale[i] * np.copysign(size, z), step


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_each_feature_against_what_the_others_let_expect(covariance: str) -> None:
    """By brute force, in the user's units, with and without missing values."""
    mixture = fitted(modes(500, 4), 3, covariance=covariance)
    X = with_holes(modes(40, 4, seed=1), 0.2)
    X = X[~np.isnan(X).all(axis=1)]
    X[::3] *= 1.5
    for x in X:
        found = explain(mixture, x)
        mean, Sigma = mixture.shape_in_frame(found.component)
        z = placed(mixture.frame, x[None])[0][0]
        observed = np.flatnonzero(~np.isnan(x))
        assert sorted(reason.feature for reason in found.reasons) == observed.tolist()
        for reason in found.reasons:
            i = reason.feature
            e, v = conditional(z, mean, Sigma, i)
            sd = np.sqrt(Sigma[i, i])
            given, m = (z[i] - e) / np.sqrt(v), (z[i] - mean[i]) / sd
            assert reason.value == x[i]
            user, step = in_user_units(mixture.frame, i, e)
            assert reason.expected == pytest.approx(user, rel=1e-9, abs=1e-9 * step * sd)
            assert reason.spread == pytest.approx(np.sqrt(v) * step, rel=1e-9)
            assert reason.surprise == pytest.approx(0.5 * given**2, rel=1e-9, abs=1e-9 * (1 + m**2))
            user, step = in_user_units(mixture.frame, i, mean[i])
            assert reason.usual == pytest.approx(user, rel=1e-12)
            assert reason.usual_spread == pytest.approx(sd * step, rel=1e-12)
            assert reason.alone == pytest.approx(0.5 * m**2, rel=1e-12)
        shares = [reason.share for reason in found.reasons]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1.0)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_the_distance_is_what_the_shares_are_of(covariance: str) -> None:
    """With the symmetric root of the correlations taken another way, from its inverse square."""
    mixture = fitted(modes(500, 4), 3, covariance=covariance)
    for x in modes(20, 4, seed=2) * 1.3:
        found = explain(mixture, x)
        mean, Sigma = mixture.shape_in_frame(found.component)
        z = placed(mixture.frame, x[None])[0][0]
        unit = np.sqrt(np.diag(Sigma))
        root = sqrtm(np.linalg.inv(Sigma / np.outer(unit, unit))).real
        terms = (root @ ((z - mean) / unit)) ** 2
        assert terms.sum() == pytest.approx(found.distance**2, rel=1e-9)
        for reason in found.reasons:
            expected = terms[reason.feature] / terms.sum()
            assert reason.share == pytest.approx(expected, rel=1e-7, abs=1e-9)


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


def test_two_features_that_say_the_same_and_moved_together_are_both_named() -> None:
    """Given the other, neither surprises; the distance is theirs all the same."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=2000)
    X = np.column_stack([a, a + 0.05 * rng.normal(size=2000), rng.normal(size=2000)])
    mixture = fitted(X, 1, correlation_shrinkage=0.0, shrinkage=0.0)
    found = explain(mixture, np.array([4.5, 4.5, 1.2]))
    assert found.reasons[0].feature != 2
    assert {reason.feature for reason in found.reasons[:2]} == {0, 1}
    assert all(reason.surprise < 3.0 for reason in found.reasons[:2])
    assert all(reason.alone > 8.0 for reason in found.reasons[:2])
    assert all(0.4 < reason.share < 0.5 for reason in found.reasons[:2])
    assert not found.reasons[0].given_rest
    assert " 4.5, usually " in str(found.reasons[0])
    broken = explain(mixture, np.array([2.0, -2.0, 0.0]))
    assert broken.reasons[0].given_rest
    assert str(broken.reasons[0]).endswith("given the rest")


def test_three_of_a_kind_against_a_fourth() -> None:
    """Values common one by one, and each as the next of its kind lets expect."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(4000, 1))
    X = a + 0.15 * rng.normal(size=(4000, 1)) * [1, 1, 1, 0] + 0.02 * rng.normal(size=(4000, 4))
    mixture = fitted(X, 1, correlation_shrinkage=0.0, shrinkage=0.0)
    found = explain(mixture, np.array([1.0, 1.0, 1.0, -1.0]))
    assert found.distance > 8.0
    assert found.reasons[0].feature == 3
    assert len(found.main) == 4, "the three have their part in it"
    assert all(reason.alone < 1.0 for reason in found.reasons)


def test_an_explanation_is_read_in_words() -> None:
    mixture = fitted(modes(500, 2), 1)
    typical = mixture.means[0]
    found = explain(mixture, typical + np.array([0.0, 20.0 * mixture.frame.scale[1]]))
    first, *lines = str(found).splitlines()
    assert first.endswith("standard deviations from component 0")
    assert lines[0].startswith("  1 ")
    assert "(" in lines[0]
    assert str(explain(mixture, np.full(2, np.nan))) == "nothing was observed"


def test_an_event_is_typical_of_a_behaviour_that_is_not_established_yet() -> None:
    """Close to the rare component: its; far from all, or of established behaviour: nobody's."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(3000, 2)), rng.normal(size=(20, 2)) * 0.3 + 50.0])
    mixture = fitted(X, 2, shrinkage=1e-4)
    rare = int(mixture.weights.argmin())
    assert not mixture.fully_established[rare]
    assert mixture.fully_established[1 - rare]
    near, far = np.array([50.2, 49.9]), np.array([50.0, 90.0])
    assert explain(mixture, near).behaviour == mixture.ids[rare]
    assert explain(mixture, far).behaviour is None
    assert explain(mixture, np.array([0.1, 0.1])).behaviour is None
    assert explain(mixture, np.array([np.nan, np.nan])).behaviour is None
    wide = fitted(X, 2, shrinkage=1e-4)
    wide._arrays["factor"] *= 0.01  # so wide that the established one explains the event as well
    assert explain(wide, near).behaviour is None
    mixture.accept(rare)
    assert mixture.fully_established[rare]
    assert explain(mixture, near).behaviour is None


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
