"""Where batch EM starts: k-means++ and a few rounds of Lloyd, with missing values allowed.

No matrix product is used: BLAS sums in an order that depends on the machine and its threads.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def squared_distances(Z: Array, centre: Array) -> Array:
    """Return (n,) squared distances of Z (n, d) to one centre (d,).

    Over the features observed in a row (NaN = missing), scaled up to all d; 0 if none is.
    """
    squared = (Z - centre) ** 2
    complete: Array = squared.sum(axis=1)
    if not np.isnan(complete).any():
        return complete
    observed = ~np.isnan(squared)
    total = np.where(observed, squared, 0.0).sum(axis=1)
    scaled: Array = total * (Z.shape[1] / np.maximum(observed.sum(axis=1), 1))
    return scaled


def kmeans_plus_plus(
    Z: Array, k: int, rng: np.random.Generator, weight: Array | None = None
) -> Array:
    """Choose k rows of Z (n, d) as centres (k, d), far ones rather than near ones.

    Each next centre is drawn with probability proportional to the squared distance to the
    nearest centre so far (Arthur & Vassilvitskii 2007) and to ``weight`` (n,), if given. Missing
    entries of a centre become 0, the location of the frame. With fewer distinct rows than k, rows
    repeat.
    """
    filled = np.nan_to_num(Z, nan=0.0)
    if weight is None:
        weight = np.ones(len(Z))
        chosen = [int(rng.integers(len(Z)))]
    else:
        chosen = [_drawn(weight, rng)]
    nearest = squared_distances(Z, filled[chosen[0]])
    for _ in range(1, k):
        row = _drawn(nearest * weight, rng)
        chosen.append(row)
        nearest = np.minimum(nearest, squared_distances(Z, filled[row]))
    return filled[chosen]


def uniform(Z: Array, k: int, rng: np.random.Generator, weight: Array) -> Array:
    """Choose k different rows of Z (n, d) as centres (k, d), in proportion to ``weight`` (n,)."""
    left = weight.copy()
    chosen = []
    for _ in range(k):
        chosen.append(_drawn(left, rng))
        left[chosen[-1]] = 0.0
    return np.nan_to_num(Z[chosen], nan=0.0)


def _drawn(shares: Array, rng: np.random.Generator) -> int:
    """Draw a row in proportion to ``shares`` (n,); the first where all are 0."""
    cumulative = np.cumsum(shares)
    total = cumulative[-1]
    draw = rng.random() * total
    # searchsorted's right side never lands on a row without a share while others have one
    row = int(np.searchsorted(cumulative, draw, side="right")) if total > 0 else 0
    return min(row, len(shares) - 1)


def nearest(Z: Array, centres: Array) -> NDArray[np.int64]:
    """Return the nearest of centres (k, d) for each row (n,) of Z (n, d)."""
    distances = np.stack([squared_distances(Z, centre) for centre in centres])
    labels: NDArray[np.int64] = distances.argmin(axis=0)
    return labels


def moved(Z: Array, labels: NDArray[np.int64], centres: Array, weight: Array) -> Array:
    """Return the means (k, d) of what is observed in the rows of each label.

    A centre stays in a feature that none of its rows has.
    """
    means = centres.copy()
    for k in range(len(centres)):
        own = labels == k
        members = Z[own]
        weighed = ~np.isnan(members) * weight[own, None]
        count = weighed.sum(axis=0)
        total = np.where(weighed > 0.0, members * weighed, 0.0).sum(axis=0)
        means[k] = np.where(count > 0, total / np.where(count > 0, count, 1.0), centres[k])
    return means


def lloyd(
    Z: Array,
    centres: Array,
    rounds: int,
    *,
    weight: Array | None = None,
    assign: Callable[[Array, Array], NDArray[np.int64]] = nearest,
) -> NDArray[np.int64]:
    """Return the (n,) assignments of Z (n, d) after at most ``rounds`` rounds of k-means.

    ``weight`` (n,) counts each row that often; ``assign`` says which centre is nearest to each.
    """
    weight = np.ones(len(Z)) if weight is None else weight
    labels = np.full(len(Z), -1, dtype=np.int64)
    for _ in range(rounds):
        assigned = assign(Z, centres)
        if np.array_equal(assigned, labels):
            break
        labels = assigned
        centres = moved(Z, labels, centres, weight)
    return labels
