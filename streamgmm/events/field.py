"""A field: one feature of an event, where it is read and the transform it passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

from streamgmm.spans import seconds_of
from streamgmm.values import check_truth, check_whole, is_number

TransformName = Literal["identity", "log1p", "asinh", "surprise", "time_of_day", "time_of_week"]
HistoryName = Literal["since", "count", "sum", "mean", "against_mean"]
FieldKind = Literal["number", "category", "time"]

TRANSFORM_NAMES: tuple[TransformName, ...] = get_args(TransformName)
HISTORY_NAMES: tuple[HistoryName, ...] = get_args(HistoryName)
EVENT_TIME: Final = ""
"""As a field's `source`: the event time, whatever that is read from."""
_KINDS: Final[dict[str, FieldKind]] = {
    "surprise": "category",
    "time_of_day": "time",
    "time_of_week": "time",
}
_OF_EVENTS: Final = ("since", "count")
_OF_TIME: Final = ("count", "sum")
_DEFAULTS: Final = {
    "given": False, "per": False, "half_life": 10_000.0, "keys": 10_000,
    "unit": "", "source": None, "required": False,
}  # fmt: skip
_MEMBERS: Final = {
    "source": "the name of a member of the event, or None for the field's own",
    "given": "the name of a member of the event, True for the event's key, or False",
    "per": "the name of a member of the event, True for the event's key, or False",
}
MOST_KEYS: Final = 10_000_000
"""Most keys whose own histories may be kept."""
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
        After how much a count has half its weight. Of a surprise, and of the mean of a history: a
        number of events, of a key its own, at least 1. Of a history also a span of event time
        such as ``"1h"``.
    keys
        Of a surprise `given` something and of a history: how many keys are remembered.
    history
        What is taken of the earlier events with the same key, before this one joins them:
        ``"since"``, the seconds since the last one; ``"count"``, how many there were, each
        counting half after `half_life`; ``"sum"``, the sum of the number in those; ``"mean"``,
        its decayed mean on the scale of `transform`; ``"against_mean"``, the event's own number
        less that mean: with ``"log1p"`` the logarithm of a ratio.
    per
        Of a history: the member (or True: the event's key) by which events belong together.
    """

    name: str
    transform: TransformName = "identity"
    required: bool = False
    unit: str = ""
    source: str | None = None
    given: str | bool = False
    half_life: float | str = 10_000.0
    keys: int = 10_000
    history: HistoryName | None = None
    per: str | bool = False

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
        if self.history is not None and self.history not in HISTORY_NAMES:
            raise ValueError(
                f"field {self.name!r} has history {self.history!r}; "
                f"allowed are {', '.join(HISTORY_NAMES)}"
            )
        if not is_unit(self.unit):
            raise ValueError(f"field {self.name!r} has unit {self.unit!r}; allowed is {UNIT_WORDS}")
        check_truth(f"required of field {self.name!r}", self.required, "False: it may be missing")
        for name, allowed in (("source", type(None)), ("given", bool), ("per", bool)):
            value = getattr(self, name)
            if not isinstance(value, str | allowed):
                raise TypeError(
                    f"field {self.name!r} has {name} {value!r:.80}; allowed is {_MEMBERS[name]}"
                )
        check_whole(f"keys of field {self.name!r}", self.keys, 1, MOST_KEYS)
        if problem := self._mistimed() or next(self._misplaced(), ""):
            raise ValueError(f"field {self.name!r} {problem}")

    @property
    def kind(self) -> FieldKind:
        """What is read: a number, a category or a time."""
        return _KINDS.get(self.transform, "number")

    @property
    def member(self) -> str | None:
        """The member of the event that is read; None for the event time, and for no member."""
        if self.source == EVENT_TIME or self.history in _OF_EVENTS:
            return None
        return self.name if self.source is None else self.source

    @property
    def owner(self) -> str | bool:
        """The member (True: the event's key) whose own history counts, or False."""
        return self.per or self.given

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns it fills."""
        if self.kind == "time":
            return (f"{self.name}.sin", f"{self.name}.cos")
        return (self.name,)

    @property
    def half_life_seconds(self) -> float | None:
        """The half-life where it is a span of time, or None."""
        return seconds_of(self.half_life) if isinstance(self.half_life, str) else None

    def shape(self) -> dict[str, Any]:
        """Return what gives saved state its meaning: all but the unit."""
        told = {name: value for name, value in asdict(self).items() if name != "unit"}
        if self.history is None:  # as it was before there were histories
            del told["history"], told["per"]
        return told

    def _mistimed(self) -> str:
        """Say what is wrong with the half-life; empty if nothing is."""
        value: Any = self.half_life
        if isinstance(value, str) and self.history is not None:
            try:
                seconds_of(value)
            except ValueError as error:
                return f"has half_life {error}"
            return ""
        if not is_number(value) or not value >= 1:
            return f"has half_life {value!r:.80}; it must be at least 1, a number of events" + (
                ', or a span of time such as "1h"' if self.history else ""
            )
        return ""

    def _misplaced(self) -> Iterator[str]:
        """Say which parameters mean nothing with the others."""
        if self.history is not None:
            yield from self._misplaced_in_history()
        elif self._given("per"):
            yield f"has per {self.per!r:.80}, which is for a history only"
        elif self.kind != "category":
            for name in filter(self._given, ("given", "half_life", "keys")):
                uses = 'transform = "surprise"' + " or a history" * (name != "given")
                yield f"has {name}, which only {uses} has a use for"
        if self.kind != "number" and self.unit:
            yield "has a unit, which is for numbers only"
        if self.source == EVENT_TIME and (self.kind != "time" or self.required):
            yield "reads the event time, which can be a time of day or week only, not required"

    def _misplaced_in_history(self) -> Iterator[str]:
        told = f'history = "{self.history}"'
        if self.kind != "number":
            yield f"has {told}, which is of numbers, and transform {self.transform}"
        if not self.per:
            yield f"has {told}, which needs per: the member by which events belong together"
        if self._given("given"):
            yield f"has given, which {told} has no use for; per says whose events"
        if self.history == "against_mean" and self.transform == "asinh":
            yield f'has {told} and transform asinh; allowed are "log1p" (a ratio) and "identity"'
        if self.history in _OF_EVENTS:
            for name in filter(self._given, ("unit", "source", "required")):
                yield f"has {name}, but {told} reads no member"
        if self.history == "since" and self._given("half_life"):
            yield f"has half_life, which {told} has no use for"
        if self.history in _OF_TIME and not isinstance(self.half_life, str):
            yield f'has {told}, which needs half_life, a span of time such as "1h"'

    def _given(self, name: str) -> bool:
        return bool(getattr(self, name) != _DEFAULTS[name])


def is_unit(unit: object) -> bool:
    """Whether this may stand behind a number as its unit; nothing is none."""
    return isinstance(unit, str) and unit.isprintable() and len(unit) <= _LONGEST_UNIT
