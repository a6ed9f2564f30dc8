"""What a report collects block by block, against the same from all events at once."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from streamgmm.detection import Budget
from streamgmm.service.quality import average_precision, roc_auc
from streamgmm.service.rankings import Rankings
from streamgmm.service.records import IncidentRecord
from streamgmm.service.report import timeline as timelines
from streamgmm.service.report.alerts import Alerts
from streamgmm.service.report.buckets import Buckets
from streamgmm.service.report.calibration import LEVELS, Calibration, wilson
from streamgmm.service.report.curves import curves
from streamgmm.service.report.days import Days
from streamgmm.service.report.kinds import Kinds
from streamgmm.service.report.timeline import Timeline
from tests.outputs import SCHEMA, START, outputs

DAY, HOUR = 86_400.0, 3600.0


class Tally(Counter[str]):
    def add(self, other: Tally) -> None:
        self.update(other)


@given(st.lists(st.integers(-500, 5000), min_size=1), st.integers(2, 9))
def test_buckets_that_have_grown_hold_the_same_sums(x: list[int], most: int) -> None:
    buckets: Buckets[Tally] = Buckets(1.0, (5, 2, 3), most)
    for one in x:
        [place] = buckets.places(np.array([float(one)])).tolist()
        buckets.add({place: Tally(n=1)})
    assert len(buckets) <= most
    expected = Counter(int(one // buckets.width) for one in x)
    assert [(place, one["n"]) for place, one in buckets] == sorted(expected.items())


def blocks_of_scores(n: int, every: float) -> tuple[np.ndarray, np.ndarray, list[Any]]:
    rng = np.random.default_rng(n)
    time = START + every * np.arange(n) + rng.uniform(-3 * every, 3 * every, n)
    score = rng.normal(size=n)
    made = []
    for start in range(0, n, 700):
        part = slice(start, start + 700)
        events = [{"ts": float(one), "host": "a"} for one in time[part]]
        made.append(outputs(events, score=score[part], alert=score[part] > 2.5, first=start + 1))
    return time, score, made


@pytest.mark.parametrize("timed", [True, False])
def test_the_timeline_is_that_of_all_scores(timed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timelines, "_MOST", 50)
    monkeypatch.setattr(timelines, "_MOST_ALERTS", 20)
    time, score, made = blocks_of_scores(6_000, every=90.0)
    timeline = Timeline(timed=timed)
    for threshold, block in enumerate(made):
        timeline.take(block, float(threshold))
    told = timeline.told()
    x = time if timed else np.arange(6_000) + 1.0
    place = np.floor(x / told["width"])
    assert told["start"] == pytest.approx(np.unique(place) * told["width"])
    assert 10 <= len(told["start"]) <= 50
    for i, one in enumerate(np.unique(place)):
        within = score[place == one]
        assert told["count"][i] == len(within)
        assert told["alerts"][i] == (within > 2.5).sum()
        assert told["high"][i] == pytest.approx(within.max(), rel=1e-4)
        assert told["low"][i] == pytest.approx(within.min(), rel=1e-4)
        assert told["low"][i] <= told["typical"][i] <= told["high"][i]
        line = int(np.flatnonzero((place == one) & (score == within.max()))[0]) + 1
        assert told["strangest"][i] == [f"events.jsonl-{line}", "a"]
    assert np.average(told["typical"], weights=told["count"]) == pytest.approx(0.0, abs=0.05)
    alerts = np.flatnonzero(score > 2.5)
    assert len(alerts) > 20, "more than are kept one by one"
    latest = sorted((float(x[i]), float(score[i])) for i in alerts[-20:])
    assert np.array(told["marks"]) == pytest.approx(np.array(latest), abs=1e-3)


def test_a_bucket_of_the_timeline_is_never_cut_by_one_that_is_wider() -> None:
    width, steps = timelines._TIME
    widths = np.cumprod([width, *steps])
    assert {1.0, 60.0, HOUR, DAY, 7 * DAY} <= set(np.round(widths, 6))
    assert all(step == int(step) > 1 for step in steps)
    assert max(b / a for a, b in pairwise(widths)) <= 7


def test_calibration_counts_p_values_at_every_level() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(5_000) ** 1.5
    labels = [None if i % 5 == 0 else i % 7 == 0 for i in range(len(p))]
    calibration = Calibration()
    for start in range(0, len(p), 1000):
        part = slice(start, start + 1000)
        events = [{"ts": START + i, "label": one} for i, one in enumerate(labels[part])]
        calibration.take(outputs(events, p_value=p[part]))
    calibration.take(outputs([{"ts": START, "label": 0}], p_value=[1e-9], ready=False))
    told = calibration.told()
    normal = p[[one is False for one in labels]]
    assert told["n"] == len(normal)
    assert told["level"] == pytest.approx(LEVELS[LEVELS * len(normal) >= 1.0], rel=1e-3)
    for level, share in zip(LEVELS[::-1], told["share"][::-1], strict=False):
        assert share == (normal <= level).mean()


@pytest.mark.parametrize(("count", "n"), [(0, 10), (3, 10), (10, 10), (17, 100_000)])
def test_the_band_is_the_score_interval(count: int, n: int) -> None:
    expected = binomtest(count, n).proportion_ci(method="wilson")
    assert wilson(count, n) == pytest.approx((expected.low, expected.high), abs=1e-7)


def test_days_tell_alerts_by_their_labels_and_the_budget_of_the_time_there_was() -> None:
    days = Days()
    labels = [1, 0, None, 0, 1, 0]
    hours = [18, 20, 23, 25, 26, 30]
    events = [
        {"ts": START + hour * HOUR, "label": label}
        for hour, label in zip(hours, labels, strict=True)
    ]
    days.take(outputs(events[:2], alert=[True, True]))
    days.take(outputs(events[2:], alert=[True, False, True, True]))
    days.take(outputs([{"ts": START, "label": 1}], alert=[True], ready=False))
    told = days.told(Budget(per_day=8.0))
    assert told["start"] == [START, START + DAY]
    assert (told["found"], told["false"], told["unknown"]) == ([1, 1], [1, 1], [1, 0])
    assert told["covered"] == pytest.approx([0.25, 0.25])
    assert told["budget"] == pytest.approx([2.0, 2.0])
    assert days.told(Budget(probability=0.1))["budget"] == pytest.approx([0.3, 0.3])


def test_many_days_become_weeks_that_have_the_same_alerts() -> None:
    days = Days()
    for first in range(0, 400, 100):
        events = [{"ts": START + DAY * (first + i), "label": 0} for i in range(100)]
        days.take(outputs(events, alert=[i % 2 == 0 for i in range(100)]))
    told = days.told(Budget(per_day=1.0))
    assert told["days"] == 7
    assert sum(told["false"]) == 200
    assert sum(told["budget"]) == pytest.approx(399.0)


def test_kinds_tell_events_and_episodes_with_their_delays() -> None:
    kinds = Kinds()
    rows = [  # hour, host, label, kind, alert
        (0.0, "a", 1, "scan", False),
        (0.5, "a", 1, "scan", True),
        (1.0, "b", 1, "scan", False),
        (1.5, "a", 1, "flood", True),
        (2.0, "a", 0, "scan", True),  # labelled normal: of no kind
        (6.0, "a", 1, "scan", True),  # within six hours: the same episode
        (13.0, "a", 1, "scan", True),
        (13.5, "c", 1, None, False),
    ]
    for row in rows:
        hour, host, label, kind, alert = row
        event = {"ts": START + hour * HOUR, "host": host, "label": label, "kind": kind}
        kinds.take(outputs([event], alert=[alert]))
    kinds.take(outputs([{"ts": START, "label": 1, "kind": "scan"}], ready=False))
    assert kinds.named
    assert [tuple(one.values()) for one in kinds.told()] == [
        ("scan", 5, 3, 3, 2, 900.0),
        ("flood", 1, 1, 1, 1, 0.0),
        ("(not named)", 1, 0, 1, 0, None),
    ]


def test_an_episode_may_go_by_another_member_than_the_key() -> None:
    """Of a flood the sources are many and the target is one."""
    rows = [  # hour, host, target, kind, alert
        (0.0, "a", "x", "flood", False),
        (0.1, "b", "x", "flood", True),
        (0.2, "c", "x", "flood", True),
        (0.2, "d", "y", "flood", False),
        (0.3, "e", None, "flood", False),
        (0.4, "a", "x", "scan", True),
        (0.5, "b", "x", "scan", True),
    ]
    events = [
        {"ts": START + hour * HOUR, "host": host, "to": {"dst": dst}, "label": 1, "kind": kind}
        for hour, host, dst, kind, _ in rows
    ]
    told = []
    for kinds in (Kinds(), Kinds(episodes_by={"flood": "to.dst"})):
        kinds.take(outputs(events, alert=[row[-1] for row in rows]))
        told.append([(one["kind"], one["episodes"], one["found"]) for one in kinds.told()])
    assert told == [[("flood", 5, 2), ("scan", 2, 2)], [("flood", 3, 1), ("scan", 2, 2)]]


@pytest.mark.parametrize(
    ("member", "event"),
    [
        ("truth.kind", {"truth": {"kind": "scan"}}),
        ("truth.kind", {"truth.kind": "scan", "truth": {"kind": "else"}}),
        ("a.b.c", {"a": {"b.c": "scan"}}),
    ],
)
def test_the_name_of_a_kind_may_lead_into_nested_objects(member: str, event: dict) -> None:
    kinds = Kinds(member)
    kinds.take(outputs([{"ts": START, "label": 1, **event}]))
    assert [one["kind"] for one in kinds.told()] == ["scan"]
    unnamed = Kinds(f"{member}.more")
    unnamed.take(outputs([{"ts": START, "label": 1, **event}]))
    assert not unnamed.named


def test_a_kind_may_have_another_name() -> None:
    kinds = Kinds("what")
    kinds.take(outputs([{"ts": START, "label": 1, "what": 7}], alert=[True]))
    assert [one["kind"] for one in kinds.told()] == ["7"]
    unnamed = Kinds("else")
    unnamed.take(outputs([{"ts": START, "label": 1, "what": 7}]))
    assert not unnamed.named


def test_the_most_severe_alerts_are_kept_and_the_others_counted() -> None:
    alerts = Alerts(SCHEMA, most=10)
    p = np.random.default_rng(3).permutation(200) / 1e4 + 1e-6
    for start in range(0, 200, 8):
        part = slice(start, start + 8)
        events = [{"ts": START + i, "label": i % 2} for i in range(start, start + 8)]
        alerts.take(outputs(events, alert=[True] * 8, p_value=p[part], first=start))
    told = alerts.told()
    assert [row.id for row in told["rows"]] == [f"events.jsonl-{i}" for i in p.argsort()[:10]]
    assert (told["count"], told["let_go"]) == (200, 190)
    assert [(row.found, row.false) for row in told["rows"]] == [
        (i % 2, 1 - i % 2) for i in p.argsort()[:10]
    ]


def test_alerts_of_an_incident_are_one_row_with_its_most_severe_and_its_first() -> None:
    alerts = Alerts(SCHEMA)
    p = [1e-4, 1e-7, 1e-6, 1e-5]
    events = [{"ts": START + i, "label": i % 2, "host": f"h{i}"} for i in range(4)]
    block = outputs(events, alert=[True] * 4, p_value=p)
    for count, (_, record) in enumerate(block.alerts[:3], 1):
        record.incident = IncidentRecord("flows:7", count == 1, count, f"{count} events")
    alerts.take(block)
    incident, alone = alerts.told()["rows"]
    assert (incident.id, incident.incident, incident.count) == ("flows:7", "3 events", 3)
    assert (incident.found, incident.false) == (1, 2)
    assert (incident.key, incident.severity) == ("h1", pytest.approx(70.0))
    assert [one.record.key for one in incident.records] == ["h1", "h0"]
    assert incident.first_time < incident.time
    assert (alone.incident, alone.count, len(alone.records)) == (None, 1, 1)


def test_an_event_that_is_too_large_is_left_out_of_its_alert() -> None:
    alerts = Alerts(SCHEMA)
    events = [{"ts": START, "note": "x" * size} for size in (10, 10_000)]
    alerts.take(outputs(events, alert=[True, True]))
    [small, large] = sorted(alerts.told()["rows"], key=lambda row: row.id)
    assert msgspec.json.decode(small.records[0].record.event)["note"] == "x" * 10
    assert large.records[0].record.event is None


def test_curves_have_few_points_and_lie_on_the_whole_ones() -> None:
    rng = np.random.default_rng(5)
    truth = rng.random(30_000) < 0.02
    score = rng.normal(size=30_000) + 2.0 * truth
    rankings = Rankings()
    rankings.take(truth, score)
    told = curves(rankings)
    assert told is not None
    assert len(told["recall"]) < 2_000
    falls, finds = rankings.curve()
    whole = set(zip(falls / falls[-1], finds / finds[-1], strict=True))
    assert set(zip(told["false_alarms"], told["recall"], strict=True)) <= whole
    # What the points kept span is the whole area, but for what no eye sees.
    steps = np.diff(told["false_alarms"])
    area = (steps * (np.array(told["recall"])[1:] + np.array(told["recall"])[:-1]) / 2).sum()
    assert area == pytest.approx(roc_auc(truth, score), abs=0.005)
    assert told["average_precision"] == average_precision(truth, score)
    assert curves(Rankings()) is None
