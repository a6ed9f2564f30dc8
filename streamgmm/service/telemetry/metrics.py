"""From the Prometheus registry to OpenTelemetry's metrics: one definition, read by both.

Nothing is counted twice: when it is time to send, the registry is read as a scrape of `/metrics`
reads it. A name loses the prefix's underscore for a dot and its unit to where OpenTelemetry has it
(`streamgmm_event_latency_seconds` is `streamgmm.event_latency` in s), so that a collector that
writes for Prometheus makes the same name of it again. Sums and histograms are cumulative, since the
service began; a histogram keeps its buckets.
"""

from __future__ import annotations

import math
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

import streamgmm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.resources import Resource
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric as Family
    from prometheus_client.core import Sample

__all__ = ["RegistryReader", "name_and_unit"]

# Suffixes of Prometheus that are units of UCUM: they leave the name.
_UNITS: Final = {"seconds": "s", "bytes": "By"}
# And those that stay in it: they say what is counted, or translations of the unit do not agree.
_COUNTED: Final = {
    "alerts": "{alert}", "cuts": "{cut}", "events": "{event}", "failures": "{failure}",
    "fields": "{field}", "incidents": "{incident}", "letters": "{event}", "nats": "{nat}",
    "outputs": "{output}", "ratio": "1", "retries": "{output}", "spans": "{span}",
    "values": "{value}",
}  # fmt: skip
_CUMULATIVE: Final = AggregationTemporality.CUMULATIVE


def name_and_unit(family: str) -> tuple[str, str]:
    """Give the OpenTelemetry name and unit of a metric of Prometheus (without `_total`).

    Examples
    --------
    >>> name_and_unit("streamgmm_checkpoint_size_bytes"), name_and_unit("streamgmm_events")
    (('streamgmm.checkpoint_size', 'By'), ('streamgmm.events', '{event}'))
    """
    stem, _, last = family.rpartition("_")
    if last in _UNITS and "_" in stem:
        return stem.replace("_", ".", 1), _UNITS[last]
    return family.replace("_", ".", 1), _COUNTED.get(last, "")


class RegistryReader:
    """Reads a registry as OpenTelemetry's metrics.

    Parameters
    ----------
    registry
        What `/metrics` shows.
    resource
        Whose metrics they are.
    """

    def __init__(self, registry: CollectorRegistry, resource: Resource) -> None:
        self._registry = registry
        self._resource = resource
        self._begun = time.time_ns()

    def read(self) -> MetricsData:
        """Give all metrics as they are now; what is not a number (yet) is left out."""
        now = time.time_ns()
        found = (self._metric(family, now) for family in self._registry.collect())
        scope = ScopeMetrics(
            InstrumentationScope("streamgmm", streamgmm.__version__),
            [metric for metric in found if metric.data.data_points],
            schema_url="",
        )
        return MetricsData([ResourceMetrics(self._resource, [scope], schema_url="")])

    def _metric(self, family: Family, now: int) -> Metric:
        name, unit = name_and_unit(family.name)
        data: Any
        if family.type == "histogram":
            data = Histogram(list(self._histograms(family.samples, now)), _CUMULATIVE)
        elif family.type == "counter":
            points = self._numbers(family.samples, now, f"{family.name}_total", self._begun)
            data = Sum(list(points), _CUMULATIVE, is_monotonic=True)
        else:
            data = Gauge(list(self._numbers(family.samples, now, family.name, None)))
        return Metric(name, family.documentation, unit, data)

    @staticmethod
    def _numbers(
        samples: Iterable[Sample], now: int, name: str, begun: int | None
    ) -> Iterable[NumberDataPoint]:
        for sample in samples:
            if sample.name == name and not math.isnan(sample.value):
                yield NumberDataPoint(dict(sample.labels), begun, now, sample.value)  # type: ignore[arg-type]

    def _histograms(self, samples: list[Sample], now: int) -> Iterable[HistogramDataPoint]:
        series: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
        for sample in samples:
            labels = tuple((k, v) for k, v in sorted(sample.labels.items()) if k != "le")
            series.setdefault(labels, []).append(sample)
        for labels, parts in series.items():
            buckets = [one for one in parts if one.name.endswith("_bucket")]
            totals = [0, *(int(one.value) for one in buckets)]
            # Where values may be below 0 Prometheus has none, and the specification wants none.
            total = next((one.value for one in parts if one.name.endswith("_sum")), None)
            yield HistogramDataPoint(
                dict(labels),
                self._begun,
                now,
                count=totals[-1],
                sum=total,  # type: ignore[arg-type]  # optional where it goes, as the two below
                bucket_counts=[after - before for before, after in pairwise(totals)],
                explicit_bounds=[float(one.labels["le"]) for one in buckets[:-1]],
                min=None,  # type: ignore[arg-type]
                max=None,  # type: ignore[arg-type]
            )
