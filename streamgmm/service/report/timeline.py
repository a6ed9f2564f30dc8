"""Scores along a replay: lowest, typical and highest in each bucket, and where the alerts are."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from streamgmm.service.page.history import Bucket, Event, columns, summed_up
from streamgmm.service.report.buckets import Buckets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamgmm.service.pipeline import Outputs

__all__ = ["Timeline"]

_Axis = tuple[float, tuple[int, ...]]

_MOST: Final = 2000
# A millisecond, then 5, 10, 50, 100, 500 ms; 1, 5, 15 s; 1, 5, 15 min; 1, 3, 6, 12 h; days, weeks.
_TIME: Final[_Axis] = (1e-3, (5, 2, 5, 2, 5, 2, 5, 3, 4, 5, 3, 4, 3, 2, 2, 2, 7, 2))
_COUNT: Final[_Axis] = (1.0, (2, 5))
# Beyond that the highest alert of each bucket stands for the others.
_MOST_ALERTS: Final = 4000


class Timeline:
    """Collects the scores of a stream.

    Parameters
    ----------
    timed
        Along event time, in seconds since the epoch; else along the number of the event.
    """

    def __init__(self, *, timed: bool) -> None:
        self._timed = timed
        width, steps = _TIME if timed else _COUNT
        self._buckets: Buckets[Bucket] = Buckets(width, steps, _MOST)
        self._alerts: deque[tuple[float, float]] = deque(maxlen=_MOST_ALERTS)
        self._events = 0

    def take(self, outputs: Outputs, threshold: float) -> None:
        """Add a block's scores; `threshold` is the one in force after it, inf in warm-up."""
        batch, verdicts = outputs.batch, outputs.verdicts
        x = batch.time
        if not self._timed:
            x = np.arange(self._events + 1, self._events + len(batch) + 1, dtype=np.float64)
        self._events += len(batch)
        known = np.flatnonzero(~np.isnan(x))
        if not len(known):
            return
        for row in known[verdicts.is_anomaly[known]].tolist():
            self._alerts.append((float(x[row]), float(verdicts.score[row])))
        self._buckets.add(
            {
                place: _sum(outputs, rows, threshold)
                for place, rows in _groups(self._buckets.places(x[known]), known)
            }
        )

    def told(self) -> dict[str, Any]:
        """Give it in columns, as JSON shows it; `start` in seconds or numbers of events."""
        width = self._buckets.width
        buckets = list(self._buckets)
        return {
            **columns(0, [bucket for _, bucket in buckets]),
            "timed": self._timed,
            "width": width,
            "start": [round(place * width, 3) for place, _ in buckets],
            "strangest": [_brief(bucket.strangest) for _, bucket in buckets],
            "marks": [[round(x, 3), float(f"{score:.5g}")] for x, score in sorted(self._alerts)],
        }


def _groups(
    places: NDArray[np.int64], rows: NDArray[np.int64]
) -> list[tuple[int, NDArray[np.int64]]]:
    """Give the rows of each place; rows stay in their order."""
    order = np.argsort(places, kind="stable")
    starts = np.flatnonzero(np.diff(places[order], prepend=places[order[0]] - 1))
    parts = np.split(rows[order], starts[1:])
    return list(zip(places[order][starts].tolist(), parts, strict=True))


def _sum(outputs: Outputs, rows: NDArray[np.int64], threshold: float) -> Bucket:
    batch, verdicts = outputs.batch, outputs.verdicts
    scores = verdicts.score[rows]
    row = int(rows[scores.argmax()])
    strangest = Event(
        float(verdicts.score[row]), batch.id(row), batch.key(row), float(batch.time[row]),
        None, batch.decoder,
    )  # fmt: skip
    return summed_up(scores, int(verdicts.is_anomaly[rows].sum()), threshold, strangest)


def _brief(event: Event | None) -> list[str | None] | None:
    return None if event is None else [event.id, event.key]
