"""Moments as text are those that NumPy writes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from streamgmm.events.roles import EARLIEST, LATEST
from streamgmm.service.moments import iso_times
from streamgmm.service.records import _iso_times

BEGIN, END = int(EARLIEST) * 1_000_000, int(LATEST) * 1_000_000


@given(arrays.arrays(np.int64, st.integers(0, 9), elements=st.integers(BEGIN, END - 1)))
def test_any_moment_of_the_years_1_to_9999(microseconds: np.ndarray) -> None:
    moments = microseconds.astype("datetime64[us]")
    assert iso_times(microseconds) == np.datetime_as_string(moments, timezone="UTC").tolist()


def test_every_day() -> None:
    days = np.arange("0001-01-01", "10000-01-01", dtype="datetime64[D]")
    texts = iso_times(days.astype("datetime64[us]").astype(np.int64))
    assert [text[:10] for text in texts] == np.datetime_as_string(days).tolist()


def test_unknown_times_and_those_of_no_calendar() -> None:
    assert _iso_times(np.array([np.nan, 1.5])) == [None, "1970-01-01T00:00:01.500000Z"]
    assert _iso_times(np.array([1.5, np.nan, 3e11]))[::2] == [
        "1970-01-01T00:00:01.500000Z",
        "11476-08-15T05:20:00.000000Z",
    ]
    assert _iso_times(np.array([LATEST])) == ["10000-01-01T00:00:00.000000Z"]
