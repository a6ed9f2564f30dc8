"""Alerts by day of event time (UTC), to hold against the budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from streamgmm.service.report.buckets import Buckets

if TYPE_CHECKING:
    from streamgmm.detection import Budget
    from streamgmm.service.pipeline import Outputs

__all__ = ["Days"]

DAY: Final = 86_400.0
_MOST: Final = 200
_STEPS: Final = (7, 4, 2)  # weeks, four weeks, and so on


@dataclass(slots=True)
class Day:
    """Events after warm-up, and alerts by what their labels say."""

    scored: int = 0
    found: int = 0
    false: int = 0
    unknown: int = 0

    def add(self, other: Day) -> None:
        """Take in another day."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Days:
    """Collects alerts by day."""

    def __init__(self) -> None:
        self._days: Buckets[Day] = Buckets(DAY, _STEPS, _MOST)
        self._first, self._last = np.inf, -np.inf

    def take(self, outputs: Outputs) -> None:
        """Add a block."""
        batch, verdicts = outputs.batch, outputs.verdicts
        counted = verdicts.ready & ~np.isnan(batch.time)
        if not counted.any():
            return
        time, alert = batch.time[counted], verdicts.is_anomaly[counted]
        labels = np.full(len(time), np.nan) if batch.labels is None else batch.labels[counted]
        self._first = min(self._first, float(time.min()))
        self._last = max(self._last, float(time.max()))
        kinds = (
            np.ones(len(time), dtype=bool),
            alert & (labels > 0),
            alert & (labels == 0),
            alert & np.isnan(labels),
        )
        places, where = np.unique(self._days.places(time), return_inverse=True)
        counts = [np.bincount(where[kind], minlength=len(places)).tolist() for kind in kinds]
        self._days.add(
            {place: Day(*numbers) for place, *numbers in zip(places.tolist(), *counts, strict=True)}
        )

    def told(self, budget: Budget) -> dict[str, Any]:
        """Give alerts and budget a day, in columns, as JSON shows them.

        ``covered`` is the share of each bucket between the first and the last event; a budget a day
        is that of as much.
        """
        width = self._days.width
        days, rows = width / DAY, list(self._days)
        starts = [place * width for place, _ in rows]
        covered = [
            (min(start + width, self._last) - max(start, self._first)) / width for start in starts
        ]
        return {
            "days": days,
            "start": starts,
            "covered": covered,
            **{
                name: [getattr(day, name) for _, day in rows]
                for name in ("found", "false", "unknown")
            },
            "budget": [
                (budget.per_day or 0.0) * days * share
                if budget.probability is None
                else budget.probability * day.scored
                for share, (_, day) in zip(covered, rows, strict=True)
            ],
        }
