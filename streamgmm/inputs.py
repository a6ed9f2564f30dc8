"""What users hand over, as arrays: rows of any kind of table, weights, times."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.float64]
Time: TypeAlias = float | datetime | None


def table_of(X: Any, names: Sequence[Hashable]) -> tuple[list[Any], Array]:
    """Return the names of a table's columns and its rows (n, m), NaN = missing.

    Parameters
    ----------
    X
        An array (n, d), whose columns are ``names`` in order (0 .. d-1 if there are none), or any
        data frame that narwhals knows. An array of float64 in C order is returned as it is.
    names
        Features known so far.

    Raises
    ------
    TypeError
        If a column does not hold numbers.
    ValueError
        If an array's shape does not fit, or a value is infinite.
    """
    if isinstance(X, np.ndarray | list | tuple):
        found, rows = _table_of_array(X, names)
    else:
        found, rows = _table_of_frame(X)
    infinite = np.isinf(rows)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        raise ValueError(
            f"feature {found[column]!r} is infinite in row {row}; give finite numbers, and NaN "
            "where one is missing. Nothing was learned"
        )
    return found, rows


def _table_of_array(X: Any, names: Sequence[Hashable]) -> tuple[list[Any], Array]:
    rows = np.ascontiguousarray(X, dtype=np.float64)
    if rows.ndim != 2 or np.ndim(X) != 2:
        raise ValueError(f"X has shape {np.shape(X)}; (n, d) is needed")
    known = list(names) or list(range(rows.shape[1]))
    if rows.shape[1] != len(known):
        raise ValueError(
            f"X has {rows.shape[1]} columns, the model {len(known)} features: {known}. "
            "Pass a data frame where columns differ"
        )
    return known, rows


def _table_of_frame(X: Any) -> tuple[list[Any], Array]:
    # Here, because it is a third of what importing the package would cost.
    import narwhals.stable.v2 as nw

    frame = nw.from_native(X, eager_only=True)
    for name, dtype in frame.schema.items():
        if not (dtype.is_numeric() or dtype == nw.Boolean):
            raise TypeError(
                f"feature {name!r} holds {dtype}; features are numbers. Encode it first or "
                "leave it out. Nothing was learned"
            )
    rows = np.empty(frame.shape)
    for i, name in enumerate(frame.columns):
        rows[:, i] = frame[name].cast(nw.Float64).to_numpy()
    return frame.columns, rows


def weight_of(w: float) -> float:
    """Return one weight, checked: finite and not negative."""
    if not 0.0 <= w < math.inf:
        raise ValueError(f"w is {w!r}; a weight is finite and not negative")
    return float(w)


def weights_of(w: ArrayLike | None, n: int) -> Array:
    """Return n weights, checked; 1 where none are given."""
    weights = np.ones(n) if w is None else np.array(w, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"w has shape {weights.shape}; ({n},) is needed, one a row")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("w must be finite and not negative")
    return weights


def seconds_of(t: float | datetime) -> float:
    """Return one time as seconds since the epoch; a datetime without a zone is UTC."""
    if isinstance(t, datetime):
        return (t if t.tzinfo else t.replace(tzinfo=UTC)).timestamp()
    return float(times_of([t], 1)[0])


def times_of(t: ArrayLike | None, n: int) -> Array:
    """Return n times as seconds since the epoch, NaN where there is none.

    Raises
    ------
    TypeError
        If they are neither numbers nor datetimes.
    ValueError
        If there are not n.
    """
    times = np.full(n, np.nan) if t is None else np.array(t)
    if times.shape != (n,):
        raise ValueError(f"t has shape {times.shape}; ({n},) is needed, one a row")
    if times.dtype.kind == "O":
        times = np.array([math.nan if one is None else seconds_of(one) for one in times.tolist()])
    if times.dtype.kind == "M":
        seconds = times.astype("datetime64[ns]").astype(np.float64) / 1e9
        return np.where(np.isnat(times), np.nan, seconds)
    if times.dtype.kind not in "fiu":
        raise TypeError(
            f"t holds {times.dtype}; give seconds since the epoch, datetimes or datetime64"
        )
    return times.astype(np.float64)
