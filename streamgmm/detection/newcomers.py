"""Features that appear after warm-up: watched until their location and scale are known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import Frame, estimate_frame

Array = NDArray[np.float64]

# Values of a new feature to see before it joins: enough for the 10-90% range.
ENOUGH = 100


class Newcomers:
    """Values of the columns that the mixture does not have yet.

    Parameters
    ----------
    resolution
        As in :func:`streamgmm.mixture.estimate_frame`.
    """

    def __init__(self, *, resolution: bool) -> None:
        self._resolution = resolution
        self._values: list[list[float]] = []

    def __len__(self) -> int:
        return len(self._values)

    def watch(self, row: Array) -> int | None:
        """Take in the values (p,) of one event; returns the position of one that has enough."""
        for position, value in enumerate(row.tolist()):
            if position == len(self._values):
                self._values.append([])
            if not np.isnan(value):
                self._values[position].append(value)
                if len(self._values[position]) >= ENOUGH:
                    return position
        return None

    def join(self, position: int) -> Frame:
        """Return where the feature at ``position`` joins; the first one takes its place."""
        self._values[0], self._values[position] = self._values[position], self._values[0]
        values = np.array(self._values.pop(0))[:, None]
        return estimate_frame(values, resolution=self._resolution)

    def state(self) -> dict[str, Any]:
        """Return the values watched so far, as plain arrays."""
        return {"values": [np.array(values) for values in self._values]}

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` returned."""
        self._values = [np.asarray(values).tolist() for values in state["values"]]
