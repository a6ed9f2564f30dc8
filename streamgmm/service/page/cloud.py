"""Some of the latest events as points, to lay the mixture's ellipses over."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Cloud"]

_MOST: Final = 600
_MOST_ALERTS: Final = 60
# Once the cloud is full it takes so many points every so often: it shows the latest minute or more.
_SOME: Final = 10
_EVERY_SECONDS: Final = 1.0


class Cloud:
    """Points of one model, evenly taken, and its latest anomalies."""

    def __init__(self) -> None:
        self._points: deque[Array] = deque(maxlen=_MOST)
        self._alerts: deque[Array] = deque(maxlen=_MOST_ALERTS)
        self._taken_at = -np.inf

    def add(self, X: Array, anomalies: Sequence[int], now: float) -> None:
        """Take some rows of X (n, d), which arrive `now`, and its `anomalies`."""
        room = _MOST - len(self._points)
        if room or now - self._taken_at >= _EVERY_SECONDS:
            self._taken_at = now
            step = -(-len(X) // max(room, _SOME))
            self._points.extend(X[::step].copy())
        for row in anomalies[-_MOST_ALERTS:]:
            self._alerts.append(X[row].copy())

    def points(self) -> Array:
        """Return the points (m, d), oldest first."""
        return _stacked(self._points)

    def alerts(self) -> Array:
        """Return the anomalies (m, d), oldest first."""
        return _stacked(self._alerts)


def _stacked(rows: deque[Array]) -> Array:
    return np.stack(rows) if rows else np.empty((0, 0))
