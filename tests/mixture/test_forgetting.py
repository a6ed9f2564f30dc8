from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.mixture import Frame, HalfLife, OnlineMixture, PowerLaw, Rules, Stationary
from tests.mixture.streams import (
    COVARIANCES,
    PLAIN,
    UNCORRELATED,
    fitted,
    in_linear_part,
    learning_weights,
    modes,
    placed,
)


def gaussian(law: Any, d: int = 1, *, scale: float = 1.0) -> OnlineMixture:
    """Return one component that has seen nothing, its frame at 0 and of this scale."""
    frame = Frame(np.zeros(d), np.full(d, scale), np.full(d, 1e-3))
    return OnlineMixture(frame, 1, Rules(forgetting=law, **PLAIN))


def test_stationary_averages_all() -> None:
    X = modes(500, 3)
    mixture = gaussian(Stationary(), 3, scale=32.0)
    assert in_linear_part(mixture.frame, X)
    mixture.learn(X)
    assert mixture.mass == 500
    np.testing.assert_allclose(mixture.means[0], X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(mixture.scatters[0] * 32.0**2, np.cov(X.T, bias=True), rtol=1e-9)


def test_far_out_it_averages_on_the_logarithmic_scale() -> None:
    X = modes(500, 3)
    mixture = gaussian(Stationary(), 3)
    Z = placed(mixture.frame, X)[0]
    assert (np.abs(Z) > 5.0).any(axis=0).all()
    mixture.learn(X)
    np.testing.assert_allclose(mixture.frame.to_frame(mixture.means)[0], Z.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(mixture.scatters[0], np.cov(Z.T, bias=True), rtol=1e-9)


@given(st.integers(1, 200), st.integers(1, 100))
def test_half_life_in_events_halves_after_so_many_events(h: int, before: int) -> None:
    """Once an event is h events old it counts half: N and mu show it."""
    mixture = gaussian(HalfLife(events=h))
    mixture.learn(np.ones((before, 1)))
    old_mass = mixture.mass
    mixture.learn(np.zeros((h, 1)))
    decayed = old_mass / 2
    newer = sum(2.0 ** (-age / h) for age in range(h))
    assert mixture.mass == pytest.approx(decayed + newer, rel=1e-12)
    assert mixture.means[0, 0] == pytest.approx(decayed / (decayed + newer), rel=1e-9)


def test_half_life_in_seconds_halves_in_event_time_but_never_below_its_floor() -> None:
    mixture = gaussian(HalfLife(seconds=3600))
    mixture.start_clock(0.0)
    mixture.learn(np.zeros((8, 1)), time=np.zeros(8))
    mixture.learn(np.zeros((1, 1)), time=np.array([3600.0]))
    assert mixture.mass == pytest.approx(8 / 2 + 1, rel=1e-12)
    mixture.learn(np.zeros((1, 1)), time=np.array([10.0]))  # late: no time has passed
    mixture.learn(np.zeros((1, 1)), time=np.array([np.nan]))
    assert mixture.mass == pytest.approx(7, rel=1e-12)
    mixture.settle()
    mixture.learn(np.zeros((1, 1)), time=np.array([1e9]))  # a quiet night, and longer
    assert mixture.mass == pytest.approx(7 + 1, rel=1e-12)


def test_the_first_time_starts_the_clock() -> None:
    mixture = gaussian(HalfLife(seconds=1))
    mixture.learn(np.zeros((4, 1)))
    mixture.learn(np.zeros((1, 1)), time=np.array([1.7e9]))
    assert mixture.mass == 5


@pytest.mark.parametrize("alpha", [0.6, 0.8, 1.0])
def test_power_law_steps_fall_as_stated(alpha: float) -> None:
    mixture = gaussian(PowerLaw(alpha), scale=2.0)
    x = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0])
    mu = 0.0
    for n, value in enumerate(x, start=1):
        mixture.learn(np.array([[value]]))
        mu += n**-alpha * (value - mu)
        assert mixture.means[0, 0] == pytest.approx(mu, rel=1e-12)


def test_power_law_1_is_stationary() -> None:
    a = fitted(modes(150, 3), 4, forgetting=PowerLaw(1.0), tolerance=0.0)
    b = fitted(modes(150, 3), 4, forgetting=Stationary(), tolerance=0.0)
    X = modes(300, 3, seed=1)
    np.testing.assert_allclose(a.score_learn(X), b.score_learn(X), rtol=1e-10)


@pytest.mark.parametrize("law", [Stationary(), HalfLife(events=80, clock="common")], ids=str)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_with_one_common_decay_the_statistics_are_weighted_sums(covariance: str, law: Any) -> None:
    """Each event counts u_i r_ik times 2^(-(later weight) / h); so do the statistics at start."""
    n, d, K = 250, 3, 4
    rules = {**PLAIN, "covariance": covariance, "forgetting": law}
    mixture = fitted(modes(150, d), K, **rules)
    mass, weights, counts = mixture.mass, mixture.weights, mixture.counts
    mu, S = mixture.frame.to_frame(mixture.means), mixture.scatters
    X, u = modes(n, d, seed=1), learning_weights(n)

    r = np.empty((n, K))
    for i in range(n):
        r[i] = mixture.expect(X[i : i + 1])[1][0]
        mixture.learn(X[i : i + 1], weight=u[i : i + 1])

    rate = 0.0 if isinstance(law, Stationary) else math.log(2.0) / 80
    later = u.sum() - np.cumsum(u)
    left = u * np.exp(-rate * later)
    at_start = np.exp(-rate * u.sum())
    Z = mixture.frame.to_frame(X)
    N = at_start * mass + left.sum()
    n_k = at_start * counts + left @ r
    w = (at_start * mass * weights + left @ r) / N
    first = (at_start * counts[:, None] * mu + (left[:, None] * r).T @ Z) / n_k[:, None]
    raw = at_start * counts[:, None, None] * (S + mu[:, :, None] * mu[:, None, :])
    raw = raw + np.einsum("i,ik,ia,ib->kab", left, r, Z, Z)
    second = raw / n_k[:, None, None] - first[:, :, None] * first[:, None, :]
    if covariance in UNCORRELATED:
        second = second * np.eye(d)

    close = {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(mixture.mass, N, **close)
    np.testing.assert_allclose(mixture.counts, n_k, **close)
    np.testing.assert_allclose(mixture.weights, w, **close)
    np.testing.assert_allclose(mixture.frame.to_frame(mixture.means), first, **close)
    np.testing.assert_allclose(mixture.scatters, second, **close)


def test_a_component_without_events_keeps_its_shape() -> None:
    """On its own clock a mode that is gone for 40 half-lives still is where it was.

    On the common clock it has lost its mass, and whatever comes next would overwrite it.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2)) + np.where(np.arange(400) % 2 == 0, 0.0, 60.0)[:, None]
    kept = {}
    for clock in ("component", "common"):
        law = HalfLife(events=250, clock=clock)
        mixture = fitted(X, 2, forgetting=law, established=None, shrinkage=0.0)
        gone = int(mixture.means[:, 0].argmax())
        before = mixture.counts[gone]
        mixture.learn(rng.normal(size=(10_000, 2)))
        kept[clock] = mixture.counts[gone] / before
        assert abs(mixture.means[gone, 0] - 60.0) < 1.0
    assert kept["component"] == pytest.approx(1.0, abs=1e-6)
    assert kept["common"] < 1e-10


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PowerLaw(0.5), "above 0.5"),
        (lambda: PowerLaw(1.01), "at most 1"),
        (lambda: PowerLaw(math.nan), "alpha"),
        (HalfLife, "exactly one"),
        (lambda: HalfLife(events=1, seconds=1), "exactly one"),
        (lambda: HalfLife(events=0), "positive"),
        (lambda: HalfLife(seconds=math.inf), "positive"),
        (lambda: HalfLife(events=1, clock="wall"), "component"),
        (lambda: HalfLife(seconds=1, clock="common"), "events"),
    ],
)
def test_a_law_that_makes_no_sense_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
