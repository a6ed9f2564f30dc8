"""What an event looks like: which fields are features, which is the key, the time, the label.

A schema is the contract between bytes and arrays. Column i of every array belongs to
``schema.fields[i]``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args

TransformName = Literal["identity", "log1p", "asinh"]
TimeUnit = Literal["s", "ms", "us", "ns"]

TRANSFORM_NAMES: tuple[TransformName, ...] = get_args(TransformName)
TIME_UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)
_LONGEST_UNIT = 16
UNIT_WORDS = f'up to {_LONGEST_UNIT} printable characters, such as "B", "s", "ms" or "EUR"'


@dataclass(frozen=True, slots=True)
class Field:
    """One feature: a number in the event and the transform it passes on its way to the model.

    Parameters
    ----------
    name
        The member of the JSON object, or the column of the CSV file; it may contain dots.
    transform
        ``"identity"``, ``"log1p"`` (counts, bytes, durations: at least 0) or ``"asinh"``
        (as log1p, for values of either sign).
    required
        If true an event without the field is a dead letter; otherwise it is missing (NaN).
    unit
        What the field's numbers are in, for the reasons of alerts: ``"B"`` is shown with prefixes
        (9.1 MB), ``"s"`` or ``"ms"`` as a duration (340 ms, 2 h 5 min), others as they are.
    """

    name: str
    transform: TransformName = "identity"
    required: bool = False
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a field needs a name, got an empty one")
        if self.transform not in TRANSFORM_NAMES:
            raise ValueError(
                f"field {self.name!r} has transform {self.transform!r}; "
                f"allowed are {', '.join(TRANSFORM_NAMES)}"
            )
        if not is_unit(self.unit):
            raise ValueError(f"field {self.name!r} has unit {self.unit!r}; allowed is {UNIT_WORDS}")

    def shape(self) -> dict[str, object]:
        """Return what gives saved state its meaning: all but the unit."""
        return {name: value for name, value in asdict(self).items() if name != "unit"}


def is_unit(unit: object) -> bool:
    """Whether this may stand behind a number as its unit; nothing is none."""
    return isinstance(unit, str) and unit.isprintable() and len(unit) <= _LONGEST_UNIT


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

    Raises
    ------
    ValueError
        No field, a field named twice, a label that is a feature too, or one field for two
        of key, time and label.

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

    def __post_init__(self) -> None:
        if not self.fields:
            raise ValueError("a schema needs at least one field")
        names = self.names
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"field {name!r} is named twice")
        if self.label in names:
            raise ValueError(
                f"the label {self.label!r} is one of the features, so the detector would see "
                f"the truth; take it out of the fields"
            )
        roles = [role for role in (self.key, self.time, self.label) if role is not None]
        if len(set(roles)) < len(roles):
            raise ValueError(f"key, time and label must differ, got {', '.join(map(repr, roles))}")
        if self.time_unit not in TIME_UNITS:
            raise ValueError(
                f"time_unit is {self.time_unit!r}; allowed are {', '.join(TIME_UNITS)}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in the order of the columns."""
        return tuple(field.name for field in self.fields)

    def with_label(self, label: str | None) -> Schema:
        """Return the same schema, with the truth read from `label`."""
        return replace(self, label=label)
