"""Why an event is unlikely: each feature against what the others let expect.

In the Gaussian of the nearest component, with precision P and delta = x - mu over the observed
features, feature i given the rest has mean e_i = x_i - (P delta)_i / P_ii and variance
v_i = 1 / P_ii; its surprise is (x_i - e_i)^2 / (2 v_i), in nats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import OnlineMixture

Array = NDArray[np.float64]

# Standard deviations to which a value is held, so that its square still is a number.
_FARTHEST = 1e100


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature's part in an event's strangeness.

    ``feature`` is its column, from `OnlineGMM` its name; ``value``, ``expected`` and ``spread``
    (one standard deviation) are in the units that came in; ``surprise`` in nats.
    """

    feature: Any
    surprise: float
    value: float
    expected: float
    spread: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """An event against the nearest established component.

    ``distance`` is the Mahalanobis distance to it; ``reasons`` come most surprising first.
    """

    component: int
    distance: float
    reasons: tuple[Reason, ...]


def explain(mixture: OnlineMixture, x: Array) -> Explanation:
    """Explain the event x (d,), NaN = missing, which is left out."""
    _, responsibilities, distances = mixture.expect(np.ascontiguousarray(x[None, :]))
    component = _nearest(mixture, responsibilities[0], distances[0])
    observed = np.flatnonzero(~np.isnan(x))
    if not len(observed):
        return Explanation(component, 0.0, ())
    covariance = mixture.covariance_in_force(component)[np.ix_(observed, observed)]
    # Unit variances first: features in far apart units must not lose digits to each other.
    unit = np.sqrt(np.diag(covariance))
    precision = np.linalg.inv(covariance / np.outer(unit, unit))
    mean = mixture.means[component][observed]
    delta = np.clip((x[observed] - mean) / unit, -_FARTHEST, _FARTHEST)
    variance = 1.0 / np.diag(precision)
    # what the others let expect; by their terms alone, so that a far value does not drown it
    np.fill_diagonal(precision, 0.0)
    shift = -(precision @ delta) * variance
    surprise = 0.5 * (delta - shift) ** 2 / variance
    expected = mean + shift * unit
    spread = np.sqrt(variance) * unit
    reasons = [
        Reason(
            int(observed[i]),
            float(surprise[i]),
            float(x[observed[i]]),
            float(expected[i]),
            float(spread[i]),
        )
        for i in np.argsort(-surprise, kind="stable")
    ]
    return Explanation(component, float(np.sqrt(distances[0][component])), tuple(reasons))


def _nearest(mixture: OnlineMixture, responsibilities: Array, distances: Array) -> int:
    """Return the established component that answers most for the event, or is nearest to it."""
    established = mixture.established
    answering = np.where(established, responsibilities, 0.0)
    if answering.max() > 0.0:
        return int(answering.argmax())
    return int(np.where(established, distances, np.inf).argmin())
