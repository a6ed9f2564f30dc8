"""Unlikely events learn little, but the model can never be frozen: a token gate.

An event above the tracked quantile q of the scores learns with a tenth of its weight. q follows
by stochastic approximation, q += 0.05 s (1[score > q] - share), with s a running mean of
|score - q|, winsorised so that one gross score does not throw it. Holding an event back costs a
token and tokens accrue at the rate of that share: a drift that lifts every score is learned in
full once they are spent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamgmm.values import is_number

Array = NDArray[np.float64]

_HELD, _CAPACITY, _STEP, _MEMORY, _WINSOR = 0.1, 50.0, 0.05, 0.005, 5.0


class Gate:
    """The learning gate's rule and state.

    Parameters
    ----------
    quantile
        Level of the scores above which events are held back, in (0, 1); None: no gate.
    """

    def __init__(self, quantile: float | None) -> None:
        if quantile is not None and not (is_number(quantile) and 0.0 < quantile < 1.0):
            raise ValueError(
                f"gate is {quantile!r}; it must be a quantile in (0, 1), such as 0.98, "
                "or None to learn every event in full"
            )
        share = 0.0 if quantile is None else 1.0 - quantile
        self.quantile = quantile
        self.rule: Array = np.array([share, _HELD, _CAPACITY, _STEP, _MEMORY, _WINSOR])
        self.state: Array = np.zeros(0 if quantile is None else 3)

    def start(self, scores: Array) -> None:
        """Begin at the quantile of the warm-up's scores (n,)."""
        if self.quantile is None:
            return
        ordered = np.sort(scores)
        level = ordered[min(int(self.quantile * len(ordered)), len(ordered) - 1)]
        deviations = np.sort(np.abs(scores - level))
        spread = deviations[len(deviations) // 2]
        self.state[:] = level, spread if spread > 0 else 1.0, _CAPACITY

    @property
    def level(self) -> float:
        """The score above which events are held back now; inf without a gate."""
        return float(self.state[0]) if len(self.state) else np.inf
