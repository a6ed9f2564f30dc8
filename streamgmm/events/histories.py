"""The columns that say what came before an event of the same key: when, how many, how much.

They are filled strictly event by event, from what was known before the event, and belong to the
state of a partition. Of each key a few numbers are kept, of a bounded number of keys.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from streamgmm.events.decode import member_getter
from streamgmm.events.encode import TRANSFORMS
from streamgmm.events.history import KeyTable
from streamgmm.events.roles import keys_column
from streamgmm.events.surprise import LONGEST_TEXT, bounded_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from streamgmm.events.field import Field
    from streamgmm.events.schema import Schema

    Array = NDArray[np.float64]

# A key's entry in the table with its place in the order, and the least and most of its text.
_ENTRY_BYTES: Final = 200
_TEXT_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class _Column:
    """One history: its field, its column of X, and how a struct gives the number, if it is summed.

    A mean is of the number as the model sees it, which stands in the column already.
    """

    field: Field
    column: int
    number: Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class _Table:
    """What is remembered by one member: the histories per it, and how a struct gives it."""

    name: str
    columns: list[_Column]
    owner: Callable[[Any], Any] | None
    kept: KeyTable


class HistoryColumns:
    """The histories of a schema; those with the same `per` and `keys` share a table.

    Parameters
    ----------
    schema
        Says which fields they are.
    """

    def __init__(self, schema: Schema) -> None:
        shared: dict[tuple[str | bool, int], list[_Column]] = defaultdict(list)
        for field, column in zip(schema.fields, schema.offsets, strict=True):
            if field.history is not None:
                number = member_getter(schema, field.member) if field.history == "sum" else None
                shared[field.per, field.keys].append(_Column(field, column, number))
        self._tables = [
            _table(schema, per, keys, columns) for (per, keys), columns in shared.items()
        ]

    def __bool__(self) -> bool:
        return bool(self._tables)

    def fill(
        self,
        X: Array,
        structs: Sequence[Any],
        owners: Sequence[Any],
        time: Array,
        *,
        learn: bool,
    ) -> None:
        """Fill their columns of X (n, d) with what came before each event, and add the events.

        Parameters
        ----------
        owners
            Whom each event is about.
        time : (n,)
            Event times, seconds; NaN = none.
        learn
            False leaves means as they are. What has happened lately is noted even so: it is no
            habit that could be learned wrongly.
        """
        for table in self._tables:
            keys = owners if table.owner is None else list(map(table.owner, structs))
            before = np.empty((len(table.columns), len(X)))
            numbers = np.stack([_numbers(one, X, structs) for one in table.columns])
            texts = list(map(bounded_text, keys_column(keys)))
            table.kept.block(texts, np.ascontiguousarray(time), numbers, before, learn)
            for one, values in zip(table.columns, before, strict=True):
                forward = TRANSFORMS[one.field.transform].forward
                on_scale = one.field.history in ("mean", "against_mean") or forward is None
                X[:, one.column] = values if on_scale or forward is None else forward(values)

    def state(self) -> dict[str, Any]:
        """Return the tables."""
        return {table.name: table.kept.state() for table in self._tables}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        for table in self._tables:
            table.kept.restore(state[table.name])


def most_bytes(columns: int, keys: int) -> int:
    """Return how much memory a table can take at most, with so many histories of so many keys."""
    return keys * (_ENTRY_BYTES + _TEXT_BYTES * LONGEST_TEXT + 8 * (1 + 2 * columns))


def _table(schema: Schema, per: str | bool, keys: int, columns: list[_Column]) -> _Table:  # noqa: FBT001
    half_lives = [
        -float(one.field.half_life)
        if one.field.half_life_seconds is None
        else one.field.half_life_seconds
        for one in columns
    ]
    kinds = [str(one.field.history) for one in columns]
    return _Table(
        f"{keys} keys by {per if isinstance(per, str) else ''}",
        columns,
        member_getter(schema, per) if isinstance(per, str) else None,
        KeyTable(kinds, half_lives, keys),
    )


def _numbers(one: _Column, X: Array, structs: Sequence[Any]) -> Array:
    """Return the numbers that a history is of, (n,)."""
    if one.number is None:
        return np.ascontiguousarray(X[:, one.column])
    return np.array(list(map(one.number, structs)), dtype=np.float64)
