"""Reads ``[events.fields]``: a line for each feature, a transform or a table of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamgmm.config.messages import nearest, shown
from streamgmm.config.rules import Rule, choice, text, whole
from streamgmm.config.toml import FIELD_KEYS, toml_value
from streamgmm.events.field import (
    HISTORY_NAMES,
    MOST_KEYS,
    TRANSFORM_NAMES,
    UNIT_WORDS,
    Field,
    HistoryName,
    TransformName,
    is_unit,
)
from streamgmm.spans import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _unit(value: Any) -> str:
    if not is_unit(value):
        raise ValueError
    return str(value)


def _given(value: Any) -> str | bool:
    if value is not True and not (isinstance(value, str) and value):
        raise ValueError
    return value


def _half_life(value: Any) -> float | str:
    if isinstance(value, str):
        seconds_of(value)
        return value.replace(" ", "")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < 1e18:
        raise ValueError
    return float(value)


class Setting(NamedTuple):
    """A setting of a feature: what is allowed, and in words what it does."""

    rule: Rule
    words: str


TRANSFORMS: Final[dict[TransformName, str]] = {
    "identity": "numbers whose spread is even",
    "log1p": "counts, bytes, durations: log(1 + x). Below 0: a dead letter",
    "asinh": "the same for values of either sign",
    "surprise": "categories: -log of how frequent the value has been lately. Text, numbers and "
    "truth values",
    "time_of_day": "a time other than the event's: a point on the circle of the day. As the `time` "
    "field",
    "time_of_week": "the same on the circle of the week",
}
"""What each transform is for."""

HISTORIES: Final[dict[HistoryName, str]] = {
    "since": "the time since the latest one. Missing for the first event of a key",
    "count": "how many there were; one counts half after `half_life`",
    "sum": "the sum of the number in those, fading in the same way",
    "mean": "the fading mean of the number, on the scale of `transform`. Missing until there is "
    "one",
    "against_mean": 'the event\'s own number less that mean; with `transform = "log1p"` it is told '
    'as a ratio, with "identity" as a difference',
}
"""What each history takes from the earlier events with the same key."""

SETTINGS: Final[dict[str, Setting]] = {
    "required": Setting(
        Rule("true or false", _truth),
        "whether an event without it is a dead letter; else it is missing",
    ),
    "unit": Setting(
        Rule(UNIT_WORDS, _unit),
        "what its numbers are in, for the reasons of alerts; it changes no score",
    ),
    "from": Setting(
        text("the name of a field", empty=False),
        "the member that is read, where it is not the feature's own name",
    ),
    "given": Setting(
        Rule("the name of a field, or true for the event's key", _given),
        "of a surprise: the member whose own history counts too (a card, a host). A key that is "
        "new is judged by all events, and by its own the more it has of them",
    ),
    "history": Setting(
        choice(*HISTORY_NAMES),
        "what is taken from the earlier events with the same key",
    ),
    "per": Setting(
        Rule("the name of a field, or true for the event's key", _given),
        "of a history, which needs it: the member by which events belong together (a card, a "
        "host). An event without it has no history",
    ),
    "half_life": Setting(
        Rule('a number of events from 1, or of a history a span of time such as "1h"', _half_life),
        "after so much a count has half its weight; a number counts the events, of a key its own. "
        "`count` and `sum` need a span, `since` has none",
    ),
    "keys": Setting(
        whole(1, MOST_KEYS),
        "with `given` and `per`: how many keys are remembered, those seen last. A key takes 1 kB "
        "to 4 kB for a surprise; for histories some 0.3 kB, and 16 bytes for each of them",
    ),
}
"""What a feature's table may set beside its transform: the rule, and what it does."""


def read_field(name: str, spec: Any) -> tuple[Field | None, list[str]]:
    """Return a feature, or None, and what is wrong with its line, to stand after its name."""
    given = spec if isinstance(spec, dict) else {"transform": spec}
    problems = list(_unknown(name, given))
    # Spans, counts and sums spread over orders of magnitude.
    usual = "log1p" if given.get("history") in ("since", "count", "sum") else "identity"
    transform = given.get("transform", usual)
    if transform not in TRANSFORM_NAMES:
        problems.append(
            f"has transform {shown(transform)}{nearest(str(transform), TRANSFORM_NAMES)}"
        )
    values = {}
    for key, setting in SETTINGS.items():
        if key not in given:
            continue
        try:
            values[FIELD_KEYS[key]] = setting.rule.read(given[key])
        except (ValueError, TypeError, OverflowError):
            problems.append(f"has {key} {shown(given[key])}; allowed is {setting.rule.allowed}")
    if not name:
        problems.append("is a field without a name")
    if problems:
        return None, problems
    try:
        return Field(name, transform, **values), []
    except ValueError as error:
        return None, [str(error).removeprefix(f"field {name!r} ")]


def _unknown(name: str, given: dict[str, Any]) -> Iterator[str]:
    for key in given:
        if key not in FIELD_KEYS:
            yield (
                f"has no key {key!r}{nearest(key, FIELD_KEYS)}; a dot in a field's name needs "
                f"quotes, {toml_value(f'{name}.{key}')}"
            )
