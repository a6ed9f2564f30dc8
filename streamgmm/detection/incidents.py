"""Alerts of one new behaviour, gathered: what is told once and counted, accepted or muted.

Alerts that one component explains, which is not fully established yet, are one incident until that
behaviour has been quiet for a while. An alert that no such component explains stands alone. All
times are those of events; the table is bounded and part of a detector's state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Collection

Array = NDArray[np.float64]
Standing = Literal["open", "closed", "accepted", "muted"]

MOST = 256
"""Incidents that are remembered."""

# After so long without an event of the behaviour the next one is another incident: in event time,
# or where there is none, in events of the stream.
_QUIET_SECONDS = 3600.0
_QUIET_EVENTS = 10_000
_LATEST = 2.5e11  # s since the epoch, the year 9892: what is beyond is no date
# Those that leave a full table first.
_LEAVES = ("closed", "accepted", "open", "muted")


@dataclass(slots=True)
class Incident:
    """Alerts that one new behaviour explains.

    Attributes
    ----------
    id
        Counts up from 1.
    behaviour
        Identity of the component that explains them.
    standing
        "open" while such events come; "closed" when they have not for an hour of event time (10,000
        events where there is no time), or cannot any more, as the component has merged with another
        or retired; or what an operator said: "accepted", "muted".
    first_event, last_event
        Number of the event in the stream, from 1.
    first_time, last_time
        Event times, s; NaN if there are none.
    count
        Alerts.
    muted
        Events that were no alerts because the incident was muted.
    p_value
        The lowest of them.
    """

    id: int
    behaviour: int
    standing: Standing
    first_event: int
    last_event: int
    first_time: float
    last_time: float
    count: int
    muted: int
    p_value: float

    @property
    def severity(self) -> float:
        """The highest of its alerts', min(100, -10 log10 p)."""
        return min(-10.0 * math.log10(max(self.p_value, 1e-10)), 100.0)

    @property
    def text(self) -> str:
        """The incident in words, with what an operator said of it."""
        kind = self.standing if self.standing in {"accepted", "muted"} else "new"
        return _words(self.id, self.count, self.first_event, self.first_time, kind=kind)


@dataclass(frozen=True, slots=True)
class Sighting:
    """An alert's place in its incident: the ``count``-th of incident ``id``; ``print`` it."""

    id: int
    count: int
    first_event: int
    first_time: float

    @property
    def first(self) -> bool:
        """Whether this alert opened the incident: the one to notify somebody of."""
        return self.count == 1

    def __str__(self) -> str:
        return _words(self.id, self.count, self.first_event, self.first_time)


class UnknownIncidentError(LookupError):
    """There is no incident of this id."""

    def __str__(self) -> str:
        return str(self.args[0])


class Incidents:
    """The table of incidents, at most `MOST`; in the order of their ids."""

    def __init__(self) -> None:
        self._table: dict[int, Incident] = {}
        self._current: dict[int, int] = {}  # behaviour -> its incident that is not closed
        self._next = 1
        self._events = 0
        self._time = math.nan

    @property
    def n_events(self) -> int:
        """Number of events that have passed."""
        return self._events

    def pass_by(self, times: Array) -> None:
        """Let events with ``times`` (n,), s, NaN = none, pass by, alerts and others."""
        self._events += len(times)
        known = times[~np.isnan(times)]
        if len(known):
            self._time = float(np.fmax(self._time, known.max()))

    def see(self, behaviour: int, *, event: int, time: float, p_value: float) -> Sighting | None:
        """Enter an event that would alert; None if its incident is muted, else its place in it.

        ``event`` is its number in the stream, from 1; ``time`` its time in s, NaN for none.
        """
        incident = self._table.get(self._current.get(behaviour, 0))
        if incident is not None and self._is_over(incident, event, time):
            incident.standing = "closed"
            incident = None
        if incident is None:
            incident = self._open(behaviour, event, time)
        incident.last_event = event
        incident.last_time = float(np.fmax(incident.last_time, time))
        incident.p_value = min(incident.p_value, p_value)
        if incident.standing == "muted":
            incident.muted += 1
            return None
        incident.count += 1
        return Sighting(incident.id, incident.count, incident.first_event, incident.first_time)

    def id_of(self, behaviour: int) -> int:
        """Return the id of the behaviour's present incident; 0 if there is none."""
        return self._current.get(behaviour, 0)

    def _open(self, behaviour: int, event: int, time: float) -> Incident:
        if len(self._table) >= MOST:
            self._drop(event, time)
        incident = Incident(
            self._next, behaviour, "open", event, event, time, time, count=0, muted=0, p_value=1.0
        )
        self._next += 1
        self._table[incident.id] = incident
        self._current[behaviour] = incident.id
        return incident

    def _drop(self, event: int, time: float) -> None:
        def place(one: Incident) -> tuple[int, int]:
            over = self._is_over(one, event, time)
            return _LEAVES.index("closed" if over else one.standing), one.last_event

        leaves = min(self._table.values(), key=place)
        del self._table[leaves.id]
        if self._current.get(leaves.behaviour) == leaves.id:
            del self._current[leaves.behaviour]

    @staticmethod
    def _is_over(incident: Incident, event: int, time: float) -> bool:
        """Whether a further event of the behaviour would be another incident."""
        if incident.standing in {"closed", "accepted"}:
            return True
        if incident.standing == "muted":
            return False
        quiet = time - incident.last_time
        if math.isnan(quiet):
            return event - incident.last_event > _QUIET_EVENTS
        return quiet > _QUIET_SECONDS

    # ---- the operator ---------------------------------------------------------------------

    def accept(self, number: int) -> int:
        """Note that an incident's behaviour is normal; returns the behaviour."""
        incident = self._find(number)
        incident.standing = "accepted"
        return incident.behaviour

    def mute(self, number: int) -> None:
        """Let events of an incident's behaviour be counted, but no alerts, until `unmute`."""
        incident = self._find(number)
        if incident.standing == "accepted":
            raise ValueError(
                f"incident {number} is accepted as normal: its events are no alerts any more"
            )
        current = self._table.get(self._current.get(incident.behaviour, 0))
        if current is not None and current.id > incident.id:
            raise ValueError(
                f"incident {number} is over, and its behaviour is back as incident {current.id}: "
                "mute that one"
            )
        incident.standing = "muted"
        self._current[incident.behaviour] = number

    def unmute(self, number: int) -> None:
        """Let events of a muted incident be alerts again; no change if it was not muted."""
        incident = self._find(number)
        if incident.standing == "muted":
            incident.standing = "open"

    def behaviour_of(self, number: int) -> int:
        """Return the identity of the component of an incident."""
        return self._find(number).behaviour

    def _find(self, number: int) -> Incident:
        incident = self._table.get(number)
        if incident is None:
            known = ", ".join(map(str, self._table)) or "none"
            raise UnknownIncidentError(f"there is no incident {number!r}; there are: {known}")
        return incident

    def all(self, living: Collection[int]) -> list[Incident]:
        """Return copies of all incidents as they stand now, oldest first.

        ``living`` names the behaviours that are in the model.
        """
        return [
            replace(one, standing="closed")
            if one.standing == "open" and not self._is_open(one, living)
            else replace(one)
            for one in self._table.values()
        ]

    def n_open(self, living: Collection[int]) -> int:
        """Return the number of incidents that are open now; ``living`` as in :meth:`all`."""
        return sum(self._is_open(one, living) for one in self._table.values())

    def _is_open(self, incident: Incident, living: Collection[int]) -> bool:
        quiet = self._is_over(incident, self._events + 1, self._time)
        return incident.standing == "open" and incident.behaviour in living and not quiet

    # ---- state ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return the table in columns, and what counts, as plain values."""
        return {
            "next": self._next,
            "events": self._events,
            "time": self._time,
            "table": {
                field.name: [getattr(one, field.name) for one in self._table.values()]
                for field in fields(Incident)
            },
            "current": list(self._current.values()),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` returned."""
        self._next, self._events = int(state["next"]), int(state["events"])
        self._time = float(state["time"])
        columns = [state["table"][field.name] for field in fields(Incident)]
        self._table = {row[0]: Incident(*row) for row in zip(*columns, strict=True)}
        unknown = {one.standing for one in self._table.values()} - set(get_args(Standing))
        if unknown:
            raise ValueError(f"incidents that are {sorted(unknown)}: not of this release")
        self._current = {self._table[number].behaviour: number for number in state["current"]}


def _words(number: int, count: int, event: int, time: float, *, kind: str = "new") -> str:
    if not abs(time) < _LATEST:
        since = f"event {event:,}"
    else:
        moment = np.datetime64(round(time), "s")
        since = f"{str(moment).replace('T', ' ')} UTC"
    if count == 1:
        return f"{kind} behaviour {number}: first seen at {since}"
    return f"{kind} behaviour {number}: {count:,} events since {since}"
