"""Small tables that the tests of batch estimators share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

COVARIANCES = ("full", "tied", "diag", "spherical")


def clusters(n: int, d: int = 3, k: int = 3, *, seed: int = 0, holes: float = 0.0) -> Array:
    """Return n rows of k correlated Gaussians of different sizes, a share of values missing."""
    rng = np.random.default_rng(seed)
    centres = 5.0 * rng.normal(size=(k, d))
    mixing = 0.5 * rng.normal(size=(k, d, d)) + np.eye(d)
    which = rng.choice(k, size=n, p=np.arange(k, 0, -1) / (k * (k + 1) / 2))
    X = centres[which] + np.einsum("nij,nj->ni", mixing[which], rng.normal(size=(n, d)))
    X[rng.random(X.shape) < holes] = np.nan
    return X
