"""Times, keys and labels."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.events.roles import (
    EARLIEST,
    LATEST,
    UNITS_PER_SECOND,
    keys_column,
    labels_column,
    times_column,
)

WHEN = datetime(2026, 1, 5, 8, 0, 0, 123000, tzinfo=UTC)


def times(values, unit="s", timestamps=None):
    return times_column(values, unit, np.array(timestamps or [np.nan] * len(values)), "ts")


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05T08:00:00.123Z",
        "2026-01-05 08:00:00.123",
        "2026-01-05T09:00:00.123+01:00",
        " 20260105T080000.123Z ",
        "1767600000.123",
    ],
)
def test_ways_to_write_a_time(text: str) -> None:
    got, faults = times([text, None])
    assert not faults
    assert got[0] == WHEN.timestamp()
    assert math.isnan(got[1])


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_iso_8601_of_any_offset(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    got, faults = times([aware.isoformat()])
    assert not faults
    assert got[0] == aware.timestamp()


@pytest.mark.parametrize("unit", UNITS_PER_SECOND)
def test_units(unit) -> None:
    scale = int(UNITS_PER_SECOND[unit])
    got, faults = times([1_767_600_000 * scale, str(1_767_600_000 * scale), None], unit)
    assert not faults
    assert got[:2].tolist() == [1_767_600_000.0] * 2


def test_a_missing_time_is_the_records_own() -> None:
    got, _ = times([1.0, None, None], timestamps=[9.0, 8.0, math.nan])
    np.testing.assert_array_equal(got, [1.0, 8.0, math.nan])


@pytest.mark.parametrize(
    "bad", ["yesterday", "", "inf", "nan", "2026-13-01", 1e18, -1e18, 10**30, LATEST, EARLIEST - 1]
)
def test_what_is_no_time_is_a_fault_of_its_row_alone(bad) -> None:
    got, faults = times([5.0, bad, 7.0])
    assert list(faults) == [1]
    assert faults[1].reason == "bad_time"
    assert "time_unit" in faults[1].detail
    assert got[[0, 2]].tolist() == [5.0, 7.0]


@given(st.lists(st.none() | st.floats(allow_nan=False) | st.text() | st.integers(-(2**80), 2**80)))
def test_any_value_is_a_time_a_fault_or_missing(values) -> None:
    got, faults = times(values)
    for row, value in enumerate(values):
        inside = EARLIEST <= got[row] < LATEST
        assert inside or row in faults or (value is None and math.isnan(got[row]))


def test_keys_are_text() -> None:
    assert keys_column(["a", 7, 443.0, 1.5, None, True]) == ["a", "7", "443", "1.5", None, "True"]
    assert keys_column([b"a", None, b"\xff"]) == ["a", None, "\\xff"]


def test_labels() -> None:
    words = ["normal", "attack", "0", "1", " Yes ", "false", "2", 0, 3, True, 0.0]
    assert labels_column(words).tolist() == [0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0]
    assert np.isnan(labels_column([None, "perhaps", "", "nan"])).all()
