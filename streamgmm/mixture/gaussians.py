"""Gaussians as plain arrays: their log-densities, what is missing given the rest, and draws.

K Gaussians are means (K, d) and covariances (K, d, d), or lower Cholesky factors L (K, d, d) with
Sigma = L L^T. With the observed features o before the missing ones m,

    L = [ L_oo   0   ]     y = L_oo^-1 (x_o - mu_o)
        [ L_mo  L_mm ]

gives all that conditioning needs (Golub & Van Loan, Matrix Computations, 4.2): m_o^2 = |y|^2,
log|Sigma_oo| = 2 sum log diag L_oo, E[x_m | x_o] = mu_m + L_mo y and Cov[x_m | x_o] = L_mm L_mm^T,
which is positive definite whatever is lost to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

# Standard deviations to which a distance is held: its square still is a number.
_FARTHEST = 1e150
_BLOCK = 4096


def cholesky(covariances: Array) -> Array:
    """Return the lower Cholesky factors of symmetric matrices (..., d, d)."""
    return np.asarray(np.linalg.cholesky(covariances), dtype=np.float64)


def inverse_factors(L: Array) -> Array:
    """Return the inverses (K, d, d) of lower Cholesky factors, whatever the features' units."""
    spread = np.sqrt((L**2).sum(axis=2))
    inverse: Array = np.tril(np.linalg.inv(L / spread[:, :, None])) / spread[:, None, :]
    return inverse


def standardise(X: Array, means: Array, inverse: Array) -> Array:
    """Return y = L^-1 (x - mu) (K, n, d) for rows X (n, d) without missing values."""
    y = np.empty((len(means), *X.shape))
    for k, (mean, factor) in enumerate(zip(means, inverse, strict=True)):
        with np.errstate(over="ignore", invalid="ignore"):
            y[k] = (X - mean) @ factor.T
    # inf - inf far beyond all numbers: as far as can be
    return np.asarray(np.clip(np.nan_to_num(y, nan=_FARTHEST), -_FARTHEST, _FARTHEST))


def log_densities(y: Array, inverse: Array) -> Array:
    """Return log N(x; mu_k, Sigma_k) (n, K) from :func:`standardise`'s y and inverse factors."""
    d = y.shape[2]
    log_det = np.log(np.einsum("kii->ki", inverse)).sum(axis=1)
    densities: Array = (
        log_det - 0.5 * d * np.log(2.0 * np.pi) - 0.5 * np.einsum("kni,kni->nk", y, y)
    )
    return densities


def log_sum_exp(terms: Array) -> Array:
    """Return log sum_k exp(terms) (n,) of terms (n, K)."""
    most = terms.max(axis=1)
    return np.asarray(most + np.log(np.exp(terms - most[:, None]).sum(axis=1)))


def shares(terms: Array) -> Array:
    """Return exp(terms) (n, K) as shares of their sum in each row."""
    part = np.exp(terms - terms.max(axis=1)[:, None])
    return np.asarray(part / part.sum(axis=1)[:, None])


def by_what_is_missing(X: Array) -> Iterator[tuple[Indices, Indices, Indices]]:
    """Yield rows that lack the same values: their numbers, columns observed, columns missing.

    In blocks, so that what is derived from them stays small.
    """
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
    """K Gaussians seen from some of their features: o, the others being m.

    Parameters
    ----------
    means, covariances
        (K, d) and (K, d, d).
    observed, missing
        Columns of o and of m; what is in neither is left out.
    """

    def __init__(
        self, means: Array, covariances: Array, observed: Indices, missing: Indices
    ) -> None:
        both = np.concatenate([observed, missing])
        L = cholesky(covariances[:, both[:, None], both[None, :]])
        p = len(observed)
        self._observed = observed
        self._mean_o, self._mean_m = means[:, observed], means[:, missing]
        self._inverse_oo = inverse_factors(L[:, :p, :p])
        self._L_mo, self._L_mm = L[:, p:, :p], L[:, p:, p:]

    def of(self, X: Array) -> tuple[Array, Array]:
        """Return log N(x_o) (n, K) and E[x_m | x_o] (K, n, |m|) for rows X (n, d)."""
        y = standardise(X[:, self._observed], self._mean_o, self._inverse_oo)
        expected = self._mean_m[:, None, :] + y @ np.swapaxes(self._L_mo, 1, 2)
        return log_densities(y, self._inverse_oo), expected

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
