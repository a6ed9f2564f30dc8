"""A mixture in words: per component its share, its ranges, and what sets it apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .online import OnlineMixture

_WIDTH = 1.6448536269514722  # standard deviations that hold 90% of a Gaussian


def describe(mixture: OnlineMixture, names: Sequence[str], *, most: int = 3) -> str:
    """Return a description of the components, largest first.

    Parameters
    ----------
    mixture
        What to describe.
    names
        (d,) names of its features.
    most
        How many correlations, and features that set a component apart, to name at most.
    """
    order = np.argsort(-mixture.weights, kind="stable")
    return "\n".join(_describe_component(mixture, int(k), names, most) for k in order)


def _describe_component(mixture: OnlineMixture, k: int, names: Sequence[str], most: int) -> str:
    standing = "established" if mixture.established[k] else "rare"
    mean, covariance = mixture.means[k], mixture.covariances[k]
    spread = np.sqrt(np.diag(covariance))
    lines = [f"component {k}: {mixture.weights[k]:.1%} of the traffic, {standing}"]
    width = max(len(name) for name in names)
    for i, name in enumerate(names):
        low, high = mean[i] - _WIDTH * spread[i], mean[i] + _WIDTH * spread[i]
        lines.append(f"  {name:<{width}}  {low:.4g} to {high:.4g}")
    for label, entries in (
        ("apart by", _apart(mixture, k, names)),
        ("correlated", _correlations(covariance, spread, names)),
    ):
        if entries:
            lines.append(f"  {label}: " + ", ".join(entries[:most]))
    return "\n".join(lines)


def _apart(mixture: OnlineMixture, k: int, names: Sequence[str]) -> list[str]:
    """Name the features whose mean is at least one overall standard deviation off."""
    weights, means = mixture.weights[:, None], mixture.means
    centre = (weights * means).sum(axis=0)
    variances = np.einsum("kii->ki", mixture.covariances)
    overall = np.sqrt((weights * (variances + (means - centre) ** 2)).sum(axis=0))
    off = (means[k] - centre) / overall
    return [
        f"{names[i]} {'high' if off[i] > 0 else 'low'} ({off[i]:+.1f} sd)"
        for i in np.argsort(-np.abs(off), kind="stable")
        if abs(off[i]) >= 1.0
    ]


def _correlations(covariance: np.ndarray, spread: np.ndarray, names: Sequence[str]) -> list[str]:
    """Name the pairs of features that are correlated by at least 0.3."""
    correlation = covariance / np.outer(spread, spread)
    rows, columns = np.tril_indices(len(spread), -1)
    values = correlation[rows, columns]
    return [
        f"{names[columns[i]]} with {names[rows[i]]} ({values[i]:+.2f})"
        for i in np.argsort(-np.abs(values), kind="stable")
        if abs(values[i]) >= 0.3
    ]
