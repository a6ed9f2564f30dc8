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
    counts = (weight > 0.0) & ~np.isnan(X).all(axis=1)
    X, weight = X[counts] + 0.0, weight[counts]  # -0 becomes 0
    order = _sorted(X, weight)
    X, weight = X[order], weight[order]
    new = np.ones(len(X), dtype=bool)
    if len(X) > 1:
        same = (X[1:] == X[:-1]) | (np.isnan(X[1:]) & np.isnan(X[:-1]))
        new[1:] = ~same.all(axis=1)
    if new.all():
        return X, weight
    starts = np.flatnonzero(new)
    return np.ascontiguousarray(X[starts]), np.add.reduceat(weight, starts)


def _sorted(X: Array, weight: Array) -> NDArray[np.intp]:
    """Return the order (n,) of rows by feature after feature, then by weight, NaN last.

    By the first feature alone as far as that decides, as it mostly does: a sort by all of them
    takes a pass over the rows for each.
    """
    if not len(X):
        return np.empty(0, dtype=np.intp)
    order = np.argsort(X[:, 0], kind="stable")
    first = X[order, 0]
    same = (first[1:] == first[:-1]) | (np.isnan(first[1:]) & np.isnan(first[:-1]))
    tied = np.append(same, False) | np.append(False, same)
    if tied.any():
        among = order[tied]
        keys = [weight[among], *X[among].T[::-1]]
        order[tied] = among[np.lexsort(keys)]
    return order
