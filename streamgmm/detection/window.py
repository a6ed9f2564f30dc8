"""The latest scores: a ring that can also be read in order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .order import exchanged

Array = NDArray[np.float64]


class Window:
    """A rolling window of scores.

    Its order is worked out when it is asked for, from the last one and what has come and gone
    since: of 100,000 scores of which a tenth is new, in a sixth of the time that sorting takes.

    Parameters
    ----------
    size
        Number of scores that it holds.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._ring: Array = np.empty(0)  # room; the first _count are scores
        self._count = 0
        self._next = 0  # where the ring is written once it is full
        self._ordered: Array | None = None  # as of when it was last asked for ...
        self._changes: list[tuple[Array, Array]] = []  # ... and what went and came since

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        """Whether each score that comes takes the place of the oldest."""
        return self._count == self.size

    def start(self, scores: Array) -> None:
        """Hold the last of scores (n,) and nothing else."""
        self._hold(scores[-self.size :] + 0.0)

    def keep_latest(self, n: int) -> None:
        """Let go of all but the latest n scores, of a window that is not full."""
        self._hold(self._ring[max(self._count - n, 0) : self._count].copy())

    def _hold(self, scores: Array) -> None:
        self._ring, self._count, self._next = scores, len(scores), 0
        self._ordered, self._changes = None, []

    def add(self, scores: Array) -> None:
        """Take scores (n,) in, in the place of the oldest where there is no more room."""
        scores = scores + 0.0  # one zero only: of two that compare equal the order says nothing
        fresh = min(len(scores), self.size - self._count)
        if self._count + fresh > len(self._ring):
            room = np.empty(min(max(2 * len(self._ring), self._count + fresh), self.size))
            room[: self._count] = self._ring[: self._count]
            self._ring = room
        self._ring[self._count : self._count + fresh] = scores[:fresh]
        self._count += fresh
        rest = scores[fresh:]
        at = (self._next + np.arange(len(rest))) % self.size
        if self._ordered is not None:
            self._changes.append((self._ring[at], scores))
        self._ring[at] = rest
        self._next = (self._next + len(rest)) % self.size

    def ordered(self) -> Array:
        """Return the scores, ascending; not to be written to."""
        if self._ordered is None:
            self._ordered = np.sort(self._ring[: self._count])
        elif self._changes:
            gone, came = (
                np.sort(np.concatenate(part)) for part in zip(*self._changes, strict=True)
            )
            self._ordered = exchanged(self._ordered, gone, came)
        self._changes = []
        return self._ordered

    # ---- state ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return the scores and where the oldest is."""
        return {"ring": self._ring[: self._count].copy(), "next": self._next}

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` returned."""
        self._hold(np.array(state["ring"]))
        self._next = int(state["next"])
