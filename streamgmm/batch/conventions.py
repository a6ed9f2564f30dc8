"""What scikit-learn's conventions ask of an estimator; no other file imports the library."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

try:
    from sklearn.base import BaseEstimator, DensityMixin, OutlierMixin
    from sklearn.exceptions import ConvergenceWarning, NotFittedError
    from sklearn.utils.validation import (
        _check_sample_weight,
        check_is_fitted,
        check_non_negative,
        validate_data,
    )
except ImportError as error:
    raise ImportError(
        "GaussianMixture, GMMOutlierDetector and select_components need scikit-learn 1.6 or "
        "later; install it with `pip install 'streamgmm[sklearn]'`"
    ) from error

__all__ = [
    "BaseEstimator",
    "ConvergenceWarning",
    "DensityMixin",
    "Incomplete",
    "NotFittedError",
    "OutlierMixin",
    "check_is_fitted",
    "rows_of",
    "rows_to_fit",
    "weights_of",
]

Array: TypeAlias = NDArray[np.float64]


class Incomplete(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator that takes rows with missing values, NaN."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def rows_to_fit(
    estimator: Incomplete, X: Any, sample_weight: ArrayLike | None
) -> tuple[Array, Array]:
    """Return the rows (n, d) of a table to be fitted and their weights (n,), both checked.

    The estimator takes note of the features: their number, and their names where X has them.

    Raises
    ------
    ValueError
        If X is no table of numbers, or a weight is negative or no number.
    """
    rows = _checked(estimator, X, reset=True)
    return rows, weights_of(sample_weight, rows)


def weights_of(sample_weight: ArrayLike | None, rows: Array) -> Array:
    """Return the weights (n,) of n rows, checked; 1 where none are given.

    Raises
    ------
    ValueError
        If there are not n, one is negative or no number, or all are 0.
    """
    weight = np.asarray(
        _check_sample_weight(sample_weight, rows, dtype=np.float64), dtype=np.float64
    )
    check_non_negative(weight, "`sample_weight`")
    return weight


def rows_of(estimator: Incomplete, X: Any) -> Array:
    """Return the rows (n, d) of a table for a fitted estimator, checked against its features.

    Raises
    ------
    NotFittedError
        If the estimator has not been fitted.
    ValueError
        If X is no table of numbers with the features that it was fitted to.
    """
    check_is_fitted(estimator)
    return _checked(estimator, X, reset=False)


def _checked(estimator: Incomplete, X: Any, *, reset: bool) -> Array:
    rows: Array = validate_data(
        estimator, X, reset=reset, dtype=np.float64, order="C", ensure_all_finite="allow-nan"
    )
    return rows
