"""What goes out: a score record for every event, an alert record for an anomaly, as JSON.

Both carry ``id``, ``time``, ``key``, ``score``, ``p_value``, ``severity``, ``is_anomaly``,
``ready`` and ``component``; an alert adds the ``event`` as it came in and the ``reasons``, those
with the largest share of the distance first, in the units of the event.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from streamgmm.detection.reasons import USUAL
from streamgmm.events.encode import TRANSFORMS
from streamgmm.words import against

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streamgmm.detection import Explanation, Reason, Verdicts
    from streamgmm.events import Batch, Encoder, Schema

__all__ = ["AlertRecord", "RecordEncoder", "ScoreRecord", "WhyRecord"]

# A larger event is left out of its alert, which must fit into a Kafka record.
_MOST_EVENT_BYTES: Final = 512 * 1024


class ScoreRecord(msgspec.Struct, gc=False):
    """One event's score.

    Attributes
    ----------
    id
        Topic, partition and offset, or file and line.
    time
        Event time, ISO 8601 in UTC; None if there is none.
    score
        In nats, higher is stranger.
    p_value, severity
        Probability of a score at least this high; min(100, -10 log10 p). None while not ready.
    component
        The nearest component of the mixture.
    """

    id: str
    time: str | None
    key: str | None
    score: float
    p_value: float | None
    severity: float | None
    is_anomaly: bool
    ready: bool
    component: int


class WhyRecord(msgspec.Struct):
    """Why one feature is surprising; values in the units of the event.

    Attributes
    ----------
    expected, low, high
        Given the other features, or, where they are off together with it, in itself.
    given_rest
        Which of the two.
    surprise
        Of the value given the other features, in nats.
    share
        Its part of the squared distance from usual behaviour; those of all features sum to 1.
    """

    feature: str
    value: float
    expected: float
    low: float
    high: float
    given_rest: bool
    surprise: float
    share: float
    text: str


class AlertRecord(ScoreRecord):
    """An anomaly, with the event and the reasons."""

    event: msgspec.Raw | None = None
    reasons: list[WhyRecord] = []


class RecordEncoder:
    """Writes the records of one schema.

    Parameters
    ----------
    schema
        Names the features.
    encoder
        Turns the model's units back into the user's.
    """

    def __init__(self, schema: Schema, encoder: Encoder) -> None:
        self._names = schema.names
        self._lowest = [TRANSFORMS[field.transform].lower for field in schema.fields]
        self._encoder = encoder
        self._json = msgspec.json.Encoder()

    def scores(self, batch: Batch, verdicts: Verdicts) -> list[bytes]:
        """Give one JSON object for each event of a batch."""
        encode = self._json.encode
        return [encode(ScoreRecord(*fields)) for fields in _columns(batch, verdicts)]

    def alerts(self, batch: Batch, verdicts: Verdicts) -> list[tuple[int, AlertRecord]]:
        """Give row and record of each anomaly of a batch."""
        rows = np.flatnonzero(verdicts.is_anomaly)
        if not len(rows):
            return []
        return [
            (row, self._alert(fields, batch.event(row), verdicts.explanations.get(row)))
            for row, fields in zip(rows.tolist(), _columns(batch, verdicts, rows), strict=True)
        ]

    def to_json(self, record: ScoreRecord) -> bytes:
        """Write one record."""
        return self._json.encode(record)

    def _alert(
        self, fields: tuple[Any, ...], event: bytes, explanation: Explanation | None
    ) -> AlertRecord:
        record = AlertRecord(*fields)
        record.event = msgspec.Raw(event) if len(event) <= _MOST_EVENT_BYTES else None
        record.reasons = self._reasons(explanation)
        return record

    def _reasons(self, explanation: Explanation | None) -> list[WhyRecord]:
        return [] if explanation is None else [self._reason(one) for one in explanation.main]

    def _reason(self, reason: Reason) -> WhyRecord:
        feature, (centre, spread) = reason.feature, reason.reference
        value, expected, low, high = (
            self._in_user_units(feature, encoded)
            for encoded in (
                reason.value,
                centre,
                centre - USUAL * spread,
                centre + USUAL * spread,
            )
        )
        show = partial(self._encoder.render, feature)
        name, given_rest = self._names[feature], reason.given_rest
        text = against(value, expected, low, high, given_rest=given_rest, show=show)
        return WhyRecord(
            feature=name,
            value=value,
            expected=expected,
            low=low,
            high=high,
            given_rest=given_rest,
            surprise=reason.surprise,
            share=reason.share,
            text=f"{name} {text}",
        )

    def _in_user_units(self, feature: int, encoded: float) -> float:
        """Invert the transform; what it cannot have meant (a count below 0) is cut off."""
        value = max(self._encoder.inverse(feature, encoded), self._lowest[feature])
        # The way there and back costs the last digits: 300 comes back as 300.00000000000006.
        return float(f"{value:.12g}")


def _columns(
    batch: Batch, verdicts: Verdicts, rows: NDArray[np.int64] | None = None
) -> Iterator[tuple[Any, ...]]:
    """Give the fields of a ScoreRecord, event by event (of all rows, or of some)."""
    chosen: Any = slice(None) if rows is None else rows
    keys = batch.keys if rows is None else [batch.keys[row] for row in rows.tolist()]
    origin = batch.origin
    return zip(
        [f"{origin}-{position}" for position in batch.positions[chosen].tolist()],
        _iso_times(batch.time[chosen]),
        keys,
        verdicts.score[chosen].tolist(),
        # msgspec writes NaN as null, which is what an unknown p-value is.
        verdicts.p_value[chosen].tolist(),
        verdicts.severity[chosen].tolist(),
        verdicts.is_anomaly[chosen].tolist(),
        verdicts.ready[chosen].tolist(),
        verdicts.component[chosen].tolist(),
        strict=True,
    )


def _iso_times(seconds: NDArray[np.float64]) -> list[str | None]:
    """Write times as ISO 8601 in UTC, to the microsecond; None for NaN."""
    known = ~np.isnan(seconds)
    microseconds = np.rint(np.where(known, seconds, 0.0) * 1e6).astype("datetime64[us]")
    texts: list[str | None] = np.datetime_as_string(microseconds, timezone="UTC").tolist()
    if not known.all():
        for row in np.flatnonzero(~known).tolist():
            texts[row] = None
    return texts
