"""What an event looks like: which fields are features, which is the key, the time, the label.

A schema is the contract between bytes and arrays. The columns of every array belong to
``schema.fields``, in their order: one to each, two to a time of day or week.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Literal, get_args

from streamgmm.events.cycles import read_zone
from streamgmm.events.field import Field
from streamgmm.events.members import READABLE, is_readable

TimeUnit = Literal["s", "ms", "us", "ns"]
TIME_UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of an event.

    Parameters
    ----------
    fields
        The features, in the order of the columns.
    key
        The field that says whom the event is about (text or number), or None: then the
        record's own key is used.
    time
        The field with the event time (a number in `time_unit`s since the epoch, or ISO 8601
        text; without an offset it is UTC), or None: then the record's timestamp is used.
    time_unit
        Of numbers in the time field.
    label
        The field with the truth (1 anomaly, 0 normal), for measuring only, or None.
    time_zone
        In which times of day and week are told: a name of the time zone database, such as
        "Europe/Zurich", an offset such as "+05:30", or "UTC".

    Raises
    ------
    ValueError
        No field, a field named twice, a label that is a feature too, one field for two
        of key, time and label, a name that cannot be read, or a time zone that is not known.

    Examples
    --------
    >>> schema = Schema((Field("duration", "log1p"), Field("bytes", "log1p")), key="src")
    >>> schema.names
    ('duration', 'bytes')
    """

    fields: tuple[Field, ...]
    key: str | None = None
    time: str | None = None
    time_unit: TimeUnit = "s"
    label: str | None = None
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        fields: Any = self.fields
        if not (isinstance(fields, tuple) and fields and all(isinstance(f, Field) for f in fields)):
            raise ValueError(
                f"a schema's fields are {fields!r:.80}; a tuple of at least one field is needed"
            )
        for role in ("key", "time", "label"):
            name = getattr(self, role)
            if name is not None and not isinstance(name, str):
                raise ValueError(f"{role} is {name!r:.80}; the name of a field or None is allowed")
        names = [*self.names, *(field.name for field in self.fields if field.kind == "time")]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"field {name!r} is named twice")
        if self.label is not None and self.label in self.read:
            raise ValueError(
                f"the label {self.label!r} is one of the features, so the detector would see "
                f"the truth; take it out of the fields"
            )
        roles = [role for role in (self.key, self.time, self.label) if role is not None]
        _check_names((*self.read, *roles))
        if len(set(roles)) < len(roles):
            raise ValueError(f"key, time and label must differ, got {', '.join(map(repr, roles))}")
        read_zone(self.time_zone)
        if self.time_unit not in TIME_UNITS:
            raise ValueError(
                f"time_unit is {self.time_unit!r}; allowed are {', '.join(TIME_UNITS)}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(name for field in self.fields for name in field.columns)

    @property
    def width(self) -> int:
        """How many columns there are."""
        return sum(len(field.columns) for field in self.fields)

    @property
    def offsets(self) -> tuple[int, ...]:
        """The first column of each field."""
        return tuple(accumulate((len(field.columns) for field in self.fields), initial=0))[:-1]

    @property
    def read(self) -> frozenset[str]:
        """Members of the event that the model sees something of."""
        members = (name for field in self.fields for name in (field.member, field.owner))
        return frozenset(name for name in members if isinstance(name, str))

    def with_label(self, label: str | None) -> Schema:
        """Return the same schema, with the truth read from `label`."""
        return replace(self, label=label)


def _check_names(members: Iterable[str]) -> None:
    for name in members:
        if not is_readable(name):
            raise ValueError(f"a member is called {name!r:.80}; what can be read is {READABLE}")
