from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from streamgmm import snapshot
from streamgmm.detection import Budget, Detector, DetectorSettings
from streamgmm.errors import StateError
from streamgmm.events import BatchDecoder, Field, Record, Schema
from streamgmm.events.field import EVENT_TIME
from streamgmm.mixture import HalfLife
from streamgmm.service.metrics import Metrics
from streamgmm.service.pipeline import Pipeline
from tests.detection.test_incidents import known, started

SCHEMA = Schema((Field("a"), Field("b", "log1p")), key="host", time="ts")
SETTINGS = DetectorSettings(n_components=2, warmup=60)


def records(n: int, seed: int = 0) -> list[Record]:
    """Events of two behaviours, a few strange ones, a few that are none."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(n):
        a, b = rng.normal([0, 5] if rng.random() < 0.7 else [8, 2], 0.5).tolist()
        event: dict[str, Any] = {"a": a, "b": max(b, 0), "ts": 1e9 + i, "host": f"h{i % 3}"}
        if i % 97 == 96:
            event["a"] = 400.0
        value = msgspec.json.encode(event)
        if i % 101 == 100:
            value = b'{"b": -1}'
        if i % 103 == 102:
            event["ts"] = 3e9
            value = msgspec.json.encode(event)
        made.append(Record(value, i))
    return made


def make(metrics: Metrics | None = None) -> Pipeline:
    return Pipeline(
        BatchDecoder(SCHEMA, origin="t-0"),
        Detector(2, SETTINGS),
        metrics or Metrics(""),
        want_scores=True,
    )


def outputs_of(pipeline: Pipeline, blocks: list[list[Record]]) -> tuple[list[Any], ...]:
    scores: list[Any] = []
    alerts: list[Any] = []
    dead: list[Any] = []
    for block in blocks:
        outputs = pipeline.process(block)
        scores += outputs.scores
        alerts += [msgspec.json.encode(record) for _, record in outputs.alerts]
        dead += [(letter.id, letter.reason) for letter in outputs.dead_letters]
    return scores, alerts, dead


def cut(events: list[Record], *sizes: int) -> list[list[Record]]:
    blocks, start = [], 0
    for size in sizes:
        blocks.append(events[start : start + size])
        start += size
    return [*blocks, events[start:]]


def test_how_records_are_cut_into_blocks_changes_nothing() -> None:
    events = records(400)
    whole = outputs_of(make(), [events])
    assert len(whole[0]) + len(whole[2]) == 400
    assert whole[1]
    assert {reason for _, reason in whole[2]} == {"out_of_domain", "too_far_ahead"}
    assert outputs_of(make(), [[event] for event in events]) == whole
    assert outputs_of(make(), cut(events, 1, 59, 1, 130, 7)) == whole


def test_relearned_events_leave_the_pipeline_as_processed_ones_do() -> None:
    events = records(300)
    seen, relearned = make(), make()
    seen.process(events[:200])
    relearned.run(events[:90], silently=True)
    relearned.run(events[90:200], silently=True)
    assert outputs_of(relearned, [events[200:]]) == outputs_of(seen, [events[200:]])


def test_a_restored_pipeline_goes_on_as_if_it_had_not_stopped() -> None:
    events = records(300)
    never_stopped = make()
    never_stopped.process(events[:150])
    restored = Pipeline(
        BatchDecoder(SCHEMA, origin="t-0"),
        Detector.from_state(never_stopped.detector.state()),
        Metrics(""),
        want_scores=True,
    )
    restored.restore(never_stopped.state())
    assert outputs_of(restored, [events[150:]]) == outputs_of(never_stopped, [events[150:]])


def test_state_that_is_not_understood_is_refused() -> None:
    with pytest.raises(StateError, match="t-0 is not understood"):
        make().restore({"clock": {}})


def test_nothing_but_dead_letters_is_a_block_too() -> None:
    outputs = make().process([Record(b"?", 0), Record(None, 1)])
    assert len(outputs.batch) == 0
    assert outputs.scores == []
    assert [letter.id for letter in outputs.dead_letters] == ["t-0-0", "t-0-1"]


def test_scores_are_not_written_where_nobody_asked() -> None:
    pipeline = Pipeline(
        BatchDecoder(SCHEMA, origin="t-0"), Detector(2, SETTINGS), Metrics(""), want_scores=False
    )
    assert pipeline.process(records(10)).scores == []


def test_everything_is_counted() -> None:
    metrics = Metrics("")
    pipeline = make(metrics)
    outputs = pipeline.process([*records(400), Record(b'{"b": 1, "ts": 1e9}', 400)])
    sample = metrics.registry.get_sample_value
    partition = {"partition": "t-0"}
    assert sample("streamgmm_events_total", partition) == len(outputs.batch)
    assert sample("streamgmm_alerts_total", partition) == len(outputs.alerts) > 0
    assert sample("streamgmm_dead_letters_total", {"reason": "too_far_ahead"}) == 3
    assert sample("streamgmm_missing_values_total", {"feature": "a"}) == 1
    assert sample("streamgmm_events_total", partition) == len(outputs.batch)


@pytest.mark.parametrize("budget", [Budget(probability=0.01), Budget(per_day=50)])
def test_what_the_budget_allows_for_is_counted_once_there_may_be_alerts(budget: Budget) -> None:
    metrics = Metrics("")
    detector = Detector(2, replace(SETTINGS, budget=budget))
    pipeline = Pipeline(BatchDecoder(SCHEMA, origin="t-0"), detector, metrics, want_scores=False)
    allowed = "streamgmm_budgeted_alerts_total", {"partition": "t-0"}
    pipeline.process(records(SETTINGS.warmup - 1))
    assert detector.alert_probability == 0
    pipeline.process(records(SETTINGS.warmup)[-1:])
    assert detector.ready
    assert metrics.registry.get_sample_value(*allowed) == 0
    outputs = pipeline.process(records(500)[SETTINGS.warmup :])
    judged = int(outputs.verdicts.ready.sum())
    assert 400 < judged == len(outputs.batch)
    # An event a second, as far as the first few hundred tell.
    share = 0.01 if budget.probability else pytest.approx(50 / 86_400, rel=0.1)
    assert detector.alert_probability == share
    assert metrics.registry.get_sample_value(*allowed) == judged * detector.alert_probability


def test_frozen_the_pipeline_learns_nothing_either() -> None:
    schema = Schema((Field("a"), Field("host", "surprise")), time="ts")
    pipeline = Pipeline(
        BatchDecoder(schema, origin="t-0"), Detector(2, SETTINGS), Metrics(""), want_scores=True
    )
    pipeline.process(records(300))
    pipeline.detector.freeze()
    tables = snapshot.pack(pipeline.state()["categories"])
    model = snapshot.pack(pipeline.detector.state()["learner"])
    assert len(pipeline.process(records(300, seed=1)).scores) > 250
    pipeline.run(records(100, seed=2), silently=True)
    assert snapshot.pack(pipeline.state()["categories"]) == tables
    assert snapshot.pack(pipeline.detector.state()["learner"]) == model
    pipeline.detector.unfreeze()
    pipeline.process(records(10, seed=3))
    assert snapshot.pack(pipeline.state()["categories"]) != tables


def test_incidents_and_muted_events_are_counted() -> None:
    metrics = Metrics("")
    schema = Schema((Field("a"), Field("b")))
    pipeline = Pipeline(
        BatchDecoder(schema, origin="t-0"), started(), metrics, want_scores=False, model="t"
    )
    rows = known(400, 3).tolist()
    block = [Record(msgspec.json.encode({"a": a, "b": b}), i) for i, (a, b) in enumerate(rows)]
    alerts = [record for _, record in pipeline.process(block[:50]).alerts]
    assert {one.incident.id for one in alerts if one.incident} == {"t:1"}
    pipeline.detector.mute(1)
    outputs = pipeline.process(block[50:])
    assert not any(record.incident for _, record in outputs.alerts)
    muted = int(((outputs.verdicts.incident == 1) & ~outputs.verdicts.is_anomaly).sum())
    text = metrics.exposition().decode()
    assert muted > 0
    assert f'streamgmm_muted_events_total{{partition="t-0"}} {muted}.0' in text
    assert "streamgmm_incidents_total{" not in text, "the incident was open before"


PAYMENTS = Schema(
    (
        Field("amount", "log1p", unit="EUR"),
        Field("country", "surprise", given=True),
        Field("time_of_day", "time_of_day", source=EVENT_TIME),
    ),
    key="card",
    time="at",
    time_zone="Europe/Zurich",
)


def payments(n: int) -> list[Record]:
    """Cards that are at home in a country and used by day; some of them abroad, some at night."""
    rng = np.random.default_rng(5)
    made = []
    for i in range(n):
        card, hour = int(rng.integers(40)), float(rng.normal(13, 2))
        home = ("CH", "CH", "CH", "FR", "NZ")[card % 5]
        event = {"amount": round(float(rng.lognormal(3, 1)), 2), "card": card, "country": home}
        if i % 400 == 399:
            event["country"] = "NZ" if home == "CH" else "CH"
        if i % 400 == 199:
            hour = 2.5
        event["at"] = 1_767_222_000 + 86_400 * (i // 200) + 3600 * hour  # from 1 January, local
        event["text"] = "not read"
        made.append(Record(msgspec.json.encode(event), i))
    return made


def make_for_payments(metrics: Metrics | None = None, schema: Schema = PAYMENTS) -> Pipeline:
    settings = DetectorSettings(n_components=4, warmup=500, budget=Budget(probability=0.01))
    decoder = BatchDecoder(schema, origin="t-0", max_ahead=1e6)
    return Pipeline(
        decoder, Detector(schema.width, settings), metrics or Metrics(""), want_scores=True
    )


def test_categories_and_times_make_alerts_in_words_whatever_the_blocks() -> None:
    metrics = Metrics("")
    events = payments(4_000)
    whole = outputs_of(make_for_payments(metrics), [events])
    assert outputs_of(make_for_payments(), cut(events, 1, 700, 3, 999)) == whole
    alerts = {int(alert["id"][4:]): alert for alert in map(msgspec.json.decode, whole[1])}
    abroad = [i for i in range(800, 4_000) if i % 400 == 399]
    nightly = [i for i in range(800, 4_000) if i % 400 == 199]
    found = [i for i in abroad if i in alerts]
    assert len(found) >= len(abroad) - 1
    for i in found:
        first = alerts[i]["reasons"][0]
        assert (first["feature"], first["value"]) == ("country", alerts[i]["event"]["country"])
        assert "% of events (of this key: " in first["text"]
    assert "of this key: never" in alerts[found[0]]["reasons"][0]["text"]
    found = [i for i in nightly if i in alerts]
    assert len(found) >= len(nightly) - 1
    for i in found:
        first = alerts[i]["reasons"][0]
        assert (first["feature"], first["value"]) == ("time_of_day", "02:30")
        assert first["text"].startswith("time of day 02:30, usually ")
        assert "08:00" < first["expected"] < "18:00"
    assert b'sampled_unknown_fields_total{partition="t-0"} 16.0' in metrics.exposition()


def test_categories_and_histories_are_part_of_the_state() -> None:
    past = Field("uses", "log1p", history="count", per="card", half_life="1d", keys=30)
    schema = replace(PAYMENTS, fields=(*PAYMENTS.fields, past))
    events = payments(2_000)
    one = make_for_payments(schema=schema)
    outputs_of(one, [events[:1_200]])
    other = make_for_payments(schema=schema)
    other.detector = Detector.from_state(one.detector.state())
    other.restore(snapshot.unpack(snapshot.pack(one.state())))
    assert outputs_of(one, [events[1_200:]]) == outputs_of(other, [events[1_200:]])
    with pytest.raises(StateError, match="partition t-0 is not understood"):
        other.restore({"clock": one.state()["clock"], "categories": {}})
    with pytest.raises(StateError, match="partition t-0 is not understood"):
        other.restore({name: part for name, part in one.state().items() if name != "histories"})


def test_a_half_life_in_time_goes_by_the_events_times_late_missing_and_equal_ones_too() -> None:
    """One far ahead is a dead letter and moves nothing."""
    rng = np.random.default_rng(0)
    settings = replace(SETTINGS, forgetting=HalfLife(seconds=100.0), gate=None)
    times = [1e9 + i for i in range(60)]  # the warm-up's
    later = [1e9 + 59, 1e9 + 160, 1e9 + 90, None, 1e9 + 160, 4e9, 1e9 + 210]
    events = []
    for i, t in enumerate(times + 3 * times + later):
        event = {"a": rng.normal(), "b": 1.0 + rng.random(), "host": "h", "ts": t}
        events.append(Record(msgspec.json.encode(event), i))

    def run(blocks: list[list[Record]]) -> Pipeline:
        pipeline = Pipeline(
            BatchDecoder(SCHEMA, origin="t-0"), Detector(2, settings), Metrics(""), want_scores=True
        )
        dead = [one for block in blocks for one in pipeline.process(block).dead_letters]
        assert [letter.reason for letter in dead] == ["too_far_ahead"]
        return pipeline

    whole, parts = run([events]), run(cut(events, 30, 100, 111, 2))
    expected = 60.0 + 180.0 + 1.0  # until the first of `later` no time has passed
    expected = expected * 2.0 ** (-101 / 100) + 4.0
    expected = max(expected * 2.0 ** (-50 / 100), 60.0) + 1.0
    assert whole.detector.mixture is not None
    assert parts.detector.mixture is not None
    assert whole.detector.mixture.mass == pytest.approx(expected, rel=1e-12)
    assert parts.detector.mixture.mass == whole.detector.mixture.mass
