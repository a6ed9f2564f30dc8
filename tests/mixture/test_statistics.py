from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamgmm.mixture import Frame, HalfLife, OnlineMixture, Rules, Stationary
from tests.mixture.streams import (
    COVARIANCES,
    LAWS,
    PLAIN,
    UNCORRELATED,
    fitted,
    in_linear_part,
    modes,
    state_bytes,
)


def nothing_seen(d: int, **rules: Any) -> OnlineMixture:
    frame = Frame(np.full(d, 50.0), np.full(d, 10.0), np.full(d, 1e-3))
    return OnlineMixture(frame, 1, Rules(**{**PLAIN, **rules}))


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_one_stationary_component_merged_is_one_that_learned_both(covariance: str) -> None:
    rules = {"covariance": covariance, "forgetting": Stationary()}
    A, B = modes(170, 3, seed=1), modes(90, 3, seed=2) + 3.0
    a, b, both = (nothing_seen(3, **rules) for _ in range(3))
    a.learn(A)
    b.learn(B)
    both.learn(A)
    both.learn(B)
    merged = a.merge(b)

    close = {"rtol": 1e-10, "atol": 1e-10}
    assert merged.mass == 260
    np.testing.assert_allclose(merged.weights, both.weights, **close)
    np.testing.assert_allclose(merged.counts, both.counts, **close)
    np.testing.assert_allclose(merged.means, both.means, **close)
    np.testing.assert_allclose(merged.scatters, both.scatters, **close)
    X = modes(50, 3, seed=3)
    np.testing.assert_allclose(merged.score(X), both.score(X), **close)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_merged_statistics_are_those_of_both_streams_together(covariance: str, law: Any) -> None:
    """w by N, mu and S by n_k: the raw weighted moments of the two simply add."""
    start = fitted(modes(150, 3), 5, covariance=covariance, forgetting=law)
    a, b = start.copy(), start.copy()
    a.learn(modes(200, 3, seed=1))
    b.learn(modes(100, 3, seed=2) + 2.0)
    merged = a.merge(b)

    def sums(m: OnlineMixture) -> list[np.ndarray]:
        mu = m.frame.to_frame(m.means)
        n = m.counts[:, None]
        raw = n[:, :, None] * (m.scatters + mu[:, :, None] * mu[:, None, :])
        if covariance in UNCORRELATED:
            raw = raw * np.eye(3)
        return [np.array(m.mass), m.mass * m.weights, m.counts, m.tenure, n * mu, raw]

    for ours, one, other in zip(sums(merged), sums(a), sums(b), strict=True):
        np.testing.assert_allclose(ours, one + other, rtol=1e-10, atol=1e-10)
    assert abs(merged.weights.sum() - 1.0) < 1e-12
    np.testing.assert_array_equal(merged.ids, start.ids)


def test_merge_does_not_care_which_one_is_first() -> None:
    start = fitted(modes(150, 3), 5, forgetting=Stationary())
    a, b = start.copy(), start.copy()
    a.learn(modes(200, 3, seed=1))
    b.learn(modes(100, 3, seed=2))
    X = modes(100, 3, seed=3)
    np.testing.assert_allclose(a.merge(b).score(X), b.merge(a).score(X), rtol=1e-10)


def test_merge_bridges_two_frames() -> None:
    start = fitted(modes(150, 3), 5, tolerance=0.0)
    a, b = start.copy(), start.copy()
    a.learn(modes(200, 3, seed=1))
    b.learn(modes(100, 3, seed=2))
    expected = a.merge(b)
    frame = b.frame
    b.move_frame(Frame(frame.location + 2.0 * frame.scale, frame.scale * 2.0, frame.ridge / 4.0))
    merged = a.merge(b)
    np.testing.assert_array_equal(merged.frame.location, a.frame.location)
    X = modes(100, 3, seed=3)
    np.testing.assert_allclose(merged.score(X), expected.score(X), rtol=1e-10)


@pytest.mark.parametrize("apart", [3.0, 30.0, 1e4])
@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_however_far_apart_two_streams_are_they_are_merged_where_the_frame_is_linear(
    covariance: str, apart: float
) -> None:
    """Two warm-ups of one component: mean and second moments are those of all the events.

    Of which none is in the logarithmic part of the frame of its own stream.
    """
    rules = {"covariance": covariance, "forgetting": Stationary(), "shrinkage": 0.0}
    A, B = (np.clip(modes(n, 2, seed=n, k=1), 44.0, 56.0) for n in (400, 150))
    B[:, 0] += apart * A[:, 0].std()
    a, b = (fitted(X, 1, influence=float("inf"), **rules) for X in (A, B))
    assert in_linear_part(a.frame, A)
    assert in_linear_part(b.frame, B)
    both, ridge = np.concatenate([A, B]), a.frame.ridge * a.frame.scale**2
    for merged in (a.merge(b), b.merge(a)):
        np.testing.assert_allclose(merged.means[0], both.mean(axis=0), rtol=1e-9)
        scale = np.outer(merged.frame.scale, merged.frame.scale)
        expected = np.cov(both.T, bias=True)
        if covariance == "diag":
            expected = np.diag(np.diag(expected))
        np.testing.assert_allclose(merged.scatters[0] * scale, expected, rtol=1e-8, atol=1e-9)
    # the least variance stays that of the first
    merged = a.merge(b)
    np.testing.assert_allclose(merged.frame.ridge * merged.frame.scale**2, ridge, rtol=1e-9)
    assert in_linear_part(merged.frame, both)


def test_merge_changes_neither() -> None:
    start = fitted(modes(150, 3), 5)
    a, b = start.copy(), start.copy()
    a.learn(modes(200, 3, seed=1))
    before = state_bytes(a.state()), state_bytes(b.state())
    merged = a.merge(b)
    merged.learn(modes(200, 3, seed=2))
    assert (state_bytes(a.state()), state_bytes(b.state())) == before


def test_nothing_is_the_neutral_element() -> None:
    a, nothing = nothing_seen(3), nothing_seen(3)
    a.learn(modes(100, 3))
    for merged in (a.merge(nothing), nothing.merge(a)):
        np.testing.assert_allclose(merged.means, a.means, rtol=1e-12)
        np.testing.assert_allclose(merged.scatters, a.scatters, rtol=1e-12)
        assert merged.mass == a.mass
    assert nothing.merge(nothing).mass == 0.0


def test_strangers_are_refused() -> None:
    a = fitted(modes(150, 3), 4)
    with pytest.raises(ValueError, match="features"):
        a.merge(fitted(modes(150, 2), 4))
    with pytest.raises(ValueError, match="must be equal"):
        a.merge(a.with_rules(forgetting=HalfLife(events=7)))
    with pytest.raises(ValueError, match="not the same ones"):
        a.merge(fitted(modes(150, 3, seed=9), 4))
    with pytest.raises(ValueError, match="not the same ones"):
        a.merge(fitted(modes(150, 3), 5))
