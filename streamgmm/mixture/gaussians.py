"""Gaussians as plain arrays: what is missing of rows given the rest, and draws.

K Gaussians are means (K, d) and covariances (K, d, d), or lower Cholesky factors L (K, d, d) with
Sigma = L L^T. With the observed features o before the missing ones m,

    L = [ L_oo   0   ]     E[x_m | x_o] = mu_m + L_mo L_oo^-1 (x_o - mu_o)
        [ L_mo  L_mm ]     Cov[x_m | x_o] = L_mm L_mm^T

(Golub & Van Loan, Matrix Computations, 4.2), which is positive definite whatever is lost to
rounding.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_BLOCK = 4096
_FARTHEST = 1e150  # what is farther away is so far: its products are still numbers


def cholesky(covariances: Array) -> Array:
    """Return the lower Cholesky factors of symmetric matrices (..., d, d)."""
    return np.asarray(np.linalg.cholesky(covariances), dtype=np.float64)


def inverse_factors(L: Array) -> Array:
    """Return the inverses (K, d, d) of lower Cholesky factors, whatever the features' units."""
    spread = np.sqrt((L**2).sum(axis=2))
    inverse: Array = np.tril(np.linalg.inv(L / spread[:, :, None])) / spread[:, None, :]
    return inverse


def reordered(L: Array, order: Indices) -> Array:
    """Return the lower Cholesky factors (K, d, d) with the features in another order (d,).

    By QR decompositions of factors there are: with the rows of L in the new order, Sigma = L L^T =
    R^T R. Decomposing Sigma anew could find it not to be positive definite any more, by rounding.
    """
    R = np.linalg.qr(np.swapaxes(L[:, order], 1, 2), mode="r")
    signs = np.where(np.einsum("kii->ki", R) < 0.0, -1.0, 1.0)
    return np.asarray(np.swapaxes(signs[:, :, None] * R, 1, 2))


def by_what_is_missing(X: Array) -> Iterator[tuple[Indices, Indices, Indices]]:
    """Yield rows that lack the same values: their numbers, columns observed, columns missing.

    In blocks, so that what is derived from them stays small.
    """
    if not len(X):
        return
    missing = np.isnan(X)
    packed = np.packbits(missing, axis=1)
    _, first, kind = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    kind = kind.reshape(-1)
    order = np.argsort(kind, kind="stable")
    ends = np.cumsum(np.bincount(kind, minlength=len(first)))
    for one, rows in zip(first, np.split(order, ends[:-1]), strict=True):
        observed, lacking = np.flatnonzero(~missing[one]), np.flatnonzero(missing[one])
        for start in range(0, len(rows), _BLOCK):
            yield rows[start : start + _BLOCK], observed, lacking


class Conditioning:
    """K Gaussians of some features m given others, o.

    Parameters
    ----------
    means, L
        (K, d), and lower Cholesky factors (K, d, d) of the covariances.
    observed, missing
        Columns of o and of m.
    """

    def __init__(self, means: Array, L: Array, observed: Indices, missing: Indices) -> None:
        L = reordered(L, np.concatenate([observed, missing]))
        p = len(observed)
        self._observed = observed
        self._mean_o, self._mean_m = means[:, observed], means[:, missing]
        self._gain = L[:, p:, :p] @ inverse_factors(L[:, :p, :p])
        self._L_mm = L[:, p:, p:]

    def expected(self, X: Array) -> Array:
        """Return E[x_m | x_o] (K, n, |m|) for rows X (n, d)."""
        with np.errstate(over="ignore"):
            away = X[:, self._observed] - self._mean_o[:, None, :]
        away = np.clip(away, -_FARTHEST, _FARTHEST)
        return np.asarray(self._mean_m[:, None, :] + away @ np.swapaxes(self._gain, 1, 2))

    @property
    def covariances(self) -> Array:
        """Cov[x_m | x_o] (K, |m|, |m|), the same whatever x_o is."""
        product = self._L_mm @ np.swapaxes(self._L_mm, 1, 2)
        return np.asarray(0.5 * (product + np.swapaxes(product, 1, 2)))


def draw(
    n: int, weights: Array, means: Array, L: Array, rng: np.random.Generator
) -> tuple[Array, NDArray[np.int64]]:
    """Draw n rows (n, d) from the mixture, and the components (n,) they came from."""
    component = rng.choice(len(weights), size=n, p=weights)
    noise = rng.standard_normal((n, means.shape[1]))
    rows = means[component]
    for k in range(len(weights)):
        drawn = component == k
        rows[drawn] += np.einsum("ij,nj->ni", L[k], noise[drawn])
    return rows, component
