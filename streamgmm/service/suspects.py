"""Which events a worker has died of, and which are set aside because it was too often.

A process that died in the middle of a block of events leaves that in its journal. Any event of the
block may have been the cause, or none: somebody may have killed the process. So the next one takes
the block event by event, each noted by itself, and if it dies again the journal names the event.
The third death in a row, the one in the whole block counted, sets the event aside: it is a dead
letter from then on, in every replay. Once all suspected events are processed they are cleared.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np

from streamgmm.errors import EventError
from streamgmm.service.journal import Span, checksum
from streamgmm.service.logs import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamgmm.events import Record, Records
    from streamgmm.service.journal import Journal

__all__ = ["TRIES", "Suspects"]

TRIES: Final = 3
"""An event that has crashed the worker so many times in a row is set aside."""
_log = logging.getLogger(__name__)


class Suspects:
    """Those of one partition.

    Parameters
    ----------
    partition
        Its name, for the log.
    journal
        What earlier processes left, and where to write for later ones; None keeps nothing.
    """

    def __init__(self, partition: str, journal: Journal | None) -> None:
        self._partition = partition
        self._journal = journal
        self._aside: dict[int, tuple[int, EventError]] = {}
        if journal is None:
            return
        if journal.interrupted is not None:
            self._judge(journal, journal.interrupted)
            journal.done()
        fault = EventError("crashed", f"the worker crashed {TRIES} times over this event")
        self._aside = {at: (known, fault) for at, known in journal.aside.items()}

    def _judge(self, journal: Journal, work: Span) -> None:
        """Draw the conclusion from a death."""
        before = journal.suspicion
        again = work.single and before.overlaps(work.first, work.end)
        if again and before.single and before.checksum != work.checksum:
            again = False  # another event at the same place: the topic was made anew
        deaths = before.times + 1 if again else 1
        if deaths >= TRIES:
            _log.error(
                "%s-%d is set aside: the worker died of it %d times", self._partition,
                work.first, deaths, extra=place(self._partition, work.first),
            )  # fmt: skip
            journal.set_aside(work.first, work.checksum)
            journal.suspect(Span())
            return
        _log.warning(
            "%s: the worker died at %s; taking it with care", self._partition,
            f"event {work.first}, {deaths} times" if work.single
            else f"one of the events {work.first} to {work.end - 1}",
            extra=place(self._partition, work.first),
        )  # fmt: skip
        journal.suspect(work._replace(times=deaths))

    def pieces(self, records: Records) -> Iterator[Records]:
        """Cut a block so that every suspected event is by itself."""
        if self._journal is None or not self._journal.suspicion.overlaps(*_range(records)):
            yield records
            return
        span = self._journal.suspicion
        begin, end = np.searchsorted(records.positions, (span.first, span.end)).tolist()
        if begin:
            yield records[:begin]
        for row in range(begin, end):
            yield records[row : row + 1]
        if end < len(records):
            yield records[end:]

    @contextmanager
    def working(self, records: Records) -> Iterator[None]:
        """Note that these are worked on, for as long as that takes."""
        journal = self._journal
        if journal is None:
            yield
            return
        first, end = _range(records)
        journal.begin(first, end, checksum(records[0]) if end - first == 1 else 0)
        try:
            yield
        finally:
            journal.done()
        if journal.suspicion.times and end >= journal.suspicion.end:
            journal.suspect(Span())

    def aside(self, records: Records) -> Mapping[int, EventError]:
        """Give those of these events that are set aside, by position, and why."""
        if not self._aside:
            return {}
        found = {}
        for row, at in enumerate(records.positions.tolist()):
            known = self._aside.get(at)
            if known is not None and known[0] == checksum(records[row]):
                found[at] = known[1]
        return found

    def set_aside(self, record: Record, why: EventError) -> None:
        """Process an event no more, now and in every replay."""
        known = checksum(record)
        self._aside[record.position] = (known, why)
        if self._journal is not None:
            self._journal.set_aside(record.position, known)

    def close(self) -> None:
        """Let go of the journal."""
        if self._journal is not None:
            self._journal.close()


def _range(records: Records) -> tuple[int, int]:
    return int(records.positions[0]), int(records.positions[-1]) + 1
