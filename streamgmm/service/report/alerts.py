"""The alerts of a replay as rows, each with the records behind it: so many, the most severe.

Alerts of one incident are one row. A row has its most severe and its first record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamgmm.service.page.book import first_reason
from streamgmm.service.page.fields import CategoryShares

if TYPE_CHECKING:
    from streamgmm.events import Schema
    from streamgmm.service.pipeline import Outputs
    from streamgmm.service.records import AlertRecord

__all__ = ["AlertRow", "Alerts", "Shown"]

_MOST_ROWS: Final = 300
# A larger event is left out here: it is in the alert that goes out.
_MOST_EVENT_BYTES: Final = 8 * 1024


class Shown(msgspec.Struct):
    """An alert, and of its features that are categories the share of events with the same one."""

    record: AlertRecord
    shares: dict[str, float]


class AlertRow(msgspec.Struct):
    """One line of the table.

    Attributes
    ----------
    id
        Of the incident, or of the alert's event.
    incident
        What the incident is, in words; None for an alert that stands alone.
    first_time, time
        Event time of its first and latest alert, ISO 8601; None if there is none.
    severity
        The highest.
    reason
        The first reason of its most severe alert, in words.
    count, found, false
        Alerts, and how many of them are labelled as anomalies and as normal.
    records
        The most severe, and the first if that is another one.
    """

    id: str
    incident: str | None
    first_time: str | None
    time: str | None
    key: str | None
    severity: float | None
    reason: str
    records: list[Shown]
    count: int = 0
    found: int = 0
    false: int = 0


class Alerts:
    """Collects alerts; of the rows the most severe are kept.

    Parameters
    ----------
    schema
        Of the events.
    most
        So many rows.

    Attributes
    ----------
    count : int
        How many alerts came.
    """

    def __init__(self, schema: Schema, most: int = _MOST_ROWS) -> None:
        self._shares = CategoryShares(schema)
        self.count = 0
        self._most = most
        self._rows: dict[str, AlertRow] = {}
        self._alerts_let_go = 0

    def take(self, outputs: Outputs) -> None:
        """Add a block's alerts."""
        labels = outputs.batch.labels
        for row, record in outputs.alerts:
            self.count += 1
            entry = self._enter(Shown(record, self._shares.of(outputs.batch, row)))
            if labels is not None:
                entry.found += bool(labels[row] > 0)
                entry.false += bool(labels[row] == 0)
        if len(self._rows) > 2 * self._most:
            self._let_go()

    def told(self) -> dict[str, Any]:
        """Give the rows, the most severe first, and how many alerts are in none of them."""
        self._let_go()
        rows = [
            msgspec.structs.replace(row, records=list(map(_kept, row.records)))
            for row in self._rows.values()
        ]
        return {"rows": rows, "count": self.count, "let_go": self._alerts_let_go}

    def _enter(self, shown: Shown) -> AlertRow:
        record, incident = shown.record, shown.record.incident
        name = record.id if incident is None else incident.id
        row = self._rows.get(name)
        if row is None:
            row = self._rows[name] = AlertRow(
                name, None, record.time, None, record.key, record.severity,
                first_reason(record), [shown],
            )  # fmt: skip
        elif _rank(record) > _rank(row.records[0].record):
            row.records = [shown, row.records[-1]]
            row.severity, row.key, row.reason = record.severity, record.key, first_reason(record)
        row.count += 1
        row.time = record.time
        row.incident = None if incident is None else incident.text
        return row

    def _let_go(self) -> None:
        rows = sorted(self._rows.values(), key=lambda row: _rank(row.records[0].record))[::-1]
        self._rows = {row.id: row for row in rows[: self._most]}
        self._alerts_let_go += sum(row.count for row in rows[self._most :])


def _rank(record: AlertRecord) -> tuple[float, float]:
    """Of equal severity (it ends at 100) the higher score is the more severe."""
    return record.severity or 0.0, record.score


def _kept(shown: Shown) -> Shown:
    """Return an alert whose event is surely JSON, or left out."""
    record = shown.record
    event = b"" if record.event is None else bytes(record.event)
    if len(event) <= _MOST_EVENT_BYTES:
        try:
            msgspec.json.decode(event)
        except (msgspec.DecodeError, RecursionError):
            pass  # members that the schema does not read may hold anything
        else:
            return shown
    return Shown(msgspec.structs.replace(record, event=None), shown.shares)
