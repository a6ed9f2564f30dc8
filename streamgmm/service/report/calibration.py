"""Whether p-values mean what they say: how often p was at most x, against x."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamgmm.service.pipeline import Outputs

__all__ = ["Calibration", "wilson"]

# From 1e-8 to 1, ten to a decade.
LEVELS: Final = 10.0 ** (np.arange(-80, 1) / 10.0)
_Z: Final = 1.959964  # of a normal 95% interval


class Calibration:
    """Counts p-values: of events labelled normal where there are labels, else of all."""

    def __init__(self) -> None:
        self._counts = np.zeros(len(LEVELS) + 1, dtype=np.int64)

    def take(self, outputs: Outputs) -> None:
        """Add a block."""
        labels, verdicts = outputs.batch.labels, outputs.verdicts
        counted = verdicts.ready & ~verdicts.unscored & ~np.isnan(verdicts.p_value)
        if labels is not None:
            counted &= labels == 0
        self.count(verdicts.p_value[counted])

    def count(self, p_value: NDArray[np.float64]) -> None:
        """Add p-values (n,)."""
        places = np.searchsorted(LEVELS, p_value, side="left")
        self._counts += np.bincount(places, minlength=len(self._counts))

    def told(self) -> dict[str, Any]:
        """Give, for levels that at least one event should reach, the share that did, in columns.

        `low` and `high` bound the share with 95% confidence (Wilson 1927), if events are
        independent.
        """
        n = int(self._counts.sum())
        reached = np.cumsum(self._counts)[:-1]
        rows = [
            (float(f"{level:.4g}"), count / n, *wilson(count, n))
            for level, count in zip(LEVELS.tolist(), reached.tolist(), strict=True)
            if n and level * n >= 1.0
        ]
        names = ("level", "share", "low", "high")
        return {"n": n} | {name: [row[i] for row in rows] for i, name in enumerate(names)}


def wilson(count: int, n: int) -> tuple[float, float]:
    """Return the 95% score interval of a share, `count` of `n` (Wilson 1927)."""
    share, room = count / n, _Z**2 / n
    middle = (share + room / 2) / (1 + room)
    half = _Z / (1 + room) * math.sqrt(share * (1 - share) / n + room / (4 * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)
