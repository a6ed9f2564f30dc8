"""Writes a configuration as TOML: every key with its value, secrets left out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_type_hints

from streamgmm.config.rules import Rule, Secret
from streamgmm.events.field import Field

FIELD_KEYS = {
    "transform": "transform",
    "required": "required",
    "unit": "unit",
    "from": "source",
    "given": "given",
    "half_life": "half_life",
    "keys": "keys",
    "history": "history",
    "per": "per",
}
"""What a line of ``[events.fields]`` may set, and the parameter of `Field` that it is."""

_LONG = 10**100
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def write_toml(config: Any, *, comments: bool) -> str:
    """Return the sections of a configuration as TOML, with their explanations if asked."""
    parts = []
    for section in fields(config):
        value = getattr(config, section.name)
        lines = [f"[{section.name}]"]
        if kind := getattr(value, "TYPE", ""):
            lines.append(f'type = "{kind}"')
        for name, (rule, words) in rules_of(type(value)).items():
            got = getattr(value, name)
            if got == () and not rule.empty:  # not given
                continue
            if comments:
                lines += [f"# {words}", f"# ({rule.allowed})"]
            hidden = isinstance(got, Secret)
            lines.append(f"# {name} is not shown" if hidden else f"{name} = {toml_value(got)}")
        if isinstance(getattr(value, "fields", None), tuple):
            lines += ["", "[events.fields]", *map(_field_line, value.fields)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def rules_of(section: type) -> dict[str, tuple[Rule, str]]:
    """Return the rule of each key of a section, and what the key does; inherited keys last."""
    hints = get_type_hints(section, include_extras=True)
    names = sorted((key.name for key in fields(section)), key=_inherited(section))
    return {
        name: hints[name].__metadata__[:2] for name in names if hasattr(hints[name], "__metadata__")
    }


def more_of(section: type) -> dict[str, str]:
    """Return what the reference says of some keys beyond the words of `rules_of`."""
    hints = get_type_hints(section, include_extras=True)
    told: dict[str, tuple[Any, ...]] = {
        name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()
    }
    return {name: given[2] for name, given in told.items() if len(given) > 2}


def _inherited(section: type) -> Callable[[str], bool]:
    return lambda name: name not in section.__annotations__


def toml_value(value: Any) -> str:
    """Return a value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict):
        members = (f"{toml_key(k)} = {toml_value(v)}" for k, v in value.items())
        return f"{{ {', '.join(members)} }}"
    if isinstance(value, float):
        return repr(int(value) if value.is_integer() and abs(value) < 1e15 else value)
    if isinstance(value, int):
        # Python refuses to write out thousands of digits, and nobody wants to read them.
        return repr(value) if abs(value) < _LONG else f"{hex(value)[:20]}..."
    # JSON's escapes are TOML's, but for the delete character, which TOML wants escaped.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(name: str) -> str:
    """Return a key as TOML, quoted where it must be."""
    return name if _BARE.fullmatch(name) else toml_value(name)


def _field_line(field: Field) -> str:
    plain = Field(field.name)
    changed = {
        key: value
        for key, name in FIELD_KEYS.items()
        if (value := getattr(field, name)) != getattr(plain, name)
    }
    short = changed.keys() <= {"transform"}
    value = field.transform if short else {"transform": field.transform, **changed}
    return f"{toml_key(field.name)} = {toml_value(value)}"
