"""The divergence of two mixtures against integrals and laws; the reference that follows one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from streamgmm.mixture import Frame, OnlineMixture, Rules, Stationary
from streamgmm.mixture.divergence import _tanh, follow, triangular_discrimination
from tests.mixture.streams import (
    COVARIANCES,
    PLAIN,
    Array,
    fitted,
    in_linear_part,
    modes,
    with_holes,
)


def mixture_of(weights: list[float], means: list[float]) -> OnlineMixture:
    """Return a mixture of Gaussians of unit variance on a line."""
    frame = Frame(np.zeros(1), np.ones(1), np.full(1, 1e-9))
    k = len(weights)
    mixture = OnlineMixture(frame, k, Rules(**PLAIN))
    mixture.set_statistics(
        mass=100.0,
        weights=np.array(weights),
        counts=100.0 * np.array(weights),
        means=np.array(means)[:, None],
        scatters=np.ones((k, 1, 1)),
    )
    return mixture


def density(weights: list[float], means: list[float], x: Array) -> Array:
    return sum(w * norm.pdf(x, m) for w, m in zip(weights, means, strict=True))


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (([1.0], [0.0]), ([1.0], [0.5])),
        (([1.0], [0.0]), ([1.0], [3.0])),
        (([0.5, 0.5], [0.0, 6.0]), ([0.98, 0.02], [0.0, 6.0])),
        (([0.7, 0.3], [0.0, 2.0]), ([0.3, 0.7], [-1.0, 2.0])),
    ],
)
def test_it_is_the_integral_it_estimates(p: Any, q: Any) -> None:
    x = np.linspace(-12.0, 18.0, 60_001)
    f, g = density(*p, x), density(*q, x)
    expected = 0.5 * np.trapezoid((f - g) ** 2 / (f + g), x)
    a, b = mixture_of(*p), mixture_of(*q)
    events = [m.sample(20_000, np.random.default_rng(0))[0] for m in (a, b)]
    assert triangular_discrimination(a, b, events[0]) == pytest.approx(expected, abs=0.01)
    assert triangular_discrimination(b, a, events[1]) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("d", [1, 8])
def test_zero_for_the_same_and_one_for_another(covariance: str, d: int) -> None:
    X = modes(300, d)
    here = fitted(X, 4, covariance=covariance)
    there = fitted(X + 1e3 * X.std(axis=0), 4, covariance=covariance)
    assert triangular_discrimination(here, here.copy(), X) == 0.0
    assert triangular_discrimination(here, there, X) == 1.0


def test_units_do_not_matter() -> None:
    X, scale = modes(300, 3), 2.0 ** np.array([-30, 0, 20])
    old, new = fitted(X[:150], 3), fitted(X, 3)
    expected = triangular_discrimination(new, old, X)
    assert 0.0 < expected < 1.0
    scaled = triangular_discrimination(fitted(X * scale, 3), fitted(X[:150] * scale, 3), X * scale)
    assert scaled == pytest.approx(expected, rel=1e-9)


def test_no_event_counts_for_more_than_one() -> None:
    """The wildest event moves the mean of n by 2 / n at most."""
    X = modes(300, 2)
    old, new = fitted(X[:150], 3), fitted(X, 3)
    calm = triangular_discrimination(new, old, X)
    wild = X.copy()
    wild[7] = 1e12
    assert triangular_discrimination(new, old, wild) == pytest.approx(calm, abs=2 / 300)


def test_what_is_missing_is_left_out() -> None:
    X = with_holes(modes(300, 3), 0.4)
    old, new = fitted(modes(150, 3), 3), fitted(modes(300, 3), 3)
    there = ~np.isnan(X).all(axis=1)
    some = triangular_discrimination(new, old, X)
    assert some == triangular_discrimination(new, old, X[there]) > 0.0
    assert triangular_discrimination(new, old, np.full((5, 3), np.nan)) == 0.0


def test_the_hyperbolic_tangent() -> None:
    x = np.concatenate([np.linspace(-25.0, 25.0, 5_001), [1e-12, -1e-300, 0.0, 1e300, -1e300]])
    np.testing.assert_allclose(_tanh(x), np.tanh(x), rtol=1e-9, atol=1e-15)


# ---- the reference -----------------------------------------------------------------------


def moments(mixture: OnlineMixture) -> tuple[Array, Array]:
    """Return mean (d,) and raw second moment (d, d) of a mixture, frame units, as S has them."""
    mu, w = mixture.frame.to_frame(mixture.means), mixture.weights
    second = mixture.scatters + mu[:, :, None] * mu[:, None, :]
    kind = mixture.covariance
    second = kind.unpack(kind.pack(second), mixture.d)
    return w @ mu, np.einsum("k,kij->ij", w, second)


@pytest.mark.parametrize("share", [0.25, 1.0])
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_following_goes_that_share_of_the_way_in_weights_and_moments(
    covariance: str, share: float
) -> None:
    mixture = fitted(modes(300, 3), 4, covariance=covariance, weight_floor=0.0)
    reference = mixture.copy()
    mixture.learn(modes(400, 3, seed=5) + 3.0)
    before, now = moments(reference), moments(mixture)
    weights = (1 - share) * reference.weights + share * mixture.weights
    mass = (1 - share) * reference.mass + share * mixture.mass
    follow(reference, mixture, share)
    np.testing.assert_allclose(reference.weights, weights, rtol=1e-12)
    assert reference.mass == pytest.approx(mass, rel=1e-12)
    for old, new, found in zip(before, now, moments(reference), strict=True):
        np.testing.assert_allclose(found, (1 - share) * old + share * new, rtol=1e-9, atol=1e-12)
    if share == 1.0:
        # the factors of a mixture lag behind its statistics: renewed, the two are the same
        renewed, X = mixture.with_rules(), modes(50, 3, seed=9)
        np.testing.assert_allclose(reference.score(X), renewed.score(X), rtol=1e-9)


def test_followed_all_the_way_a_steady_mixture_is_not_moved_by_what_it_believes() -> None:
    """N grows while nothing changes, and shapes borrow less of each other: no drift in that."""
    X = modes(4_000, 3, seed=5)
    mixture = fitted(X[:300], 4, forgetting=Stationary())
    reference = mixture.copy()
    mixture.learn(X[300:])
    assert mixture.belief < 0.1 * reference.belief
    follow(reference, mixture, 1.0)
    assert reference.belief == mixture.belief
    assert triangular_discrimination(mixture.with_rules(), reference, X) < 1e-9


def test_a_component_that_is_new_comes_in_with_its_share() -> None:
    mixture = fitted(modes(300, 2), 4, weight_floor=0.0)
    reference = mixture.copy()
    mixture.learn(modes(200, 2, seed=5))
    mixture.ids = mixture.ids + np.array([0, 100, 0, 0], dtype=np.uint64)
    w = 0.75 * np.where(np.arange(4) == 1, 0.0, reference.weights) + 0.25 * mixture.weights
    follow(reference, mixture, 0.25)
    np.testing.assert_allclose(reference.weights, w / w.sum(), rtol=1e-12)
    np.testing.assert_allclose(reference.means[1], mixture.means[1], rtol=1e-12)
    np.testing.assert_allclose(reference.scatters[1], mixture.scatters[1], rtol=1e-12)
    np.testing.assert_array_equal(reference.ids, mixture.ids)


def test_following_a_mixture_whose_frame_has_moved() -> None:
    mixture = fitted(modes(300, 2), 3)
    still, moved = mixture.copy(), mixture.copy()
    mixture.learn(modes(200, 2, seed=5))
    follow(still, mixture, 0.5)
    frame = mixture.frame
    X = modes(50, 2, seed=9)
    elsewhere = Frame(frame.location + frame.scale, frame.scale * 4.0, frame.ridge / 16.0)
    assert in_linear_part(frame, X)
    assert in_linear_part(elsewhere, X)
    mixture.move_frame(elsewhere)
    follow(moved, mixture, 0.5)
    np.testing.assert_allclose(moved.score(X), still.score(X), rtol=1e-9)


def test_what_cannot_be_followed_is_refused() -> None:
    reference = fitted(modes(200, 2), 3)
    for other in (fitted(modes(200, 3), 3), fitted(modes(200, 2), 4)):
        with pytest.raises(ValueError, match="both must be equal"):
            follow(reference, other, 0.5)
