"""The registry as OpenTelemetry has it: the same names behind a collector, the same values."""

from __future__ import annotations

import math
import re

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.resources import Resource

from streamgmm.service.metrics import Metrics
from streamgmm.service.telemetry.metrics import RegistryReader
from tests.otlp import Collector
from tests.service.telemetry.exposition import exposed, for_prometheus


def filled() -> Metrics:
    metrics = Metrics("1.2.3", clock=lambda: 100.0)
    metrics.begin_partition("flows-0")
    metrics.events.labels("flows-0").inc(12)
    metrics.dead_letters.labels("not_json").inc()
    metrics.score.observe([-30, -3, 0, 1, 4, 4, 5000])
    metrics.latency.observe([0.002, 0.3])
    metrics.threshold.labels("flows-0").set(math.inf)
    metrics.weight.labels("flows-0", 3).set(0.25)
    return metrics


def read(metrics: Metrics) -> Collector:
    collector = Collector()
    data = RegistryReader(metrics.registry, Resource({"service.name": "x"})).read()
    collector.take("/v1/metrics", encode_metrics(data).SerializeToString())
    return collector


def test_a_collector_that_writes_for_prometheus_shows_what_we_show() -> None:
    metrics = filled()
    # Time goes on between the two readings, for what is read of the process.
    moving = re.compile(r"process_")
    got = {k: v for k, v in for_prometheus(read(metrics)).items() if not moving.match(k)}
    due = {k: v for k, v in exposed(metrics.exposition()).items() if not moving.match(k)}
    # What is not a number yet has no value in OpenTelemetry.
    assert due.pop("streamgmm_checkpoint_age_seconds{}") != 0.0
    assert got == due
    assert len(got) > 100


def test_names_and_units_are_as_opentelemetry_has_them() -> None:
    found = {name: metric.unit for name, metric in read(filled()).metrics.items()}
    assert found["streamgmm.events"] == "{event}"
    assert found["streamgmm.event_latency"] == "s"
    assert found["streamgmm.score_nats"] == "{nat}"
    assert found["streamgmm.component_weight_ratio"] == "1"
    assert found["streamgmm.checkpoint_size" if "streamgmm.checkpoint_size" in found else
                 "streamgmm.sink_waiting"] == "By"  # fmt: skip
    assert found["process.resident_memory"] == "By"
    assert all(re.fullmatch(r"(streamgmm|process)\.[a-z_]+", name) for name in found)


def test_sums_and_histograms_are_cumulative_and_keep_their_buckets() -> None:
    metrics = read(filled()).metrics
    events = metrics["streamgmm.events"].sum
    assert (events.aggregation_temporality, events.is_monotonic) == (2, True)
    score = metrics["streamgmm.score_nats"].histogram
    assert score.aggregation_temporality == 2
    [point] = score.data_points
    assert list(point.explicit_bounds)[:4] == [-20, -10, -5, 0]
    assert list(point.bucket_counts)[:6] == [1, 0, 0, 2, 1, 2]
    assert (point.count, sum(point.bucket_counts)) == (7, 7)
    assert not point.HasField("sum")  # some are below 0
    [latency] = metrics["streamgmm.event_latency"].histogram.data_points
    assert latency.sum == 0.302
    assert point.start_time_unix_nano <= point.time_unix_nano
