"""Two modes; one is silent for 20,000 events and comes back: what uniform decay made of it.

Under uniform decay of all statistics (Celaya & Agostini 2015 name the defect) the silent mode's
weight went to 1e-9, its first event to come back scored 20 nats too high and overwrote its shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamgmm.detection import Detector, DetectorSettings
from streamgmm.mixture import HalfLife, OnlineMixture
from tests.mixture.streams import Array, fitted

BUSY, QUIET = 10_000, 20_000  # events with both modes, then with one
AWAY = 8.0  # standard deviations between the modes


def two_modes(n: int, *, share: float, seed: int) -> Array:
    """Return n events (n, 2), ``share`` of them from the mode at AWAY."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    X[rng.random(n) < share] += AWAY
    return X


def silent_for_long(law: HalfLife, **rules: Any) -> tuple[OnlineMixture, float]:
    """Return a mixture of two, one of which has been silent, and what that one scored before."""
    mixture = fitted(two_modes(500, share=0.5, seed=0), 2, forgetting=law, **rules)
    mixture.learn(two_modes(BUSY, share=0.5, seed=1), time=np.arange(float(BUSY)))
    usual = mixture.score(two_modes(500, share=1.0, seed=2)).mean()
    mixture.learn(two_modes(QUIET, share=0.0, seed=3), time=BUSY + np.arange(QUIET))
    return mixture, float(usual)


PLAIN_DECAY: dict[str, Any] = {"weight_floor": 0.0, "shrinkage": 0.0, "established": None}


def test_the_defect_of_uniform_decay() -> None:
    law = HalfLife(events=QUIET / 30, clock="common")
    mixture, usual = silent_for_long(law, **PLAIN_DECAY)
    gone = int(mixture.means[:, 0].argmax())
    assert mixture.weights[gone] < 1e-8
    assert mixture.counts[gone] < 1e-5
    back = two_modes(200, share=1.0, seed=4)
    before = float(np.linalg.slogdet(mixture.covariances[gone])[1])
    scores = mixture.score_learn(back[:3], time=float(BUSY + QUIET) + np.arange(3.0))
    assert scores[0] - usual > 15.0
    after = float(np.linalg.slogdet(mixture.covariances[gone])[1])
    assert after < before - 1.0, "three events have taken the shape's place"
    assert mixture.score(back).mean() - usual > 10.0


@pytest.mark.parametrize(
    "law", [HalfLife(events=QUIET / 30), HalfLife(seconds=QUIET / 30)], ids=["events", "seconds"]
)
def test_a_component_forgets_in_its_own_events_and_keeps_its_shape(law: HalfLife) -> None:
    """After as long a silence, 30 half-lives: it is normal at once, and nothing overwrites it."""
    mixture, usual = silent_for_long(law)
    gone = int(mixture.means[:, 0].argmax())
    before = mixture.copy()
    assert mixture.counts[gone] > 200.0
    assert mixture.means[gone] == pytest.approx([AWAY, AWAY], abs=0.3)
    back = two_modes(200, share=1.0, seed=4)
    # its weight, which is at its floor, is not what it counts with
    assert before.weights[gone] < 1e-4
    assert before.score(back).mean() - usual < 2.0
    mixture.learn(back[:100], time=float(BUSY + QUIET) + np.arange(100.0))
    np.testing.assert_allclose(mixture.means[gone], before.means[gone], atol=0.3)
    assert mixture.score(back[100:]).mean() - usual < 2.0


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    "law",
    [
        HalfLife(events=10_000),
        HalfLife(seconds=10_000),
        HalfLife(events=1_000),
        HalfLife(seconds=1_000),
    ],
    ids=["10000_events", "10000_s", "1000_events", "1000_s"],
)
def test_a_detector_takes_it_for_normal_at_once(law: HalfLife, seed: int) -> None:
    """After 2 half-lives, those of the default, and after 20."""
    detector = Detector(2, DetectorSettings(n_components=2, forgetting=law))
    X = np.concatenate(
        [
            two_modes(BUSY, share=0.5, seed=seed),
            two_modes(QUIET, share=0.0, seed=seed + 10),
            two_modes(1_000, share=0.5, seed=seed + 20),
        ]
    )
    verdicts = detector.process(X, t=np.arange(float(len(X))))
    mode = X[:, 0] > AWAY / 2
    usual = verdicts.score[BUSY // 2 : BUSY][mode[BUSY // 2 : BUSY]]
    back = slice(BUSY + QUIET, None)
    score, alert = verdicts.score[back][mode[back]], verdicts.is_anomaly[back][mode[back]]
    # -log of the thresholds, 1.8 nats, in the place of its weight
    assert score[:50].mean() - usual.mean() < 2.2
    assert score[-200:].mean() - usual.mean() < 2.0
    assert alert.sum() <= 8, "of 500 events; 1.8 nats make six times the budget of 0.5"
