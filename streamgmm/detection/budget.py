"""The user's knob: how many false alarms are acceptable."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamgmm.values import is_number

Array = NDArray[np.float64]

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Budget:
    """A false-alarm budget: a probability an event, or a number a day of event time.

    Parameters
    ----------
    probability
        Share of normal events that may alert, in (0, 1).
    per_day
        Alerts a day on normal events, positive; exactly one of the two is given.
    """

    probability: float | None = None
    per_day: float | None = None

    def __post_init__(self) -> None:
        if (self.probability is None) == (self.per_day is None):
            raise ValueError(
                f"Budget(probability={self.probability!r}, per_day={self.per_day!r}): give one"
            )
        share, rate = self.probability, self.per_day
        if share is not None and not (is_number(share) and 0.0 < share < 1.0):
            raise ValueError(
                f"budget is {share!r:.80}; a probability lies in (0, 1), such as 0.001, "
                'and a rate is written "5/day"'
            )
        if rate is not None and not (is_number(rate) and 0.0 < rate < math.inf):
            raise ValueError(
                f"budget is {rate!r:.80} a day; it must be a positive number, such as 5"
            )

    @classmethod
    def parse(cls, value: float | str) -> Budget:
        """Return the budget written as a probability (1e-3) or a rate ("5/day").

        Raises
        ------
        ValueError
            If it is neither.
        """
        if is_number(value):
            return cls(probability=value)
        try:
            rate = re.fullmatch(r"\s*([0-9.eE+-]+)\s*/\s*day\s*", str(value))
            return cls(per_day=float(rate[1])) if rate else cls(probability=float(value))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f'budget is {value!r:.80}; allowed are a probability such as 0.001 and "5/day"'
            ) from error


class EventClock:
    """The rate of events in event time, decayed with a half-life of a day.

    Both the number of events and the time they took decay alike, so that their ratio is the rate
    from the first hour on. Events are only counted as they come and folded in when asked to, which
    is done at points of the stream that do not depend on how it was cut into blocks.

    ``state`` (5,): latest time folded in (NaN: none yet), events, seconds; latest time seen and
    events seen since.
    """

    def __init__(self) -> None:
        self.state: Array = np.array([np.nan, 0.0, 0.0, np.nan, 0.0])

    def see(self, times: Array) -> None:
        """Count events that came with ``times`` (n,); NaN: no time.

        Those without a time may alert too, so they count, as if they had come at the times of their
        neighbours; but none before the first time that is known.
        """
        known = np.flatnonzero(~np.isnan(times))
        first = 0
        if np.isnan(self.state[0]):
            if not len(known):
                return
            first = int(known[0])
            self.state[0] = times[first]
        if len(known):
            self.state[3] = np.fmax(self.state[3], times[known].max())
        self.state[4] += len(times) - first

    def fold(self) -> None:
        """Let what was seen since the last fold into the rate."""
        since, events, seconds, latest, seen = self.state
        if not seen:
            return
        elapsed = max(latest - since, 0.0)
        kept = 2.0 ** (-elapsed / _DAY)
        lasted = (1.0 - kept) * _DAY / math.log(2.0)
        # what was seen since came evenly, as far as is known, and has decayed as its time has
        fresh = seen * lasted / elapsed if elapsed > 0.0 else seen
        self.state[:] = (
            max(latest, since),
            events * kept + fresh,
            seconds * kept + lasted,
            latest,
            0,
        )

    @property
    def per_day(self) -> float:
        """Events a day; NaN where no event time has passed yet."""
        events, seconds = self.state[1:3]
        return float(events / seconds * _DAY) if seconds > 0.0 else math.nan


def probability_of(budget: Budget, clock: EventClock) -> float:
    """Return the p-value at or below which an event alerts; 0 while a rate is not yet known."""
    if budget.probability is not None:
        return budget.probability
    assert budget.per_day is not None
    per_day = clock.per_day
    return 0.0 if math.isnan(per_day) else min(budget.per_day / per_day, 0.5)
