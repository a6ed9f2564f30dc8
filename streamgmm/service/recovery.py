"""Going on where a job was: what the source still holds of it, and how far a model has come."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from streamgmm.errors import StateError
from streamgmm.service.logs import place

if TYPE_CHECKING:
    from streamgmm.service.metrics import Metrics
    from streamgmm.service.shards import Start

__all__ = ["Losses", "Progress", "within_bounds"]

_TELL_SECONDS: Final = 10.0
_log = logging.getLogger(__name__)


class Progress:
    """Tells the log how far a model is that learns events again, every ten seconds."""

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()

    def begin(self, partition: str, events: int) -> None:
        """Say that up to so many events of a partition are learned again."""
        self._began = self._told = time.monotonic()
        _log.info("%s: learning up to %d events again, silently", partition, events)

    def tell(self, partition: str, left: int) -> None:
        """Say how many events of a partition are left, if it is time; that none is, in any case."""
        now = time.monotonic()
        if left <= 0:
            _log.info("%s: up to date again after %.1f s", partition, now - self._began)
        elif now >= self._told + _TELL_SECONDS:
            self._told = now
            _log.info("%s: %d events still to be learned again", partition, left)


class Losses:
    """What to do where the source no longer holds what comes next.

    Parameters
    ----------
    skip
        Go on with what there is, and count it; or stop.
    metrics
        Where to count.
    """

    def __init__(self, metrics: Metrics, *, skip: bool) -> None:
        self._metrics = metrics
        self._skip = skip

    def note(self, partition: str, first: int, last: int, what: str) -> None:
        """Note that events `first` to `last` of a partition are gone.

        Raises
        ------
        StateError
            If that is to stop the job.
        """
        gone = f"{partition}: events {first} to {last} are gone from the source (retention), {what}"
        if not self._skip:
            raise StateError(
                f'{gone}; to go on without them set source.lost_events to "skip", which counts '
                "them, and give the topic a longer retention"
            )
        _log.error("%s; going on with %d", gone, last + 1, extra=place(partition, first))
        self._metrics.lost.labels(partition).inc(last - first + 1)

    def note_cut(self, partition: str, position: int, end: int) -> None:
        """Note that the source ends before the position up to which everything is out already.

        Its events from `end` on are others than those that had these positions, and there may be
        more of these before `end`, which nothing tells from those that are out.

        Raises
        ------
        StateError
            If that is to stop the job.
        """
        cut = (
            f"{partition}: everything before position {position} is out, but the source ends at "
            f"{end}: its log was cut (an unclean leader election), or it was made anew"
        )
        if not self._skip:
            raise StateError(
                f"{cut}; what comes now has positions that were in use before. To go on with what "
                'comes from now on set source.lost_events to "skip"; to take all that is there '
                "set the group's position back (kafka-consumer-groups --reset-offsets), which puts "
                "out again what is not new"
            )
        _log.error("%s; going on with %d", cut, end, extra=place(partition, end))
        self._metrics.log_cuts.labels(partition).inc()


def within_bounds(name: str, start: Start, losses: Losses) -> Start:
    """Correct a due position that lies outside what the source holds.

    Raises
    ------
    StateError
        If events are gone from there, or the source is shorter, and that is to stop the job.
    """
    due = start.due
    if due is not None and due < start.first:
        losses.note(name, due, start.first - 1, "before they were read")
        due = start.first
    if due is not None and start.end is not None and due > start.end:
        losses.note_cut(name, due, start.end)
        return replace(start, due=start.end, cut_from=due)
    return replace(start, due=due)
