"""What a collector does that is slow, refuses, talks nonsense or is not there."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest

from streamgmm.service.metrics import Metrics
from streamgmm.service.stop import Stop
from streamgmm.service.telemetry import telemetry
from tests.brokers.apache_kafka import free_ports
from tests.otlp import Collector
from tests.service.telemetry.jobs import job
from tests.workers import wait_for

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from streamgmm.service.tracing import Tracer


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_BSP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"):
        monkeypatch.setenv(name, "30")


def shipping(
    endpoint: str, export: str = '["traces"]'
) -> tuple[AbstractContextManager[Tracer], Metrics, Stop]:
    headers = 'headers = "authorization=Bearer%20abc"'
    config = job(f'export = {export}\nendpoint = "{endpoint}"\nsampling_ratio = 1\n{headers}')
    metrics, stop = Metrics("1"), Stop()
    return telemetry(config, metrics, stop), metrics, stop


def work(tracer: Tracer, cycles: int = 1) -> None:
    for _ in range(cycles):
        with tracer.step("process", messages=1, topic="flows"), tracer.step("decode"):
            pass
        tracer.end()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What reaches the log; pytest listens to OpenTelemetry's own loggers too, which are silent."""
    heard = [one for one in caplog.records if not one.name.startswith("opentelemetry")]
    assert not logging.getLogger("opentelemetry").propagate
    return [one.getMessage() for one in heard if one.levelno >= logging.WARNING]


def value(metrics: Metrics, name: str) -> float:
    families = {one.name: one for one in metrics.registry.collect()}
    return sum(s.value for s in families[name].samples if s.name.endswith("_total"))


def test_both_signals_reach_it_with_the_headers() -> None:
    with Collector() as collector:
        made, _, _ = shipping(collector.endpoint, '["metrics", "traces"]')
        with made as tracer:
            work(tracer, 3)
            wait_for(lambda: collector.exports >= 2, "metrics a second time")
            work(tracer, 1)
        assert len(collector.named("decode")) == 4  # what came last too
        paths = {path for path, _ in collector.requests}
        assert paths == {"/v1/metrics", "/v1/traces"}
        assert all(told["authorization"] == "Bearer abc" for _, told in collector.requests)
        assert collector.resource["service.instance.id"] == "worker-1"
        assert collector.spans[0].resource == collector.resource


def test_what_fails_has_its_exception_without_secrets() -> None:
    with Collector() as collector:
        made, _, _ = shipping(collector.endpoint)
        with made as tracer:
            with pytest.raises(OSError, match="abc"), tracer.step("poll"):
                raise OSError("refused Bearer abc")
            tracer.end(OSError("lost"))
        [poll] = collector.named("poll")
        [whole] = [span for span in collector.spans if not span.parent]
    assert (poll.error, whole.error) == ("refused ***", "lost")
    assert poll.attributes["error.type"] == "OSError"
    [event] = poll.events
    assert event["name"] == "exception"
    assert event["exception.message"] == "refused ***"
    assert event["exception.stacktrace"].startswith("Traceback")
    assert "Bearer abc" not in event["exception.stacktrace"]


def test_environment_says_how_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=one,authorization=theirs")
    with Collector() as collector:
        made, _, _ = shipping(collector.endpoint)
        with made as tracer:
            work(tracer)
        assert collector.named("decode")
        [(_, told)] = collector.requests
        assert (told["content-encoding"], told["x-scope"]) == ("gzip", "one")
        assert told["authorization"] == "Bearer abc"


def test_one_that_is_not_there_is_told_once_and_again_when_it_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    caplog.set_level(logging.INFO)
    [port] = free_ports(1)
    made, metrics, _ = shipping(f"http://127.0.0.1:{port}")
    with made as tracer:
        for failures in (1, 2, 3):
            work(tracer)
            wait_for(
                lambda due=failures: value(metrics, "streamgmm_telemetry_failures") >= due,
                "a failure",
            )
        assert value(metrics, "streamgmm_telemetry_dropped_spans") >= 6
        with Collector(port=port) as collector:
            wait_for(lambda: work(tracer) or collector.spans, "spans")
            wait_for(lambda: "reach" in caplog.text, "a word of it")
    [told] = warnings(caplog)
    assert "refused" in told
    assert f"http://127.0.0.1:{port}/v1/traces" in told
    assert "traces reach" in caplog.text


@pytest.mark.parametrize("answer", [308, 400, 503])
def test_what_it_refuses_is_dropped_and_counted(
    answer: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    with Collector(answer=answer) as collector:
        made, metrics, _ = shipping(collector.endpoint)
        with made as tracer:
            work(tracer)
            wait_for(lambda: value(metrics, "streamgmm_telemetry_dropped_spans") == 3, "the count")
            work(tracer)
            wait_for(lambda: value(metrics, "streamgmm_telemetry_dropped_spans") == 6, "the count")
    [told] = warnings(caplog)
    assert {308: "308 ", 400: "Bad Request", 503: "Service Unavailable"}[answer] in told


def test_nonsense_in_its_answer_does_not_matter(caplog: pytest.LogCaptureFixture) -> None:
    with Collector(answer="garbage") as collector:
        made, metrics, _ = shipping(collector.endpoint, '["metrics", "traces"]')
        with made as tracer:
            work(tracer, 2)
            wait_for(lambda: len(collector.spans) == 6 and collector.exports, "both")
        assert value(metrics, "streamgmm_telemetry_failures") == 0
    assert warnings(caplog) == []


def test_one_that_never_answers_holds_up_neither_the_work_nor_the_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "300")
    with Collector(answer="never") as collector:
        made, metrics, stop = shipping(collector.endpoint, '["metrics", "traces"]')
        with made as tracer:
            work(tracer)
            wait_for(lambda: len(collector.requests) >= 2, "requests of both")
            began = time.perf_counter()
            work(tracer, 1000)
            assert time.perf_counter() - began < 2.0
            # 100 cycles of 3 spans wait, the others found no room.
            assert value(metrics, "streamgmm_telemetry_dropped_spans") == 2700
            stop.set()
            stop._since -= 24.5  # the outputs took most of the time there was
            began = time.perf_counter()
        assert 0.9 < time.perf_counter() - began < 2.5
    told = warnings(caplog)
    assert len(told) == 2
    assert all("did not reach" in one and "no answer in time" in one for one in told)


def test_what_is_refused_at_the_end_is_told_with_the_reason(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    [port] = free_ports(1)
    made, _, _ = shipping(f"http://127.0.0.1:{port}")
    with made as tracer:
        work(tracer)
        began = time.perf_counter()
    assert time.perf_counter() - began < 4.0
    [told] = warnings(caplog)
    assert told.startswith("the last traces did not reach http://127.0.0.1")
    assert "refused" in told
