"""A file through a model that starts empty, to see what would have been found."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import streamgmm
from streamgmm.detection import Detector
from streamgmm.events import BatchDecoder
from streamgmm.service.metrics import Metrics
from streamgmm.service.pipeline import Pipeline
from streamgmm.service.rankings import Rankings
from streamgmm.words import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from streamgmm.detection import Budget, DetectorSettings
    from streamgmm.events import Record, Schema
    from streamgmm.service.pipeline import Outputs

__all__ = ["Findings", "make_pipeline", "replay"]

_DAY = 86_400.0


@dataclass(slots=True)
class Findings:
    """What a stretch of events came to.

    Attributes
    ----------
    events, alerts
        How many.
    scored
        How many of the events came after warm-up.
    dead_letters
        How many by reason.
    seconds
        What the pipeline took.
    first_time, last_time
        Event times, seconds since the epoch; NaN if there are none.
    rankings
        Scores and truth of the scored events that have a label.
    found, false_alarms
        Alerts on events labelled as anomalies, and as normal.
    """

    events: int = 0
    alerts: int = 0
    scored: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    first_time: float = float("nan")
    last_time: float = float("nan")
    rankings: Rankings = field(default_factory=Rankings)
    found: int = 0
    false_alarms: int = 0

    def take(self, outputs: Outputs, seconds: float) -> None:
        """Add a block's outputs, which took `seconds`."""
        batch, verdicts = outputs.batch, outputs.verdicts
        self.events += len(batch)
        self.alerts += len(outputs.alerts)
        self.scored += int(verdicts.ready.sum())
        self.dead_letters.update(letter.reason for letter in outputs.dead_letters)
        self.seconds += seconds
        times = batch.time[~np.isnan(batch.time)]
        if len(times):
            self.first_time = float(np.fmin(self.first_time, times.min()))
            self.last_time = float(np.fmax(self.last_time, times.max()))
        if batch.labels is not None:
            known = verdicts.ready & ~np.isnan(batch.labels)
            truth, alert = batch.labels[known] > 0, verdicts.is_anomaly[known]
            self.rankings.take(truth, verdicts.score[known])
            self.found += int((alert & truth).sum())
            self.false_alarms += int((alert & ~truth).sum())

    def summary(self, budget: Budget) -> list[tuple[str, str]]:
        """Say it in lines for a person: name and value."""
        rate = self.events / self.seconds if self.seconds else 0.0
        lines = [("events", f"{self.events:,} in {self.seconds:.1f} s ({rate:,.0f} a second)")]
        if self.dead_letters:
            parts = (f"{count:,} {reason}" for reason, count in self.dead_letters.most_common())
            lines.append(("dead letters", f"{self.dead_letters.total():,} ({', '.join(parts)})"))
        if not self.scored:
            lines.append(("alerts", "none: all events went into warm-up"))
            return lines
        share = self.alerts / self.scored
        lines.append(
            ("alerts", f"{self.alerts:,} of {self.scored:,} events after warm-up ({share:.3%})")
        )
        if len(self.rankings):
            lines += self._against_truth()
        allowed = self._allowed(budget)
        if allowed is not None:
            lines.append(("budget", f"{number(round(allowed, 1))} false alarms ({_words(budget)})"))
        return lines

    def figures(self, budget: Budget) -> dict[str, Any]:
        """Say it in numbers, NaN where there is none; `allowed` is what `budget` comes to."""
        rankings, allowed = self.rankings, self._allowed(budget)
        return {
            "events": self.events,
            "scored": self.scored,
            "alerts": self.alerts,
            "dead_letters": self.dead_letters.total(),
            "seconds": self.seconds,
            "first_time": self.first_time,
            "last_time": self.last_time,
            "anomalies": rankings.positives,
            "normal": rankings.negatives,
            "found": self.found,
            "false_alarms": self.false_alarms,
            "roc_auc": rankings.roc_auc(),
            "average_precision": rankings.average_precision(),
            "allowed": allowed,
            "budget": _words(budget),
        }

    def _against_truth(self) -> list[tuple[str, str]]:
        rankings = self.rankings
        return [
            ("found", f"{self.found:,} of {rankings.positives:,} labelled anomalies"),
            ("false alarms", f"{self.false_alarms:,} of {rankings.negatives:,} normal events"),
            ("ROC-AUC", f"{rankings.roc_auc():.4f}"),
            ("average precision", f"{rankings.average_precision():.4f}"),
        ]

    def _allowed(self, budget: Budget) -> float | None:
        if budget.probability is not None:
            return budget.probability * self.scored
        span = self.last_time - self.first_time
        if budget.per_day is None or np.isnan(span):
            return None
        return budget.per_day * span / _DAY


def replay(
    records: Iterable[Sequence[Record]],
    pipeline: Pipeline,
    see: Callable[[Outputs, Findings], bool],
) -> Findings:
    """Take all records through the pipeline.

    Parameters
    ----------
    see
        Called after every block; False ends the replay.
    """
    findings = Findings()
    for block in records:
        if not block:
            continue
        began = time.perf_counter()
        outputs = pipeline.process(block)
        findings.take(outputs, time.perf_counter() - began)
        if not see(outputs, findings):
            break
    return findings


def make_pipeline(
    schema: Schema,
    settings: DetectorSettings,
    *,
    origin: str,
    columns: tuple[str, ...] | None,
    delimiter: str = ",",
    max_ahead: float = _DAY,
    want_scores: bool = False,
    metrics: Metrics | None = None,
) -> Pipeline:
    """Give a pipeline with an empty model."""
    decoder = BatchDecoder(
        schema, origin=origin, columns=columns, delimiter=delimiter, max_ahead=max_ahead
    )
    detector = Detector(schema.width, settings)
    return Pipeline(
        decoder, detector, metrics or Metrics(streamgmm.__version__), want_scores=want_scores
    )


def _words(budget: Budget) -> str:
    if budget.probability is not None:
        return f"1 in {number(1 / budget.probability)} events"
    return f"{budget.per_day:g} a day"
