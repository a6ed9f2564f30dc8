"""A mixture that was fitted elsewhere, taken on as one that learns from a stream."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .batch import identities
from .covariance import covariance_of
from .density import Mixture
from .frame import Frame, estimate_frame
from .online import OnlineMixture
from .rules import Rules

Array = NDArray[np.float64]

_DRAWN = 10_000  # events that tell of a mixture what a warm-up's would
_NODES = 63  # of a Gauss-Hermite quadrature


def as_value(given: Any) -> tuple[Mixture, str]:
    """Return a mixture as a plain value, and its covariance type.

    Parameters
    ----------
    given
        A `Mixture`, or whatever has ``weights_``, ``means_``, ``covariances_`` and, as
        ``covariance`` or ``covariance_type``, the form of these: a fitted `GaussianMixture` of this
        package or of scikit-learn.

    Raises
    ------
    TypeError
        If it is none of these, or not fitted.
    ValueError
        If its parameters are no mixture's.
    """
    if isinstance(given, Mixture):
        return given, "full"
    name = getattr(given, "covariance", None) or getattr(given, "covariance_type", None)
    if not isinstance(name, str) or not all(
        hasattr(given, part) for part in ("weights_", "means_", "covariances_")
    ):
        raise TypeError(
            f"{type(given).__name__} is no fitted mixture: give a GaussianMixture (this package's "
            "or scikit-learn's) after its fit, or a Mixture"
        )
    K, d = given.means_.shape
    covariances = covariance_of(name).matrices(given.covariances_, K, d)
    names = getattr(given, "feature_names_in_", None)
    return Mixture(given.weights_, given.means_, covariances, names), name


def take_on(
    given: Mixture, rules: Rules, *, slots: int, mass: float, rng: np.random.Generator
) -> tuple[OnlineMixture, Array]:
    """Return the mixture ready to learn, and scores (n,) of events as it expects them.

    Its frame is that of events drawn from it. Where a covariance is narrower in some direction than
    the least variance of the frame it is widened to that; where it reaches far beyond what is
    linear of the frame, it is what events from it come to there.

    Parameters
    ----------
    given
        Of K components over d features.
    rules
        By which it lives from now on.
    slots
        Room for components, K or more.
    mass
        How many events it counts for.
    rng
        Of the draws.
    """
    drawn, _ = given.sample(_DRAWN, rng)
    frame = estimate_frame(drawn, resolution=False)
    if rules.covariance == "spherical":
        common = np.full(given.n_features, np.sqrt(np.mean(frame.scale**2)))
        frame = Frame(frame.location, common, frame.ridge)
    means, scatters = _in_frame(given, frame)
    weights = _padded(given.weights, slots)
    mixture = OnlineMixture(frame, slots, rules)
    mixture.set_statistics(
        mass=mass,
        weights=weights,
        counts=mass * weights,
        means=_padded(means, slots),
        scatters=_padded(_without_ridge(scatters, frame.ridge), slots),
    )
    mixture.settle()
    mixture.ids = identities(mixture)
    return mixture, mixture.score(drawn)


def _in_frame(given: Mixture, frame: Frame) -> tuple[Array, Array]:
    """Return means (K, d) and covariances (K, d, d) in frame units.

    As the frame is at a component's mean. But a feature of which the Gaussian has less than 0.8 of
    that variance in the frame, because much of it lies where that is logarithmic, has the mean and
    the variance that it has there: else events drawn from it would lie beyond all numbers.
    """
    means = frame.to_frame(given.means)
    spread = np.sqrt(np.einsum("kii->ki", given.covariances))
    local = spread / frame.slope(means)
    nodes, shares = np.polynomial.hermite_e.hermegauss(_NODES)
    shares = shares / shares.sum()
    held = local.copy()
    for k in range(given.n_components):
        Z = frame.to_frame(given.means[k] + nodes[:, None] * spread[k])
        centre = shares @ Z
        there = np.sqrt(shares @ (Z - centre) ** 2)
        wide = there**2 < 0.8 * local[k] ** 2
        means[k] = np.where(wide, centre, means[k])
        held[k] = np.where(wide, there, local[k])
    per_unit = held / spread
    return means, given.covariances * (per_unit[:, :, None] * per_unit[:, None, :])


def _without_ridge(covariances: Array, ridge: Array) -> Array:
    """Return scatters (K, d, d) that with the ridge are the covariances, none of them negative."""
    rest = covariances.copy()
    np.einsum("kii->ki", rest)[...] -= ridge
    values, vectors = np.linalg.eigh(rest)
    held: Array = np.einsum("kij,kj,klj->kil", vectors, np.maximum(values, 0.0), vectors)
    narrow = values.min(axis=1) < 0.0
    return np.where(narrow[:, None, None], held, rest)


def _padded(values: Array, slots: int) -> Array:
    """Return values (K, ...) with zeros in the slots (slots, ...) beyond."""
    padded = np.zeros((slots, *values.shape[1:]))
    padded[: len(values)] = values
    return padded
