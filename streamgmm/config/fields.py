"""Reads ``[events.fields]``: a line for each feature, a transform or a table of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamgmm.config.messages import nearest, shown
from streamgmm.config.rules import Rule, choice, text, whole
from streamgmm.config.toml import FIELD_KEYS, toml_value
from streamgmm.events.field import (
    HISTORY_NAMES,
    MOST_KEYS,
    TRANSFORM_NAMES,
    UNIT_WORDS,
    Field,
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


_RULES: Final = {
    "required": Rule("true or false", _truth),
    "unit": Rule(UNIT_WORDS, _unit),
    "from": text("the name of a field", empty=False),
    "given": Rule("the name of a field, or true for the event's key", _given),
    "history": choice(*HISTORY_NAMES),
    "per": Rule("the name of a field, or true for the event's key", _given),
    "half_life": Rule(
        'a number of events from 1, or of a history a span of time such as "1h"', _half_life
    ),
    "keys": whole(1, MOST_KEYS),
}


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
    for key, rule in _RULES.items():
        if key not in given:
            continue
        try:
            values[FIELD_KEYS[key]] = rule.read(given[key])
        except (ValueError, TypeError, OverflowError):
            problems.append(f"has {key} {shown(given[key])}; allowed is {rule.allowed}")
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
