"""Whose traffic counts for whom: the support of a component."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.mixture import Frame, OnlineMixture, Rules
from tests.mixture.naive import TENURE, VICINITY
from tests.mixture.streams import COVARIANCES, fitted, modes, state_bytes, with_holes

EVERY = 64  # events learned from one look to the next


def placed_at(
    means: list[list[float]], weights: list[float], *, spread: float = 1.0, **rules: Any
) -> OnlineMixture:
    """Return components of unit spread at these means, with these weights."""
    K, d = len(means), len(means[0])
    frame = Frame(np.zeros(d), np.ones(d), np.full(d, 1e-3))
    mixture = OnlineMixture(frame, K, Rules(**rules))
    mixture.set_statistics(
        mass=1_000.0,
        weights=np.array(weights),
        counts=1_000.0 * np.array(weights),
        means=np.array(means),
        scatters=np.tile(spread**2 * np.eye(d), (K, 1, 1)),
    )
    return mixture


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_two_halves_of_one_mode_vouch_for_one_another(covariance: str) -> None:
    """A mode counts as much whether one component describes it or four do."""
    near = 0.14 * VICINITY
    whole = placed_at([[0.0, 0.0], [4.0, 4.0]], [0.6, 0.4], covariance=covariance)
    quarters = placed_at(
        [[-near, 0.0], [near, 0.0], [0.0, near], [0.0, -near], [4.0, 4.0]],
        [0.15, 0.15, 0.15, 0.15, 0.4],
        covariance=covariance,
    )
    assert (quarters.support[:4] > 0.97).all()
    assert quarters.support[4] == pytest.approx(whole.support[1], abs=0.02)
    # by its weight alone a quarter would be a good third of what the other mode is
    assert quarters.fully_established.all()


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_a_cluster_far_off_has_the_support_of_its_own_traffic_only(covariance: str) -> None:
    far = placed_at(
        [[0.0, 0.0], [0.2 * VICINITY, 0.0], [50.0, 50.0]], [0.6, 0.39, 0.01], covariance=covariance
    )
    assert far.support[0] > 0.97
    assert far.support[2] == pytest.approx(0.01, rel=0.03)
    assert not far.established[2]


def test_close_by_is_as_a_gaussian_of_the_distance_a_feature() -> None:
    """v_k by hand, on the line: the pooled variance is 1 but for the ridge."""
    positions, weights = np.array([0.0, 0.7, 2.0, 6.0]) * VICINITY, np.array([0.4, 0.3, 0.2, 0.1])
    mixture = placed_at(positions[:, None].tolist(), weights.tolist())
    m2 = (positions[:, None] - positions[None, :]) ** 2 / 1.001
    v = np.exp(-m2 / (2 * VICINITY**2)) @ weights
    np.testing.assert_allclose(mixture.support, v / v.max(), rtol=1e-12)
    # in nine features alike, every one as far off, the same
    nine = placed_at(np.repeat(positions[:, None], 9, axis=1).tolist(), weights.tolist())
    np.testing.assert_allclose(nine.support, mixture.support, rtol=1e-12)


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 1_000))
def test_of_a_young_mixture_support_is_in_0_to_1_and_that_of_the_busiest_is_1(
    K: int, d: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(K, 0.3))
    weights[rng.random(K) < 0.3] = 0.0
    weights[rng.integers(K)] += 0.5
    weights /= weights.sum()
    mixture = placed_at((rng.normal(size=(K, d)) * 3).tolist(), weights.tolist())
    support = mixture.support
    assert support.max() == 1.0
    assert (support[weights > 0.0] > 0.0).all()
    np.testing.assert_array_equal(support[weights == 0.0], 0.0)
    # no less than what it brings itself, next to all there is
    assert (support >= weights * (1 - 1e-12)).all()


def test_an_empty_slot_has_none_and_gives_none() -> None:
    three = placed_at([[0.0], [3.0], [0.1]], [0.7, 0.3, 0.0])
    two = placed_at([[0.0], [3.0]], [0.7, 0.3])
    np.testing.assert_array_equal(three.support, [*two.support, 0.0])
    # not even an empty one of long standing counts
    assert not three.with_rules(established=None).established[2]


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_it_is_renewed_with_every_64th_event_learned(covariance: str) -> None:
    mixture = fitted(modes(300, 3), 6, covariance=covariance)
    looks = [mixture.support]
    X = with_holes(modes(3 * EVERY + 10, 3, seed=1), 0.1)
    u = np.ones(len(X))
    u[5] = 0.0  # scored but not learned, as is an event of which nothing is there
    learned = (u > 0) & ~np.isnan(X).all(axis=1)
    renewed = []
    for i in range(len(X)):
        mixture.learn(X[i : i + 1], weight=u[i : i + 1])
        looks.append(mixture.support)
        if (looks[-1] != looks[-2]).any():
            renewed.append(int(learned[: i + 1].sum()))
            # what is seen then are the statistics of then
            np.testing.assert_array_equal(mixture.with_rules().support, looks[-1])
    assert renewed == [EVERY, 2 * EVERY, 3 * EVERY]


def test_with_tolerance_0_it_is_renewed_with_every_event() -> None:
    mixture = fitted(modes(300, 3), 6, tolerance=0.0)
    for x in modes(20, 3, seed=1):
        before = mixture.support
        mixture.learn(x[None, :])
        assert (mixture.support != before).any()
        np.testing.assert_array_equal(mixture.with_rules().support, mixture.support)


def test_saved_between_two_looks_it_looks_again_when_it_would_have() -> None:
    mixture = fitted(modes(300, 3), 6)
    mixture.learn(modes(EVERY // 2, 3, seed=1))
    restored = OnlineMixture.from_state(mixture.state())
    np.testing.assert_array_equal(restored.support, mixture.support)
    stale = restored.with_rules().support
    assert (stale != mixture.support).any()  # what is saved is the look that was, not a new one
    X = modes(EVERY, 3, seed=2)
    for x in X:
        assert restored.score_learn(x[None, :]) == mixture.score_learn(x[None, :])
        np.testing.assert_array_equal(restored.support, mixture.support)
    assert state_bytes(restored.state()) == state_bytes(mixture.state())


@pytest.mark.parametrize("covariance", ["full", "tied", "diag"])
def test_units_do_not_matter(covariance: str) -> None:
    X, factor = modes(300, 3), 2.0 ** np.array([-30, 0, 20])
    a, b = (fitted(data, 6, covariance=covariance) for data in (X, X * factor))
    np.testing.assert_allclose(b.support, a.support, rtol=1e-9)


def rare_halves(tenures: list[float]) -> OnlineMixture:
    """Return all but 0.2% at the origin, and two halves of one rare behaviour far off."""
    mixture = placed_at([[0.0, 0.0], [40.0, 40.0], [40.0, 40.0]], [0.998, 0.001, 0.001])
    arrays = {"weights": mixture.weights, "counts": mixture.counts, "scatters": mixture.scatters}
    means = mixture.frame.to_frame(mixture.means)
    mixture.set_statistics(mass=1_000.0, means=means, tenure=np.array(tenures), **arrays)
    return mixture


def test_events_explained_count_for_the_vicinity_too() -> None:
    """A rare behaviour gets as old whether one component describes it or two do."""
    support = rare_halves([0.0, 1_000.0, 1_400.0]).support
    np.testing.assert_allclose(support, [1.0, 2_400.0 / TENURE, 2_400.0 / TENURE], rtol=1e-12)
    young = rare_halves([0.0, 1.0, 1.0]).support
    np.testing.assert_allclose(young[1:], 0.002 / 0.998, rtol=1e-9)


def test_what_is_accepted_vouches_for_itself_alone() -> None:
    mixture = rare_halves([0.0, np.inf, 10.0])
    assert mixture.support[1] == np.inf
    assert mixture.support[2] == pytest.approx(10.0 / TENURE, rel=1e-12)
    np.testing.assert_array_equal(mixture.established, [True, True, False])
