"""A mixture in words: per component its share, its ranges, and what sets it apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.words import digits_of

from .naming import called
from .online import OnlineMixture

Array = NDArray[np.float64]

_WIDTH = 1.6448536269514722  # standard deviations that hold 90% of a Gaussian
_DIGITS = 4  # of the ends of a range, or as many as tell them apart


def describe(
    mixture: OnlineMixture,
    names: Sequence[str],
    *,
    called_as: Mapping[int, str],
    most: int = 3,
) -> str:
    """Return a description of the components, largest first.

    Parameters
    ----------
    mixture
        What to describe.
    names
        (d,) names of its features.
    called_as
        Names of components, by slot, where they have one.
    most
        How many correlations, and features that set a component apart, to name at most.
    """
    means, covariances = mixture.means, mixture.covariances
    off = _off_centre(mixture)
    present = by_weight(mixture)
    components = "1 component" if len(present) == 1 else f"{len(present)} components"
    lines = [f"{components}, covariance {mixture.rules.covariance}"]
    for k in present:
        standing = "established" if mixture.established[k] else "rare"
        label = called(k, called_as.get(k))
        lines.append(f"{label}: {mixture.weights[k]:.1%} of the traffic, {standing}")
        lines += _describe_shape(means[k], covariances[k], off[k], names, most)
    return "\n".join(lines)


def table(
    mixture: OnlineMixture, names: Sequence[Any], *, called_as: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Return a row a component and feature, largest component first; parameters as `describe`."""
    means, spreads = mixture.means, np.sqrt(np.einsum("kii->ki", mixture.covariances))
    off = _off_centre(mixture)
    return [
        {
            "component": k,
            "name": called_as.get(k),
            "weight": float(mixture.weights[k]),
            "standing": mixture.standing(k),
            "feature": name,
            "mean": float(means[k, i]),
            "spread": float(spreads[k, i]),
            "low": float(means[k, i] - _WIDTH * spreads[k, i]),
            "high": float(means[k, i] + _WIDTH * spreads[k, i]),
            "apart": float(off[k, i]),
        }
        for k in by_weight(mixture)
        for i, name in enumerate(names)
    ]


def by_weight(mixture: OnlineMixture) -> list[int]:
    """Return the slots that hold a component, largest first."""
    order: list[int] = np.argsort(-mixture.weights, kind="stable").tolist()
    return [k for k in order if mixture.weights[k] > 0.0]


def _describe_shape(
    mean: Array, covariance: Array, off: Array, names: Sequence[str], most: int
) -> list[str]:
    spread = np.sqrt(np.diag(covariance))
    lines = []
    width = max(len(name) for name in names)
    for i, name in enumerate(names):
        low, high = mean[i] - _WIDTH * spread[i], mean[i] + _WIDTH * spread[i]
        digits = max(_DIGITS, *(digits_of(float(end), float(high - low)) for end in (low, high)))
        lines.append(f"  {name:<{width}}  {low:.{digits}g} to {high:.{digits}g}")
    for label, entries in (
        ("apart by", _apart(off, names)),
        ("correlated", _correlations(covariance, spread, names)),
    ):
        if entries:
            lines.append(f"  {label}: " + ", ".join(entries[:most]))
    return lines


def _off_centre(mixture: OnlineMixture) -> Array:
    """Return how many overall standard deviations each mean is off the overall one (K, d).

    In units of the frame's scale, so that no square leaves the range of numbers.
    """
    weights, scale = mixture.weights, mixture.frame.scale
    means = (mixture.means - mixture.frame.location) / scale
    centre = (weights[:, None] * means).sum(axis=0)
    spread = np.sqrt(np.einsum("kii->ki", mixture.covariances)) / scale
    overall = np.sqrt((weights[:, None] * (spread**2 + (means - centre) ** 2)).sum(axis=0))
    off: Array = (means - centre) / overall
    return off


def _apart(off: Array, names: Sequence[str]) -> list[str]:
    """Name the features whose mean is at least one overall standard deviation off."""
    return [
        f"{names[i]} {'high' if off[i] > 0 else 'low'} ({off[i]:+.1f} sd)"
        for i in np.argsort(-np.abs(off), kind="stable")
        if abs(off[i]) >= 1.0
    ]


def _correlations(covariance: Array, spread: Array, names: Sequence[str]) -> list[str]:
    """Name the pairs of features that are correlated by at least 0.3."""
    correlation = covariance / np.outer(spread, spread)
    rows, columns = np.tril_indices(len(spread), -1)
    values = correlation[rows, columns]
    return [
        f"{names[columns[i]]} with {names[rows[i]]} ({values[i]:+.2f})"
        for i in np.argsort(-np.abs(values), kind="stable")
        if abs(values[i]) >= 0.3
    ]
