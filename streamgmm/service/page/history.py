"""Scores over time in bounded memory: the same stream in several resolutions at once.

A block of events arrives at one moment and falls into one bucket of each resolution, so recording
costs a few additions a block however many events it has. Whoever asks for a span of time gets it
from the finest resolution that still reaches back so far, folded to the asked number of points.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from streamgmm.events.decode import Decoder

__all__ = ["RESOLUTIONS", "Bucket", "Event", "History", "columns", "summed_up"]

RESOLUTIONS: Final = ((1, 300), (10, 360), (60, 360), (240, 360), (1200, 504))
"""Seconds of a bucket and how many are kept: five minutes, an hour, six hours, a day, a week."""

# So many scores tell what is typical of a block.
_ENOUGH: Final = 256


class Event(NamedTuple):
    """An event that stands for others: the strangest of a bucket. Large ones are not kept."""

    score: float
    id: str
    key: str | None
    time: float
    raw: bytes | None
    decoder: Decoder

    def json(self) -> bytes | None:
        """Return the event as a JSON object; None if it is not kept."""
        return None if self.raw is None else self.decoder.event(self.raw)


@dataclass(slots=True)
class Bucket:
    """What arrived in one stretch of time.

    Attributes
    ----------
    start
        Seconds since the epoch, by the service's clock.
    count, alerts
        Events, and how many of them were anomalies.
    low, high
        Lowest and highest score, nats.
    middle
        Sum of the blocks' median scores, each times its events: `typical` is their mean.
    threshold
        The latest in force; inf in warm-up.
    strangest
        The event with the highest score.
    """

    start: int
    count: int
    alerts: int
    low: float
    high: float
    middle: float
    threshold: float
    strangest: Event | None

    @property
    def typical(self) -> float:
        """The score of an ordinary event of this bucket."""
        return self.middle / self.count

    def at(self, start: int) -> Bucket:
        """Return a copy that starts elsewhere."""
        return Bucket(
            start, self.count, self.alerts, self.low, self.high, self.middle, self.threshold,
            self.strangest,
        )  # fmt: skip

    def add(self, other: Bucket) -> None:
        """Take in what arrived later within the same stretch."""
        self.count += other.count
        self.alerts += other.alerts
        self.low = min(self.low, other.low)
        if other.high > self.high:
            self.high, self.strangest = other.high, other.strangest
        self.middle += other.middle
        self.threshold = other.threshold


def summed_up(
    scores: NDArray[np.float64], alerts: int, threshold: float, strangest: Event
) -> Bucket:
    """Sum a block of n >= 1 scores up, as a bucket that has no place in time yet."""
    n = len(scores)
    some = scores[:: n // _ENOUGH + 1]
    # What lies above the threshold is not typical, also where it is all there is of a small block.
    middle = min(float(np.partition(some, len(some) // 2)[len(some) // 2]), threshold)
    low, high = float(scores.min()), strangest.score
    return Bucket(0, n, alerts, low, high, middle * n, threshold, strangest)


class History:
    """One stream of scores in all resolutions."""

    def __init__(self) -> None:
        self._levels = {width: deque[Bucket](maxlen=kept) for width, kept in RESOLUTIONS}

    def add(self, block: Bucket, now: float) -> None:
        """Record a block that arrives `now` (s since the epoch); a clock put back is waited for."""
        for width, buckets in self._levels.items():
            start = int(now // width) * width
            if buckets and buckets[-1].start >= start:
                buckets[-1].add(block)
            else:
                buckets.append(block.at(start))

    def copy(self) -> History:
        """Return another one that has recorded the same."""
        other = History()
        for width, buckets in self._levels.items():
            other._levels[width].extend(one.at(one.start) for one in buckets)
        return other

    def rate(self, now: float, seconds: int = 10) -> float:
        """Return events a second over the latest whole `seconds`."""
        first, present = int(now) - seconds, int(now)
        finest = self._levels[RESOLUTIONS[0][0]]
        return sum(one.count for one in finest if first <= one.start < present) / seconds

    def read(self, since: float, span: float, points: int) -> tuple[int, list[Bucket]]:
        """Return the width of a bucket and the buckets from `since` on; copies.

        Parameters
        ----------
        since
            Seconds since the epoch.
        span
            Seconds that are looked at: with `points` it decides on the width.
        points
            How many buckets at most may make up a span.
        """
        level = next(
            (width for width, kept in RESOLUTIONS if width * kept >= span), RESOLUTIONS[-1][0]
        )
        width = level * max(1, math.ceil(span / level / points))
        folded: list[Bucket] = []
        for bucket in self._levels[level]:
            start = bucket.start // width * width
            if start + width <= since:
                continue
            if folded and folded[-1].start == start:
                folded[-1].add(bucket)
            else:
                folded.append(bucket.at(start))
        return width, folded


def columns(width: int, buckets: Iterable[Bucket]) -> dict[str, Any]:
    """Write buckets as JSON shows them, in columns; what is not finite is None."""
    rows = list(buckets)
    return {
        "width": width,
        "start": [one.start for one in rows],
        "count": [one.count for one in rows],
        "alerts": [one.alerts for one in rows],
        "low": [_short(one.low) for one in rows],
        "typical": [_short(one.typical) for one in rows],
        "high": [_short(one.high) for one in rows],
        "threshold": [_short(one.threshold) for one in rows],
    }


def _short(score: float) -> float | None:
    return float(f"{score:.5g}") if math.isfinite(score) else None
