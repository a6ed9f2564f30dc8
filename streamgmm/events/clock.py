"""The event clock of one partition: its latest event time, and what runs too far ahead of it.

Time comes with the events, never from the machine, so a replay judges as the first run did.
An event dated years ahead would stop a clock that only goes forward: everything after it
would be late for ever. So such an event is refused. A stream that was quiet over a long
weekend is also ahead of its own clock, and must not be refused for ever: when `quorum`
events in a row are ahead and each agrees with the one before, the clock follows them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

QUORUM = 10


class EventClock:
    """Judges event times, one after the other.

    Parameters
    ----------
    max_ahead
        Seconds that an event may be ahead of the latest one before it; infinity accepts all.
    quorum
        So many events in a row, each too far ahead but within `max_ahead` of the one before
        it, move the clock: the last of them is accepted.

    Attributes
    ----------
    latest : float
        Latest accepted event time, seconds since the epoch; minus infinity before the first.

    Examples
    --------
    >>> clock = EventClock(max_ahead=60.0)
    >>> clock.admit(np.array([100.0, 90.0, 1e9, 130.0]))
    array([ True,  True, False,  True])
    >>> clock.latest
    130.0
    """

    def __init__(self, max_ahead: float = 86_400.0, *, quorum: int = QUORUM) -> None:
        if not max_ahead > 0:
            raise ValueError(f"max_ahead is {max_ahead!r}; a number of seconds above 0 is allowed")
        self.max_ahead = max_ahead
        self.quorum = quorum
        self.latest = -math.inf
        self._in_a_row = 0
        self._last_ahead = math.inf

    def admit(self, time: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Judge a block of event times in order and move the clock.

        Parameters
        ----------
        time : (n,)
            Seconds since the epoch; NaN (no time) is accepted and moves nothing.

        Returns
        -------
        admitted : (n,)
            False where the event is too far ahead.
        """
        admitted = np.ones(len(time), dtype=np.bool_)
        known = time[~np.isnan(time)]
        if not len(known):
            return admitted
        running = np.maximum.accumulate(np.concatenate(([self.latest], known)))
        first = self.latest == -math.inf
        ahead = running[1:] - running[:-1] > self.max_ahead
        if not ahead[1 if first else 0 :].any():
            self.latest = float(running[-1])
            self._forget_ahead()
            return admitted
        for i, t in enumerate(time.tolist()):
            admitted[i] = self.admit_one(t)
        return admitted

    def admit_one(self, t: float) -> bool:
        """Judge one event time and move the clock; False where it is too far ahead."""
        if math.isnan(t):
            return True
        if self.latest == -math.inf or t - self.latest <= self.max_ahead:
            self.latest = max(self.latest, t)
            self._forget_ahead()
            return True
        agrees = abs(t - self._last_ahead) <= self.max_ahead
        self._in_a_row = self._in_a_row + 1 if agrees else 1
        self._last_ahead = t
        if self._in_a_row < self.quorum:
            return False
        self.latest = t
        self._forget_ahead()
        return True

    def state(self) -> dict[str, Any]:
        """Return the state as plain scalars."""
        return {
            "latest": self.latest,
            "in_a_row": self._in_a_row,
            "last_ahead": self._last_ahead,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        self.latest = float(state["latest"])
        self._in_a_row = int(state["in_a_row"])
        self._last_ahead = float(state["last_ahead"])

    def _forget_ahead(self) -> None:
        self._in_a_row = 0
        self._last_ahead = math.inf
