"""What the service measures, in a Prometheus registry of its own.

`docs/metrics.md` is written from here: ``make references``.
There are no labels per key or event: the number of series depends on partitions, components,
features and reasons only.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    generate_latest,
)

from streamgmm.events.faults import REASONS
from streamgmm.service.histogram import ArrayHistogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from streamgmm.detection import Drift

__all__ = ["Metrics"]

_PREFIX: Final = "streamgmm_"
_SCORES: Final = (-20, -10, -5, 0, 2.5, 5, 7.5, 10, 12.5, 15, 20, 25, 30, 40, 60, 100, 200, 1000)
_LATENCIES: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    60,
    600,
)
_DURATIONS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2)
_SIZES: Final = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000)


class Metrics:
    """Every metric of one service.

    Parameters
    ----------
    version
        Of the package, for ``streamgmm_build_info``.
    clock
        Seconds since the epoch, by which a checkpoint ages.

    Attributes
    ----------
    registry
        What an exposition reads; nothing is registered globally.
    """

    def __init__(self, version: str, clock: Callable[[], float] = time.time) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._reference: list[tuple[str, str, str, str]] = []
        self._stream()
        self._model()
        self._state()
        self._gauge("build_info", "1, with the version as a label.", ["version"]).labels(
            version
        ).set(1)
        ProcessCollector(registry=self.registry)

    def _stream(self) -> None:
        by_partition = ["partition"]
        self.events = self._counter("events", "Events scored.", by_partition)
        self.alerts = self._counter("alerts", "Events that were anomalies.", by_partition)
        self.budgeted = self._counter(
            "budgeted_alerts",
            "Alerts that the budget allows for the events scored so far, in the mean.",
            by_partition,
        )
        self.unscored = self._counter(
            "unscored_events", "Events of which no feature was present.", by_partition
        )
        self.relearned = self._counter(
            "relearned_events",
            "Events learned again, silently, to bring a restored model up to date.",
            by_partition,
        )
        self.behind = self._gauge(
            "recovery_events",
            "Events that a restored model still has to learn again before it puts anything out.",
            by_partition,
        )
        self.lost = self._counter(
            "lost_events",
            "Events that were gone from the source before they were read.",
            by_partition,
        )
        self.log_cuts = self._counter(
            "log_cuts",
            "Times that a partition ended before what was read of it: its log was cut.",
            by_partition,
        )
        self.incidents = self._counter(
            "incidents", "Incidents opened: new behaviours whose events alert.", by_partition
        )
        self.muted = self._counter(
            "muted_events", "Events of muted incidents, which are no alerts.", by_partition
        )
        self.dead_letters = self._counter(
            "dead_letters", "Events that could not be decoded or encoded.", ["reason"]
        )
        for reason in REASONS:
            self.dead_letters.labels(reason)
        self.missing = self._counter(
            "missing_values", "Values absent or null, by feature.", ["feature"]
        )
        self.unknown_fields = self._counter(
            "sampled_unknown_fields",
            "Fields outside the schema (they are ignored), in one event of 256.",
            by_partition,
        )
        self.score = self._histogram("score_nats", "Scores; higher is stranger.", _SCORES)
        self.latency = self._histogram(
            "event_latency_seconds",
            "From an event's timestamp in Kafka to its outputs being handed to the sink.",
            _LATENCIES,
        )
        self.batch_duration = self._histogram(
            "batch_duration_seconds", "Time to decode, score and learn one batch.", _DURATIONS
        )
        self.batch_size = self._histogram("batch_events", "Events in one batch.", _SIZES)
        self.lag = self._gauge("lag_events", "Events waiting in a partition.", by_partition)
        self.connected = self._gauge("source_connected", "1 while the source can be reached.")
        self.sink_waiting = self._gauge(
            "sink_waiting_outputs", "Outputs that the sink has not confirmed yet."
        )
        self.sink_waiting_bytes = self._gauge("sink_waiting_bytes", "What these outputs come to.")
        self.sink_retries = self._counter("sink_retries", "Outputs that had to be sent again.")
        self.shortened = self._counter(
            "shortened_outputs", "Outputs larger than their topic takes, shortened.", ["topic"]
        )
        self.dropped = self._counter(
            "dropped_outputs",
            "Outputs larger than their topic takes that could not be shortened, and were dropped.",
            ["topic"],
        )
        self.transactions_lost = self._counter(
            "transactions_lost", "Transactions given up, whose events were processed again."
        )
        self.page_failures = self._counter(
            "page_failures", "Times that the live page could not record what happened."
        )

        self.telemetry_dropped = self._counter(
            "telemetry_dropped_spans",
            "Spans that waited in vain for the OpenTelemetry collector, and were dropped.",
        )
        self.telemetry_failures = self._counter(
            "telemetry_failures",
            "Times that the OpenTelemetry collector did not take what was sent.",
            ["signal"],
        )

    def _model(self) -> None:
        by_partition = ["partition"]
        self.threshold = self._gauge(
            "threshold_nats",
            "Score from which an event is an anomaly; +Inf in warm-up.",
            by_partition,
        )
        self.weight = self._gauge(
            "component_weight_ratio",
            "Share of traffic of a component of the mixture.",
            ["partition", "component"],
        )
        self.moved = self._gauge(
            "drift_moved_ratio",
            "How far the model is from what it was some 10,000 events ago; 0 the same, 1 another.",
            by_partition,
        )
        self.misfit = self._gauge(
            "drift_misfit_sigma",
            "How badly the latest 500 events fit the model, against its own long run, in standard "
            "deviations at rest.",
            by_partition,
        )
        self.seen = self._gauge("model_events", "Events the model has seen.", by_partition)
        self.partition_ready = self._gauge(
            "ready", "1 once the partition's model has warmed up and alerts.", by_partition
        )
        self.open_incidents = self._gauge(
            "open_incidents", "Incidents whose events still come and alert.", by_partition
        )
        self.frozen = self._gauge(
            "frozen",
            "1 while the partition's model learns nothing, as an operator asked.",
            by_partition,
        )
        self.service_ready = self._gauge("service_ready", "1 while /readyz says ready.")

    def _state(self) -> None:
        self._checkpointed_at = float("nan")
        self.checkpoint_age = self._gauge(
            "checkpoint_age_seconds",
            "Time since the last checkpoint was written; NaN before the first.",
        )
        self.checkpoint_age.set_function(lambda: self._clock() - self._checkpointed_at)
        self.checkpoint_interval = self._gauge(
            "checkpoint_interval_seconds",
            "Time from one checkpoint to the next where events come, as configured.",
        )
        self.checkpoint_size = self._gauge(
            "checkpoint_size_bytes", "Size of the last checkpoint.", ["partition"]
        )
        self.checkpoint_duration = self._histogram(
            "checkpoint_duration_seconds",
            "Time to write one checkpoint to stable storage.",
            _LATENCIES,
        )
        self.checkpoint_failures = self._counter(
            "checkpoint_failures", "Checkpoints that could not be written."
        )

    def begin_partition(self, partition: str) -> None:
        """Show a partition's counters from 0 on: the first of anything is an increase then."""
        for counter in (
            self.events, self.alerts, self.budgeted, self.unscored, self.relearned, self.lost,
            self.log_cuts, self.incidents, self.muted, self.unknown_fields,
        ):  # fmt: skip
            counter.labels(partition)

    def observe_model(
        self,
        partition: str,
        *,
        threshold: float,
        weights: NDArray[np.float64],
        drift: Drift,
        seen: int,
        ready: bool,
    ) -> None:
        """Show one model's threshold, component weights, drift, age and readiness."""
        self.threshold.labels(partition).set(threshold)
        self.moved.labels(partition).set(drift.moved)
        self.misfit.labels(partition).set(drift.misfit)
        self.seen.labels(partition).set(seen)
        self.partition_ready.labels(partition).set(ready)
        for component, weight in enumerate(weights):
            self.weight.labels(partition, component).set(weight)

    def observe_incidents(self, partition: str, n_open: int, *, frozen: bool) -> None:
        """Show how many incidents of a model are open, and whether it is frozen."""
        self.open_incidents.labels(partition).set(n_open)
        self.frozen.labels(partition).set(frozen)

    def forget_partition(self, partition: str) -> None:
        """Stop showing the present state of a partition that has left; its counters stay."""
        for gauge in (
            self.lag, self.threshold, self.moved, self.misfit, self.seen, self.partition_ready,
            self.weight, self.open_incidents, self.frozen, self.behind,
        ):  # fmt: skip
            gauge.remove_by_labels({"partition": partition})
        self.checkpoint_size.remove_by_labels({"partition": partition})

    def checkpoint_written(self, partition: str, size: int, duration: float) -> None:
        """Note a checkpoint of `size` bytes that took `duration` seconds."""
        self._checkpointed_at = self._clock()
        self.checkpoint_size.labels(partition).set(size)
        self.checkpoint_duration.observe(duration)

    def exposition(self) -> bytes:
        """Give all metrics in the text format that Prometheus scrapes."""
        return generate_latest(self.registry)

    def rows(self) -> Iterable[tuple[str, str, str, str]]:
        """List name, type, labels and meaning of every metric, in the order of the page."""
        return iter(self._reference)

    def _note(self, name: str, kind: str, labels: Sequence[str], meaning: str) -> str:
        shown = f"{_PREFIX}{name}_total" if kind == "counter" else f"{_PREFIX}{name}"
        self._reference.append((shown, kind, ", ".join(labels), meaning))
        return _PREFIX + name

    def _counter(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Counter:
        full = self._note(name, "counter", labels, meaning)
        return Counter(full, meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, labels: Sequence[str] = ()) -> Gauge:
        full = self._note(name, "gauge", labels, meaning)
        return Gauge(full, meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: Sequence[float]) -> ArrayHistogram:
        full = self._note(name, "histogram", (), meaning)
        return ArrayHistogram(full, meaning, buckets, self.registry)
