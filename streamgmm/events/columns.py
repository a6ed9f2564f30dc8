"""The columns that are no numbers: categories, which are learned from, and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.events.cycles import CYCLES, Cycle, LocalTime
from streamgmm.events.decode import member_getter
from streamgmm.events.roles import keys_column, times_column
from streamgmm.events.surprise import Judged, Surprise, as_category

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamgmm.errors import EventError
    from streamgmm.events.field import Field
    from streamgmm.events.schema import Schema

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Category:
    """One categorical field: its column, its table, and how a struct gives what it needs."""

    field: Field
    column: int
    surprise: Surprise
    value: Callable[[Any], Any]
    given: Callable[[Any], Any] | None


class CategoryColumns:
    """The surprises of a schema's categorical fields.

    Parameters
    ----------
    schema
        Says which fields they are.
    """

    def __init__(self, schema: Schema) -> None:
        self._columns = [
            _column(schema, field, column)
            for field, column in zip(schema.fields, schema.offsets, strict=True)
            if field.kind == "category"
        ]

    def __bool__(self) -> bool:
        return bool(self._columns)

    def learn(
        self, X: Array, structs: Sequence[Any], owners: Sequence[Any], *, count: bool
    ) -> dict[int, Judged]:
        """Judge and then (with `count`) count n events; fill their columns of X (n, d).

        ``owners`` says whom each event is about, for categories whose history is kept by that.

        Returns
        -------
        dict
            Column -> what its categories came to.
        """
        judged = {}
        for one in self._columns:
            keys: list[str | None] | None = None
            if one.given is not None:
                keys = keys_column(list(map(one.given, structs)))
            elif one.field.given:
                keys = keys_column(owners)
            categories = list(map(as_category, map(one.value, structs)))
            judged[one.column] = one.surprise.learn(categories, keys, count=count)
            X[:, one.column] = judged[one.column].surprise
        return judged

    def state(self) -> dict[str, Any]:
        """Return the tables, by field."""
        return {one.field.name: one.surprise.state() for one in self._columns}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        for one in self._columns:
            one.surprise.restore(state[one.field.name])


def _column(schema: Schema, field: Field, column: int) -> _Category:
    value = member_getter(schema, field.member)
    assert value is not None  # only times may be the event's own
    return _Category(
        field,
        column,
        Surprise(float(field.half_life), field.keys if field.given else 0),
        value,
        member_getter(schema, field.given if isinstance(field.given, str) else None),
    )


@dataclass(frozen=True, slots=True)
class _Time:
    """One time of day or week: its columns, and how a struct gives it (None: the event time)."""

    member: str | None
    columns: slice
    cycle: Cycle
    value: Callable[[Any], Any] | None


class TimeColumns:
    """The times of day and of week of a schema."""

    def __init__(self, schema: Schema) -> None:
        self._unit = schema.time_unit
        self._local = LocalTime(schema.time_zone)
        self._columns = [
            _Time(
                field.member,
                slice(column, column + 2),
                CYCLES[field.transform],
                member_getter(schema, field.member),
            )
            for field, column in zip(schema.fields, schema.offsets, strict=True)
            if field.kind == "time"
        ]

    def __bool__(self) -> bool:
        return bool(self._columns)

    def fill(self, X: Array, structs: Sequence[Any], time: Array) -> dict[int, EventError]:
        """Fill their columns of X (n, d), given the event times (n,); NaN = missing.

        Returns
        -------
        dict
            Row -> what is wrong with one of its times.
        """
        faults: dict[int, EventError] = {}
        for one in self._columns:
            seconds = time
            if one.value is not None and one.member is not None:
                values = list(map(one.value, structs))
                nothing = np.full(len(structs), np.nan)
                seconds, wrong = times_column(values, self._unit, nothing, one.member)
                faults = wrong | faults
                seconds[list(wrong)] = np.nan
            X[:, one.columns] = one.cycle.turn(self._local.of(seconds))
        return faults
