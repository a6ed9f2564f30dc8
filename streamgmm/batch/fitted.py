"""What a fitted mixture says: of rows, of itself, and as other forms of it."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamgmm.batch.conventions import (
    DensityMixin,
    Incomplete,
    check_is_fitted,
    rows_of,
    weights_of,
)
from streamgmm.mixture import Gaussians, Mixture, OnlineMixture
from streamgmm.mixture.covariance import covariance_of
from streamgmm.mixture.likelihood import mixture_of, plain
from streamgmm.values import check_whole, generator_of

Array: TypeAlias = NDArray[np.float64]


class FittedMixture(DensityMixin, Incomplete):  # type: ignore[misc]  # scikit-learn has no types
    """The part of an estimator that rests on what its fit has found."""

    covariance: str
    seed: int | None
    weights_: Array
    means_: Array
    covariances_: Array

    def _matrices(self) -> Array:
        """Return the covariances (K, d, d)."""
        check_is_fitted(self)
        kind, found = covariance_of(self.covariance), self.covariances_.shape
        if found != kind.concise_shape(*self.means_.shape):
            raise ValueError(
                f"covariance is {self.covariance!r}, but covariances_ of shape {found} are of "
                "another type: fit again after it has been changed"
            )
        return kind.matrices(self.covariances_, *self.means_.shape)

    def in_force(self, *, score: str = "nll_full") -> OnlineMixture:
        """Return it as a mixture that scores by ``score`` (see `streamgmm.mixture.Rules`)."""
        covariances = self._matrices()
        found = Gaussians(self.weights_, self.means_, covariances)
        return mixture_of(found, plain(self.covariance, score=score))

    @property
    def mixture_(self) -> Mixture:
        """The mixture as a plain value: its density, marginals, conditionals, expectations."""
        names = getattr(self, "feature_names_in_", None)
        covariances = self._matrices()
        return Mixture(self.weights_, self.means_, covariances, names)

    def score_samples(self, X: Any) -> Array:
        """Return the log-likelihood (n,) of each row, in nats: of the values that it has.

        Log-likelihoods of rows in which other features are missing cannot be compared;
        `GMMOutlierDetector` has a score that can.
        """
        return self._expect(X)[0]

    def _expect(self, X: Any) -> tuple[Array, Array]:
        rows = rows_of(self, X)
        likelihood, responsibilities, _ = self.in_force().expect(rows)
        return likelihood, responsibilities

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:  # noqa: ARG002
        """Return the mean log-likelihood of a row of X, in nats, by the rows' weights (n,).

        Rows without any value are left out, as by `fit`.
        """
        n, likelihood = self._total(X, sample_weight)
        return likelihood / n

    def predict_proba(self, X: Any) -> Array:
        """Return the responsibilities (n, K): how likely each row is of each component."""
        return self._expect(X)[1]

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Return the most likely component (n,) of each row."""
        labels: NDArray[np.int64] = self.predict_proba(X).argmax(axis=1)
        return labels

    def sample(
        self, n_samples: int = 1, *, seed: int | None = None
    ) -> tuple[Array, NDArray[np.int64]]:
        """Draw rows (n_samples, d) from the mixture, and the components (n_samples,) they are of.

        Equal seeds give equal rows; None is the mixture's own ``seed``.
        """
        check_whole("n_samples", n_samples, 1)
        mixture = self.in_force()
        chosen = self.seed if seed is None else seed
        rng = generator_of("seed", 0 if chosen is None else chosen)
        rows, components = mixture.sample(n_samples, rng)
        return rows, components

    # ---- criteria and forms --------------------------------------------------------------

    def free_parameters(self) -> int:
        """Return how many numbers the mixture consists of, which bic and aic count."""
        check_is_fitted(self)
        K, d = self.means_.shape
        shapes = covariance_of(self.covariance).free_parameters(K, d)
        return int(shapes + K * d + K - 1)

    def bic(self, X: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the Bayesian information criterion on X, p log n - 2 log L; lower is better.

        Rows count by their weights (n,), of which n is the sum.
        """
        n, likelihood = self._total(X, sample_weight)
        return self.free_parameters() * math.log(n) - 2.0 * likelihood

    def aic(self, X: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the Akaike information criterion on X, 2 p - 2 log L; lower is better.

        Rows count by their weights (n,).
        """
        return 2.0 * self.free_parameters() - 2.0 * self._total(X, sample_weight)[1]

    def _total(self, X: Any, sample_weight: ArrayLike | None) -> tuple[float, float]:
        """Return how many rows of X have a value, and their log-likelihood, by weights (n,)."""
        rows = rows_of(self, X)
        weight = np.where(np.isnan(rows).all(axis=1), 0.0, weights_of(sample_weight, rows))
        n = float(weight.sum())
        if n == 0.0:
            raise ValueError("no row of X has a value and a weight; there is nothing to score")
        return n, float((weight * self.in_force().expect(rows)[0]).sum())

    @property
    def precisions_cholesky_(self) -> Array:
        """Upper triangular U of precisions U U^T, or inverse standard deviations."""
        check_is_fitted(self)
        if self.covariance in ("diag", "spherical"):
            return np.asarray(1.0 / np.sqrt(self.covariances_))
        lower = np.linalg.cholesky(self.covariances_)
        return np.asarray(np.swapaxes(np.linalg.inv(lower), -1, -2))

    @property
    def precisions_(self) -> Array:
        """Inverse covariances, in the form of ``covariances_``."""
        U = self.precisions_cholesky_
        if self.covariance in ("diag", "spherical"):
            return U**2
        return np.asarray(U @ np.swapaxes(U, -1, -2))
