"""Events as a weighted set: what is left of rows once their order and repetition say nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def distinct(X: Array, weight: Array) -> tuple[Array, Array]:
    """Return the distinct rows (m, d) of X (n, d), NaN = missing, and their weights (m,).

    Weights of equal rows add up; rows of weight 0, or in which nothing is observed, are left out.
    Whatever the order of the rows, the result is the same bits, and of whole weights it is the same
    as of so many repetitions.
    """
    counts = weight > 0.0
    bare = np.flatnonzero(np.isnan(X[:, 0]))
    counts[bare[np.isnan(X[bare]).all(axis=1)]] = False
    if not counts.all():
        X, weight = X[counts], weight[counts]
    order = _sorted(X, weight)
    X, weight = X[order], weight[order]
    X += 0.0  # -0 becomes 0
    repeated = np.flatnonzero(_equal(X[1:, 0], X[:-1, 0])) + 1
    repeated = repeated[_equal(X[repeated], X[repeated - 1]).all(axis=1)]
    if not len(repeated):
        return X, weight
    starts = np.delete(np.arange(len(X)), repeated)
    return np.ascontiguousarray(X[starts]), np.add.reduceat(weight, starts)


def _sorted(X: Array, weight: Array) -> NDArray[np.intp]:
    """Return the order (n,) of rows by feature after feature, then by weight, NaN last.

    By the first feature alone as far as that decides, as it mostly does: a sort by all of them
    takes a pass over the rows for each.
    """
    order = np.argsort(X[:, 0], kind="stable")
    first = X[order, 0]
    tied = np.zeros(len(X), dtype=bool)
    same = _equal(first[1:], first[:-1])
    tied[1:] |= same
    tied[:-1] |= same
    if tied.any():
        among = order[tied]
        order[tied] = among[np.lexsort([weight[among], *X[among].T[::-1]])]
    return order


def _equal(a: Array, b: Array) -> NDArray[np.bool_]:
    """Return where values are equal; what is missing in both is."""
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))


def by_missing(X: Array, weight: Array) -> tuple[Array, Array]:
    """Return rows (n, d) and weights (n,) with those together that lack the same features.

    What the kernels know of the missing ones serves for all of them.
    """
    missing = np.isnan(X)
    if not missing.any():
        return X, weight
    order = np.lexsort(np.packbits(missing, axis=1).T)
    return X[order], weight[order]
