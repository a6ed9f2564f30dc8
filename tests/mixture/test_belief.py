"""How much components borrow of the pooled shape: so many events a feature, of those that count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamgmm.mixture import Frame, HalfLife, OnlineMixture, Rules, Stationary
from streamgmm.mixture.warmup import WarmUp
from tests.mixture.streams import COVARIANCES, LAWS, Array, event_times, fitted, modes

KAPPA = Rules().shrinkage
WIDE, ROUND = 9.0 * np.eye(3), np.eye(3)


def of_shapes(mass: float, weights: list[float], **rules: Any) -> OnlineMixture:
    """Return a wide component and a round one, of these shares in so many events."""
    frame = Frame(np.zeros(3), np.ones(3), np.full(3, 1e-12))
    mixture = OnlineMixture(frame, 2, Rules(correlation_shrinkage=0.0, **rules))
    mixture.set_statistics(
        mass=mass,
        weights=np.array(weights),
        counts=mass * np.array(weights),
        means=np.zeros((2, 3)),
        scatters=np.stack([WIDE, ROUND]),
    )
    return mixture


def own_share(mixture: OnlineMixture, k: int, S: Array) -> float:
    """Return s of Sigma = s S + (1 - s) T for a mixture of WIDE and ROUND."""
    w = mixture.weights
    T = w[0] * WIDE + w[1] * ROUND
    return float((mixture.covariances[k] - T)[0, 0] / (S - T)[0, 0])


@pytest.mark.parametrize("covariance", ["full", "diag", "spherical"])
def test_what_a_component_borrows_is_decided_by_its_own_events(covariance: str) -> None:
    """n / (n + kappa d) of its shape is its own, be the others a hundred events or a million."""
    for n in (3.0, 30.0, 300.0):
        for others in (100.0, 1e4, 1e6):
            mass = n + others
            mixture = of_shapes(mass, [others / mass, n / mass], covariance=covariance)
            share = own_share(mixture, 1, ROUND)
            assert share == pytest.approx(n / (n + 3 * KAPPA), rel=1e-6)


@pytest.mark.parametrize("covariance", ["full", "diag", "spherical"])
def test_what_was_accepted_is_believed_after_as_many_events_as_features(covariance: str) -> None:
    """n / (n + d) of its shape is its own, at once: it was accepted, and not its surroundings."""
    for n in (1.0, 12.0, 300.0):
        mixture = of_shapes(1e4, [1.0 - n / 1e4, n / 1e4], covariance=covariance)
        mixture.accept(1)
        assert own_share(mixture, 1, ROUND) == pytest.approx(n / (n + 3.0), rel=1e-6)


def test_tied_borrows_everything_and_without_belief_nothing_is_borrowed() -> None:
    tied = of_shapes(100.0, [0.5, 0.5], covariance="tied")
    assert own_share(tied, 1, ROUND) == pytest.approx(0.0, abs=1e-9)  # the ridge is 1e-12
    alone = of_shapes(100.0, [0.5, 0.5], shrinkage=0.0)
    assert alone.belief == 0.0
    assert own_share(alone, 1, ROUND) == pytest.approx(1.0, rel=1e-9)


def test_of_less_than_one_event_the_belief_is_as_of_one() -> None:
    beliefs = [of_shapes(mass, [0.5, 0.5]).belief for mass in (0.0, 1e-300, 0.5, 1.0)]
    assert beliefs == [3 * KAPPA] * 4


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_it_follows_the_mass_under_every_law(law: Any) -> None:
    mixture = fitted(modes(150, 3), 4, forgetting=law)
    assert mixture.belief == pytest.approx(3 * KAPPA / 150, rel=1e-12)
    X, t = modes(600, 3, seed=1), event_times(600)
    for part in np.array_split(np.arange(600), 5):
        mixture.learn(X[part], time=t[part])
        assert mixture.belief == pytest.approx(3 * KAPPA / mixture.mass, rel=1e-12)
    if isinstance(law, HalfLife):  # what counts is of the order of the half-life, and no more
        assert mixture.belief > 3 * KAPPA / 300
    else:
        assert mixture.belief == pytest.approx(3 * KAPPA / 750, rel=1e-12)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_of_two_streams_together_it_is_of_the_events_of_both(covariance: str, law: Any) -> None:
    """1 / b adds up, and the factors are those of the merged statistics under it."""
    start = fitted(modes(150, 3), 4, covariance=covariance, forgetting=law)
    a, b = start.copy(), start.copy()
    a.learn(modes(200, 3, seed=1))
    b.learn(modes(100, 3, seed=2))
    merged = a.merge(b)
    assert 1.0 / merged.belief == pytest.approx(1.0 / a.belief + 1.0 / b.belief, rel=1e-12)
    np.testing.assert_array_equal(merged.factors, merged.with_rules().factors)


def test_the_warm_up_ends_with_the_belief_of_its_events() -> None:
    """Weights count: half-weight events are half as many."""
    for weight, events in ((1.0, 128), (0.5, 64)):
        warm_up = WarmUp(128, 3, Rules(forgetting=Stationary()))
        for x in modes(128, 3):
            warm_up.learn(x, weight)
        assert warm_up.provisional is not None
        assert warm_up.provisional.belief == 0.0  # a single Gaussian has nobody to borrow from
        mixture = warm_up.fit(4, np.random.default_rng(0))
        assert mixture.belief == pytest.approx(3 * KAPPA / events, rel=1e-12)
        np.testing.assert_array_equal(mixture.factors, mixture.with_rules().factors)
