"""What a collector makes of metrics that it writes for Prometheus, by the specification's rules.

https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from tests.otlp import attributes

if TYPE_CHECKING:
    from tests.otlp import Collector

UNITS = {"s": "seconds", "By": "bytes", "1": "ratio"}


def exposed(text: bytes) -> dict[str, float]:
    """Every sample of an exposition, by name and labels; creation times are no metrics."""
    return {
        named(sample.name, sample.labels): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def for_prometheus(collector: Collector) -> dict[str, float]:
    found: dict[str, float] = {}
    for metric in collector.metrics.values():
        name, kind = metric.name.replace(".", "_"), metric.WhichOneof("data")
        unit = UNITS.get(metric.unit, "")
        if unit and not (unit == "ratio" and kind != "gauge") and not name.endswith(f"_{unit}"):
            name += f"_{unit}"
        if kind == "histogram":
            for point in metric.histogram.data_points:
                found |= buckets(name, point)
            continue
        for point in getattr(metric, kind).data_points:
            value = getattr(point, point.WhichOneof("value"))
            total = "_total" if kind == "sum" else ""
            found[named(name + total, attributes(point.attributes))] = value
    return found


def buckets(name: str, point: Any) -> dict[str, float]:
    labels, found, count = attributes(point.attributes), {}, 0
    bounds = [f"{bound:g}" for bound in point.explicit_bounds] + ["+Inf"]
    for bound, more in zip(bounds, point.bucket_counts, strict=True):
        count += more
        found[named(f"{name}_bucket", {**labels, "le": bound})] = float(count)
    assert point.count == count
    if point.HasField("sum"):
        found[named(f"{name}_count", labels)] = float(count)
        found[named(f"{name}_sum", labels)] = point.sum
    return found


def named(name: str, labels: dict[str, str]) -> str:
    return name + str(dict(sorted(labels.items())))
