"""A model with the partitions that feed it, and where each of them may begin."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamgmm.detection import Detector
    from streamgmm.service.pipeline import Pipeline

__all__ = ["Shard", "Start", "within_bounds"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a partition may begin.

    Attributes
    ----------
    due
        Position from which outputs are due, None if nothing was ever put out.
    first, end
        Positions of the oldest event there is, and one past the newest (None: not known).
    fallback
        Where to begin if `due` is None and no checkpoint is there.
    """

    due: int | None
    first: int
    end: int | None
    fallback: int

    @property
    def latest(self) -> float:
        """The furthest position that a checkpoint may have."""
        if self.due is not None:
            return self.due
        return math.inf if self.end is None else self.end


@dataclass(slots=True)
class Shard:
    """A model, the partitions that feed it and where each of them is."""

    name: str
    detector: Detector
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    mark: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    saved: bool = False

    @property
    def relearning(self) -> bool:
        """Whether a partition is behind the position from which outputs are due."""
        return any(self.positions[name] < self.due[name] for name in self.positions)


def within_bounds(name: str, start: Start) -> Start:
    """Correct a due position that lies outside what the source holds."""
    due = start.due
    if due is not None and due < start.first:
        _log.error(
            "%s: events %d to %d are gone from the source unread (retention); going on with %d",
            name,
            due,
            start.first - 1,
            start.first,
        )
        due = start.first
    if due is not None and start.end is not None and due > start.end:
        _log.warning(
            "%s: position %d lies beyond the source's end %d (was it made anew?); beginning at %d",
            name,
            due,
            start.end,
            start.first,
        )
        due = start.first
    return Start(due=due, first=start.first, end=start.end, fallback=start.fallback)
