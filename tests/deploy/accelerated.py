"""A job at the speed of the processor: hours of its metrics, as Prometheus scrapes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from streamgmm.config import load
from streamgmm.events import Record, Records
from streamgmm.service.metrics import Metrics
from streamgmm.service.replay import make_pipeline
from streamgmm.service.settings import detector_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

SCRAPE_SECONDS = 60
CHECKPOINT_SECONDS = 60.0
PARTITION = "flows-0"


@dataclass(frozen=True, slots=True)
class Scraped:
    """Series of one target, a value every `SCRAPE_SECONDS`; `events` and `alerts` in all."""

    series: dict[tuple[str, tuple[tuple[str, str], ...]], list[float]]
    scrapes: int
    events: int
    alerts: int


def scraped(
    job: Path, events: Iterable[tuple[float, dict[str, Any]]], names: Collection[str]
) -> Scraped:
    """Run a job's model over events (time in s since the epoch, event) by their clock.

    What a worker shows beside its model is that of one without any trouble.
    """
    config = load(job, env={})
    now = 0.0
    metrics = Metrics("0", clock=lambda: now)
    pipeline = make_pipeline(
        config.schema(), detector_settings(config), origin=PARTITION, columns=None, metrics=metrics
    )
    metrics.begin_partition(PARTITION)
    metrics.connected.set(1)
    metrics.checkpoint_interval.set(CHECKPOINT_SECONDS)
    metrics.lag.labels(PARTITION).set(0)
    metrics.behind.labels(PARTITION).set(0)
    series: dict[tuple[str, tuple[tuple[str, str], ...]], list[float]] = {}
    position = scrapes = 0
    block: list[Record] = []

    def scrape() -> None:
        detector = pipeline.detector
        pipeline.process(Records.of(block))
        block.clear()
        if scrapes * SCRAPE_SECONDS % CHECKPOINT_SECONDS == 0:
            metrics.checkpoint_written(PARTITION, 100_000, 0.01)
        metrics.observe_model(
            PARTITION,
            threshold=detector.threshold,
            weights=detector.weights,
            drift=detector.drift,
            seen=detector.n_seen,
            ready=detector.ready,
        )
        metrics.observe_incidents(PARTITION, detector.open_incidents, frozen=detector.frozen)
        metrics.service_ready.set(detector.ready)
        for family in metrics.registry.collect():
            for sample in family.samples:
                if sample.name in names:
                    one = sample.name, tuple(sorted(sample.labels.items()))
                    series.setdefault(one, []).append(sample.value)

    encode = msgspec.json.encode
    for time, event in events:
        now = now or time
        while time >= now + SCRAPE_SECONDS:
            now += SCRAPE_SECONDS
            scrape()
            scrapes += 1
        block.append(Record(encode(event), position))
        position += 1
    alerts = int(metrics.alerts.labels(PARTITION)._value.get())
    return Scraped(series, scrapes, position, alerts)


def promtool_series(found: Scraped, **target: str) -> list[dict[str, str]]:
    """Write series as `promtool test rules` takes them, with the labels of a target."""
    written = [
        {
            "series": _selector(name, {**dict(labels), **target}),
            "values": " ".join(["_"] * (found.scrapes - len(values)) + [f"{v:g}" for v in values]),
        }
        for (name, labels), values in found.series.items()
    ]
    return [*written, {"series": _selector("up", target), "values": f"1x{found.scrapes - 1}"}]


def _selector(name: str, labels: dict[str, str]) -> str:
    pairs = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{pairs}}}"
