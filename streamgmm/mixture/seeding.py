"""Where batch EM starts: k-means++ and a few rounds of Lloyd, with missing values allowed.

No matrix product is used: BLAS sums in an order that depends on the machine and its threads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def squared_distances(Z: Array, centre: Array) -> Array:
    """Return (n,) squared distances of Z (n, d) to one centre (d,).

    Over the features observed in a row (NaN = missing), scaled up to all d; 0 if none is.
    """
    squared = (Z - centre) ** 2
    observed = ~np.isnan(squared)
    total = np.where(observed, squared, 0.0).sum(axis=1)
    scaled: Array = total * (Z.shape[1] / np.maximum(observed.sum(axis=1), 1))
    return scaled


def kmeans_plus_plus(Z: Array, k: int, rng: np.random.Generator) -> Array:
    """Choose k rows of Z (n, d) as centres (k, d), far ones rather than near ones.

    Each next centre is drawn with probability proportional to the squared distance to the
    nearest centre so far (Arthur & Vassilvitskii 2007). Missing entries of a centre become 0,
    the location of the frame. With fewer distinct rows than k, rows repeat.
    """
    filled = np.nan_to_num(Z, nan=0.0)
    chosen = [int(rng.integers(len(Z)))]
    nearest = squared_distances(Z, filled[chosen[0]])
    for _ in range(1, k):
        cumulative = np.cumsum(nearest)
        total = cumulative[-1]
        draw = rng.random() * total
        # searchsorted's right side never lands on a row at distance 0 while others remain
        row = int(np.searchsorted(cumulative, draw, side="right")) if total > 0 else 0
        row = min(row, len(Z) - 1)
        chosen.append(row)
        nearest = np.minimum(nearest, squared_distances(Z, filled[row]))
    return filled[chosen]


def lloyd(Z: Array, centres: Array, rounds: int) -> NDArray[np.int64]:
    """Return the (n,) assignments of Z (n, d) after at most ``rounds`` rounds of k-means."""
    centres = centres.copy()
    labels = np.full(len(Z), -1, dtype=np.int64)
    for _ in range(rounds):
        distances = np.stack([squared_distances(Z, centre) for centre in centres])
        assigned = distances.argmin(axis=0)
        if np.array_equal(assigned, labels):
            break
        labels = assigned
        for k in range(len(centres)):
            members = Z[labels == k]
            seen = ~np.isnan(members)
            count = seen.sum(axis=0)
            total = np.where(seen, members, 0.0).sum(axis=0)
            centres[k] = np.where(count > 0, total / np.maximum(count, 1), centres[k])
    return labels
