from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from streamgmm.events import JsonDecoder
from streamgmm.service.page.history import RESOLUTIONS, Bucket, Event, History, columns, summed_up
from tests.recorded import SCHEMA, START

DECODER = JsonDecoder(SCHEMA)


def block(*scores: float, alerts: int = 0, threshold: float = 9.0) -> Bucket:
    array = np.array(scores)
    event = Event(max(scores), f"e{max(scores):g}", None, math.nan, b"{}", DECODER)
    return summed_up(array, alerts, threshold, event)


def test_each_resolution_divides_the_next_coarser_one() -> None:
    widths = [width for width, _ in RESOLUTIONS]
    assert all(coarse % fine == 0 for fine, coarse in pairwise(widths))


def test_a_bucket_has_what_arrived_in_it() -> None:
    history = History()
    history.add(block(1.0, 5.0, 3.0, alerts=1), START)
    history.add(block(0.5, 0.6, 0.7, threshold=8.0), START + 0.9)
    history.add(block(7.0), START + 1.0)
    width, buckets = history.read(START, 60.0, 100)
    assert width == 1
    first, second = buckets
    assert (first.start, first.count, first.alerts, first.low, first.high) == (START, 6, 1, 0.5, 5)
    assert first.typical == pytest.approx((3.0 * 3 + 0.6 * 3) / 6)
    assert first.threshold == 8.0
    assert first.strangest is not None
    assert first.strangest.id == "e5"
    assert second.start == START + 1


@pytest.mark.parametrize("span", [60.0, 300.0, 3600.0, 21_600.0, 86_400.0, 604_800.0])
@pytest.mark.parametrize("points", [50, 360])
def test_every_resolution_tells_of_the_same_events(span: float, points: int) -> None:
    history = History()
    rng = np.random.default_rng(1)
    for second in range(40):
        history.add(block(*rng.normal(size=3), alerts=second % 2), START + second)
    width, buckets = history.read(START - span, span, points)
    assert width * points >= span
    assert sum(bucket.count for bucket in buckets) == 120
    assert sum(bucket.alerts for bucket in buckets) == 20
    assert all(bucket.start % width == 0 for bucket in buckets)
    finest = history.read(START, 60.0, 100)[1]
    assert max(bucket.high for bucket in buckets) == max(bucket.high for bucket in finest)


def test_reading_changes_nothing() -> None:
    history = History()
    for second in range(30):
        history.add(block(1.0), START + second)
    first = history.read(START, 300.0, 10)
    assert history.read(START, 300.0, 10) == first


def test_what_is_asked_for_from_a_bucket_on_begins_with_that_bucket() -> None:
    history = History()
    for second in range(100):
        history.add(block(1.0), START + second)
    _, all_of_them = history.read(START, 3600.0, 360)
    start = all_of_them[-2].start
    assert [one.start for one in history.read(start, 3600.0, 360)[1]] == [start, start + 10]


def test_memory_does_not_grow_with_time() -> None:
    history = History()
    for minute in range(8 * 24 * 60):
        history.add(block(1.0), START + 60 * minute)
    for (width, kept), buckets in zip(RESOLUTIONS, history._levels.values(), strict=True):
        assert len(buckets) <= kept, width
    end = START + 8 * 86_400
    assert len(history.read(end - 7 * 86_400, 7 * 86_400.0, 504)[1]) == 504


def test_a_clock_put_back_keeps_the_order() -> None:
    history = History()
    history.add(block(1.0), START + 100)
    history.add(block(2.0), START + 10)
    _, buckets = history.read(START, 300.0, 300)
    assert [(one.start, one.count) for one in buckets] == [(START + 100, 2)]


def test_the_rate_is_of_whole_seconds() -> None:
    history = History()
    for half in range(40):
        history.add(block(1.0, 2.0), START + half / 2)
    assert history.rate(START + 19.7) == 4.0
    assert history.rate(START + 25.0) == 2.0
    assert history.rate(START + 100.0) == 0.0


def test_what_is_not_finite_is_null() -> None:
    history = History()
    history.add(block(1.23456789, threshold=math.inf), START)
    told = columns(*history.read(START, 60.0, 60))
    assert told["threshold"] == [None]
    assert told["high"] == [1.2346]
