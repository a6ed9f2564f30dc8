"""Which scores shape the distribution: all, but for those of a burst.

Extremes that come in a cluster are one extreme (Leadbetter 1983; the runs of Smith & Weissman
1994): a flood of a thousand equal requests says once, not a thousand times, how far out a score
may lie. What is too many is said by the law of the scores itself. A score with a p-value of p is
due once in 1 / p events, so bands p <= share / 2^b, b = 0, 1, ..., earn tokens at a fixed multiple
of that rate, and a score pays one in each band that it reaches. One that cannot pay is left out.
p is the law's at half the excess (were it the law's at all of it, a law that ends too soon would
keep out what could teach it better), or the share of the window at least as high if that is more.

Independent scores almost never run out of tokens. A burst enters with its first few members. What
recurs evenly, however far out, enters in time: each member that got in raises the rate at which the
next ones may, until the law has its share right. The last bands have no tokens at first: that
something is due once in 100,000 events is no reason to let it in after 1,000, nor to alert on it
no more. As leaving out is paid for as well, a lasting change gets in once that is spent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import pareto
from .excesses import ExcessLaw

Array = NDArray[np.float64]

_BANDS, _GIVEN = 14, 10  # bands, and those of them that begin with all their tokens
_PACE, _CAPACITY = 6.0, 3.0  # tokens earned per score that is due; most tokens of a band
_OUTSIDE = 0.01  # share of the scores that may be left out in the long run, ...
_FEWEST = 50  # ... of the window, or this many, at once
_BENEFIT = 0.5  # of the doubt: an excess is judged by the law at this part of it
_RULE: Array = np.array([_PACE, _CAPACITY, _OUTSIDE, _BENEFIT])


class Bursts:
    """The tokens.

    ``tokens`` (bands + 2,): of each band, those for leaving out, and the scores since they were
    last counted up, which is done at exceedances alone, never where a block ends.
    """

    def __init__(self) -> None:
        self.tokens: Array = np.zeros(_BANDS + 2)
        self.tokens[:_GIVEN] = _CAPACITY
        self.tokens[-2] = _FEWEST

    def admit(
        self, excesses: Array, law: ExcessLaw, share: float, window: int
    ) -> NDArray[np.bool_]:
        """Return which of the scores (n,) enter a window of so many.

        ``excesses`` (n,) are over the level that a ``share`` of the scores exceed, by ``law``.
        """
        admitted = np.empty(len(excesses), dtype=np.uint8)
        most = max(_FEWEST, _OUTSIDE * window)
        with np.errstate(over="ignore"):  # infinitely far out is as far as that is
            scaled = excesses / law.scale
        pareto.admit(law.points, law.known, share, scaled, _RULE, most, self.tokens, admitted)
        return admitted.view(np.bool_)
