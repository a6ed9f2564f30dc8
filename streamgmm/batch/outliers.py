"""Outliers of a table: the rows that a Gaussian mixture of it finds least likely."""

from __future__ import annotations

from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamgmm.batch.conventions import Incomplete, OutlierMixin, rows_of, rows_to_fit
from streamgmm.batch.gaussian_mixture import GaussianMixture
from streamgmm.values import is_number

Array: TypeAlias = NDArray[np.float64]


class GMMOutlierDetector(OutlierMixin, Incomplete):  # type: ignore[misc]  # scikit-learn has no types
    """Outlier detection by the likelihood under a Gaussian mixture, also of incomplete rows.

    Parameters
    ----------
    n_components, covariance, init, n_init, tol, max_iter, reg_covar, shrinkage, seed
        Of the mixture, as in `GaussianMixture`. The default ``shrinkage`` keeps a component from
        shrinking onto a few outliers, which would be likely then.
    contamination
        Share of the rows fitted that are outliers, above 0 and at most 0.5.

    Attributes
    ----------
    mixture_ : the fitted `GaussianMixture`
    n_iter_ : steps of EM that it took
    offset_ : ``score_samples`` below which a row is an outlier
    n_features_in_, feature_names_in_ : of the data

    See Also
    --------
    streamgmm.OnlineGMM : detects anomalies in streams.

    Notes
    -----
    Where values are missing the score is that of the complete row to be expected, as in a stream,
    so that rows with different features can be compared and a value left out hides nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from streamgmm import GMMOutlierDetector
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (200, 2)), [[6.0, np.nan], [4.0, -4.0]]])
    >>> detector = GMMOutlierDetector(contamination=0.01).fit(X)
    >>> detector.predict(X[-3:])
    array([ 1, -1, -1])
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        contamination: float = 0.1,
        covariance: str = "full",
        init: str = "kmeans++",
        n_init: int = 1,
        tol: float = 1e-3,
        max_iter: int = 100,
        reg_covar: float = 1e-6,
        shrinkage: float = 10.0,
        seed: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.contamination = contamination
        self.covariance = covariance
        self.init = init
        self.n_init = n_init
        self.tol = tol
        self.max_iter = max_iter
        self.reg_covar = reg_covar
        self.shrinkage = shrinkage
        self.seed = seed

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Fit the mixture to X, and the offset to the contamination.

        Parameters
        ----------
        X
            (n, d) numbers, NaN where one is missing.
        y
            Ignored.
        sample_weight
            (n,) how often each row counts; 0 is as if it were not there.

        Raises
        ------
        ValueError
            As `GaussianMixture.fit`.
        """
        share = self.contamination
        if not is_number(share) or not 0.0 < share <= 0.5:
            raise ValueError(
                f"contamination is {share!r}; it must be above 0 and at most 0.5, the share of "
                "outliers in X"
            )
        rows, weight = rows_to_fit(self, X, sample_weight)
        settings = self.get_params(deep=False)
        del settings["contamination"]
        self.mixture_ = GaussianMixture(**settings).fit(X, sample_weight=weight)  # with X's names
        self.n_iter_ = self.mixture_.n_iter_
        self.offset_ = _quantile(self._scores(rows), weight, share)
        return self

    def _scores(self, rows: Array) -> Array:
        scores: Array = self.mixture_.in_force(score="nll").score(rows)
        return -scores

    def score_samples(self, X: Any) -> Array:
        """Return the log-likelihood (n,) of each row, in nats; lower is stranger."""
        return self._scores(rows_of(self, X))

    def decision_function(self, X: Any) -> Array:
        """Return ``score_samples`` less ``offset_`` (n,): negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Return -1 for outliers and 1 for the other rows (n,)."""
        return np.where(self.decision_function(X) < 0.0, -1, 1)

    def fit_predict(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.int64]:
        """Fit to X and return -1 for its outliers and 1 for its other rows (n,)."""
        return self.fit(X, y, sample_weight).predict(X)


def _quantile(values: Array, weight: Array, share: float) -> float:
    """Return the value below which a share of the weights lies; between two, their mean.

    A weight of 2 is the value twice.
    """
    order = np.argsort(values, kind="stable")
    values, reached = values[order], np.cumsum(weight[order])
    due = share * reached[-1] * (1.0 - 1e-12)  # what rounding has added is no more to reach
    at = int(np.searchsorted(reached, due))
    if reached[at] > due * (1.0 + 2e-12):
        return float(values[at])
    above = at + 1 + int(np.argmax(weight[order][at + 1 :] > 0.0))
    return float(0.5 * (values[at] + values[above]))
