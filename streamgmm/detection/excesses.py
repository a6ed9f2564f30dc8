"""The law of what exceeds a high level: generalised Pareto, averaged over what its shape may be.

A quasi-Bayesian fit (Zhang & Stephens 2009): no iteration, any shape, and the mean of the likely
laws in the place of the likeliest. The arithmetic is in ``pareto.h``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import pareto

Array = NDArray[np.float64]

# Points where a law may lie: quantiles of the prior, and some for tails with an end.
_ENDING = 8
_PRIOR = pareto.POINTS - _ENDING
_UNLIKELY = 1.5  # standard deviations between law and excesses that speak against the law
_BEYOND = 3.0  # excesses expected where none is that refute it


@dataclass(frozen=True, slots=True)
class ExcessLaw:
    """P(excess > y) for y >= 0.

    ``scale`` is the largest excess that it was fitted to, ``known`` (k,) are all of them,
    ascending, in units of it; ``points`` (3, n) are theta in that unit, 1 / k and weight of the
    laws of which it is the mean (see ``pareto.h``).
    """

    scale: float
    known: Array
    points: Array

    @classmethod
    def fit(cls, excesses: Array) -> ExcessLaw:
        """Return the law of ascending positive excesses (n,), n >= 1."""
        n = len(excesses)
        scale = float(excesses[-1])
        y = excesses / scale
        # Zhang & Stephens' prior: a Pareto law of 1 / max - theta, scaled by the lower quartile
        quarter = max(float(y[max(int(n / 4 + 0.5), 1) - 1]), 1e-12)
        at = np.arange(1, _PRIOR + 1) - 0.5
        spread = 1.0 + (1.0 - np.sqrt(_PRIOR / at)) / (3.0 * quarter)
        # It has no room for a tail that stops dead, whose end is within max / n of the largest.
        ending = 1.0 - 0.25 / n * 2.0 ** np.arange(_ENDING)
        points = np.empty((3, pareto.POINTS))
        points[0] = np.concatenate([spread, ending])
        # theta = 0 is the exponential law, a limit: as near as it can be told apart from
        least = 1e-8 / float(y.mean())
        points[0, np.abs(points[0]) < least] = -least
        pareto.weigh(points, y)
        return cls(scale, y, points)

    def survival(self, excesses: Array) -> Array:
        """Return the probabilities (n,) of more than the excesses (n,)."""
        with np.errstate(over="ignore"):  # infinitely far out is as far as that is
            return self._survival(excesses / self.scale)

    def _survival(self, scaled: Array) -> Array:
        p = np.empty(len(scaled))
        pareto.survival(self.points, scaled, p)
        return p

    def quantile(self, probability: float) -> float:
        """Return the least excess exceeded with at most this probability; inf if there is none."""
        return self.scale * pareto.quantile(self.points, probability)

    def agrees(self) -> bool:
        """Whether it is in keeping with the n excesses that it was fitted to.

        Of those in the upper half, quarter, eighth ... it expects so many; what differs from that
        by more than 1.5 standard deviations is another law.
        """
        n = len(self.known)
        halves = n >> np.arange(1, n.bit_length())
        count = halves[halves >= 4]
        if not len(count):
            return True
        expected = n * self._survival(self.known[n - count])
        return bool((np.abs(expected - (count - 0.5)) <= _UNLIKELY * np.sqrt(count)).all())

    def is_refuted(self) -> bool:
        """Whether several excesses ought to lie beyond the largest, where none does.

        By the right law n P(excess > largest) is a standard exponential variable: above 3 once in
        twenty times.
        """
        beyond = self._survival(self.known[-1:])
        return bool(len(self.known) * beyond[0] > _BEYOND)

    def state(self) -> dict[str, Any]:
        """Return it as plain arrays and scalars."""
        return {
            "scale": self.scale,
            "known": self.known.copy(),
            "points": self.points.copy(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> ExcessLaw:
        """Return the law that gave ``state``."""
        return cls(float(state["scale"]), np.array(state["known"]), np.array(state["points"]))
