"""A frame that moves, and one that gets wider: scores stay what they were.

Exactly where the frame is linear before and after; else as it is close to each component's mean.
"""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.mixture import Frame, HalfLife, OnlineMixture, following
from tests.mixture.naive import VICINITY
from tests.mixture.streams import COVARIANCES, fitted, in_linear_part, modes, with_holes

# A spherical mixture is so in its frame only: what it says depends on the features' scales.
UNIT_FREE = ("full", "tied", "diag")


def elsewhere(frame: Frame, shift: np.ndarray, factor: np.ndarray) -> Frame:
    """Return the frame moved by so many of its scales and grown, with the same least variance."""
    return Frame(
        frame.location + shift * frame.scale, frame.scale * factor, frame.ridge / factor**2
    )


@pytest.mark.parametrize("covariance", UNIT_FREE)
def test_moving_the_frame_moves_no_score(covariance: str) -> None:
    """With ridge and frame expressed in the new units, the mixture is the same mixture."""
    mixture = fitted(modes(200, 3), 4, covariance=covariance, tolerance=0.0)
    mixture.learn(modes(100, 3, seed=1))
    X = modes(200, 3, seed=2)
    moved = elsewhere(mixture.frame, np.array([7.0, 17.0, -0.5]), np.array([3.0, 1e4, 0.9]))
    assert in_linear_part(mixture.frame, X)
    assert in_linear_part(moved, X)
    X = with_holes(X, 0.2)
    before, means, covariances = mixture.score(X), mixture.means, mixture.covariances
    mixture.move_frame(moved)
    np.testing.assert_allclose(mixture.score(X), before, rtol=1e-9)
    np.testing.assert_allclose(mixture.means, means, rtol=1e-12)
    np.testing.assert_allclose(mixture.covariances, covariances, rtol=1e-9, atol=1e-12)


def narrowed(mixture: OnlineMixture, width: float) -> OnlineMixture:
    """Return the mixture with every component that much narrower about its mean."""
    narrow = mixture.copy()
    narrow.set_statistics(
        mass=mixture.mass,
        weights=mixture.weights,
        counts=mixture.counts,
        means=mixture.frame.to_frame(mixture.means),
        scatters=mixture.scatters * width**2,
    )
    return narrow


@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_beyond_the_linear_part_the_mixture_stays_the_same_close_to_its_means(
    covariance: str,
) -> None:
    """What the densities differ by falls with the width of the components, for it is curvature.

    Without the rules that hold in coordinates of the frame: least variance and shrinkage.
    """
    rules = {"established": None, "shrinkage": 0.0}
    fit = fitted(modes(400, 2), 3, covariance=covariance, tolerance=0.0, **rules)
    fit.move_frame(Frame(fit.frame.location, fit.frame.scale, np.full(2, 1e-20)))
    moved = elsewhere(fit.frame, np.array([40.0, -3.0]), np.array([1.0, 0.125]))
    off = []
    for width in (1e-2, 1e-3, 1e-4):
        there = narrowed(fit, width)
        X = there.sample(200, np.random.default_rng(0))[0]
        assert not in_linear_part(moved, X)
        here = there.copy()
        there.move_frame(moved)
        np.testing.assert_allclose(there.means, here.means, rtol=1e-12)
        scale = np.outer(fit.frame.scale, fit.frame.scale)
        np.testing.assert_allclose(
            there.covariances / scale, here.covariances / scale, rtol=1e-5, atol=1e-9 * width**2
        )
        off.append(np.abs(there.score(X) - here.score(X)).max())
    assert off[0] < 1.0
    assert off[1] < 0.2 * off[0]
    assert off[2] < 0.2 * off[1]


@pytest.mark.parametrize("scales", [4.5, 20.0, 1e4, 1e6])
@pytest.mark.parametrize("covariance", UNIT_FREE)
def test_the_frame_follows_a_feature_that_has_left_it(covariance: str, scales: float) -> None:
    """A mixture whose frame has been left behind is put where it is what it would have been."""
    X = modes(300, 3)
    X[:, 1] = np.round(X[:, 1])  # a resolution well above the least one
    near = fitted(X, 3, covariance=covariance, tolerance=0.0)
    assert near.frame.ridge[1] > 2 * near.frame.ridge[0]
    assert not near.follow_frame()
    far = near.copy()
    far.move_frame(elsewhere(near.frame, np.array([0.0, -scales, 0.0]), np.ones(3)))

    assert far.follow_frame()

    Y = modes(100, 3, seed=2)
    assert in_linear_part(near.frame, Y)
    assert in_linear_part(far.frame, Y)
    assert abs(far.frame.location[1] - Y[:, 1].mean()) < 3 * far.frame.scale[1]
    np.testing.assert_array_equal(far.frame.location[[0, 2]], near.frame.location[[0, 2]])
    # so far off, coordinates of 64 bits are this far apart in scales
    digits = max(1e-9, 1e-14 * scales)
    np.testing.assert_allclose(far.score(Y), near.score(Y), rtol=digits)
    np.testing.assert_allclose(far.means, near.means, rtol=digits)
    np.testing.assert_allclose(far.covariances, near.covariances, rtol=digits, atol=1e-12)
    assert not far.follow_frame()


def test_what_has_drifted_is_normal_where_it_is_now() -> None:
    """Learned event by event over 1000 scales, the frame in tow, it fits as it did at home."""
    law = HalfLife(events=200)
    rng = np.random.default_rng(0)
    home = fitted(rng.normal(size=(300, 2)), 1, forgetting=law)
    mixture, moves = home.copy(), 0
    shift = np.array([0.0, 1000.0])
    for share in np.linspace(0.0, 1.0, 100):
        mixture.learn(rng.normal(size=(100, 2)) + share * shift)
        moves += mixture.follow_frame()
    mixture.learn(rng.normal(size=(6_000, 2)) + shift)
    moves += mixture.follow_frame()
    assert moves > 5
    assert not mixture.follow_frame()
    Y = rng.normal(size=(500, 2))
    assert in_linear_part(mixture.frame, Y + shift)
    assert mixture.score(Y + shift).mean() == pytest.approx(home.score(Y).mean(), abs=0.1)
    assert mixture.score(Y).min() > 2.0 * mixture.score(Y + shift).max()


def test_a_frame_that_grows_keeps_the_least_variance_in_its_own_units() -> None:
    """Scales a hundred times too small for what a feature does grow, and the sums with them."""
    near = fitted(modes(300, 3), 3, tolerance=0.0)
    small = near.copy()
    small.move_frame(elsewhere(near.frame, np.zeros(3), np.array([1.0, 0.01, 1.0])))
    before, moves = small.means, 0
    while small.follow_frame():
        moves += 1
        assert moves < 5
    assert moves > 0
    Y = modes(100, 3, seed=2)
    assert in_linear_part(near.frame, Y)
    assert in_linear_part(small.frame, Y)
    np.testing.assert_allclose(small.means, before, rtol=1e-12)
    scatters, expected = (
        m.scatters * np.outer(m.frame.scale, m.frame.scale) for m in (small, near)
    )
    np.testing.assert_allclose(scatters, expected, rtol=1e-9, atol=1e-12)
    ridge = near.frame.ridge * near.frame.scale**2
    np.testing.assert_allclose(small.frame.ridge * small.frame.scale**2, ridge, rtol=1e-9)
    np.testing.assert_allclose(small.score(Y), near.score(Y), rtol=1e-9)


def test_a_spherical_mixture_is_round_in_the_frame_that_it_has_moved_to() -> None:
    """Means and second moments are the same ones; with them the sphere moves back, too."""
    mixture = fitted(modes(200, 3), 4, covariance="spherical", tolerance=0.0)
    X, frame = modes(200, 3, seed=2), mixture.frame
    scores, means, covariances = mixture.score(X), mixture.means, mixture.covariances
    stretched = elsewhere(frame, np.full(3, -1.0), np.full(3, 16.0))
    assert in_linear_part(frame, X)
    assert in_linear_part(stretched, X)
    mixture.move_frame(stretched)  # all features alike: a sphere is still a sphere
    np.testing.assert_allclose(mixture.score(X), scores, rtol=1e-9)
    oblong = elsewhere(frame, np.zeros(3), np.array([4.0, 1.0, 0.75]))
    assert in_linear_part(oblong, means)
    mixture.move_frame(oblong)
    np.testing.assert_allclose(mixture.means, means, rtol=1e-12)
    ridge = frame.ridge * frame.scale**2
    variances = np.einsum("kii->ki", mixture.covariances) - ridge
    in_frame = variances / mixture.frame.scale**2
    np.testing.assert_allclose(in_frame, np.tile(in_frame[:, :1], 3), rtol=1e-9)
    mixture.move_frame(frame)
    np.testing.assert_allclose(mixture.covariances, covariances, rtol=1e-9, atol=1e-12)


def believing_as(mixture: OnlineMixture, d: int) -> OnlineMixture:
    """Return the mixture with the belief in the pooled shape that it would have of d features."""
    return mixture.with_rules(shrinkage=mixture.rules.shrinkage * d / mixture.d)


def test_a_spherical_mixture_lets_a_feature_in_at_the_variance_that_it_has() -> None:
    mixture = fitted(modes(200, 3), 4, covariance="spherical", tolerance=0.0)
    frame = Frame(np.array([5.0]), np.array([2.0]), np.array([1e-3]))
    wider = mixture.with_features(frame)
    as_wide = believing_as(mixture, 4).covariances
    np.testing.assert_allclose(wider.covariances[:, :3, :3], as_wide, rtol=1e-12)
    ours = wider.covariances[:, 3, 3] / 4.0 - 1e-3
    theirs = as_wide[:, 0, 0] / mixture.frame.scale[0] ** 2 - mixture.frame.ridge[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("shrinkage", [0.0, 10.0])
@pytest.mark.parametrize("covariance", UNIT_FREE)
def test_new_features_leave_the_old_ones_alone(covariance: str, shrinkage: float) -> None:
    """But for the belief in the pooled shape, of so many events a feature: there are more now."""
    d, added = 3, 2
    rules = {"covariance": covariance, "score": "nll_observed", "established": None}
    mixture = fitted(modes(200, d), 4, tolerance=0.0, shrinkage=shrinkage, **rules)
    frame = Frame(np.array([5.0, 1e6]), np.array([2.0, 0.25]), np.array([1e-3, 0.5]))
    wider = mixture.with_features(frame)
    assert wider.belief == pytest.approx(mixture.belief * (d + added) / d, rel=1e-12)
    mixture = believing_as(mixture, d + added)
    X = with_holes(modes(300, d, seed=1), 0.1)
    X = X[~np.isnan(X).all(axis=1)]
    missing = np.concatenate([X, np.full((len(X), added), np.nan)], axis=1)

    np.testing.assert_allclose(wider.score(missing), mixture.score(X), rtol=1e-10)

    mixture.learn(X)
    wider.learn(missing)
    np.testing.assert_allclose(wider.weights, mixture.weights, rtol=1e-9)
    np.testing.assert_allclose(wider.means[:, :d], mixture.means, rtol=1e-9)
    np.testing.assert_allclose(wider.means[:, d:], np.tile(frame.location, (4, 1)), rtol=1e-12)
    np.testing.assert_allclose(wider.scatters[:, :d, :d], mixture.scatters, rtol=1e-8, atol=1e-12)


def test_with_new_features_vicinities_are_wider_by_what_is_not_known_apart() -> None:
    """Support is of the mean distance a feature, and in new ones no mean is off another yet."""
    d, added = 3, 2
    mixture = fitted(modes(200, d), 6, tolerance=0.0, shrinkage=0.0)
    wider = mixture.with_features(Frame(np.zeros(added), np.ones(added), np.full(added, 1e-3)))
    assert (wider.support >= mixture.support - 1e-12).all()
    # as if only d of the d + added features had been looked at, over a vicinity that much wider
    means = mixture.frame.to_frame(mixture.means)
    tied = mixture.with_rules(shrinkage=1e12).shape_in_frame(0)[1]
    gap = means[:, None, :] - means[None, :, :]
    m2 = np.einsum("kji,il,kjl->kj", gap, np.linalg.inv(tied), gap)
    v = np.exp(-m2 / (2 * (d + added) * VICINITY**2)) @ mixture.weights
    np.testing.assert_allclose(wider.support, v / v.max(), rtol=1e-9)


@pytest.mark.parametrize("covariance", COVARIANCES)
@given(seed=st.integers(0, 10_000), scales=st.sampled_from([0.5, 2.0, 3.0, 6.0, 12.0]))
def test_the_quick_look_misses_no_feature_that_has_left(
    covariance: str, seed: int, scales: float
) -> None:
    """Where it lets the frame be, the quantiles of the traffic do so too."""
    rng = np.random.default_rng(seed)
    mixture = fitted(modes(200, 3), 5, covariance=covariance)
    moved = Frame(
        mixture.frame.location + scales * rng.normal(size=3) * mixture.frame.scale,
        mixture.frame.scale * np.exp(rng.normal(size=3)),
        mixture.frame.ridge,
    )
    mixture.move_frame(moved)
    thorough = mixture.copy()
    with mock.patch.object(following, "_may_leave", return_value=True):
        left = thorough.follow_frame()
    assert mixture.follow_frame() == left
    np.testing.assert_array_equal(mixture.frame.scale, thorough.frame.scale)
