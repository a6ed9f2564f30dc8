"""A worker on a real Kafka and what a collector gets of it, over real OTLP."""

from __future__ import annotations

import os
import time
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from streamgmm.io.generate import flows
from tests.otlp import Collector
from tests.replays import assert_exactly_the_uninterrupted_scores
from tests.service.telemetry.exposition import exposed, for_prometheus
from tests.workers import Topics, Worker, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.otlp import Span

EVENTS = 1200
TRACE = "0af7651916cd43dd8448eb211c80319c"
# What time, or asking, changes by itself.
MOVING = ("process_", "streamgmm_checkpoint_age", "streamgmm_component_weight")


def environment(collector: Collector, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "STREAMGMM__TELEMETRY__EXPORT": "metrics,traces",
        "STREAMGMM__TELEMETRY__SAMPLING_RATIO": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_METRIC_EXPORT_INTERVAL": "100",
        **more,
    }


def send(topics: Topics, topic: str) -> None:
    """Send flows, each in a span of its own, by its offset."""
    for i, flow in enumerate(islice(flows(seed=5), EVENTS)):
        parent = f"00-{TRACE}-{i + 1:016x}-01".encode()
        value = msgspec.json.encode(flow)
        topics.send(topic, value, partition=i % 2, headers=[("traceparent", parent)])
    topics.send(topic, b"{", partition=0)
    topics.flush()


def origin(event_id: str) -> str:
    """The span that an event was sent in, as a link has it."""
    _, partition, offset = event_id.rsplit("-", 2)
    return f"{TRACE}-{2 * int(offset) + int(partition) + 1:016x}"


def test_traces_and_metrics_of_a_worker(
    tmp_path: Path, topics: Topics, job: dict[str, str]
) -> None:
    source = job["topic"]
    send(topics, source)
    with Collector() as collector:
        with Worker(tmp_path, env=environment(collector), **job) as worker:
            scores = topics.read(job["scores"], EVENTS)
            assert_exactly_the_uninterrupted_scores(worker, source, scores, EVENTS)
            wait_for(lambda: worker.metric("events_total") == EVENTS, "the count of all events")
            wait_for(lambda: shows_the_same(worker, collector), "the same metrics on both ways")
            # The last checkpoint comes some time after the last commit; after it there is nothing.
            wait_for(lambda: sends_no_spans(collector), "some idle seconds without a span")
            assert worker.stop() == 0
            assert "Traceback" not in worker.log
        check_start(collector)
        check_cycles(collector, source)
        check_alerts(collector, topics, job)


def sends_no_spans(collector: Collector) -> bool:
    """Whether none comes while metrics come a dozen times."""
    count, exports = len(collector.spans), collector.exports
    wait_for(lambda: collector.exports >= exports + 12, "metrics")
    return len(collector.spans) == count


def shows_the_same(worker: Worker, collector: Collector) -> bool:
    code, text = worker.get("/metrics")
    assert code == 200
    before = exposed(text.encode())
    exports = collector.exports
    wait_for(lambda: collector.exports > exports, "the next export")
    got = for_prometheus(collector)
    due = {name: value for name, value in before.items() if not name.startswith(MOVING)}
    return {name: value for name, value in got.items() if not name.startswith(MOVING)} == due


def check_start(collector: Collector) -> None:
    [start] = collector.named("start")
    assert start.parent == ""
    assert start.resource["service.name"] == "streamgmm"
    assert "connect" in {span.name for span in collector.within(start)}
    [assign] = collector.named("assign")
    assert [span.name for span in collector.within(assign)][:2] == ["restore", "restore"]
    assert len(assign.attributes["streamgmm.partitions"]) == 2
    assert collector.named("stop")
    assert collector.named("release")


def check_cycles(collector: Collector, source: str) -> None:
    cycles = [span for span in collector.named("cycle") if span.attributes["streamgmm.events"]]
    # A dead letter was read too.
    assert sum(cycle.attributes["streamgmm.events"] for cycle in cycles) == EVENTS + 1
    assert {cycle.attributes["streamgmm.outcome"] for cycle in cycles} == {"settled"}
    for cycle in cycles:
        assert_in_order(cycle, collector.within(cycle))
        steps = [one.name for one in collector.within(cycle) if one.name != "checkpoint"]
        at = steps.index("poll")
        assert steps[at : at + 2] == ["poll", f"process {source}"]
        assert steps[-1] == "commit"
    process = collector.named(f"process {source}")[-1]
    assert process.kind == "consumer"
    assert [s.name for s in collector.within(process)] == ["decode", "score and learn", "write"]
    assert process.attributes["messaging.system"] == "kafka"
    assert process.attributes["messaging.operation.type"] == "process"
    assert process.attributes["messaging.destination.partition.id"] in {"0", "1"}
    assert process.attributes["messaging.consumer.group.name"] == source
    [kinds] = {(p.kind, c.kind) for p in collector.named("poll") for c in collector.named("commit")}
    assert kinds == ("client", "client")
    assert collector.named("checkpoint")


def assert_in_order(whole: Span, steps: list[Span]) -> None:
    times = [whole.begun, *(t for one in steps for t in (one.begun, one.ended)), whole.ended]
    assert times == sorted(times)


def check_alerts(collector: Collector, topics: Topics, job: dict[str, str]) -> None:
    made = {
        span.attributes["streamgmm.event_id"]: span
        for span in collector.named(f"create {job['alerts']}")
    }
    alerts = topics.read(job["alerts"], len(made))
    assert len(alerts) == len(made) > 5
    linked = {link for span in collector.spans if span.kind == "consumer" for link in span.links}
    for alert in alerts:
        event_id = msgspec.json.decode(alert.value)["id"]
        create = made[event_id]
        assert alert.headers == [("traceparent", f"00-{create.trace}-{create.id}-01".encode())]
        assert create.kind == "producer"
        assert create.links == [origin(event_id)]
    assert linked == {origin(event_id) for event_id in made}
    letters = topics.read(job["dead_letters"], 1)
    assert "traceparent" not in dict(letters[0].headers)


def test_the_other_client_and_a_collector_that_never_answers(
    tmp_path: Path, topics: Topics, job: dict[str, str]
) -> None:
    source = job["topic"]
    send(topics, source)
    with Collector(answer="never") as collector:
        env = environment(collector, OTEL_BSP_MAX_QUEUE_SIZE="50")
        with Worker(tmp_path, env=env, client="confluent", **job) as worker:
            scores = topics.read(job["scores"], EVENTS)
            assert_exactly_the_uninterrupted_scores(worker, source, scores, EVENTS)
            # Both are told after the scores are out.
            wait_for(lambda: worker.readiness()["ready"], "readiness", instead=worker.readiness)
            wait_for(lambda: worker.metric("telemetry_dropped_spans_total") > 0, "a full queue")
            began = time.monotonic()
            assert worker.stop() == 0
            assert time.monotonic() - began < 8.0
            assert worker.log.count("did not reach") == 2
    alerts = topics.read(job["alerts"], 1)
    [[(name, value)]] = {tuple(alert.headers) for alert in alerts[:1]}
    assert (name, len(value)) == ("traceparent", 55)
