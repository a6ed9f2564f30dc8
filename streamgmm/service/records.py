"""What goes out: a score record for every event, an alert record for an anomaly, as JSON.

Both carry ``id``, ``time``, ``key``, ``score``, ``p_value``, ``severity``, ``is_anomaly``,
``ready`` and ``component``; an alert adds the ``event`` as it came in, the ``reasons``, those with
the largest share of the distance first, in the units of the event, and its ``incident``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

from streamgmm.events.roles import EARLIEST, LATEST
from streamgmm.service.incidents import incident_name
from streamgmm.service.moments import iso_times
from streamgmm.service.shortening import mark_of
from streamgmm.service.why import ReasonWriter, WhyRecord

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamgmm.detection import Sighting, Verdicts
    from streamgmm.events import Batch, Encoder, Schema

__all__ = ["AlertRecord", "IncidentRecord", "RecordEncoder", "ScoreRecord", "WhyRecord"]

# Of a larger event its alert, which must fit into a Kafka record, has length and checksum.
_MOST_EVENT_BYTES: Final = 512 * 1024


class ScoreRecord(msgspec.Struct, gc=False):
    """One event's score."""

    id: Annotated[str, Meta(description="topic-partition-offset, or file-line")]
    time: Annotated[
        str | None, Meta(description="event time, ISO 8601 in UTC; null if there is none")
    ]
    key: Annotated[str | None, Meta(description="whom the event is about; null if it is not known")]
    score: Annotated[
        float,
        Meta(
            description="negative log-likelihood in nats, under the established behaviour unless "
            "`model.score` says otherwise; higher is stranger. Scores of different models cannot "
            "be compared"
        ),
    ]
    p_value: Annotated[
        float | None,
        Meta(
            description="probability that an ordinary event scores at least as high, as the stream "
            "has been lately; null while not ready"
        ),
    ]
    severity: Annotated[
        float | None,
        Meta(
            description="min(100, -10 log10 p): 30 is one in 1,000, 60 one in a million; null "
            "while not ready"
        ),
    ]
    is_anomaly: Annotated[bool, Meta(description="whether the p-value is within the budget")]
    ready: Annotated[bool, Meta(description="false in warm-up, in which nothing alerts")]
    component: Annotated[
        int, Meta(description="the component of the mixture that is nearest; 0 while not ready")
    ]


class IncidentRecord(msgspec.Struct):
    """An alert's place in an incident."""

    id: Annotated[str, Meta(description="as `streamgmm incidents` takes it: model:number")]
    first: Annotated[bool, Meta(description="whether it is the one to notify of")]
    count: Annotated[int, Meta(description="which alert of the incident it is, from 1")]
    text: Annotated[str, Meta(description="the incident in a sentence")]


class AlertRecord(ScoreRecord):
    """An anomaly, with the event, the reasons, and the incident that it belongs to, if any."""

    event: Annotated[
        msgspec.Raw | None,
        Meta(
            description="the event as it came; of one above 512 kB an object with `truncated`, "
            "`length`, `checksum` and how it `begins`"
        ),
    ] = None
    reasons: Annotated[
        list[WhyRecord],
        Meta(
            description="the features that do not fit, those with the largest share of the "
            "distance first"
        ),
    ] = []
    incident: Annotated[
        IncidentRecord | None,
        Meta(description="the incident that it belongs to, or null"),
    ] = None


class RecordEncoder:
    """Writes the records of one schema.

    Parameters
    ----------
    schema
        Names the features.
    encoder
        Turns the model's units back into the user's.
    model
        The model's name, for those of incidents.
    """

    def __init__(self, schema: Schema, encoder: Encoder, model: str) -> None:
        self._model = model
        self._reasons = ReasonWriter(schema, encoder)
        self._json = msgspec.json.Encoder()

    def scores(self, batch: Batch, verdicts: Verdicts) -> list[bytes]:
        """Give one JSON object for each event of a batch."""
        return list(map(self._json.encode, map(ScoreRecord, *_columns(batch, verdicts))))

    def alerts(self, batch: Batch, verdicts: Verdicts) -> list[tuple[int, AlertRecord]]:
        """Give row and record of each anomaly of a batch."""
        rows = np.flatnonzero(verdicts.is_anomaly)
        if not len(rows):
            return []
        return [
            (row, self._alert(fields, batch, row, verdicts))
            for row, *fields in zip(rows.tolist(), *_columns(batch, verdicts, rows), strict=True)
        ]

    def to_json(self, record: ScoreRecord) -> bytes:
        """Write one record."""
        return self._json.encode(record)

    def _alert(self, fields: list[Any], batch: Batch, row: int, verdicts: Verdicts) -> AlertRecord:
        record = AlertRecord(*fields)
        event = batch.event(row)
        if len(event) > _MOST_EVENT_BYTES:
            event = self._json.encode(mark_of(event))
        record.event = msgspec.Raw(event)
        record.reasons = self._reasons.write(verdicts.explanations.get(row), batch, row)
        record.incident = self._incident(verdicts.sightings.get(row))
        return record

    def _incident(self, seen: Sighting | None) -> IncidentRecord | None:
        if seen is None:
            return None
        return IncidentRecord(
            id=incident_name(self._model, seen.id), first=seen.first, count=seen.count,
            text=str(seen),
        )  # fmt: skip


def _columns(
    batch: Batch, verdicts: Verdicts, rows: NDArray[np.int64] | None = None
) -> tuple[list[Any], ...]:
    """Give a list for each field of a ScoreRecord, of all rows or of some."""
    chosen: Any = slice(None) if rows is None else rows
    keys = batch.keys if rows is None else [batch.key(row) for row in rows.tolist()]
    origin = batch.origin
    return (
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
    )


def _iso_times(seconds: NDArray[np.float64]) -> list[str | None]:
    """Write times as ISO 8601 in UTC, to the microsecond; None for NaN."""
    known = ~np.isnan(seconds)
    given = np.where(known, seconds, 0.0)
    microseconds = np.rint(given * 1e6).astype(np.int64)
    texts: list[str | None]
    if ((given >= EARLIEST) & (given < LATEST)).all():
        texts = list(iso_times(microseconds))
    else:  # a record's own time may be anything
        moments = microseconds.astype("datetime64[us]")
        texts = np.datetime_as_string(moments, timezone="UTC").tolist()
    if not known.all():
        for row in np.flatnonzero(~known).tolist():
            texts[row] = None
    return texts
