from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamgmm.detection.gate import Gate
from streamgmm.mixture import HalfLife, Stationary
from tests.detection.streams import Array, learner, run
from tests.mixture.streams import modes, with_holes


class NaiveGate:
    """The gate's rule, written down once more."""

    def __init__(self, q: float, s: float, tokens: float) -> None:
        self.q, self.s, self.tokens = q, s, tokens

    def __call__(self, score: float) -> float:
        above = score > self.q
        self.tokens += 0.02
        u = 1.0
        if above and self.tokens >= 1.0:
            self.tokens -= 1.0
            u = 0.1
        self.tokens = min(self.tokens, 50.0)
        away = min(abs(score - self.q), 5.0 * self.s)
        self.q += 0.05 * self.s * (float(above) - 0.02)
        self.s += 0.005 * (away - self.s)
        return u


def test_what_it_holds_back_is_learned_with_a_tenth() -> None:
    """The learner is its mixture under the naive gate's weights."""
    X, w = with_holes(modes(1500, 3), 0.1), np.random.default_rng(0).choice([1.0, 0.5, 0.0], 1500)
    X[100::30] *= 1.5
    gated = learner(3, forgetting=HalfLife(events=300))
    run(gated, X[:100])
    assert gated.ready
    mixture = gated.mixture.copy()
    gate = NaiveGate(*gated.gate.state.tolist())
    held = 0
    expected = np.empty(1400)
    for i, x in enumerate(X[100:]):
        expected[i] = mixture.score(x[None, :])[0]
        if np.isnan(x).all() or w[i] == 0.0:
            continue
        u = gate(expected[i])
        held += u < 1.0
        mixture.learn(x[None, :], weight=np.array([u * w[i]]))
    scores = run(gated, X[100:], w=w[:1400])
    assert held > 10
    np.testing.assert_allclose(scores, expected, rtol=1e-9)
    np.testing.assert_allclose(gated.gate.state, [gate.q, gate.s, gate.tokens], rtol=1e-7)


def held_back(X: Array) -> tuple[float, float]:
    """Return how many of the events after warm-up learned with a tenth, and how many came."""
    gated = learner(X.shape[1], forgetting=Stationary())
    run(gated, X[:100])
    before = gated.mixture.mass
    run(gated, X[100:])
    learned = gated.mixture.mass - before
    return (len(X) - 100 - learned) / 0.9, len(X) - 100


def test_at_most_a_fiftieth_is_held_back_whatever_comes() -> None:
    rng = np.random.default_rng(0)
    steady = rng.normal(size=(10_000, 2))
    drifting = steady + np.arange(10_000)[:, None] * 0.05
    alternating = steady * np.where(np.arange(10_000) % 3000 < 1500, 1.0, 50.0)[:, None]
    for X in (steady, drifting, alternating):
        held, n = held_back(X)
        assert held <= 0.02 * n + 50 + 1e-6
    assert held_back(steady)[0] > 0.01 * 9900


def test_a_change_of_level_is_learned_in_full_once_the_tokens_are_spent() -> None:
    rng = np.random.default_rng(0)
    gated = learner(2, forgetting=HalfLife(events=300))
    before = run(gated, rng.normal(size=(3000, 2)))
    after = run(gated, rng.normal(size=(3000, 2)) + 12.0)
    assert after[:10].mean() > before[-1000:].mean() + 15.0
    assert after[-500:].mean() < before[-1000:].mean() + 1.0


@pytest.mark.parametrize("quantile", [0.9, 0.98])
def test_it_starts_and_stays_near_its_quantile(quantile: float) -> None:
    gate = Gate(quantile)
    scores = np.random.default_rng(0).exponential(size=1001)
    gate.start(scores)
    assert np.mean(scores > gate.level) == pytest.approx(1 - quantile, abs=2e-3)
    gated = learner(3, gate=quantile)
    scores = run(gated, np.random.default_rng(1).normal(size=(20_000, 3)))
    assert np.mean(scores[-5000:] > gated.gate.level) == pytest.approx(1 - quantile, rel=0.6)


def test_one_gross_score_does_not_throw_the_level() -> None:
    X = np.random.default_rng(0).normal(size=(2000, 3))
    calm, startled = learner(3), learner(3)
    run(calm, X)
    Y = X.copy()
    Y[1990] = 1e12
    run(startled, Y)
    assert startled.gate.level == pytest.approx(calm.gate.level, abs=1.0)


def test_without_a_gate_every_event_counts_in_full() -> None:
    open_ = learner(2, gate=None, forgetting=Stationary())
    run(open_, np.random.default_rng(0).normal(size=(1100, 2)))
    assert open_.mixture.mass == pytest.approx(1100, rel=1e-9)
    assert open_.gate.level == np.inf


@pytest.mark.parametrize("quantile", [0.0, 1.0, -1.0, 98, np.nan, "0.98", True])
def test_a_level_that_is_no_quantile_is_refused(quantile: Any) -> None:
    with pytest.raises(ValueError, match="gate"):
        Gate(quantile)
