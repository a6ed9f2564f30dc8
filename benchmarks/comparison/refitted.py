"""Models of scikit-learn over a stream, as they are used there: fitted anew now and then.

Each is fitted to the latest 5,000 rows at every 500th row, earlier at the 100th and the 200th, and
scores the rows until the next fit. Before the first fit all scores are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FIRST = (100, 200)
EVERY = 500
WINDOW = 5_000


def isolation_forest(X: Array, seed: int) -> Array:
    """Return the anomaly scores of forests with scikit-learn's defaults."""
    from sklearn.ensemble import IsolationForest

    return _refitted(X, lambda: IsolationForest(random_state=seed))


def gaussian_mixture(X: Array, seed: int) -> Array:
    """Return the negative log-likelihoods of mixtures of eight components with full covariance."""
    from sklearn.mixture import GaussianMixture

    return _refitted(X, lambda: GaussianMixture(8, reg_covar=1e-3, random_state=seed))


def _refitted(X: Array, make: Callable[[], Any]) -> Array:
    scores = np.zeros(len(X))
    fits = [*FIRST, *range(EVERY, len(X), EVERY)]
    for at, until in zip(fits, [*fits[1:], len(X)], strict=True):
        if at >= len(X):
            break
        model = make().fit(X[max(0, at - WINDOW) : at])
        scores[at:until] = -model.score_samples(X[at:until])
    return scores
