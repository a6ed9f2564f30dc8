"""From a score to the probability of one at least as high.

Empirical up to a high quantile of the latest scores, a generalised Pareto law of the exceedances
above it (Pickands 1975; Siffer et al. 2017, "SPOT"), fitted by probability-weighted moments
(Hosking & Wallis 1987). Refitted when the window has grown or turned by a tenth: a function of
counts alone, never of how events came in blocks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SHARE = 0.02  # of the window's scores is the tail, ...
_FEWEST = 50  # ... or this many, if that is more
_KNOTS = 512  # of the empirical distribution below the tail
_PRIOR = 25.0  # exceedances' worth of belief in an exponential tail
_GROSS = 20.0  # mean excesses above the level at which a score is not of this distribution
_COST, _CAPACITY = 50, 2500  # a gross score may be left out once in 50 events, 50 at once


class Tail:
    """Distribution of a rolling window of scores.

    Parameters
    ----------
    window
        Number of scores that count.
    """

    def __init__(self, window: int) -> None:
        if window < 1000:
            raise ValueError(f"window is {window!r}; it must hold at least 1000 scores")
        self.window = window
        self._ring: Array = np.empty(0)
        self._next = 0  # where the ring is written once it is full
        self._due = 0  # scores until the next fit
        self._tokens = _CAPACITY
        # level, share above it, scale and shape of the Pareto law
        self._fit: Array = np.array([np.inf, 1.0, 1.0, 0.0])
        self._knots: Array = np.empty(0)

    @property
    def fitted(self) -> bool:
        """Whether there is a distribution yet."""
        return len(self._knots) > 0

    @property
    def due(self) -> int:
        """Scores that may be added before the next fit."""
        return self._due

    def start(self, scores: Array) -> None:
        """Begin with the warm-up's scores (n,)."""
        self._ring = scores[-self.window :].copy()
        self._refit()

    def p_value(self, scores: Array) -> Array:
        """Return the probabilities (n,) of a score at least as high."""
        level, share, scale, shape = self._fit
        # From the high end: np.interp takes the last of equal knots, which is then the first of
        # these scores; among equals all are at least as high.
        grid = np.linspace(1.0, share, len(self._knots))
        survival = np.interp(-scores, -self._knots[::-1], grid[::-1])
        with np.errstate(over="ignore"):  # infinitely far out is as far as that is
            excess = np.maximum(scores - level, 0.0) / scale
        if abs(shape) < 1e-9:
            beyond = np.exp(-excess)
        else:
            beyond = np.maximum(1.0 + shape * excess, 0.0) ** (-1.0 / shape)
        p: Array = np.where(scores > level, share * beyond, survival)
        return p

    def threshold(self, probability: float) -> float:
        """Return the score from which p-values are at most ``probability``; inf for 0."""
        if probability <= 0.0 or not self.fitted:
            return float("inf")
        level, share, scale, shape = self._fit
        if probability >= share:
            grid = np.linspace(1.0, share, len(self._knots))
            reached = float(np.interp(-probability, -grid, self._knots))
            # equal scores are more likely together than the first that crosses: only beyond them
            tied = self.p_value(np.array([reached]))[0] > probability * (1.0 + 1e-9)
            return float(np.nextafter(reached, np.inf)) if tied else reached
        ratio = share / probability
        grown = np.log(ratio) if abs(shape) < 1e-9 else (ratio**shape - 1.0) / shape
        return float(max(level + scale * grown, np.nextafter(level, np.inf)))

    def add(self, scores: Array) -> bool:
        """Let scores (n,), n <= due, into the window; returns whether it was time to refit.

        Gross ones stay out while there are tokens for it: they are not of the distribution of
        normal scores, yet a lasting change of level must get in.
        """
        self._due -= len(scores)
        kept = scores[self._admit(scores)]
        room = self.window - len(self._ring)
        self._ring = np.concatenate([self._ring, kept[:room]])
        for part in (kept[room:],) if room < len(kept) else ():
            at = (self._next + np.arange(len(part))) % self.window
            self._ring[at] = part
            self._next = int((self._next + len(part)) % self.window)
        if self._due > 0:
            return False
        self._refit()
        return True

    def _admit(self, scores: Array) -> NDArray[np.bool_]:
        level, _, scale, shape = self._fit
        gross = scores > level + _GROSS * scale / (1.0 - shape)
        admitted = np.ones(len(scores), dtype=bool)
        last = 0
        for i in np.flatnonzero(gross).tolist():
            self._tokens = min(self._tokens + i - last, _CAPACITY)
            last = i
            if self._tokens >= _COST:
                self._tokens -= _COST
                admitted[i] = False
        self._tokens = min(self._tokens + len(scores) - last, _CAPACITY)
        return admitted

    def _refit(self) -> None:
        ordered = np.sort(self._ring)
        n = len(ordered)
        k = min(max(int(_SHARE * n), _FEWEST), n // 2)
        level = ordered[n - k - 1]
        self._fit[:] = level, k / n, *_pareto(ordered[n - k :] - level)
        self._knots = ordered[np.linspace(0, n - k - 1, min(_KNOTS, n - k)).astype(np.int64)]
        self._due = max(n // 10, 50)

    # ---- state ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return window, fit and schedule as plain arrays and scalars."""
        return {
            "ring": self._ring.copy(),
            "next": self._next,
            "due": self._due,
            "tokens": self._tokens,
            "fit": self._fit.copy(),
            "knots": self._knots.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` returned."""
        self._ring = np.array(state["ring"])
        self._next, self._due = int(state["next"]), int(state["due"])
        self._tokens = int(state["tokens"])
        self._fit, self._knots = np.array(state["fit"]), np.array(state["knots"])


def _pareto(excesses: Array) -> tuple[float, float]:
    """Return scale and shape of a generalised Pareto law from ascending excesses (k,).

    Probability-weighted moments (Hosking & Wallis 1987, section 3) with plotting positions
    (i - 0.35) / k. Few excesses say little about the shape: it is drawn to 0, the exponential law.
    """
    k = len(excesses)
    mean = float(excesses.mean())
    if mean <= 0.0:
        return 1e-12, 0.0
    positions = (np.arange(1, k + 1) - 0.35) / k
    weighted = float(((1.0 - positions) * excesses).mean())
    shape = 2.0 - mean / (mean - 2.0 * weighted) if mean > 2.0 * weighted else 0.0
    shape = min(max(shape, -0.5), 0.5) * k / (k + _PRIOR)
    return mean * (1.0 - shape), shape
