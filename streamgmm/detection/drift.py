"""Two signals of drift, apart: how far the model has moved, and how badly the data fit it.

*Misfit* follows every event. Its score is taken in units of the scores' own long-run level and
spread, held to three of them, and averaged over the latest 500 events; in units of how much such
an average varies while nothing changes, 0 is rest and a value beyond 5 is no accident. Level m and
spread s are those of Huber's "proposal 2" (Huber 1981, section 6.4), E psi = 0 and E psi^2 = 1 for
psi = (score - m) / s held to [-3, 3]: so psi has mean 0 and variance 1 whatever the scores' law,
and neither a gross score nor a short burst of them throws it. They follow by stochastic
approximation, at first as an average, later over 5,000 events.

*Moved* is looked at every 4,096 events: the divergence (:mod:`streamgmm.mixture.divergence`)
between the mixture and a reference that follows it a quarter of the way at each look, on 64 of the
latest events.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import Frame, OnlineMixture
from streamgmm.mixture.divergence import follow, triangular_discrimination

Array = NDArray[np.float64]

LOOK = 4096  # events between two looks at how far the model has moved

_HELD = 3.0  # psi is held to so many spreads
_RECENT, _LONG = 500.0, 5_000.0  # events that misfit, and that level and spread, remember
_LEAST_SPREAD = 0.01  # nats: a smaller change of the score is none
_WARMUP_WORTH = 50.0  # events that the level found in warm-up counts for: it comes from other fits
_PROBES = 64  # events, one of every 64, on which the divergence is taken
_FOLLOW = 0.25  # of the way, at a look


@dataclass(frozen=True, slots=True)
class Drift:
    """The two signals, and what an event adds to the second; all 0 until the model is ready.

    Attributes
    ----------
    moved
        How far the model is from what it was some 10,000 events ago, in [0, 1]: 0, the same; 1, no
        event of now would have been taken for one of then.
    misfit
        How badly the latest 500 events fit the model, against its own long run, in standard
        deviations at rest: positive is worse than usual. At most 95.
    latest
        The latest event's score in spreads of the scores about their long-run level, held to
        [-3, 3]: mean 0 and variance 1 at rest. What river's drift detectors are fed with.
    """

    moved: float
    misfit: float
    latest: float


class DriftMonitor:
    """State of both signals; the compiled loop moves `events` and `probes` on.

    Parameters
    ----------
    n_features
        d.
    """

    def __init__(self, n_features: int) -> None:
        # held to, steps of misfit and of level, least spread
        self.rule: Array = np.array([_HELD, 1 / _RECENT, 1 / _LONG, _LEAST_SPREAD])
        # level, spread, worth of both in events, running mean of psi, latest psi, events
        self.events: Array = np.zeros(6)
        self.probes: Array = np.full((_PROBES, n_features), np.nan)
        self._reference: OnlineMixture | None = None
        self._looks = 0
        self._moved = 0.0

    def start(self, scores: Array) -> None:
        """Begin at level and spread of the warm-up's scores (n,)."""
        level = float(np.sort(scores)[len(scores) // 2])
        deviations = np.sort(np.abs(scores - level))
        spread = max(float(deviations[len(deviations) // 2]), _LEAST_SPREAD)
        for _ in range(50):
            psi = np.clip((scores - level) / spread, -_HELD, _HELD)
            level += spread * float(psi.mean())
            spread = max(spread * math.sqrt(float((psi * psi).mean())), _LEAST_SPREAD)
        self.events[:] = level, spread, _WARMUP_WORTH, 0.0, 0.0, 0.0

    @property
    def value(self) -> Drift:
        """The signals as they are now."""
        step = self.rule[1]
        spread_at_rest = math.sqrt(step / (2.0 - step))
        return Drift(self._moved, float(self.events[3] / spread_at_rest), float(self.events[4]))

    def look(self, mixture: OnlineMixture) -> None:
        """Compare the mixture with its reference, then let that follow; every `LOOK` events."""
        self._looks += 1
        if self._reference is None:
            self._reference = mixture.copy()
            return
        self._moved = triangular_discrimination(mixture, self._reference, self.probes)
        follow(self._reference, mixture, max(_FOLLOW, 1.0 / self._looks))

    def widen(self, frame: Frame) -> None:
        """Add features: missing from the events kept, in the reference as in the mixture."""
        missing = np.full((_PROBES, len(frame.location)), np.nan)
        self.probes = np.concatenate([self.probes, missing], axis=1)
        if self._reference is not None:
            self._reference = self._reference.with_features(frame)

    # ---- state ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return all that shapes the signals, as plain arrays and scalars."""
        return {
            "events": self.events.copy(),
            "probes": self.probes.copy(),
            "looks": self._looks,
            "moved": self._moved,
            "reference": None if self._reference is None else self._reference.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` returned."""
        self.events[:] = state["events"]
        self.probes = np.array(state["probes"])
        self._looks, self._moved = int(state["looks"]), float(state["moved"])
        stored = state["reference"]
        self._reference = None if stored is None else OnlineMixture.from_state(stored)
