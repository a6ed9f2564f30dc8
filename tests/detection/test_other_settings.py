"""A detector that goes on under other settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamgmm.detection import Budget, Detector, DetectorSettings
from streamgmm.mixture import HalfLife, Stationary
from tests.detection.test_detector import SMALL, joined, stream
from tests.mixture.streams import event_times, state_bytes

ALLOWED: dict[str, Any] = {
    "budget": Budget(probability=0.05),
    "established": 0.3,
    "forgetting": HalfLife(seconds=900),
    "gate": 0.9,
    "structure": False,
}
OTHERS = replace(SMALL, **ALLOWED)
FIXED: dict[str, Any] = {
    "n_components": 6,
    "covariance": "diag",
    "score": "tail",
    "shrinkage": 3.0,
    "gate": None,
    "warmup": 200,
    "window": 2000,
    "seed": 1,
}
X, T = stream(1500), event_times(1500)


def learned(n: int, settings: DetectorSettings = SMALL) -> Detector:
    detector = Detector(3, settings)
    detector.process(X[:n], t=T[:n])
    return detector


def test_the_same_settings_change_nothing() -> None:
    before = learned(700)
    assert state_bytes(before.with_settings(SMALL).state()) == state_bytes(before.state())


def test_another_budget_changes_nothing_but_the_threshold() -> None:
    before = learned(700)
    after = before.with_settings(replace(SMALL, budget=ALLOWED["budget"]))
    assert after.threshold < before.threshold
    for part in ("learner", "tail", "clock", "incidents"):
        assert state_bytes(after.state()[part]) == state_bytes(before.state()[part])


@pytest.mark.parametrize("key", ALLOWED)
def test_what_was_learned_stays(key: str) -> None:
    before = learned(700)
    settings = replace(SMALL, **{key: ALLOWED[key]})
    after = before.with_settings(settings)
    assert after.settings == settings
    assert after.n_seen == before.n_seen
    for statistic in ("weight", "count", "mean", "scatter"):
        old, new = (one.state()["learner"]["mixture"][statistic] for one in (before, after))
        np.testing.assert_array_equal(new, old)
    before.process(X[700:], t=T[700:])
    verdicts = after.process(X[700:], t=T[700:])
    assert np.isfinite(verdicts.score).all()
    learner = [state_bytes(one.state()["learner"]) for one in (before, after)]
    assert (learner[0] == learner[1]) is (key == "budget")


def test_blocks_change_nothing_afterwards_either() -> None:
    whole, parts = (learned(700).with_settings(OTHERS) for _ in range(2))
    expected = whole.process(X[700:], t=T[700:])
    came = [parts.process(X[i : i + 1], t=T[i : i + 1]) for i in range(700, len(X))]
    assert joined(came) == joined([expected])
    assert state_bytes(parts.state()) == state_bytes(whole.state())


@pytest.mark.parametrize("seen", [0, 1, 60])
def test_in_warm_up_it_is_as_if_they_had_always_been(seen: int) -> None:
    """What is gathered then depends on none of them."""
    changed = learned(seen).with_settings(OTHERS)
    changed.process(X[seen:900], t=T[seen:900])
    assert state_bytes(changed.state()) == state_bytes(learned(900, OTHERS).state())


def test_a_half_life_in_seconds_begins_at_the_latest_event() -> None:
    """Not at the warm-up's end, up to which alone a half-life in events looks at the time."""
    settings = replace(SMALL, forgetting=Stationary())
    before = learned(1400, settings)
    hours = replace(settings, forgetting=HalfLife(seconds=3_600))
    assert before.mixture is not None
    mass = before.mixture.mass
    after = before.with_settings(hours)
    after.process(X[1400:1401], t=np.array([np.nanmax(T[:1400]) + 1.0]))
    assert after.mixture is not None
    assert after.mixture.mass == pytest.approx(mass, rel=0.01)


def test_without_structure_nothing_strange_is_kept() -> None:
    before = learned(900)
    without = before.with_settings(replace(SMALL, structure=False))
    assert without.state()["learner"]["quarantine"]["ring"].size == 0
    again = without.with_settings(SMALL)
    fresh = Detector(3, SMALL).state()["learner"]["quarantine"]["ring"]
    np.testing.assert_array_equal(again.state()["learner"]["quarantine"]["ring"], fresh)
    again.process(X[900:], t=T[900:])


@pytest.mark.parametrize("key", FIXED)
def test_others_are_refused(key: str) -> None:
    detector = learned(200)
    with pytest.raises(ValueError, match=f"{key} cannot be changed in a running detector"):
        detector.with_settings(replace(SMALL, **{key: FIXED[key]}))
