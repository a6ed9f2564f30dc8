"""The tables of `docs/configuration.md`: each section's keys, and what a feature may be set to."""

from __future__ import annotations

import types
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from streamgmm.config import Events, Secret
from streamgmm.config.fields import HISTORIES, SETTINGS, TRANSFORMS
from streamgmm.config.reader import _SECTIONS
from streamgmm.config.toml import FIELD_KEYS, more_of, rules_of, toml_value
from streamgmm.events.field import Field
from streamgmm.words import quantity
from tools.references.tables import table

if TYPE_CHECKING:
    from streamgmm.config.rules import Rule

SECTIONS = {
    f"[{section}] of type {kind}" if kind else f"[{section}]": cls
    for section, classes in _SECTIONS.items()
    for kind, cls in classes.items()
}
_HEADS = ("key", "type", "default", "allowed", "meaning")
_TYPES = {bool: "boolean", int: "integer", float: "float", str: "string", Secret: "string"}
_MINUTE = 60


def blocks() -> dict[str, str]:
    """Write all tables, by name."""
    made = {name: _section(section) for name, section in SECTIONS.items()}
    made["transforms"] = table(("transform", "for"), _words(TRANSFORMS))
    made["histories"] = table(
        ("`history`", "of the earlier events with the same key"), _words(HISTORIES)
    )
    made["settings of a feature"] = _settings()
    return made


def _section(section: type) -> str:
    hints, more = get_type_hints(section), more_of(section)
    rows = []
    if section is Events:
        rows.append(("`fields`", "table", "required", "a line for each", "the features, see below"))
    for name, (rule, words) in rules_of(section).items():
        meaning = f"{words}. {more[name]}" if name in more else words
        kind = "seconds" if rule.span else _type_of(hints[name])
        rows.append((f"`{name}`", kind, _default(section, name, rule), _allowed(rule), meaning))
    return table(_HEADS, rows)


def _settings() -> str:
    defaults = {one.name: one.default for one in fields(Field)}
    hints = get_type_hints(Field)
    kinds = {key: _type_of(hints[FIELD_KEYS[key]]) for key in SETTINGS}
    unset = (None, False, "")
    words = 'how the number is taken; `since`, `count` and `sum` take "log1p" by default'
    rows = [("`transform`", "string", '`"identity"`', "see above", words)]
    for key, (rule, words) in SETTINGS.items():
        default = defaults[FIELD_KEYS[key]]
        shown = "none" if default in unset and key != "required" else f"`{toml_value(default)}`"
        rows.append((f"`{key}`", kinds[key], shown, _allowed(rule), words))
    return table(("setting", *_HEADS[1:]), rows)


def _default(section: type, key: str, rule: Rule) -> str:
    field = next(one for one in fields(section) if one.name == key)
    if field.default is MISSING and field.default_factory is MISSING:
        return "required"
    value: Any = field.default if field.default is not MISSING else field.default_factory()
    if value == () and not rule.empty:
        return "none"
    shown = f"`{toml_value(value.reveal() if isinstance(value, Secret) else value)}`"
    long = rule.span and value > _MINUTE
    return f"{shown} ({quantity(value, 's')})" if long else shown


def _allowed(rule: Rule) -> str:
    """Say it shortly: how a length of time is written stands on the page once."""
    if rule.span:
        return rule.allowed.removeprefix("a number of seconds ").partition(", ")[0]
    return rule.allowed.replace('" or "', '", "')


def _type_of(hint: Any) -> str:
    """Name a type as TOML does."""
    if get_origin(hint) in (Union, types.UnionType):
        names = [_type_of(one) for one in get_args(hint) if one is not type(None)]
        return " or ".join(names)
    if get_origin(hint) is tuple:
        return "array of strings"
    return _TYPES.get(hint, "string")  # the names of a Literal are strings


def _words(words: dict[Any, str]) -> list[tuple[str, str]]:
    return [(f"`{name}`", text) for name, text in words.items()]
