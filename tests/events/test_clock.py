"""The event clock: what is refused, what moves it, and that blocks do not matter."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.events import EventClock

times = st.lists(
    st.floats(0, 1e4) | st.just(math.nan) | st.sampled_from([0.0, 50.0, 160.0, 170.0, 1e9])
)


@given(times, st.integers(1, 7), st.integers(1, 4))
def test_blocks_do_not_matter(values: list[float], size: int, quorum: int) -> None:
    whole, parts = EventClock(100.0, quorum=quorum), EventClock(100.0, quorum=quorum)
    expected = whole.admit(np.array(values, dtype=float))
    got = [
        parts.admit(np.array(values[i : i + size], dtype=float))
        for i in range(0, len(values), size)
    ]
    np.testing.assert_array_equal(np.concatenate([np.empty(0, bool), *got]), expected)
    assert parts.state() == whole.state()


@given(times, st.integers(0, 20))
def test_save_and_restore_go_on_as_if_never_stopped(values: list[float], at: int) -> None:
    whole, first, second = EventClock(100.0), EventClock(100.0), EventClock(100.0)
    expected = whole.admit(np.array(values, dtype=float))
    before = first.admit(np.array(values[:at], dtype=float))
    second.restore(first.state())
    after = second.admit(np.array(values[at:], dtype=float))
    np.testing.assert_array_equal(np.concatenate([before, after]), expected)
    assert second.latest == whole.latest


def test_one_event_far_ahead_is_refused_and_moves_nothing() -> None:
    clock = EventClock(86_400.0)
    admitted = clock.admit(np.array([1e9, 1e9 + 86_400, 4e9, 1e9 - 1e6, 1e9 + 2 * 86_400]))
    assert admitted.tolist() == [True, True, False, True, True]
    assert clock.latest == 1e9 + 2 * 86_400


def test_after_a_quiet_week_the_clock_follows_the_stream() -> None:
    clock = EventClock(86_400.0, quorum=10)
    clock.admit(np.array([0.0]))
    later = 7 * 86_400 + np.arange(30.0)
    assert clock.admit(later).tolist() == [False] * 9 + [True] * 21
    assert clock.latest == later[-1]


def test_events_that_disagree_with_each_other_do_not_move_the_clock() -> None:
    clock = EventClock(100.0, quorum=3)
    clock.admit(np.array([0.0]))
    assert not clock.admit(np.array([1e6, 1e7, 1e6, 1e7, 1e6])).any()
    assert clock.latest == 0.0


def test_events_in_time_between_them_do_not_let_it_move() -> None:
    clock = EventClock(100.0, quorum=3)
    clock.admit(np.array([0.0]))
    assert (
        clock.admit(np.array([1e6, 1e6, 1.0, 1e6, 1e6])).tolist()
        == [False] * 2 + [True] + [False] * 2
    )


def test_without_a_limit_everything_is_accepted() -> None:
    clock = EventClock(math.inf)
    assert clock.admit(np.array([0.0, 1e15, -1e15])).all()


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan])
def test_a_limit_must_be_above_zero(limit: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        EventClock(limit)
