"""A block of events on its way through a learner, and what may be one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """A block of events, and what is found out about them row by row.

    ``X`` (n, d), learning weights and event times (n,); scores and components (n,) are filled in.
    """

    X: Array
    weight: Array
    time: Array
    score: Array = field(init=False)
    component: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.X)
        object.__setattr__(self, "score", np.zeros(n))
        object.__setattr__(self, "component", np.zeros(n, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.X)


def rows_of(X: Array, t: Array | None, w: Array | None, n_features: int) -> Rows:
    """Return rows of events X (n, d) with times t and weights w (n,), None: no times, weights 1.

    Raises
    ------
    ValueError
        If a shape does not fit, a value or time is infinite, or a weight is none.
    """
    X = np.ascontiguousarray(X, dtype=np.float64)
    if X.ndim != 2 or X.shape[1] != n_features:
        raise ValueError(f"X has shape {X.shape}; (n, {n_features}) is needed")
    if np.isinf(X).any():
        row, column = np.argwhere(np.isinf(X))[0]
        raise ValueError(
            f"X[{row}, {column}] is infinite; give a finite value, or NaN where it is missing"
        )
    time = _per_row("t", t, len(X), np.nan)
    weight = _per_row("w", w, len(X), 1.0)
    for name, values, wrong, allowed in (
        ("t", time, np.isinf(time), "a finite time in s, or NaN where there is none"),
        ("w", weight, ~((weight >= 0.0) & (weight < np.inf)), "a finite weight of at least 0"),
    ):
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"{name}[{row}] is {float(values[row])!r}; give {allowed}")
    return Rows(X, weight, time)


def _per_row(name: str, values: Array | None, n: int, default: float) -> Array:
    """Return ``values`` as an array (n,), or ``default`` n times where None was given."""
    if values is None:
        return np.full(n, default)
    given = np.ascontiguousarray(values, dtype=np.float64)
    if given.shape != (n,):
        raise ValueError(f"{name} has shape {given.shape}; ({n},) is needed, one value a row of X")
    return given
