"""Times of day and of week as points on a circle: midnight lies beside midnight.

    sin(2 pi f), cos(2 pi f),   f the part of the day (or of the week from Monday) that has passed

Two columns, as a Gaussian wants them: near are times that are near on the clock, and the mean of a
component has a direction, the usual time, and a length R from 0 (any time) to 1 (always the same).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from streamgmm.events.roles import EARLIEST, LATEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_DAY: Final = 86_400.0
# Clocks are put forward and back on the quarter of an hour, if ever.
_STEP: Final = 900.0
_MOST_OFFSETS: Final = 4096
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET: Final = re.compile(r"([+-])(\d\d):?([0-5]\d)")
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Cycle:
    """A time that comes round.

    Attributes
    ----------
    words
        For a person.
    period
        Seconds.
    start
        Seconds from the beginning of a period to 1970-01-01 00:00.
    """

    words: str
    period: float
    start: float

    def turn(self, local: Array) -> Array:
        """Return sine and cosine (n, 2) of local times (n,) in s since 1970; NaN stays NaN."""
        passed = np.mod(local + self.start, self.period) / self.period
        angle = np.ascontiguousarray(2.0 * np.pi * passed)
        return np.column_stack((np.sin(angle), np.cos(angle)))

    def clock(self, turns: float) -> str:
        """Return a part of the period, 0.5 or -0.5 halfway, as a clock shows it."""
        minutes = round(turns % 1.0 * self.period / 60.0) % round(self.period / 60.0)
        day, minute = divmod(minutes, 1440)
        shown = f"{minute // 60:02d}:{minute % 60:02d}"
        return shown if self.period == _DAY else f"{_WEEKDAYS[day]} {shown}"


# 1970 began on a Thursday.
CYCLES: Final = {
    "time_of_day": Cycle("time of day", _DAY, 0.0),
    "time_of_week": Cycle("time of week", 7 * _DAY, 3 * _DAY),
}


@dataclass(frozen=True, slots=True)
class UsualTime:
    """What a component's mean point on the circle says of the time; in parts of the period.

    Attributes
    ----------
    centre
        Its direction.
    spread
        The circular standard deviation sqrt(-2 ln R) / 2 pi (Mardia & Jupp 2000, section 2.3);
        infinite where there is no direction.
    """

    centre: float
    spread: float

    @classmethod
    def of(cls, sine: float, cosine: float) -> UsualTime:
        """Read the point (sine, cosine)."""
        length = min(math.hypot(sine, cosine), 1.0)
        spread = math.sqrt(-2.0 * math.log(length)) if length > 0.0 else math.inf
        return cls(math.atan2(sine, cosine) / math.tau % 1.0, spread / math.tau)


class LocalTime:
    """Seconds since 1970 as the clocks of one place show them.

    Parameters
    ----------
    zone
        As `read_zone` takes it.

    Examples
    --------
    >>> winter, summer = 1_767_225_600.0, 1_782_864_000.0  # 2026-01-01 and 2026-07-01, 00:00 UTC
    >>> (LocalTime("Europe/Zurich").of(np.array([winter, summer])) - [winter, summer]).tolist()
    [3600.0, 7200.0]
    """

    def __init__(self, zone: str = "UTC") -> None:
        self._zone = read_zone(zone)
        self._offsets: dict[float, float] = {}  # by quarter of an hour: what is looked up again

    def of(self, time: Array) -> Array:
        """Return local times (n,); NaN stays NaN."""
        if self._zone is UTC:
            return time
        offsets = [self._offset(step) for step in np.floor(time / _STEP).tolist()]
        return time + np.array(offsets, dtype=np.float64)

    def _offset(self, step: float) -> float:
        offset = self._offsets.get(step)
        if offset is None:
            if math.isnan(step):
                return math.nan
            if len(self._offsets) >= _MOST_OFFSETS:
                self._offsets.clear()
            offset = self._offsets[step] = self._look_up(step * _STEP)
        return offset

    def _look_up(self, time: float) -> float:
        # at the ends of the calendar there is no room for an offset
        moment = _EPOCH + timedelta(seconds=min(max(time, EARLIEST + _DAY), LATEST - 2 * _DAY))
        offset = moment.astimezone(self._zone).utcoffset()
        return offset.total_seconds() if offset is not None else 0.0


def read_zone(name: Any) -> tzinfo:
    """Return a time zone: "UTC", an offset such as "+05:30", or a name such as "Asia/Tokyo".

    Raises
    ------
    ValueError
        If it is none of these, or the machine's time zone database does not have it.
    """
    if name == "UTC":
        return UTC
    match = _OFFSET.fullmatch(name) if isinstance(name, str) else None
    if match:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        if offset < timedelta(days=1):
            return timezone(-offset if match[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    # a folder's name is an OSError, what is no text one of the others
    except (LookupError, ValueError, OSError, UnicodeError, TypeError, AttributeError):
        raise ValueError(
            f'time zone {name!r:.80} is not known; allowed are "UTC", an offset such as "+05:30", '
            f'and names of the time zone database such as "Europe/Zurich"'
        ) from None


def shown_range(cycle: Cycle, usual: UsualTime, spreads: float) -> tuple[str, str] | None:
    """Return beginning and end of the usual times, or None where any time is usual."""
    reach = spreads * usual.spread
    if reach >= 0.5:
        return None
    return cycle.clock(usual.centre - reach), cycle.clock(usual.centre + reach)
