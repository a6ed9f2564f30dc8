"""A frame that moves, and one that gets wider: scores stay what they were."""

from __future__ import annotations

import numpy as np
import pytest

from streamgmm.mixture import OnlineMixture
from tests.mixture.streams import fitted, modes, with_holes

# A spherical mixture is so in its frame only: what it says depends on the features' scales.
UNIT_FREE = ("full", "tied", "diag")


@pytest.mark.parametrize("covariance", UNIT_FREE)
def test_moving_the_frame_moves_no_score(covariance: str) -> None:
    """With ridge and frame expressed in the new units, the mixture is the same mixture."""
    mixture = fitted(modes(200, 3), 4, covariance=covariance, tolerance=0.0)
    mixture.learn(modes(100, 3, seed=1))
    X = with_holes(modes(200, 3, seed=2), 0.2)
    before, means, covariances = mixture.score(X), mixture.means, mixture.covariances
    frame = mixture.frame
    factor = np.array([3.0, 1e4, 1e-5])
    moved = type(frame)(
        frame.location + 17.0 * frame.scale, frame.scale * factor, frame.ridge / factor**2
    )
    mixture.move_frame(moved)
    np.testing.assert_allclose(mixture.score(X), before, rtol=1e-9)
    np.testing.assert_allclose(mixture.means, means, rtol=1e-12)
    np.testing.assert_allclose(mixture.covariances, covariances, rtol=1e-9, atol=1e-12)


def drifted(mixture: OnlineMixture, feature: int, scales: float) -> OnlineMixture:
    """Return the mixture with all it knows of a feature moved by so many scales."""
    moved = mixture.copy()
    means = mixture.frame.to_frame(mixture.means)
    means[:, feature] += scales
    moved.set_statistics(
        mass=mixture.mass,
        weights=mixture.weights,
        counts=mixture.counts,
        means=means,
        scatters=mixture.scatters,
    )
    return moved


@pytest.mark.parametrize("covariance", UNIT_FREE)
def test_the_frame_follows_a_feature_that_has_left_it(covariance: str) -> None:
    X = modes(300, 3)
    X[:, 1] = np.round(X[:, 1])  # a resolution well above the least one
    near = fitted(X, 3, covariance=covariance, tolerance=0.0)
    assert not near.follow_frame()
    far = drifted(near, 1, 1e4)
    Y = modes(100, 3, seed=2)
    Y[:, 1] += 1e4 * near.frame.scale[1]
    scores, means, covariances = far.score(Y), far.means, far.covariances
    np.testing.assert_allclose(scores, near.score(modes(100, 3, seed=2)), rtol=1e-8)

    assert far.follow_frame()

    assert abs(far.frame.location[1] - Y[:, 1].mean()) < 3 * far.frame.scale[1]
    np.testing.assert_allclose(far.score(Y), scores, rtol=1e-9)
    np.testing.assert_allclose(far.means, means, rtol=1e-12)
    np.testing.assert_allclose(far.covariances, covariances, rtol=1e-9, atol=1e-12)
    assert not far.follow_frame()


def test_a_frame_that_grows_keeps_the_least_variance_in_its_own_units() -> None:
    """The state moves exactly, and what the model says with it."""
    near = fitted(modes(300, 3), 3, tolerance=0.0)
    far = drifted(near, 1, 1e4)
    means, scatters = far.means, far.scatters * np.outer(far.frame.scale, far.frame.scale)
    Y = modes(100, 3, seed=2)
    Y[:, 1] += 1e4 * near.frame.scale[1]
    scores = far.score(Y)
    assert far.follow_frame()
    np.testing.assert_allclose(far.means, means, rtol=1e-12)
    moved = far.scatters * np.outer(far.frame.scale, far.frame.scale)
    np.testing.assert_allclose(moved, scatters, rtol=1e-12)
    ridge = near.frame.ridge * near.frame.scale**2
    np.testing.assert_allclose(far.frame.ridge * far.frame.scale**2, ridge, rtol=1e-9)
    np.testing.assert_allclose(far.score(Y), scores, rtol=1e-6)


def test_a_spherical_mixture_is_round_in_the_frame_that_it_has_moved_to() -> None:
    """Means and second moments are the same ones; with them the sphere moves back, too."""
    mixture = fitted(modes(200, 3), 4, covariance="spherical", tolerance=0.0)
    X, frame = modes(200, 3, seed=2), mixture.frame
    scores, means, covariances = mixture.score(X), mixture.means, mixture.covariances
    stretched = type(frame)(frame.location - 1.0, frame.scale * 16.0, frame.ridge / 256.0)
    mixture.move_frame(stretched)  # all features alike: a sphere is still a sphere
    np.testing.assert_allclose(mixture.score(X), scores, rtol=1e-9)
    factor = np.array([4.0, 1.0, 0.25])
    mixture.move_frame(type(frame)(frame.location, frame.scale * factor, frame.ridge / factor**2))
    np.testing.assert_allclose(mixture.means, means, rtol=1e-12)
    ridge = frame.ridge * frame.scale**2
    variances = np.einsum("kii->ki", mixture.covariances) - ridge
    in_frame = variances / mixture.frame.scale**2
    np.testing.assert_allclose(in_frame, np.tile(in_frame[:, :1], 3), rtol=1e-9)
    mixture.move_frame(frame)
    np.testing.assert_allclose(mixture.covariances, covariances, rtol=1e-9, atol=1e-12)


def test_a_spherical_mixture_lets_a_feature_in_at_the_variance_that_it_has() -> None:
    mixture = fitted(modes(200, 3), 4, covariance="spherical", tolerance=0.0)
    frame = type(mixture.frame)(np.array([5.0]), np.array([2.0]), np.array([1e-3]))
    wider = mixture.with_features(frame)
    np.testing.assert_allclose(wider.covariances[:, :3, :3], mixture.covariances, rtol=1e-12)
    ours = wider.covariances[:, 3, 3] / 4.0 - 1e-3
    theirs = mixture.covariances[:, 0, 0] / mixture.frame.scale[0] ** 2 - mixture.frame.ridge[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("covariance", UNIT_FREE)
def test_new_features_leave_the_old_ones_alone(covariance: str) -> None:
    d, added = 3, 2
    rules = {"covariance": covariance, "score": "nll_observed"}
    mixture = fitted(modes(200, d), 4, tolerance=0.0, **rules)
    frame = type(mixture.frame)(np.array([5.0, 1e6]), np.array([2.0, 0.25]), np.array([1e-3, 0.5]))
    wider = mixture.with_features(frame)
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
