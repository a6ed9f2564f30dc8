"""What each feature of a job is, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamgmm.events.field import EVENT_TIME
from streamgmm.events.histories import most_bytes
from streamgmm.words import number, quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamgmm.events.field import Field
    from streamgmm.events.schema import Schema

_SCALES: Final = {
    "identity": "as it is",
    "log1p": "on a logarithmic scale, so that ten times as much is as far anywhere",
    "asinh": "on a logarithmic scale to either side of 0",
}
_OWN_BYTES: Final = 4_000  # of one key's categories, at most
_FADING: Final = "after {span} one counts half"
_HISTORIES: Final = {
    "since": "the time since the last event of the same {whose}",
    "count": "how many events of the same {whose} came before; " + _FADING,
    "sum": "the sum of {member} in earlier events of the same {whose}; " + _FADING,
    "mean": "the mean of {member} in earlier events of the same {whose}; " + _FADING,
    "against_mean": "the number {member} against its mean in earlier events of the same {whose}; "
    + _FADING,
}


def explain_features(schema: Schema) -> Iterator[tuple[str, str]]:
    """Give name and sentence of each field of a schema."""
    for field in schema.fields:
        if field.history is not None:
            sentence = _history(field)
        elif field.kind == "category":
            sentence = _category(field)
        elif field.kind == "time":
            sentence = _time(field)
        else:
            shown = f", shown in {field.unit}" * bool(field.unit)
            sentence = f"The number {field.member}, {_SCALES[field.transform]}{shown}"
        must = "; an event without it is a dead letter" * field.required
        yield field.name, f"{sentence}{must}."


def _history(field: Field) -> str:
    span = (
        f"{number(float(field.half_life))} of its events"
        if field.half_life_seconds is None
        else quantity(field.half_life_seconds, "s")
    )
    whose = _whose(field)
    told = _HISTORIES[str(field.history)].format(whose=whose, member=field.member, span=span)
    kept = quantity(most_bytes(1, field.keys), "B", 2)
    return (
        f"{told[0].upper()}{told[1:]}. The latest {number(field.keys)} are remembered, "
        f"in {kept} at most"
    )


def _category(field: Field) -> str:
    half = number(float(field.half_life))
    if not field.given:
        return (
            f"How usual {field.member} is: -log of its share of the events; after {half} events "
            "one counts half"
        )
    kept = quantity(float(_OWN_BYTES) * field.keys, "B", 2)
    return (
        f"How usual {field.member} is for the {_whose(field)}, and for all: -log of its share of "
        f"the events; after {half} events (for the {_whose(field)}: of its own) one counts half. "
        f"The latest {number(field.keys)} are remembered, in {kept} at most"
    )


def _time(field: Field) -> str:
    which = "day" if field.transform == "time_of_day" else "week"
    of = "the event" if field.source == EVENT_TIME else field.member
    return f"The time of {which} of {of}, on a circle: the end lies beside the beginning"


def _whose(field: Field) -> str:
    return field.owner if isinstance(field.owner, str) else "key"
