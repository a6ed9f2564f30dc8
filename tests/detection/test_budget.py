from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgmm.detection import Budget
from streamgmm.detection.budget import EventClock, probability_of
from tests.detection.streams import Array

DAY = 86_400.0


@pytest.mark.parametrize(
    ("written", "budget"),
    [
        (1e-3, Budget(probability=1e-3)),
        ("0.001", Budget(probability=1e-3)),
        ("1e-3", Budget(probability=1e-3)),
        ("5/day", Budget(per_day=5.0)),
        (" 0.5 / day ", Budget(per_day=0.5)),
        ("2e2/day", Budget(per_day=200.0)),
    ],
)
def test_a_budget_is_a_probability_or_a_rate(written: float | str, budget: Budget) -> None:
    assert Budget.parse(written) == budget


@pytest.mark.parametrize(
    "written",
    ["", "often", "5/hour", "5 per day", "0/day", "-1/day", "nan", "1e/day", "inf/day", "2"],
)
def test_what_is_neither_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ValueError, match=r"0\.001.*5/day"):
        Budget.parse(written)


@pytest.mark.parametrize("number", [0, 1, -0.1, 5, math.nan, math.inf])
def test_a_number_that_is_no_probability_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="probability lies in"):
        Budget.parse(number)


def test_exactly_one_of_the_two() -> None:
    with pytest.raises(ValueError, match="give one"):
        Budget()
    with pytest.raises(ValueError, match="give one"):
        Budget(probability=0.1, per_day=5)
    for rate in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="positive"):
            Budget(per_day=rate)


@pytest.mark.parametrize("between", [0.1, 60.0, DAY / 100, DAY / 10])
@pytest.mark.parametrize("together", [1, 50, 1000])
def test_a_steady_rate_is_found_whatever_passes_between_two_looks(
    between: float, together: int
) -> None:
    """Events ``between`` seconds apart, folded in ``together`` at a time."""
    clock = EventClock()
    t = 1.7e9 + between * np.arange(20 * together + 1)
    for part in np.array_split(t, 20):
        clock.see(part)
        clock.fold()
    assert clock.per_day == pytest.approx(DAY / between, rel=0.08)


def test_the_rate_follows_a_change_within_days() -> None:
    clock = EventClock()
    slow, fast = 1.7e9 + np.arange(0, 10 * DAY, 100.0), 1.7e9 + np.arange(10 * DAY, 15 * DAY, 1.0)
    for t in (slow, fast):
        for part in np.array_split(t, 200):
            clock.see(part)
            clock.fold()
    assert clock.per_day == pytest.approx(DAY, rel=0.05)


@given(st.lists(st.integers(1, 99), max_size=10))
@settings(max_examples=30)
def test_how_times_come_in_blocks_does_not_matter(cuts: list[int]) -> None:
    rng = np.random.default_rng(0)
    t = 1.7e9 + np.cumsum(rng.exponential(30.0, size=300))
    t[rng.random(300) < 0.3] -= 500.0  # late
    t[rng.random(300) < 0.3] = np.nan
    whole, pieces = EventClock(), EventClock()
    whole.see(t)
    for part in np.split(t, np.minimum(np.cumsum(cuts), 300)) if cuts else [t]:
        pieces.see(part)
    whole.fold()
    pieces.fold()
    assert whole.state.tobytes() == pieces.state.tobytes()


def test_a_rate_becomes_a_probability_by_event_time() -> None:
    clock = EventClock()
    budget = Budget(per_day=5)
    assert probability_of(budget, clock) == 0.0
    clock.see(np.array([1.7e9, 1.7e9]))
    clock.fold()
    assert probability_of(budget, clock) == 0.0  # no time has passed: no rate yet
    clock.see(1.7e9 + np.arange(0, 3600, 3.6))
    clock.fold()
    assert probability_of(budget, clock) == pytest.approx(5 / 24_000, rel=0.05)
    assert probability_of(Budget(probability=0.01), clock) == 0.01
    assert probability_of(Budget(per_day=1e12), clock) <= 0.5


def test_without_any_time_there_is_no_rate() -> None:
    clock = EventClock()
    clock.see(np.full(100, np.nan))
    clock.fold()
    assert math.isnan(clock.per_day)


def rhythm(rng: np.random.Generator, days: int) -> Array:
    """Return event times of so many days, forty times as dense at noon as at midnight."""
    t = np.sort(rng.uniform(0, days * DAY, size=days * 40_000))
    at_noon = 0.5 - 0.5 * np.cos(2 * np.pi * t / DAY)
    return 1.7e9 - 1.7e9 % DAY + t[rng.random(len(t)) < 0.025 + 0.975 * at_noon]


@pytest.mark.parametrize("late", [0.0, 0.3])
@pytest.mark.parametrize("missing", [0.0, 0.5])
@pytest.mark.parametrize("together", [200, 10_000])
def test_a_rate_a_day_is_kept_through_a_daily_rhythm(
    together: int, missing: float, late: float
) -> None:
    """Events alert with the probability in force: in the mean that is so many a day."""
    rng = np.random.default_rng(0)
    days, budget, clock = 20, Budget(per_day=5), EventClock()
    t = rhythm(rng, days)
    t[rng.random(len(t)) < late] -= 1800.0
    t[rng.random(len(t)) < missing] = np.nan
    alerts = 0.0
    for part in np.array_split(t, len(t) // together):
        alerts += len(part) * probability_of(budget, clock)
        clock.see(part)
        clock.fold()
    assert alerts == pytest.approx(5 * days, rel=0.1)
