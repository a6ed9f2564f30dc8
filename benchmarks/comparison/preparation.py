"""What peers need before they can work: inputs brought to a common scale, online.

Row i is transformed by what rows 0 to i say, itself included: nothing comes from the future, and
no row is further out than the square root of the rows so far.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def standardise(X: Array) -> Array:
    """Return (X - mean) / standard deviation of the rows so far; 0 where nothing has varied."""
    Z, mean, scatter = np.empty_like(X), np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for i, x in enumerate(X):
        delta = x - mean
        mean = mean + delta / (i + 1)
        scatter = scatter + delta * (x - mean)
        spread = np.sqrt(scatter / (i + 1))
        Z[i] = np.divide(x - mean, spread, out=np.zeros_like(x), where=spread > 0)
    return Z


def rescale(X: Array) -> Array:
    """Return X in [0, 1] between the least and the largest value so far; 0 where they are one."""
    least, most = np.minimum.accumulate(X), np.maximum.accumulate(X)
    Z = np.zeros_like(X)
    np.divide(X - least, most - least, out=Z, where=most > least)
    return Z
