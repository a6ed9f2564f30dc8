"""The law of calibration, scaled down: alerts over expected on normal events.

`benchmarks/calibration.py` measures it at full length. Here the bounds are those of the law,
widened by four standard deviations of a binomial count.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from streamgmm.detection import Budget, Detector, DetectorSettings
from streamgmm.detection.tail import Tail
from tests.detection.streams import Array
from tests.detection.test_tail import feed

Draw = Callable[[np.random.Generator, int], Array]

SETTLING, EVENTS, STREAMS = 20_000, 60_000, 8
SCORES: dict[str, Draw] = {
    "light": lambda rng, n: (rng.uniform(-1.0, 1.0, size=(n, 4)) ** 2).sum(axis=1),
    "stops dead": lambda rng, n: rng.uniform(size=n),
    "gaussian": lambda rng, n: 0.5 * rng.chisquare(8, size=n),
    "heavy": lambda rng, n: rng.standard_t(3, size=n) ** 2,
}
FEATURES: dict[str, Draw] = {
    "light": lambda rng, n: rng.uniform(-1.7, 1.7, size=n),
    "gaussian": lambda rng, n: rng.normal(size=n),
    "heavy": lambda rng, n: rng.standard_t(4, size=n),
}


def assert_kept(alerts: int, expected: float, low: float = 0.8, high: float = 1.25) -> None:
    spread = 4.0 * np.sqrt(expected)
    assert low * expected - spread < alerts < high * expected + spread


@pytest.mark.parametrize("kind", SCORES)
def test_the_tail_keeps_to_the_probability(kind: str) -> None:
    alerts = np.zeros(2, dtype=int)
    for seed in range(STREAMS):
        rng = np.random.default_rng(seed)
        tail = Tail(100_000)
        tail.start(SCORES[kind](rng, 500))
        p = feed(tail, SCORES[kind](rng, SETTLING + EVENTS))[SETTLING:]
        alerts += [(p <= 1e-3).sum(), (p <= 1e-4).sum()]
    assert_kept(int(alerts[0]), STREAMS * EVENTS * 1e-3)
    assert_kept(int(alerts[1]), STREAMS * EVENTS * 1e-4)


@pytest.mark.parametrize("kind", SCORES)
def test_the_first_scores_keep_to_it_within_a_factor_of_two(kind: str) -> None:
    alerts = 0
    for seed in range(STREAMS):
        rng = np.random.default_rng(seed)
        tail = Tail(100_000)
        tail.start(SCORES[kind](rng, 500))
        alerts += int((feed(tail, SCORES[kind](rng, SETTLING)) <= 1e-3).sum())
    assert_kept(alerts, STREAMS * SETTLING * 1e-3, 0.5, 2.0)


@pytest.mark.parametrize("drift", [0.0, 1.0])
@pytest.mark.parametrize("kind", FEATURES)
def test_the_detector_keeps_to_the_budget(kind: str, drift: float) -> None:
    """One behaviour, steady or moving by a standard deviation in 100,000 events."""
    rng = np.random.default_rng(0)
    detector = Detector(3, DetectorSettings(budget=Budget(probability=1e-3), n_components=4))
    X = FEATURES[kind](rng, (SETTLING + EVENTS) * 3).reshape(-1, 3)
    X += drift * np.arange(len(X))[:, None] / 100_000
    verdicts = detector.process(X)
    bounds = (0.5, 2.0) if drift else (0.8, 1.25)
    assert_kept(int(verdicts.is_anomaly[SETTLING:].sum()), EVENTS * 1e-3, *bounds)


def test_a_budget_a_day_is_kept_through_days_and_nights() -> None:
    """Forty times as many events at noon as at midnight, a third of them without a time."""
    rng = np.random.default_rng(0)
    days, per_day = 12, 10.0
    t = np.sort(rng.uniform(0.0, days, size=days * 16_000))
    t = t[rng.random(len(t)) < 0.025 + 0.975 * (0.5 - 0.5 * np.cos(2 * np.pi * t))] * 86_400.0
    t[rng.random(len(t)) < 1 / 3] = np.nan
    settings = DetectorSettings(budget=Budget(per_day=per_day), n_components=4)
    verdicts = Detector(2, settings).process(rng.normal(size=(len(t), 2)), t=1.7e9 + t)
    third = len(t) // 3
    assert_kept(int(verdicts.is_anomaly[third:].sum()), per_day * days * 2 / 3)
