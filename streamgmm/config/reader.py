"""Makes the sections from tables of plain values, and gathers everything that is wrong.

One ConfigError carries all problems, so that a file is put right in one go. A message names
where the value came from, what was got and what is allowed.
"""

from __future__ import annotations

import tomllib
from copy import deepcopy
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from streamgmm.config.checks import check_together
from streamgmm.config.fields import read_field
from streamgmm.config.job import Config
from streamgmm.config.messages import nearest, shown
from streamgmm.config.sections import Alerts, Events, Model, Service
from streamgmm.config.sinks import FileOutput, KafkaOutput
from streamgmm.config.sources import FileInput, KafkaInput
from streamgmm.config.telemetry import Telemetry
from streamgmm.config.toml import rules_of, toml_value
from streamgmm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamgmm.config.rules import Rule
    from streamgmm.events.field import Field

PREFIX = "STREAMGMM__"

_SECTIONS: dict[str, dict[str, type]] = {
    "source": {"file": FileInput, "kafka": KafkaInput},
    "events": {"": Events},
    "model": {"": Model},
    "alerts": {"": Alerts},
    "sink": {"file": FileOutput, "kafka": KafkaOutput},
    "service": {"": Service},
    "telemetry": {"": Telemetry},
}
_ALIASES = {"topic": "topics"}


class Reader:
    """Gathers tables and problems, then makes the sections."""

    def __init__(self, name: str, tables: dict[str, Any]) -> None:
        self._name = name
        self._tables = deepcopy(tables)
        source = tables.get("source")
        self._problems: list[str] = []
        if isinstance(source, dict) and "topic" in source:
            topic = self._tables["source"].pop("topic")
            if "topics" in source:
                self._problems.append(
                    f"{name}: [source] has both topic and topics; name all of them in topics"
                )
            else:
                self._tables["source"]["topics"] = topic
        self._origins: dict[tuple[str, str], str] = {}  # where a value is not from the file
        self._texts: dict[tuple[str, str], str] = {}  # the raw text of an environment variable

    def apply_environment(self, env: Mapping[str, str]) -> None:
        """Put ``STREAMGMM__SECTION__KEY`` (and ``__FIELDS__name``) over the file."""
        variables = [name for name in sorted(env) if name.upper().startswith(PREFIX)]
        # A type comes first: it decides which keys the section has.
        for variable in sorted(variables, key=lambda name: not name.upper().endswith("__TYPE")):
            section, _, rest = variable[len(PREFIX) :].partition("__")
            key, _, member = rest.partition("__")
            section, key = section.lower(), _ALIASES.get(key.lower(), key.lower())
            if section not in _SECTIONS or not key:
                self._problems.append(
                    f"environment {variable}: names no key of a section"
                    f"{nearest(section, _SECTIONS)}; the form is {PREFIX}SECTION__KEY"
                )
                continue
            value = _parsed(env[variable])
            table = self._table(section)
            if member:
                inner = table.setdefault(key, {})
                if isinstance(inner, dict):
                    inner[member] = value
            else:
                if key == "type" and value != table.get("type"):
                    table.clear()
                table[key] = value
                self._texts[section, key] = env[variable]
            self._origins[section, key] = f"environment {variable}"

    def apply_changes(self, section: str, keys: Mapping[str, Any]) -> None:
        """Put the caller's values over everything else."""
        table = self._table(section)
        if keys.get("type", table.get("type")) != table.get("type"):
            table.clear()
        for alias, value in keys.items():
            key = _ALIASES.get(alias, alias)
            table[key] = value
            self._origins[section, key] = "command line"
            self._texts.pop((section, key), None)

    def config(self) -> Config:
        """Return the configuration, or raise with everything that is wrong."""
        for section in self._tables:
            if section not in _SECTIONS:
                self._problems.append(
                    f"{self._name}: there is no section [{section}]{nearest(section, _SECTIONS)}"
                )
        made = {section: self._section(section) for section in _SECTIONS}
        if not self._problems:
            config = Config(**made)
            self._problems += [f"{self._name}: {p}" for p in check_together(config)]
        if self._problems:
            raise ConfigError(*self._problems)
        return config

    def _table(self, section: str) -> dict[str, Any]:
        table = self._tables.setdefault(section, {})
        if not isinstance(table, dict):
            self._problems.append(
                f"{self._name}: {section} is {shown(table)}; it must be a section, [{section}]"
            )
            table = self._tables[section] = {}
        return table

    def _section(self, section: str) -> Any:
        table = dict(self._table(section))
        cls = self._class(section, table)
        if cls is None:
            return None
        rules = rules_of(cls)
        known = [*rules, *(["fields"] if cls is Events else [])]
        values = {}
        for key, value in table.items():
            if key in rules:
                values[key] = self._value(section, key, value, rules[key][0])
            elif key == "fields" and cls is Events:
                values[key] = self._fields(value)
            else:
                self._problems.append(
                    f"{self._where(section, key)}: [{section}] has no key {key!r}"
                    f"{nearest(key, known)}"
                )
        absent = [
            f.name
            for f in fields(cls)
            if f.default is MISSING and f.default_factory is MISSING and f.name not in values
        ]
        for key in absent:
            self._problems.append(f"{self._name}: [{section}] lacks {key}; {_wanted(key, rules)}")
        before = len(self._problems)
        return cls(**values) if not absent and before == len(self._problems) else None

    def _class(self, section: str, table: dict[str, Any]) -> type | None:
        classes = _SECTIONS[section]
        if "" in classes:
            return classes[""]
        kind = table.pop("type", None if table or section == "source" else "file")
        if isinstance(kind, str) and kind in classes:
            return classes[kind]
        got = "is missing" if kind is None else f"is {shown(kind)}"
        self._problems.append(
            f"{self._where(section, 'type')}: [{section}] type {got}; "
            f"allowed is {' or '.join(toml_value(name) for name in classes)}"
        )
        return None

    def _value(self, section: str, key: str, value: Any, rule: Rule) -> Any:
        # A variable's text may look like TOML of another type: group = 123 means "123".
        for candidate in (value, self._texts.get((section, key), value)):
            try:
                return rule.read(candidate)
            except (ValueError, TypeError, OverflowError):
                continue
        got = "a value that is not shown" if rule.secret else shown(value)
        self._problems.append(
            f"{self._where(section, key)}: [{section}] {key} is {got}; allowed is {rule.allowed}"
        )
        return None

    def _fields(self, table: Any) -> tuple[Field, ...]:
        where = self._where("events", "fields")
        if not isinstance(table, dict) or not table:
            self._problems.append(
                f"{where}: [events] fields is {shown(table)}; a table of at least one field and "
                f'its transform is due, such as {{ duration = "log1p" }}'
            )
            return ()
        return tuple(
            field for name, spec in table.items() if (field := self._field(where, name, spec))
        )

    def _field(self, where: str, name: str, spec: Any) -> Field | None:
        field, problems = read_field(name, spec)
        self._problems += [f"{where}: [events] fields {name!r} {problem}" for problem in problems]
        return field

    def _where(self, section: str, key: str) -> str:
        return self._origins.get((section, key), self._name)


def _parsed(text: str) -> Any:
    """Return the value of an environment variable: TOML if it is that, else the text itself."""
    try:
        tables = tomllib.loads(f"value = {text}")
    except ValueError:  # a TOMLDecodeError, or a number of thousands of digits
        return text
    return tables["value"] if list(tables) == ["value"] else text


def _wanted(key: str, rules: Mapping[str, tuple[Rule, str]]) -> str:
    if key in rules:
        return f"give {rules[key][0].allowed}"
    return 'give the features and their transforms, such as { duration = "log1p" }'
