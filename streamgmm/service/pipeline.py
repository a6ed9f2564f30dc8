"""The way of one partition's events: records, batch, verdicts, outputs.

It knows no Kafka, no file and no clock: what comes out depends on the records and the state
alone, so records that come again give the same outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from streamgmm.errors import EventError, StateError
from streamgmm.service.records import AlertRecord, RecordEncoder
from streamgmm.service.tracing import NOT_TRACED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamgmm.detection import Detector, Verdicts
    from streamgmm.events import Batch, BatchDecoder, DeadLetter, Record
    from streamgmm.service.metrics import Metrics
    from streamgmm.service.tracing import Tracer

__all__ = ["Outputs", "Pipeline"]

_NONE: Final[Mapping[int, EventError]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outputs:
    """What came of a block of records.

    Attributes
    ----------
    batch, verdicts
        The decoded events and what the detector says of each.
    scores
        One JSON object an event; empty where nobody asked for scores.
    alerts
        Row and record of each anomaly.
    dead_letters
        What could not be decoded or encoded.
    """

    batch: Batch
    verdicts: Verdicts
    scores: list[bytes] = field(default_factory=list)
    alerts: list[tuple[int, AlertRecord]] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many bytes the records had."""
        return sum(map(len, self.batch.raw)) + sum(letter.length for letter in self.dead_letters)


class Pipeline:
    """Decodes, scores and learns the events of one partition.

    Parameters
    ----------
    decoder
        Of this partition alone: it keeps the partition's event clock.
    detector
        The model; partitions may share one.
    metrics
        Where to count.
    want_scores
        Whether every event's score is to be written, or only the anomalies.
    model
        The model's name in those of incidents; the partition's if not given.
    tracer
        Is told of the steps.

    Attributes
    ----------
    detector : Detector
    """

    def __init__(
        self,
        decoder: BatchDecoder,
        detector: Detector,
        metrics: Metrics,
        *,
        want_scores: bool,
        model: str | None = None,
        tracer: Tracer = NOT_TRACED,
    ) -> None:
        self._tracer = tracer
        self._decoder = decoder
        self.detector = detector
        self._metrics = metrics
        self._want_scores = want_scores
        self.records = RecordEncoder(decoder.schema, decoder.encoder, model or decoder.origin)

    @property
    def name(self) -> str:
        """The partition's name, as in event ids."""
        return self._decoder.origin

    @property
    def max_ahead(self) -> float:
        """How far ahead of its partition's latest an event may be dated, in s."""
        return self._decoder.clock.max_ahead

    @max_ahead.setter
    def max_ahead(self, seconds: float) -> None:
        self._decoder.clock.max_ahead = seconds

    def process(self, records: Sequence[Record]) -> Outputs:
        """Score and learn a block of records, count them, and say what came of it."""
        outputs = self.run(records)
        self.count(outputs)
        return outputs

    def run(
        self,
        records: Sequence[Record],
        aside: Mapping[int, EventError] = _NONE,
        *,
        silently: bool = False,
    ) -> Outputs:
        """Score and learn a block of records, without those `aside`, which are dead letters.

        Silently: for outputs that are out already; alerts are written all the same, so that an
        event fails then if it did the first time.
        """
        learn = not self.detector.frozen
        with self._tracer.step("decode"):
            batch, dead_letters = self._decoder.decode(records, learn=learn, aside=aside)
        with self._tracer.step("score and learn"):
            verdicts = self.detector.process(batch.X, t=batch.time)
        want_scores = self._want_scores and not silently
        with self._tracer.step("write"):
            return Outputs(
                batch=batch,
                verdicts=verdicts,
                scores=self.records.scores(batch, verdicts) if want_scores else [],
                alerts=self.records.alerts(batch, verdicts),
                dead_letters=dead_letters,
            )

    def state(self) -> dict[str, Any]:
        """Give what shapes an output beside the detector: event clock, categories, histories."""
        return {
            "clock": self._decoder.clock.state(),
            "categories": self._decoder.categories.state(),
            "histories": self._decoder.histories.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        try:
            self._decoder.clock.restore(state["clock"])
            self._decoder.categories.restore(state["categories"])
            self._decoder.histories.restore(state.get("histories", {}))  # absent in 0.1.0's
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"the state of partition {self.name} is not understood") from error

    def count(self, outputs: Outputs) -> None:
        """Count what came of a block."""
        metrics, verdicts = self._metrics, outputs.verdicts
        metrics.events.labels(self.name).inc(len(outputs.batch))
        metrics.alerts.labels(self.name).inc(len(outputs.alerts))
        judged = int((verdicts.ready & ~verdicts.unscored).sum())
        metrics.budgeted.labels(self.name).inc(judged * self.detector.alert_probability)
        opened = sum(sighting.first for sighting in verdicts.sightings.values())
        muted = int(((verdicts.incident > 0) & ~verdicts.is_anomaly).sum())
        if opened:
            metrics.incidents.labels(self.name).inc(opened)
        if muted:
            metrics.muted.labels(self.name).inc(muted)
        metrics.batch_size.observe(len(outputs.batch))
        metrics.score.observe(verdicts.score)
        unscored = int(verdicts.unscored.sum())
        if unscored:
            metrics.unscored.labels(self.name).inc(unscored)
        missing = outputs.batch.missing
        if missing.any():
            schema = self._decoder.schema
            for feature, column in zip(schema.fields, schema.offsets, strict=True):
                metrics.missing.labels(feature.name).inc(int(missing[column]))
        unknown = outputs.batch.unknown_fields()
        if unknown:
            metrics.unknown_fields.labels(self.name).inc(unknown)
        for letter in outputs.dead_letters:
            metrics.dead_letters.labels(letter.reason).inc()
