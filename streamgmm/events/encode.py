"""Transforms between the user's units and the model's: each has a forward and an inverse.

The model wants features whose spread is comparable over their whole range; counts, bytes
and durations get that from a logarithm. Reasons are shown in the user's units, so every
transform can be undone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from streamgmm.errors import EventError
from streamgmm.words import quantity

if TYPE_CHECKING:
    from streamgmm.events.field import Field
    from streamgmm.events.schema import Schema

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Transform:
    """A monotone map of the real line and its inverse, both elementwise; NaN stays NaN.

    ``lower`` is the smallest value in the user's units that the forward map accepts.
    """

    name: str
    forward: Callable[[Array], Array] | None
    inverse: Callable[[Array], Array] | None
    lower: float = -np.inf


TRANSFORMS: dict[str, Transform] = {
    "identity": Transform("identity", None, None),
    "log1p": Transform("log1p", np.log1p, np.expm1, lower=0.0),
    "asinh": Transform("asinh", np.arcsinh, np.sinh),
}
_AS_IT_IS = TRANSFORMS["identity"]
_RATIO = Transform("ratio", np.log, np.exp, lower=0.0)  # how a difference of logarithms is told


class Encoder:
    """The transforms of a schema, column by column.

    Parameters
    ----------
    schema
        Its columns are those of the arrays. Columns that are no numbers (categories, times)
        pass unchanged.
    """

    def __init__(self, schema: Schema) -> None:
        fields = [field for field in schema.fields for _ in field.columns]
        self._names = schema.names
        self._units = tuple(map(unit_of, fields))
        self._transforms = tuple(
            TRANSFORMS[field.transform] if field.kind == "number" else _AS_IT_IS for field in fields
        )
        # Columns of histories are encoded as the number that they are made of, and told as
        # what was made of it.
        self._told = tuple(map(_telling, fields, self._transforms))

    def forward(self, values: Array) -> tuple[Array, dict[int, EventError]]:
        """Encode a block of events.

        Parameters
        ----------
        values : (n, d)
            In the user's units; NaN = missing. Of a history, the number that it is of.

        Returns
        -------
        X : (n, d) C-contiguous
            In the model's units. Rows with a fault are not meaningful.
        faults
            Row -> what is wrong with it: a value below what its transform accepts.
        """
        X = np.array(values, dtype=np.float64, order="C")
        faults: dict[int, EventError] = {}
        for i, transform in enumerate(self._transforms):
            if transform.forward is None:
                continue
            # A contiguous copy: NumPy may take another code path, with other last bits, for
            # strided input, and a block must give the same bits as its rows one by one.
            column = np.ascontiguousarray(X[:, i])
            below = column < transform.lower
            if below.any():
                for row in np.flatnonzero(below).tolist():
                    faults.setdefault(row, self._below(i, float(column[row])))
                column[below] = np.nan
            X[:, i] = transform.forward(column)
        return X, faults

    def inverse(self, feature: int, value: float) -> float:
        """Return one encoded value of column `feature` in the user's units.

        Values too large for a float give infinity, in keeping with their sign.
        """
        transform = self._told[feature]
        if transform.inverse is None:
            return value
        with np.errstate(over="ignore"):
            return float(transform.inverse(np.array([value]))[0])

    def lowest(self, feature: int) -> float:
        """Return the smallest value of column `feature` that its transform accepts."""
        return self._told[feature].lower

    def plain(self, feature: int, value: float) -> float:
        """Return one encoded value of column `feature` as a person is told it.

        What the value cannot have meant (a count below 0) is cut off.
        """
        told = max(self.inverse(feature, value), self.lowest(feature))
        # The way there and back costs the last digits: 300 comes back as 300.00000000000006.
        return float(f"{told:.12g}")

    def render(self, feature: int, value: float, digits: int = 3) -> str:
        """Return a value of column `feature`, in the user's units, as a person reads it.

        ``digits`` is how many of them matter.
        """
        return quantity(value, self._units[feature], digits)

    def inverse_block(self, X: Array) -> Array:
        """Return an encoded block X (n, d) in the user's units; the inverse of `forward`."""
        values = np.array(X, dtype=np.float64, order="C")
        with np.errstate(over="ignore"):
            for i, transform in enumerate(self._told):
                if transform.inverse is not None:
                    values[:, i] = transform.inverse(np.ascontiguousarray(values[:, i]))
        return values

    def _below(self, i: int, value: float) -> EventError:
        name, transform = self._names[i], self._transforms[i]
        return EventError(
            "out_of_domain",
            f"field {name!r} is {value!r}, but its transform {transform.name} takes values from "
            f'{transform.lower:g} up; use "asinh" for a field that may be negative',
            name,
        )


def _is_ratio(field: Field) -> bool:
    return field.history == "against_mean" and field.transform == "log1p"


def _telling(field: Field, transform: Transform) -> Transform:
    """Return how a column is told, which of a history is not how it is encoded."""
    if _is_ratio(field):
        return _RATIO
    if field.history in ("since", "count"):  # on whatever scale: there are no fewer than none
        return replace(transform, lower=0.0)
    return transform


def unit_of(field: Field) -> str:
    """Return the unit that a feature is told in: of a history not always that of its field."""
    if field.history == "since":
        return "s"
    return "" if _is_ratio(field) else field.unit
