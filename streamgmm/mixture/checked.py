"""What a mixture as a value is made of and asked about, checked: parameters, names, rows."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .gaussians import cholesky

Array = NDArray[np.float64]

ROUNDING = 1e-6
"""What weights may lack of 1, and a covariance and its transpose differ by (as a correlation)."""


def numbers(name: str, values: ArrayLike) -> Array:
    """Return an array of finite numbers (a copy)."""
    array = np.array(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} hold NaN or infinity; a mixture's parameters are finite numbers")
    return array


def names_of(what: str, names: Sequence[Hashable] | None, n: int) -> tuple[Hashable, ...]:
    """Return n distinct names, those of numpy as Python's; 0 .. n-1 where none are given."""
    given = range(n) if names is None else names
    found = tuple(name.item() if isinstance(name, np.generic) else name for name in given)
    if len(found) != n or len(set(found)) < n:
        raise ValueError(f"{what} are {list(found)!r:.80}; {n} distinct names are needed")
    return found


def check_covariances(covariances: Array, names: tuple[Hashable, ...]) -> None:
    """Refuse what is no covariance among (K, d, d), by the component's name."""
    for name, sigma in zip(names, covariances, strict=True):
        spread = np.sqrt(np.maximum(np.diag(sigma), 0.0))
        if (np.abs(sigma - sigma.T) > ROUNDING * np.outer(spread, spread)).any():
            raise ValueError(f"the covariance of component {name!r} is not symmetric")
        try:
            cholesky(sigma)
        except np.linalg.LinAlgError:
            raise ValueError(
                f"the covariance of component {name!r} is not positive definite: a feature has no "
                "variance, or follows from others; leave it out or add a little to the diagonal"
            ) from None


def _floats(what: str, values: Any) -> Array:
    """Return numbers as float64; refuse what is none, or complex, by ``what`` it is."""
    try:
        if not np.iscomplexobj(values):
            return np.asarray(values, dtype=np.float64)
        reason = "they are complex"
    except (TypeError, ValueError) as error:
        reason = str(error)
    raise TypeError(f"{what} does not hold numbers only ({reason:.200}); encode what is none first")


def rows_of(X: Any, names: Sequence[Hashable]) -> Array:
    """Return rows (n, d) over the features ``names``, NaN = missing; refuse infinite values.

    Of a data frame its columns of these names; what they hold as nothing (None, NA) is missing.
    """
    if hasattr(X, "columns"):
        absent = [name for name in names if name not in list(X.columns)]
        if absent:
            raise ValueError(f"X has no column {absent[0]!r}; the mixture has {list(names)}")
        X = np.column_stack([_floats(f"feature {name!r}", X[name]) for name in names])
    rows = _floats("X", X)
    if rows.ndim != 2 or rows.shape[1] != len(names):
        raise ValueError(
            f"X has shape {rows.shape}; (n, {len(names)}) is needed, a row an event and a column "
            "a feature, NaN where it is missing"
        )
    if np.isinf(rows).any():
        row, column = np.argwhere(np.isinf(rows))[0]
        raise ValueError(
            f"feature {names[column]!r} is infinite in row {row}; give finite numbers, and NaN "
            "where one is missing"
        )
    return rows
