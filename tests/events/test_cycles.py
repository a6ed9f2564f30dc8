"""Times of day and week: a circle without a seam, in the clocks of a place."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.events.cycles import CYCLES, LocalTime, UsualTime, read_zone, shown_range
from streamgmm.events.roles import EARLIEST, LATEST

DAY, WEEK = CYCLES["time_of_day"], CYCLES["time_of_week"]
ZONES = ["UTC", "+05:30", "-0330", "Europe/Zurich", "America/St_Johns", "Australia/Lord_Howe"]
recent = st.integers(2 * 365 * 86_400, 4_000_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)


@given(recent, st.sampled_from(ZONES))
def test_the_clock_shows_what_datetime_shows(moment: datetime, zone: str) -> None:
    local = moment.astimezone(read_zone(zone))
    seconds = LocalTime(zone).of(np.array([moment.timestamp()]))
    for cycle, form in ((DAY, "%H:%M"), (WEEK, "%a %H:%M")):
        sine, cosine = cycle.turn(seconds)[0]
        shown = cycle.clock(UsualTime.of(sine, cosine).centre)
        nearest = (local.replace(tzinfo=None) + timedelta(seconds=30)).strftime(form)
        below = (local.replace(tzinfo=None) + timedelta(seconds=29.9)).strftime(form)
        assert shown in (nearest, below)  # half a minute may go either way


@given(st.floats(EARLIEST, LATEST - 1), st.sampled_from(ZONES))
def test_any_time_lies_on_the_circle(time: float, zone: str) -> None:
    for cycle in CYCLES.values():
        point = cycle.turn(LocalTime(zone).of(np.array([time])))
        assert np.hypot(*point[0]) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("zone", ZONES)
def test_a_block_gives_the_bits_of_its_rows(zone: str) -> None:
    times = np.random.default_rng(0).uniform(0, 2e9, 1003)
    times[::7] = np.nan
    for cycle in CYCLES.values():
        whole = cycle.turn(LocalTime(zone).of(times))
        rows = [cycle.turn(LocalTime(zone).of(times[i : i + 1])) for i in range(len(times))]
        assert whole.tobytes() == b"".join(row.tobytes() for row in rows)
        np.testing.assert_array_equal(np.isnan(whole), np.isnan(times)[:, None].repeat(2, 1))


def test_midnight_has_no_seam() -> None:
    before, after = DAY.turn(np.array([86_399.0, 86_401.0]))
    assert np.hypot(*(before - after)) < 2e-4
    noon, midnight = DAY.turn(np.array([43_200.0, 0.0]))
    assert np.hypot(*(noon - midnight)) == pytest.approx(2.0)


def test_the_usual_time_of_a_mean_point() -> None:
    hours = np.random.default_rng(0).normal(23.5, 1.5, 20_000)
    usual = UsualTime.of(*DAY.turn(hours * 3600).mean(axis=0))
    assert DAY.clock(usual.centre) in ("23:29", "23:30", "23:31")
    assert usual.spread * 24 == pytest.approx(1.5, rel=0.02)  # a wrapped Gaussian's own sigma
    low, high = shown_range(DAY, usual, 2.0) or ("", "")
    assert (low[:2], high[:2]) == ("20", "02")
    assert shown_range(DAY, UsualTime.of(0.01, 0.0), 2.0) is None
    assert UsualTime.of(0.0, 0.0).spread == math.inf


def test_clocks_for_a_person() -> None:
    assert [DAY.clock(turns) for turns in (0.0, 0.5, -0.25, 0.99999)] == [
        "00:00", "12:00", "18:00", "00:00",
    ]  # fmt: skip
    assert [WEEK.clock(day / 7 + 0.01 / 7) for day in (0, 3, 6)] == [
        "Mon 00:14", "Thu 00:14", "Sun 00:14",
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "+25:00", "+1", "../etc/passwd", "Europe"])
def test_other_zones_are_refused(zone: str) -> None:
    with pytest.raises(
        ValueError, match=rf"time zone '{re.escape(zone)}' is not known; allowed are"
    ):
        read_zone(zone)


def test_many_times_do_not_fill_memory() -> None:
    local = LocalTime("Europe/Zurich")
    times = np.arange(5_000) * 90_000.0
    expected = [
        datetime.fromtimestamp(t, ZoneInfo("Europe/Zurich")).utcoffset().total_seconds()
        for t in times
    ]
    assert (local.of(times) - times).tolist() == expected
    assert len(local._offsets) <= 4096
