"""What users hand over, as arrays: rows of any kind of table, weights, times."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamgmm.detection.columns import number_of

Array: TypeAlias = NDArray[np.float64]
Time: TypeAlias = float | datetime | None

# Beyond these, masses and shares of one another are lost to rounding.
_LEAST_WEIGHT, _MOST_WEIGHT = 1e-6, 1e6
_WEIGHTS = "a number from 1e-6 to 1e6, or 0 to learn nothing from the event"

_INFINITE_TIME = "t is infinite; give seconds since the epoch, and NaN or None where there is none"


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
    array: NDArray[Any] = np.asanyarray(X)
    if array.ndim != 2:
        raise ValueError(f"X has shape {array.shape}; (n, d) is needed")
    known = list(names) or list(range(array.shape[1]))
    if array.shape[1] != len(known):
        raise ValueError(
            f"X has {array.shape[1]} columns, the model {len(known)} features: {known}. "
            "Pass a data frame where columns differ"
        )
    if array.dtype.kind == "O":
        return known, _numbers_of(np.ma.filled(array, None), known)
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"X holds {array.dtype}; features are numbers. Encode the others first or leave them "
            "out. Nothing was learned"
        )
    if isinstance(array, np.ma.MaskedArray):
        array = np.ma.filled(array.astype(np.float64), np.nan)
    return known, np.ascontiguousarray(array, dtype=np.float64)


def _table_of_frame(X: Any) -> tuple[list[Any], Array]:
    # Here, because it is a third of what importing the package would cost.
    import narwhals.stable.v2 as nw

    frame = nw.from_native(X, eager_only=True)
    names = list(frame.columns)
    nested = [name for name in names if isinstance(name, tuple)]
    if nested:
        raise TypeError(
            f"column {nested[0]!r} has a name of several levels; features have names of one: "
            "flatten the columns first. Nothing was learned"
        )
    rows = np.empty(frame.shape)
    for i, column in enumerate(frame.iter_columns()):
        dtype = column.dtype
        if dtype == nw.Object:
            rows[:, i : i + 1] = _numbers_of(column.to_numpy()[:, None], names[i : i + 1])
        elif dtype.is_numeric() or dtype == nw.Boolean:
            rows[:, i] = column.cast(nw.Float64).to_numpy()
        else:
            raise TypeError(
                f"feature {names[i]!r} holds {dtype}; features are numbers. Encode it first or "
                "leave it out. Nothing was learned"
            )
    return names, rows


def _numbers_of(objects: NDArray[np.object_], names: Sequence[Hashable]) -> Array:
    """Return objects (n, d) as numbers, each as one in an event by itself would be."""
    numbers = [[number_of(*one) for one in zip(names, row, strict=True)] for row in objects]
    return np.array(numbers, dtype=np.float64).reshape(objects.shape)


def weight_of(w: Any) -> float:
    """Return one weight, checked: 0, or from 1e-6 to 1e6."""
    try:
        weight = math.nan if isinstance(w, str | bytes) else float(w)
    except TypeError:
        weight = math.nan
    if weight != 0.0 and not _LEAST_WEIGHT <= weight <= _MOST_WEIGHT:
        raise ValueError(f"w is {w!r}; a weight is {_WEIGHTS}")
    return weight


def weights_of(w: ArrayLike | None, n: int) -> Array:
    """Return n weights, checked; 1 where none are given."""
    weights = np.ones(n) if w is None else np.asarray(w)
    if weights.shape != (n,):
        raise ValueError(f"w has shape {weights.shape}; ({n},) is needed, one a row")
    if weights.dtype.kind == "O":
        return np.array([weight_of(one) for one in weights.tolist()], dtype=np.float64)
    if weights.dtype.kind not in "fiub":
        raise TypeError(f"w holds {weights.dtype}; a weight is {_WEIGHTS}")
    weights = weights.astype(np.float64)
    allowed = (weights == 0.0) | ((weights >= _LEAST_WEIGHT) & (weights <= _MOST_WEIGHT))
    if not allowed.all():
        row = int(np.argmin(allowed))
        raise ValueError(f"w is {weights[row]} in row {row}; a weight is {_WEIGHTS}")
    return weights


def seconds_of(t: Any) -> float:
    """Return one time as seconds since the epoch; a datetime without a zone is UTC.

    Raises
    ------
    TypeError
        If it is neither a number nor a datetime.
    ValueError
        If it is infinite.
    """
    if isinstance(t, datetime) and type(t).__name__ != "NaTType":  # pandas' nothing is one
        return (t if t.tzinfo else t.replace(tzinfo=UTC)).timestamp()
    if isinstance(t, np.datetime64):
        return float(times_of(np.array([t]), 1)[0])
    try:
        seconds = number_of("t", t)
    except TypeError:
        raise TypeError(
            f"t is {t!r} of type {type(t).__name__}; give seconds since the epoch or a datetime"
        ) from None
    except ValueError:
        raise ValueError(_INFINITE_TIME) from None
    return seconds


def times_of(t: ArrayLike | None, n: int) -> Array:
    """Return n times as seconds since the epoch, NaN where there is none.

    Raises
    ------
    TypeError
        If they are neither numbers nor datetimes.
    ValueError
        If there are not n, or one is infinite.
    """
    times = np.full(n, np.nan) if t is None else np.asarray(t)
    if times.shape != (n,):
        raise ValueError(f"t has shape {times.shape}; ({n},) is needed, one a row")
    if times.dtype.kind == "O":
        return np.array([seconds_of(one) for one in times.tolist()], dtype=np.float64)
    if times.dtype.kind == "M":
        seconds = times.astype("datetime64[ns]").astype(np.float64) / 1e9
        return np.where(np.isnat(times), np.nan, seconds)
    if times.dtype.kind not in "fiu":
        raise TypeError(
            f"t holds {times.dtype}; give seconds since the epoch, datetimes or datetime64"
        )
    seconds = times.astype(np.float64)
    if np.isinf(seconds).any():
        raise ValueError(_INFINITE_TIME)
    return seconds
