"""What an event looks like: which fields are features, which is the key, the time, the label.

A schema is the contract between bytes and arrays. The columns of every array belong to
``schema.fields``, in their order: one to each, two to a time of day or week.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any, Final, Literal, get_args

from streamgmm.events.cycles import read_zone
from streamgmm.values import check_truth, check_whole, is_number

TransformName = Literal["identity", "log1p", "asinh", "surprise", "time_of_day", "time_of_week"]
TimeUnit = Literal["s", "ms", "us", "ns"]
FieldKind = Literal["number", "category", "time"]

TRANSFORM_NAMES: tuple[TransformName, ...] = get_args(TransformName)
EVENT_TIME: Final = ""
"""As a field's `source`: the event time, whatever that is read from."""
_KINDS: Final[dict[str, FieldKind]] = {
    "surprise": "category",
    "time_of_day": "time",
    "time_of_week": "time",
}
_HISTORY: Final = {"given": False, "half_life": 10_000.0, "keys": 10_000}
_MEMBERS: Final = {
    "source": "the name of a member of the event, or None for the field's own",
    "given": "the name of a member of the event, True for the event's key, or False",
}
MOST_KEYS: Final = 10_000_000
"""Most keys whose own histories may be kept."""
TIME_UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)
_LONGEST_UNIT = 16
UNIT_WORDS = f'up to {_LONGEST_UNIT} printable characters, such as "B", "s", "ms" or "EUR"'


@dataclass(frozen=True, slots=True)
class Field:
    """One feature: a member of the event and the transform it passes on its way to the model.

    Parameters
    ----------
    name
        Of the feature, and of the member of the JSON object or the column of the CSV file that
        it is read from; it may contain dots.
    transform
        ``"identity"``, ``"log1p"`` (counts, bytes, durations: at least 0) or ``"asinh"``
        (as log1p, for values of either sign) of a number; ``"surprise"`` of a category (text, a
        number or a truth value taken as one): -log of how frequent it has been lately;
        ``"time_of_day"`` or ``"time_of_week"`` of a time: a point on a circle, two columns.
    required
        If true an event without the field is a dead letter; otherwise it is missing (NaN).
    unit
        What the field's numbers are in, for the reasons of alerts: ``"B"`` is shown with prefixes
        (9.1 MB), ``"s"`` or ``"ms"`` as a duration (340 ms, 2 h 5 min), others as they are.
    source
        The member it is read from, where that is not its name; `EVENT_TIME` is the event time.
    given
        Of a surprise: the member (or True: the event's key) whose own history counts as well.
    half_life
        Of a surprise: after so many events a count has half its weight; at least 1.
    keys
        Of a surprise `given` something: how many keys' own histories are kept.
    """

    name: str
    transform: TransformName = "identity"
    required: bool = False
    unit: str = ""
    source: str | None = None
    given: str | bool = False
    half_life: float = 10_000.0
    keys: int = 10_000

    def __post_init__(self) -> None:
        given_name: Any = self.name
        if not isinstance(given_name, str) or not given_name:
            raise ValueError(
                f"a field needs a name: got {given_name!r:.80}, allowed is a text, not empty"
            )
        if self.transform not in TRANSFORM_NAMES:
            raise ValueError(
                f"field {self.name!r} has transform {self.transform!r}; "
                f"allowed are {', '.join(TRANSFORM_NAMES)}"
            )
        if not is_unit(self.unit):
            raise ValueError(f"field {self.name!r} has unit {self.unit!r}; allowed is {UNIT_WORDS}")
        check_truth(f"required of field {self.name!r}", self.required, "False: it may be missing")
        for name, allowed in (("source", type(None)), ("given", bool)):
            value = getattr(self, name)
            if not isinstance(value, str | allowed):
                raise TypeError(
                    f"field {self.name!r} has {name} {value!r:.80}; allowed is {_MEMBERS[name]}"
                )
        if not is_number(self.half_life) or not self.half_life >= 1:
            raise ValueError(
                f"field {self.name!r} has half_life {self.half_life!r:.80}; it must be at least 1, "
                "a number of events"
            )
        check_whole(f"keys of field {self.name!r}", self.keys, 1, MOST_KEYS)
        if problem := self.misplaced():
            raise ValueError(f"field {self.name!r} {problem}")

    @property
    def kind(self) -> FieldKind:
        """What is read: a number, a category or a time."""
        return _KINDS.get(self.transform, "number")

    @property
    def member(self) -> str | None:
        """The member of the event that is read; None for the event time."""
        if self.source == EVENT_TIME:
            return None
        return self.name if self.source is None else self.source

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns it fills."""
        if self.kind == "time":
            return (f"{self.name}.sin", f"{self.name}.cos")
        return (self.name,)

    def misplaced(self) -> str:
        """Say which parameter means nothing with the field's transform; empty if none."""
        if self.kind != "category":
            for name, default in _HISTORY.items():
                if getattr(self, name) != default:
                    return f'has {name}, which only transform = "surprise" has a use for'
        if self.kind != "number" and self.unit:
            return "has a unit, which is for numbers only"
        if self.source == EVENT_TIME and (self.kind != "time" or self.required):
            return "reads the event time, which can be a time of day or week only, not required"
        return ""

    def shape(self) -> dict[str, Any]:
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
    time_zone
        In which times of day and week are told: a name of the time zone database, such as
        "Europe/Zurich", an offset such as "+05:30", or "UTC".

    Raises
    ------
    ValueError
        No field, a field named twice, a label that is a feature too, one field for two
        of key, time and label, or a time zone that is not known.

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
        members = (name for field in self.fields for name in (field.member, field.given))
        return frozenset(name for name in members if isinstance(name, str))

    def with_label(self, label: str | None) -> Schema:
        """Return the same schema, with the truth read from `label`."""
        return replace(self, label=label)
