"""Avro: one record a message, by the schema it was written with (without a file's container)."""

from __future__ import annotations

import io
import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from streamgmm.errors import ConfigError, EventError
from streamgmm.events.avro_bounds import walk_of
from streamgmm.events.binary import Column, read_schema_file, without_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamgmm.events.readings import Reading

_TYPES: Final[dict[str, type]] = {
    "int": float,
    "long": float,
    "float": float,
    "double": float,
    "boolean": bool,
    "string": str,
    "enum": str,
}
_MALFORMED: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
_UNITS: Final = {"timestamp-millis": "ms", "timestamp-micros": "us", "timestamp-nanos": "ns"}


class AvroFormat:
    """An Avro schema in JSON (an .avsc file) whose top is a record.

    Logical types are left aside: a timestamp is the number that was written.

    Parameters
    ----------
    path
        Of the schema's file.
    confluent
        Whether each message begins with the header of the Confluent wire format. The schema's
        number in it is not looked at: all messages have to be written with this schema.

    Raises
    ------
    ConfigError
        fastavro is not installed, or the file is no schema of a record.
    """

    def __init__(self, path: str, *, confluent: bool = False) -> None:
        try:
            import fastavro
            from fastavro.schema import SchemaParseException, UnknownType
        except ImportError:
            raise ConfigError(
                '[source] format = "avro" needs fastavro; install it with '
                "`pip install streamgmm[avro]`"
            ) from None
        self.path = path
        self._confluent = confluent
        self._decode = fastavro.schemaless_reader
        text = read_schema_file(path, "an Avro schema in JSON")
        self._named: dict[str, Any] = {}
        try:
            raw = json.loads(text)
            self._top: Any = fastavro.parse_schema(raw, self._named)
            named: dict[str, Any] = {}
            self._written: Any = fastavro.parse_schema(_without_logical_types(raw), named)
            self._walk = walk_of(self._written, named)
        except (SchemaParseException, UnknownType, *_MALFORMED) as error:
            why = f"unknown type {error}" if isinstance(error, UnknownType) else error
            raise ConfigError(
                f"{path}: is no Avro schema ({why}); name the file with the events' schema in "
                f"JSON (.avsc)"
            ) from None
        if not isinstance(self._top, dict) or self._top.get("type") != "record":
            raise ConfigError(
                f"{path}: describes a {_name(self._top)}; an event is a record, "
                f"name the schema of one"
            )
        self.names = tuple(field["name"] for field in self._top["fields"])

    def column(self, way: Reading) -> Column | None:
        """Return the member at `way`, or None if there is none."""
        kind: Any = self._top
        for name in way:
            branches = self._branches(kind)
            if len(branches) != 1 or not isinstance(branches[0], dict):
                return None
            fields = {field["name"]: field for field in branches[0].get("fields", ())}
            if name not in fields:
                return None
            kind = fields[name]["type"]
        branches = self._branches(kind)
        names = [_name(branch) for branch in branches]
        known = all(name in _TYPES for name in names)
        types = frozenset(_TYPES[name] for name in names) if known else frozenset()
        logical = [branch.get("logicalType") for branch in branches if isinstance(branch, dict)]
        words = " or ".join([*map(str, filter(None, logical))] or names) or "null"
        units = [_UNITS[name] for name in logical if name in _UNITS]
        return Column(types, words, _getter(way), units[0] if units else None)

    def read(self, value: bytes) -> Any:
        """Return a decoded event, or raise EventError."""
        body = without_header(value, "not_avro") if self._confluent else value
        if self._walk is not None:
            self._walk(body)
        stream = io.BytesIO(body)
        try:
            event = self._decode(stream, self._written, None)
        except Exception as error:  # noqa: BLE001  # fastavro lets through whatever bytes lead to
            raise EventError(
                "not_avro",
                f"the bytes are no record of {self.path} ({type(error).__name__}: {error})",
            ) from None
        if stream.tell() != len(body):
            raise EventError(
                "not_avro",
                f"a record of {self.path} ends after {stream.tell()} of {len(body)} bytes; "
                f"was the event written with another schema?",
            )
        return event

    def show(self, event: Any) -> Any:
        """Return a decoded event as plain values."""
        return event

    def _branches(self, kind: Any) -> list[Any]:
        """Return the types that a type stands for, named ones in full, without null."""
        kinds = kind if isinstance(kind, list) else [kind]
        full = [self._named.get(one, one) if isinstance(one, str) else one for one in kinds]
        return [one for one in full if _name(one) != "null"]


def _name(kind: Any) -> str:
    if isinstance(kind, list):
        return "union"
    return str(kind["type"]) if isinstance(kind, dict) else str(kind)


def _getter(way: Reading) -> Callable[[Any], Any]:
    if len(way) == 1:
        return itemgetter(way[0])

    def get(event: Any) -> Any:
        for name in way:
            if event is None:
                return None
            event = event[name]
        return event

    return get


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_logical_types(one) for one in schema]
    if isinstance(schema, dict):
        return {k: _without_logical_types(v) for k, v in schema.items() if k != "logicalType"}
    return schema
