"""One Gaussian, written plainly in NumPy: what a mixture has to beat.

Running mean and covariance of all events so far, worth one event of unit variance at the start;
the score is the negative log-likelihood. It shares no code with the package.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RIDGE = 1e-3  # of a standardised feature's variance


def full_gaussian(X: Array, seed: int) -> Array:  # noqa: ARG001 - the signature of all scorers
    """Score with one Gaussian of full covariance, on standardised inputs."""
    n, d = X.shape
    mean, scatter, scores = np.zeros(d), np.eye(d), np.empty(n)
    for i, x in enumerate(X):
        factor = np.linalg.cholesky(scatter / (i + 1) + RIDGE * np.eye(d))
        delta = x - mean
        whitened = np.linalg.solve(factor, delta)
        scores[i] = np.log(np.diag(factor)).sum() + 0.5 * whitened @ whitened
        mean = mean + delta / (i + 2)
        scatter = scatter + np.outer(delta, x - mean)
    return scores


def diagonal_gaussian(X: Array, seed: int) -> Array:  # noqa: ARG001 - the signature of all scorers
    """Score with one Gaussian of diagonal covariance, on standardised inputs."""
    n, d = X.shape
    mean, scatter, scores = np.zeros(d), np.ones(d), np.empty(n)
    for i, x in enumerate(X):
        variance = scatter / (i + 1) + RIDGE
        delta = x - mean
        scores[i] = 0.5 * (np.log(variance) + delta**2 / variance).sum()
        mean = mean + delta / (i + 2)
        scatter = scatter + delta * (x - mean)
    return scores
