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
    """What to do where events are gone from the source before the model has seen them.

    Parameters
    ----------
    skip
        Go on without them and count them; or stop.
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


def within_bounds(name: str, start: Start, losses: Losses) -> Start:
    """Correct a due position that lies outside what the source holds.

    Raises
    ------
    StateError
        If events are gone from there and that is to stop the job.
    """
    due = start.due
    if due is not None and due < start.first:
        losses.note(name, due, start.first - 1, "before they were read")
        due = start.first
    if due is not None and start.end is not None and due > start.end:
        _log.warning(
            "%s: position %d lies beyond the source's end %d (was it made anew?); beginning at %d",
            name,
            due,
            start.end,
            start.first,
            extra=place(name, due),
        )
        due = start.first
    return replace(start, due=due)
