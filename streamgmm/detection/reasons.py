"""Why an event is unlikely: each feature against what the others let expect.

In the Gaussian of the nearest component, in the frame's coordinates, with precision P and
delta = x - mu over the observed features, feature i given the rest has mean
e_i = x_i - (P delta)_i / P_ii and variance v_i = 1 / P_ii; its surprise, in nats, is
(x_i - e_i)^2 / (2 v_i).

Two features that say the same and are off together excuse each other: neither surprises given the
other, however far the event is. What each has to do with the distance m^2 is therefore its share
in the corr-max decomposition (Garthwaite & Koch 2016), the terms of

    m^2 = sum_i ((R^-1/2 D^-1 delta)_i)^2,   R = D^-1 Sigma D^-1 the correlations, D the spreads

R^-1/2, the symmetric root, gives uncorrelated coordinates that each stay as close as possible to
the feature they came from. The shares are not negative and sum to 1; features come by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import Frame, OnlineMixture
from streamgmm.mixture.naming import called
from streamgmm.words import against, number

Array = NDArray[np.float64]

# Eigenvalues of a correlation matrix below this are rounding.
_LEAST_EIGENVALUE = 1e-14
# Within this many standard deviations a value counts as usual: about 95% of a Gaussian.
USUAL = 2.0
# A reason with less of the distance than this part of the first one's explains nothing.
_LEAST_PART = 0.05
_MOST_REASONS = 5
# Standard score beyond which, one-sided, lies 1e-4 of a Gaussian.
_TYPICAL = 3.719


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature's part in an event's strangeness.

    ``feature`` is its column, from `OnlineGMM` its name. ``surprise``, in nats, is of its ``value``
    against the ``expected`` one and the ``spread`` (one standard deviation) that the other
    features leave; ``usual`` and ``usual_spread`` are those of the component, whatever the others
    are, and ``alone`` is the surprise against these. Values are in the units that came in.
    ``share`` is its part of the squared distance.
    """

    feature: Any
    surprise: float
    value: float
    expected: float
    spread: float
    usual: float
    usual_spread: float
    share: float
    alone: float

    @property
    def given_rest(self) -> bool:
        """Whether it is the other features that make the value surprising."""
        return self.surprise > self.alone * (1.0 + 1e-9)

    @property
    def reference(self) -> tuple[float, float]:
        """Expected value and spread that say most: given the rest, or else the usual ones."""
        if self.given_rest:
            return self.expected, self.spread
        return self.usual, self.usual_spread

    def __str__(self) -> str:
        centre, spread = self.reference
        low, high = centre - USUAL * spread, centre + USUAL * spread
        text = against(self.value, centre, low, high, given_rest=self.given_rest)
        return f"{self.feature} {text}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """An event against the nearest established component; `print` it to read it.

    ``distance`` is the Mahalanobis distance to it; ``reasons`` come by their share of it, largest
    first. ``behaviour`` is the id of a component that is not fully established and explains the
    event where no established one does, or None. ``name`` is what an analyst calls the component.
    """

    component: int
    distance: float
    reasons: tuple[Reason, ...]
    behaviour: int | None = None
    name: str | None = None

    @property
    def main(self) -> tuple[Reason, ...]:
        """The reasons that matter: five at most, none with next to no share."""
        chosen = self.reasons[:_MOST_REASONS]
        return tuple(r for r in chosen if r.share >= _LEAST_PART * self.reasons[0].share)

    def __str__(self) -> str:
        if not self.reasons:
            return "nothing was observed"
        nearest = called(self.component, self.name)
        head = f"{number(self.distance)} standard deviations from {nearest}"
        return "\n".join([head, *(f"  {reason}" for reason in self.main)])


def explain(mixture: OnlineMixture, x: Array) -> Explanation:
    """Explain the event x (d,), NaN = missing, which is left out."""
    _, responsibilities, distances = mixture.engine.expect(np.ascontiguousarray(x[None, :]))
    component = _nearest(mixture, responsibilities[0], distances[0])
    observed = np.flatnonzero(~np.isnan(x))
    if not len(observed):
        return Explanation(component, 0.0, ())
    centre, covariance = mixture.shape_in_frame(component)
    z = mixture.frame.to_frame(x)
    if len(observed) < len(x):
        covariance = covariance[np.ix_(observed, observed)]
        z, centre = z[observed], centre[observed]
    unit = np.sqrt(covariance.diagonal())
    correlation = covariance / (unit[:, None] * unit)
    delta = (z - centre) / unit
    shift, variance = _given_the_rest(correlation, delta)
    (expected, usual), (spread, usual_spread) = _in_user_units(
        mixture.frame,
        observed,
        np.array([centre + shift * unit, centre]),
        np.array([variance**0.5 * unit, unit]),
    )
    columns = np.array([
        0.5 * (delta - shift) ** 2 / variance, x[observed], expected, spread, usual, usual_spread,
        _shares(correlation, delta), 0.5 * delta**2,
    ])  # fmt: skip
    order = np.lexsort((-columns[0], -columns[6]))
    rows = zip(observed[order].tolist(), columns[:, order].T.tolist(), strict=True)
    reasons = tuple([Reason(feature, *row) for feature, row in rows])
    behaviour = _behaviour(mixture, responsibilities[0], distances[0], len(observed))
    return Explanation(component, float(np.sqrt(distances[0][component])), reasons, behaviour)


def _in_user_units(
    frame: Frame, columns: NDArray[np.int64], z: Array, spread: Array
) -> tuple[Array, Array]:
    """Return positions and spreads (n, d) of some of the frame's columns as the user knows them."""
    whole = z
    if len(columns) < len(frame.scale):
        whole = np.zeros((len(z), len(frame.scale)))
        whole[:, columns] = z
    return frame.to_user(whole)[:, columns], frame.slope(whole)[:, columns] * spread


def _given_the_rest(correlation: Array, delta: Array) -> tuple[Array, Array]:
    """Return mean and variance (d,) of each of d features of unit variance given the others."""
    precision = np.linalg.inv(correlation)
    variance: Array = np.reciprocal(precision.diagonal())
    # by the terms of the others alone, so that a far value does not drown what they let expect
    np.fill_diagonal(precision, 0.0)
    shift: Array = -(precision @ delta) * variance
    return shift, variance


def _shares(correlation: Array, delta: Array) -> Array:
    """Return each feature's share (d,) of the squared distance; all equal where that is 0."""
    values, vectors = np.linalg.eigh(correlation)
    root = (vectors / np.sqrt(np.maximum(values, _LEAST_EIGENVALUE))) @ vectors.T
    terms = (root @ delta) ** 2
    total = terms.sum()
    return terms / total if total > 0.0 else np.full(len(delta), 1.0 / len(delta))


def _nearest(mixture: OnlineMixture, responsibilities: Array, distances: Array) -> int:
    """Return the established component that answers most for the event, or is nearest to it."""
    established = mixture.established
    answering = np.where(established, responsibilities, 0.0)
    if answering.max() > 0.0:
        return int(answering.argmax())
    return int(np.where(established, distances, np.inf).argmin())


def _behaviour(
    mixture: OnlineMixture, responsibilities: Array, distances: Array, n_observed: int
) -> int | None:
    """Return the id of the new component that explains the event, or None.

    It answers most for the event, is not fully established, and the event is typical of it and of
    no component that is. Typical is what lies in the ellipsoid that holds 99.99% of a component's
    events: a squared distance below that quantile of the chi-squared law (by Wilson & Hilferty
    1931, with no function that could round differently elsewhere: what it says is state).
    """
    k = int(responsibilities.argmax())
    part = 2.0 / (9.0 * n_observed)
    typical = distances <= n_observed * (1.0 - part + _TYPICAL * part**0.5) ** 3
    if not typical[k]:
        return None
    settled = mixture.fully_established
    if settled[k] or (typical & settled).any():
        return None
    return int(mixture.ids[k])
