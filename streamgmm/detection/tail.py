"""From a score to the probability of one at least as high.

Empirical up to a high quantile of the latest scores, a generalised Pareto law of what exceeds it
(Pickands 1975; Siffer et al. 2017, "SPOT"). Refitted when the window has grown or turned by a
tenth: a function of counts alone, never of how events came in blocks.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.values import check_whole

from .bursts import Bursts
from .excesses import ExcessLaw
from .window import Window

Array = NDArray[np.float64]

LEAST_WINDOW = 1000  # scores

# The tail is the highest sqrt(5 n) of n scores: 707 of 100,000, but 50 of 500. The more there are,
# the less a law must span. Where what they are speaks against it, half as many, and so on to half
# of 100; and where it refutes the law, to half of 20: of two kinds of far scores one law sees
# neither, and puts the threshold far beyond both.
_TAIL, _FEWEST, _VERY_FEWEST = 5, 100, 20
_FINE = 64  # ranks of neighbouring knots differ by one in so many
_REFITS = 10  # while the window turns over once
_SOONEST = 50  # scores between two fits
# Until the window is full only the latest sixth of all scores counts: a young model's scores
# are not those of the model that it becomes.
_YOUTH, _LEAST = 6, 20
_LEAST_EXCESS = 1e-4  # nats, in the mean: where all events are alike a score that creeps is no news


class Tail:
    """Distribution of a rolling window of scores.

    Parameters
    ----------
    window
        Number of scores that count, at least 1,000.
    """

    def __init__(self, window: int) -> None:
        check_whole("window", window, LEAST_WINDOW)
        self._window = Window(window)
        self._seen = 0  # scores since the beginning
        self._due = 0  # scores until the next fit
        self._fitted_to = 0  # scores behind the last one
        self._bursts = Bursts()
        self._law: ExcessLaw | None = None
        self._level = math.inf
        # Below the level: ascending scores (m,), and the shares of the window at least as high.
        # The last is the share that exceeds the level.
        self._knots: Array = np.empty(0)
        self._shares: Array = np.empty(0)

    @property
    def fitted(self) -> bool:
        """Whether there is a distribution yet."""
        return self._law is not None

    @property
    def due(self) -> int:
        """Scores that may be added before the next fit."""
        return self._due

    def start(self, scores: Array) -> None:
        """Begin with the warm-up's scores (n,)."""
        self._window.start(scores)
        self._seen = len(self._window)
        self._refit()

    def p_value(self, scores: Array) -> Array:
        """Return the probabilities (n,) of a score at least as high."""
        assert self._law is not None, "no scores yet: start() comes first"
        # From the high end: np.interp takes the last of equal knots, which is then the first of
        # these scores; among equals all are at least as high. Scores in order, for it begins each
        # search where the last one ended: half the time, with the sorting.
        order = np.argsort(-scores)
        p: Array = np.empty(len(scores))
        p[order] = np.interp(-scores[order], -self._knots[::-1], self._shares[::-1])
        beyond = np.flatnonzero(scores > self._level)
        p[beyond] = self._shares[-1] * self._law.survival(scores[beyond] - self._level)
        return p

    def threshold(self, probability: float) -> float:
        """Return the score from which p-values are at most ``probability``; inf for 0."""
        if probability <= 0.0 or self._law is None:
            return math.inf
        share = float(self._shares[-1])
        if probability >= share:
            reached = float(np.interp(-probability, -self._shares, self._knots))
            # equal scores are more likely together than the first that crosses: only beyond them
            tied = self.p_value(np.array([reached]))[0] > probability * (1.0 + 1e-9)
            return float(np.nextafter(reached, np.inf)) if tied else reached
        excess = self._law.quantile(probability / share)
        return max(self._level + excess, float(np.nextafter(self._level, np.inf)))

    def add(self, scores: Array) -> bool:
        """Let scores (n,), n <= due, into the window; returns whether it was time to refit.

        Those of a burst stay out (see :mod:`.bursts`).
        """
        assert self._law is not None, "no scores yet: start() comes first"
        self._due -= len(scores)
        self._seen += len(scores)
        share = float(self._shares[-1])
        # of the window as it was fitted to: as it is now depends on where blocks end
        kept = self._bursts.admit(scores - self._level, self._law, share, self._fitted_to)
        self._window.add(scores[kept])
        if self._due > 0:
            return False
        self._refit()
        return True

    def _refit(self) -> None:
        young = max(self._seen // _YOUTH, self._window.size // _LEAST)
        if young < len(self._window) and not self._window.full:
            self._window.keep_latest(young)
        ordered = self._window.ordered()
        n = len(ordered)
        k = min(math.isqrt(_TAIL * n), n // 2)
        while True:
            level = float(ordered[n - k - 1])
            k = n - int(np.searchsorted(ordered, level, side="right"))  # fewer, where it is tied
            law = ExcessLaw.fit(_at_least(ordered[n - k :] - level))
            doubtful = law.is_refuted() if k < _FEWEST else not law.agrees()
            if k < _VERY_FEWEST or not doubtful:
                break
            k //= 2
        self._level, self._law = level, law
        ranks = _ranks(k + 1, n)
        self._knots = np.append(ordered[n - ranks], level)
        self._shares = np.append(ranks, max(k, 0.5)) / n
        self._due, self._fitted_to = max(n // _REFITS, _SOONEST), n

    # ---- state ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return window, law and schedule as plain arrays and scalars."""
        return {
            **self._window.state(),
            "seen": self._seen,
            "due": self._due,
            "fitted_to": self._fitted_to,
            "tokens": self._bursts.tokens.copy(),
            "law": None if self._law is None else self._law.state(),
            "level": self._level,
            "knots": self._knots.copy(),
            "shares": self._shares.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` returned."""
        self._window.restore(state)
        self._seen = int(state["seen"])
        self._due, self._fitted_to = int(state["due"]), int(state["fitted_to"])
        self._bursts.tokens[:] = state["tokens"]
        self._law = None if state["law"] is None else ExcessLaw.from_state(state["law"])
        self._level = float(state["level"])
        self._knots, self._shares = np.array(state["knots"]), np.array(state["shares"])


def _at_least(excesses: Array) -> Array:
    """Return the ascending excesses (n,), widened to the least mean where theirs is less."""
    mean = float(excesses.mean()) if len(excesses) else 0.0
    if mean >= _LEAST_EXCESS:
        return excesses
    # divided first: the factor of the smallest floats would be infinite
    return excesses / mean * _LEAST_EXCESS if mean > 0.0 else np.array([_LEAST_EXCESS])


@lru_cache(maxsize=64)  # a full window asks for the same few again and again
def _ranks(first: int, n: int) -> NDArray[np.int64]:
    """Return ranks from the top, descending from n to ``first``, denser towards the tail."""
    ranks = [first]
    while ranks[-1] < n:
        ranks.append(min(ranks[-1] + max(ranks[-1] // _FINE, 1), n))
    return np.array(ranks[::-1], dtype=np.int64)
