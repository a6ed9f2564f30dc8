"""Recent alerts and incidents as the rows of one table, each with the records behind it.

An incident with all its alerts is a row. So are alerts that belong to none but come together, as
those of a scan or a flood do, and have something in common (see `Company`); and any other alert.
All of it is bounded: of single alerts and of those in company the latest are kept, of each row its
first record, its strangest and the latest ones.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamgmm.service.incidents import described
from streamgmm.service.page.company import Company

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamgmm.detection import Incident
    from streamgmm.service.records import AlertRecord

__all__ = ["Book", "Kept", "Row", "first_reason"]

_MOST_ALERTS: Final = 300
_MOST_OF_INCIDENT: Final = 12
# A larger event is left out here: it is in the alert that went out.
_MOST_EVENT_BYTES: Final = 16 * 1024


class Row(msgspec.Struct):
    """One line of the table.

    Attributes
    ----------
    id
        Of the incident, or of the first alert's event.
    standing
        "alert", or an incident's: "open", "closed", "accepted", "muted".
    together
        What alerts without incident have in common: "key", "reason" or "both"; None if there is
        one.
    behaviour
        The identity of an incident's component.
    time, first_time
        Event time of its latest and its first event, ISO 8601; None if there is none.
    severity
        The highest; None if it is not known.
    key
        Of the first alert; None if it has none, or if there are several.
    reason
        The first reason of an incident's first alert, or of the strangest one of those in company,
        in words.
    count, muted
        Alerts, and events that were none because the incident was muted.
    place
        Counts up in the order in which rows were opened.
    version
        Rises with every change of any row: who has seen version v needs what is above it.
    """

    id: str
    model: str
    standing: str
    time: str | None
    first_time: str | None
    key: str | None
    severity: float | None
    reason: str
    count: int
    muted: int
    place: int
    version: int
    together: str | None = None
    several_keys: bool = False
    behaviour: int | None = None


class Kept(msgspec.Struct):
    """An alert as it went out, and what the page shows with it.

    Attributes
    ----------
    component_id
        The identity of its component: slots change hands.
    shares
        Of its features that are categories, the share of the events that had the same one.
    moment
        Event time, or that of arrival where there is none; in s.
    """

    record: AlertRecord
    component_id: int | None
    shares: dict[str, float]
    moment: float


class _Entry:
    """A row and its records."""

    __slots__ = ("company", "first", "latest", "row", "strangest")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.company = Company(frozenset(), 0.0)
        self.first: Kept | None = None
        self.strangest: Kept | None = None
        self.latest: deque[Kept] = deque(maxlen=_MOST_OF_INCIDENT)

    def keep(self, kept: Kept) -> None:
        if self.first is None:
            self.first = kept
        best = self.strangest
        if best is None or kept.record.score > best.record.score:
            self.strangest = kept
        self.latest.append(kept)

    def has(self, event: str) -> bool:
        """Whether the alert of an event is among its records."""
        return any(kept.record.id == event for kept in self.records())

    def records(self) -> Iterator[Kept]:
        """Give its records: the strangest first, then the latest back to the first."""
        seen: set[str] = set()
        for kept in (self.strangest, *reversed(self.latest), self.first):
            if kept is not None and kept.record.id not in seen:
                seen.add(kept.record.id)
                yield kept


class Book:
    """The table; not thread-safe, its owner is."""

    def __init__(self) -> None:
        self._alerts: dict[str, _Entry] = {}
        self._incidents: dict[str, _Entry] = {}
        self._latest: dict[tuple[Any, ...], _Entry] = {}  # alone or in company, by what they have
        self.version = 0
        self._places = 0

    def take(self, model: str, kept: Kept) -> None:
        """Enter an alert of a model; one that is there already (sent again) changes nothing."""
        record = kept.record
        if record.event is not None and len(bytes(record.event)) > _MOST_EVENT_BYTES:
            record = kept.record = msgspec.structs.replace(record, event=None)
        if record.incident is None:
            self._take_without_incident(model, kept)
            return
        entry = self._incidents.get(record.incident.id)
        if entry is None:
            entry = self._open(record.incident.id, model, record.time)
        row = entry.row
        if entry.first is None:
            row.key, row.reason = record.key, first_reason(record)
        entry.keep(kept)
        row.time = record.time
        row.severity = _highest(row.severity, record.severity)
        row.count = max(row.count, record.incident.count)
        self._touch(row)

    def _take_without_incident(self, model: str, kept: Kept) -> None:
        record = kept.record
        company = Company.of(model, kept)
        found = self._joined_by(company)
        if found is None:
            if record.id not in self._alerts:
                self._take_alone(model, kept, company)
            return
        entry, joined = found
        if entry.has(record.id):
            return
        entry.company = joined
        row = entry.row
        entry.keep(kept)
        assert entry.strangest is not None
        row.count += 1
        row.time = record.time
        row.severity = _highest(row.severity, record.severity)
        row.reason = first_reason(entry.strangest.record)
        row.together = joined.together
        if record.key != row.key:
            row.key, row.several_keys = None, True
        self._touch(row)

    def _joined_by(self, company: Company) -> tuple[_Entry, Company] | None:
        """Give the row that an alert joins, and its company with it; None: it stands alone."""
        for one in sorted(company.common):
            entry = self._latest.get(one)
            if entry is not None and (joined := entry.company.joined_by(company)):
                return entry, joined
        return None

    def _take_alone(self, model: str, kept: Kept, company: Company) -> None:
        record = kept.record
        entry = _Entry(
            Row(
                record.id, model, "alert", record.time, record.time, record.key, record.severity,
                first_reason(record), count=1, muted=0, place=self._next_place(), version=0,
            )
        )  # fmt: skip
        entry.company = company
        entry.keep(kept)
        self._touch(entry.row)
        self._alerts[record.id] = entry
        self._latest |= dict.fromkeys(company.common, entry)
        if len(self._alerts) > _MOST_ALERTS:
            gone = self._alerts.pop(next(iter(self._alerts)))
            self._latest = {one: entry for one, entry in self._latest.items() if entry is not gone}

    def follow(self, model: str, incidents: Iterable[Incident]) -> None:
        """Bring the incidents of a model to how they stand in it; those it has dropped go."""
        there = set()
        for incident in incidents:
            told = described(model, incident)
            there.add(told["id"])
            entry = self._incidents.get(told["id"])
            if entry is None:
                entry = self._open(told["id"], model, told["first_time"])
                entry.row.reason = told["text"]
            entry.row.behaviour = incident.behaviour
            self._update(entry.row, told)
        for name in [
            name
            for name, entry in self._incidents.items()
            if entry.row.model == model and name not in there
        ]:
            del self._incidents[name]

    def _update(self, row: Row, told: dict[str, Any]) -> None:
        now = (told["standing"], told["alerts"], told["muted_events"], told["severity"])
        if (row.standing, row.count, row.muted, row.severity) != now:
            row.standing, row.count, row.muted, row.severity = now
            row.time = told["last_time"] or row.time
            self._touch(row)

    def _open(self, name: str, model: str, time: str | None) -> _Entry:
        entry = _Entry(
            Row(
                name, model, "open", time, time, None, None, "", count=0, muted=0,
                place=self._next_place(), version=0,
            )
        )  # fmt: skip
        self._touch(entry.row)
        self._incidents[name] = entry
        return entry

    def forget(self, model: str) -> None:
        """Let go of a model's incidents; its alerts stay, as what happened."""
        self._incidents = {
            name: entry for name, entry in self._incidents.items() if entry.row.model != model
        }

    def rows(self, model: str | None, after: int, most: int) -> list[Row]:
        """Give copies of the rows that changed after version `after`, the latest first."""
        changed = [
            entry.row
            for table in (self._alerts, self._incidents)
            for entry in table.values()
            if entry.row.version > after and model in {None, entry.row.model}
        ]
        changed.sort(key=lambda row: -row.version)
        return [msgspec.structs.replace(row) for row in changed[:most]]

    def find(self, name: str) -> tuple[Row, list[Kept]] | None:
        """Give a row and its records, the strangest first; None if it is not kept.

        An event's id gives the row that has its alert.
        """
        entry = self._incidents.get(name) or self._alerts.get(name) or self._having(name)
        return None if entry is None else (entry.row, list(entry.records()))

    def _having(self, event: str) -> _Entry | None:
        rows = chain(self._incidents.values(), self._alerts.values())
        return next((entry for entry in rows if entry.has(event)), None)

    def _next_place(self) -> int:
        self._places += 1
        return self._places

    def _touch(self, row: Row) -> None:
        self.version += 1
        row.version = self.version


def first_reason(record: AlertRecord) -> str:
    """Say why, in a few words."""
    return record.reasons[0].text if record.reasons else "no single feature stands out"


def _highest(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)
