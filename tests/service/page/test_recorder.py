from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from streamgmm.service.page.recorder import ALL, Recorder
from tests.recorded import SCHEMA, START, Stream

if TYPE_CHECKING:
    from streamgmm.service.page.book import Row


def rows(stream: Stream, after: int = 0) -> list[Row]:
    return stream.recorder.rows(ALL, after=after, most=900)[1]


def test_scores_alerts_and_threshold_are_recorded(stream: Stream) -> None:
    stream.feed(3_000, seconds=60.0)
    stream.now += 1.0
    stream.attack(duration=5_000.0)
    told = stream.recorder.history("flows-0", span=300.0, points=300, since=START)
    assert sum(told["count"]) == 3_001
    assert told["alerts"][-1] == 1
    assert told["threshold"][0] is None, "in warm-up there is none"
    assert told["threshold"][-1] == pytest.approx(stream.pipeline.detector.threshold, rel=1e-4)
    assert told["high"][-1] > told["threshold"][-1]
    assert told["strangest"][-1]["id"] == "flows-0-3000"
    start = told["start"][-1]
    event = stream.recorder.strangest("flows-0", span=300.0, points=300, start=start)
    assert event is not None
    assert b'"duration":5000' in (event.json() or b"")


def test_an_alert_is_a_row_that_says_why(stream: Stream) -> None:
    stream.feed(3_000, seconds=60.0)
    outputs = stream.attack(load=60.0)
    [row] = rows(stream)[:1]
    assert row.standing == "alert"
    assert row.reason.startswith("load 60, ")
    assert (row.key, row.count) == ("h0", 1)
    opened = stream.recorder.opened(row.id)
    assert opened is not None
    [one] = opened["records"]
    assert one["record"] is outputs.alerts[0][1]
    assert {feature["feature"] for feature in one["component"]["features"]} == {
        "duration", "sent", "load",
    }  # fmt: skip


def test_alerts_of_a_new_behaviour_are_one_row_that_follows_the_model(stream: Stream) -> None:
    stream.feed(3_000, seconds=60.0)
    for _ in range(40):
        stream.now += 0.5
        stream.attack(10, duration=900.0, load=20.0)
        stream.take(stream.events(200))
        stream.show()
    incidents = {one.id: one for one in stream.pipeline.detector.incidents}
    assert incidents
    table = {row.id: row for row in rows(stream) if row.standing != "alert"}
    assert set(table) == {f"flows-0:{number}" for number in incidents}
    number, incident = next(iter(incidents.items()))
    row = table[f"flows-0:{number}"]
    assert (row.standing, row.count) == (incident.standing, incident.count)
    opened = stream.recorder.opened(row.id)
    assert opened is not None
    kept = [one["record"] for one in opened["records"]]
    assert 1 < len(kept) <= 14
    assert kept[0].score == max(record.score for record in kept)
    by_event = stream.recorder.opened(kept[-1].id)
    assert by_event is not None
    assert by_event["row"].id == row.id

    version, _ = stream.recorder.rows(ALL, after=0, most=300)
    stream.pipeline.detector.mute(number)
    stream.show()
    [changed] = rows(stream, after=version)
    assert (changed.id, changed.standing) == (row.id, "muted")


def test_after_a_restart_the_incidents_are_there_without_their_alerts(stream: Stream) -> None:
    stream.feed(3_000, seconds=60.0)
    for _ in range(40):
        stream.attack(10, duration=900.0, load=20.0)
        stream.take(stream.events(200))
    detector = stream.pipeline.detector
    detector.accept(detector.incidents[0].id)
    later = Recorder(SCHEMA, clock=lambda: stream.now)
    later.show({"flows-0": detector})
    found = {row.id: row for row in later.rows(ALL, after=0, most=9)[1]}
    row = found[f"flows-0:{detector.incidents[0].id}"]
    assert row.standing == "accepted"
    assert "behaviour" in row.reason
    opened = later.opened(row.id)
    assert opened is not None
    assert opened["records"] == []
    shown = {one["feature"] for one in opened["component"]["features"]}
    assert shown == {"duration", "sent", "load"}, "what the behaviour is like is in the model"


def alone(stream: Stream) -> list[Row]:
    return [row for row in rows(stream) if row.standing == "alert"]


def test_alerts_that_come_together_are_one_row_for_what_they_have_in_common(stream: Stream) -> None:
    stream.feed(3_000, seconds=60.0)
    before = {row.id for row in alone(stream)}
    for i in range(30):  # each near another component than the usual, of many hosts
        stream.now += 1.0
        stream.attack(load=60.0 + i, host=f"from-{i}")
    [row] = [row for row in alone(stream) if row.id not in before]
    assert (row.count, row.together, row.key, row.several_keys) == (30, "reason", None, True)
    assert row.first_time != row.time
    opened = stream.recorder.opened(row.id)
    assert opened is not None
    kept = [one["record"] for one in opened["records"]]
    assert 13 <= len(kept) <= 14, "the first, the strangest, and the latest twelve"
    assert kept[0].score == max(record.score for record in kept)
    assert row.reason == kept[0].reasons[0].text
    for record in kept:
        found = stream.recorder.opened(record.id)
        assert found is not None
        assert found["row"].id == row.id

    stream.now += 61.0
    stream.attack(load=60.0, host="later")
    assert len(alone(stream)) == len(before) + 2, "a minute apart it is another"


def test_alerts_of_one_key_are_together_and_those_with_nothing_in_common_are_not(
    stream: Stream,
) -> None:
    stream.feed(3_000, seconds=60.0)
    before = {row.id for row in alone(stream)}
    stream.attack(load=60.0, host="one")
    stream.attack(duration=9_000.0, host="one")
    stream.attack(load=60.0, host="other")  # with the first, but not with both
    stream.attack(load=-40.0, host="one")
    found = {row.key: row for row in alone(stream) if row.id not in before}
    assert set(found) == {"one", "other"}
    assert (found["one"].count, found["one"].together) == (3, "key")
    assert (found["other"].count, found["other"].together) == (1, None)


def test_alerts_without_time_go_by_when_they_arrive(stream: Stream) -> None:
    stream.feed(3_000, seconds=60.0)
    before = len(alone(stream))
    for wait in (1.0, 59.0, 61.0):
        stream.now += wait
        stream.attack(load=60.0, host="one", ts=None)
    assert len(alone(stream)) == before + 2


def test_alerts_that_come_again_are_rows_once(stream: Stream) -> None:
    stream.feed(3_000, seconds=60.0)
    outputs = stream.attack(load=60.0)
    before = rows(stream)
    stream.recorder.take("flows-0", outputs, stream.pipeline.detector)
    assert rows(stream) == before


def test_the_latest_alerts_are_kept(stream: Stream) -> None:
    stream.feed(3_000, seconds=60.0)
    outputs = stream.attack(load=60.0)
    [(row, record)] = outputs.alerts
    for i in range(400):
        other = msgspec.structs.replace(record, id=f"flows-0-{i + 10_000}", key=f"h{i}", reasons=[])
        outputs.alerts[0] = (row, other)
        stream.recorder.take("flows-0", outputs, stream.pipeline.detector)
    kept = [one for one in rows(stream) if one.standing == "alert"]
    assert len(kept) == 300
    assert kept[0].id == "flows-0-10399"


def test_all_models_together_alert_from_the_lowest_threshold_on(warm: Stream) -> None:
    recorder = Recorder(SCHEMA, clock=lambda: START)
    one, other = Stream("a", recorder=recorder), Stream("b", recorder=recorder)
    one.feed(3_000, seconds=60.0)
    other.take(other.events(10))
    told = recorder.history(ALL, span=300.0, points=300, since=0.0)
    assert sum(told["count"]) == 3_010
    assert told["threshold"][-1] == pytest.approx(one.pipeline.detector.threshold, rel=1e-4)
    assert recorder.models() == ["a", "b"]
    recorder.forget("b")
    assert recorder.models() == ["a"]
    assert sum(recorder.history(ALL, span=300.0, points=300, since=0.0)["count"]) == 3_010


def test_a_model_that_comes_back_has_its_record(stream: Stream) -> None:
    stream.feed(1_000, seconds=10.0)
    recorder = stream.recorder
    recorder.forget("flows-0")
    assert recorder.models() == []
    stream.feed(1_000, seconds=10.0)
    assert recorder.models() == ["flows-0"]
    assert sum(recorder.history("flows-0", span=300.0, points=300, since=0.0)["count"]) == 2_000
    for name in ("flows-0", *(f"other-{i}" for i in range(8))):
        recorder.forget(name)
    with pytest.raises(KeyError):
        recorder.history("flows-0", span=300.0, points=300, since=0.0)
    assert sum(recorder.history(ALL, span=300.0, points=300, since=0.0)["count"]) == 2_000


def test_the_mixture_is_shown_in_the_plane_that_parts_its_components(warm: Stream) -> None:
    warm.recorder.mixture("flows-0", None, None, day=False)  # somebody watches from now on
    warm.show()
    told = warm.recorder.mixture("flows-0", None, None, day=False)
    told = msgspec.json.decode(msgspec.json.encode(told))
    assert told["columns"] == ["duration", "sent", "load"]
    assert sum(one["weight"] for one in told["components"]) == pytest.approx(1.0)
    assert len(told["points"]) == 600
    names = told["columns"]
    plane = [names.index(name) for name in told["plane"]]
    mixture = warm.pipeline.detector.mixture
    assert mixture is not None
    heaviest = told["components"][0]
    k = heaviest["component"]
    assert heaviest["mean"] == mixture.means[k][plane].tolist()
    covariance = mixture.covariances[k][np.ix_(plane, plane)]
    assert heaviest["covariance"] == [covariance[0, 0], covariance[0, 1], covariance[1, 1]]
    chosen = warm.recorder.mixture("flows-0", "load", "duration", day=False)
    assert chosen["plane"] == ["load", "duration"]
    assert told["weights"]["components"] == [one["component"] for one in told["components"]]
    assert {one["id"] for one in told["components"]} == set(
        map(str, mixture.ids[mixture.weights > 0].tolist())
    )


def test_what_has_changed_since_an_hour_ago(stream: Stream) -> None:
    stream.feed(3_000, seconds=60.0)
    ready = stream.now
    for _ in range(3 * 12):
        stream.now += 300.0
        stream.take([{**event, "load": event["load"] + 1.0} for event in stream.events(100)])
        stream.show()
    changes = stream.recorder.mixture("flows-0", None, None, day=False)["changes"]
    assert 3_600.0 <= changes["seconds"] <= 3_900.0
    assert stream.now - changes["since"] == pytest.approx(changes["seconds"])
    assert changes["since"] > ready
    assert any(one["moved"] > 0.01 for one in changes["moved"])


def test_nothing_is_recorded_of_an_empty_block(stream: Stream) -> None:
    stream.take([])
    assert stream.recorder.models() == []


def test_recording_costs_a_few_percent_of_the_pipeline(stream: Stream) -> None:
    """Of blocks of 1,000 events; the best of several runs, so that the machine has no say."""
    stream.feed(3_000, seconds=60.0)
    pipeline, recorder = stream.pipeline, stream.recorder
    processed, recorded = [], []
    for _ in range(40):
        stream.now += 0.5
        records = stream.records(stream.events(1_000))
        began = time.perf_counter()
        outputs = pipeline.process(records)
        between = time.perf_counter()
        recorder.take("flows-0", outputs, pipeline.detector)
        processed.append(between - began)
        recorded.append(time.perf_counter() - between)
    assert min(recorded) < 0.05 * min(processed)
