"""From the bytes of one event to a typed struct, and from a failure to a clear reason.

A struct has one attribute a feature (``f0``, ``f1``, ...) and ``key``, ``time``, ``label``
where the schema names such fields. msgspec makes the class at run time, so a field may have
any name. Decoding is fast because a good event is never looked at twice: only after a
failure is the event taken apart again to say what is wrong with it.
"""

from __future__ import annotations

import csv
import json
import math
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from streamgmm.errors import EventError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamgmm.events.schema import Schema

REASONS: dict[str, str] = {
    "empty": "no bytes, or nothing but white space",
    "not_utf8": "the bytes are not UTF-8 text",
    "not_json": "the text is not JSON",
    "not_an_object": "JSON, but not an object with the event's fields",
    "too_deep": "nested too deeply to be read",
    "bad_row": "the line of a CSV file does not have the header's columns",
    "missing_field": "a required field is absent, null or blank",
    "wrong_type": "a field has a value of another type",
    "not_finite": "a number is NaN, infinite or too large for a 64-bit float",
    "out_of_domain": "a value lies outside what the field's transform accepts",
    "bad_time": "the time field cannot be understood as a time of the years 1 to 9999",
    "too_far_ahead": "the event is dated too far after the latest one of its partition",
}
"""Reason codes of dead letters: stable, for counting and for alert rules."""

_CHUNK = 64  # lines decoded in one call: large enough to be fast, small enough to retry
_SHOWN = 80  # characters of a value shown in a message


class Decoder(Protocol):
    """Reads events of one schema, in one format."""

    def decode(self, value: bytes | None) -> Any:
        """Return the typed struct of one event, or raise EventError."""

    def decode_many(self, values: Sequence[bytes | None]) -> list[Any]:
        """Return a struct or an EventError for each event, in order."""

    def event(self, value: bytes) -> bytes:
        """Return an event as one line of JSON, for an alert."""


def feature_getter(schema: Schema) -> Callable[[Any], tuple[Any, ...]]:
    """Return the function from a struct to the tuple of its d features."""
    names = [f"f{i}" for i in range(len(schema.fields))]
    if len(names) == 1:
        first = attrgetter(names[0])
        return lambda event: (first(event),)
    return attrgetter(*names)


def special_getter(schema: Schema, role: str) -> Callable[[Any], Any] | None:
    """Return the function from a struct to its ``key``, ``time`` or ``label``, if there is one."""
    name = getattr(schema, role)
    if name is None:
        return None
    # A field in two roles (a port that is key and feature) is decoded once.
    return attrgetter(f"f{schema.names.index(name)}" if name in schema.names else role)


def event_struct(schema: Schema) -> type[msgspec.Struct]:
    """Make the struct class of a schema.

    Features are numbers; true and false count as 1 and 0. Optional ones default to None.
    """
    required: list[tuple[str, Any, Any]] = []
    optional: list[tuple[str, Any, Any]] = []
    for i, feature in enumerate(schema.fields):
        if feature.required:
            required.append((f"f{i}", float | bool, msgspec.field(name=feature.name)))
        else:
            optional.append((f"f{i}", float | bool | None, _optional(feature.name)))
    taken = set(schema.names)
    specials = {
        "time": str | int | float | None,
        "key": str | int | float | bool | None,
        "label": str | int | float | bool | None,
    }
    twice: dict[str, str] = {}
    for role, kind in specials.items():
        name = getattr(schema, role)
        if name is None or name in taken:
            continue
        if name in twice:
            raise ValueError(f"the {role} field {name!r} is also the {twice[name]} field")
        twice[name] = role
        optional.append((role, kind, _optional(name)))
    return msgspec.defstruct("Event", required + optional, gc=False)


def _optional(name: str) -> Any:
    return msgspec.field(name=name, default=None)


class JsonDecoder:
    """Reads one JSON object an event.

    Unknown members are skipped, the last of repeated ones wins, null and absent are the
    same. Text where a number is due, NaN, Infinity and numbers beyond a 64-bit float are
    refused.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._decoder = msgspec.json.Decoder(event_struct(schema))

    def decode(self, value: bytes | None) -> Any:
        """Return the typed struct of one event, or raise EventError."""
        try:
            return self._decoder.decode(value or b"")
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            raise explain(value, self._schema, error) from None

    def decode_many(self, values: Sequence[bytes | None]) -> list[Any]:
        """Return a struct or an EventError for each event, in order."""
        out: list[Any] = []
        for start in range(0, len(values), _CHUNK):
            chunk = values[start : start + _CHUNK]
            out += self._decode_lines(chunk) or map(self._decode_or_error, chunk)
        return out

    def _decode_lines(self, chunk: Sequence[bytes | None]) -> list[Any] | None:
        """Decode a chunk in one call; None if that cannot be done, or not for sure."""
        try:
            lines = b"\n".join(chunk)  # type: ignore[arg-type]  # None raises TypeError
            # With exactly one newline between two events (JSON text allows none inside its
            # strings) and one struct a line, no event can pass for two or swallow another.
            if lines.count(b"\n") != len(chunk) - 1:
                return None
            structs = self._decoder.decode_lines(lines)
        except (ValueError, TypeError, RecursionError):
            return None
        return structs if len(structs) == len(chunk) else None

    def _decode_or_error(self, value: bytes | None) -> Any:
        try:
            return self.decode(value)
        except EventError as error:
            return error

    def event(self, value: bytes) -> bytes:
        """Return an event that was decoded as one line of JSON.

        Bytes that are not UTF-8 (only members outside the schema can have them) are replaced.
        """
        text = value.decode("utf-8", errors="replace").encode()
        return msgspec.json.format(text, indent=-1)


class CsvDecoder:
    """Reads one line of a CSV file an event; a blank cell is a missing value.

    Parameters
    ----------
    columns
        The header: names of the cells of each line.
    delimiter
        One character between cells.
    """

    def __init__(self, schema: Schema, columns: Sequence[str], delimiter: str = ",") -> None:
        self._columns = tuple(columns)
        self._delimiter = delimiter
        self._schema = schema
        self._struct = event_struct(schema)
        self._features = [
            (f"f{i}", field, self._column(field.name)) for i, field in enumerate(schema.fields)
        ]
        self._specials = [
            (role, self._column(name))
            for role in ("key", "time", "label")
            if (name := getattr(schema, role)) is not None and name not in schema.names
        ]

    def decode(self, value: bytes | None) -> Any:
        """Return the typed struct of one event, or raise EventError."""
        cells = self._cells(value)
        members: dict[str, Any] = {}
        for attribute, field, column in self._features:
            text = cells[column].strip()
            if text:
                members[attribute] = _number(text, field.name)
            elif field.required:
                raise _missing(field.name, "blank")
        for role, column in self._specials:
            members[role] = cells[column].strip() or None
        return self._struct(**members)

    def decode_many(self, values: Sequence[bytes | None]) -> list[Any]:
        """Return a struct or an EventError for each event, in order."""
        out: list[Any] = []
        for value in values:
            try:
                out.append(self.decode(value))
            except EventError as error:
                out.append(error)
        return out

    def event(self, value: bytes) -> bytes:
        """Return a line that was decoded as a JSON object, its numbers as numbers."""
        cells = zip(self._columns, self._cells(value), strict=True)
        return msgspec.json.encode({name: _json_value(text) for name, text in cells})

    def _cells(self, value: bytes | None) -> list[str]:
        if value is None or not value.strip():
            raise EventError("empty", "the event has no bytes; a line of cells is expected")
        try:
            cells = next(csv.reader((value.decode(),), delimiter=self._delimiter, strict=True))
        except UnicodeDecodeError as error:
            raise _not_utf8(error) from None
        except (csv.Error, StopIteration) as error:
            raise EventError("bad_row", f"the line cannot be split into cells: {error}") from None
        if len(cells) != len(self._columns):
            raise EventError(
                "bad_row",
                f"the line has {len(cells)} cells where the header names {len(self._columns)}",
            )
        return cells

    def _column(self, name: str) -> int:
        try:
            return self._columns.index(name)
        except ValueError:
            raise ValueError(
                f"the file has no column {name!r}; its header names {', '.join(self._columns)}"
            ) from None


def explain(value: bytes | None, schema: Schema, error: Exception) -> EventError:
    """Say what is wrong with an event that msgspec refused with `error`."""
    if value is None or not value.strip():
        return EventError("empty", "the event has no bytes; a JSON object is expected")
    if isinstance(error, RecursionError):
        return EventError("too_deep", "the event is nested too deeply to be read; flatten it")
    try:
        text = value.decode()
        # json accepts NaN and Infinity, which lets the message name the field.
        event = json.loads(text, parse_int=float)
    except UnicodeDecodeError as fault:
        return _not_utf8(fault)
    except (ValueError, RecursionError):
        return EventError("not_json", str(error))
    if not isinstance(event, dict):
        return EventError(
            "not_an_object", f"got {_kind(event)}; one JSON object with the event's fields is due"
        )
    return _explain_object(event, schema, error)


def _explain_object(event: dict[str, Any], schema: Schema, error: Exception) -> EventError:
    for field in schema.fields:
        got = event.get(field.name)
        if got is None:
            if field.required:
                return _missing(field.name, "null" if field.name in event else "absent")
        elif not isinstance(got, bool | float):
            return _wrong_type(field.name, got, "a number, true, false or null")
        elif not math.isfinite(got):
            return _not_finite(field.name, got)
    for role, allowed in (("time", str | float), ("key", str | float | bool)):
        name = getattr(schema, role)
        got = event.get(name)
        if got is not None and not isinstance(got, allowed):
            return _wrong_type(name, got, "text, a number or null")
    if isinstance(error, msgspec.ValidationError):
        return EventError("wrong_type", str(error))
    return EventError("not_json", str(error))


def _number(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise _wrong_type(name, text, "a number or a blank cell") from None
    if not math.isfinite(number):
        raise _not_finite(name, text)
    return number


def _json_value(text: str) -> Any:
    """Return a cell as its JSON value: null if blank, a number if it is written as one."""
    if not text.strip():
        return None
    try:
        msgspec.json.decode(text, type=float)
    except ValueError:
        return text
    return msgspec.Raw(text.strip().encode())


def _missing(name: str, how: str) -> EventError:
    return EventError("missing_field", f"field {name!r} is required and {how}", name)


def _wrong_type(name: str, got: Any, allowed: str) -> EventError:
    detail = f"field {name!r} is {_kind(got)} {_show(got)}; {allowed} is allowed"
    return EventError("wrong_type", detail, name)


def _not_finite(name: str, got: Any) -> EventError:
    return EventError(
        "not_finite",
        f"field {name!r} is {_show(got)}; a finite 64-bit number is due "
        f"(a missing one is left out, or null)",
        name,
    )


def _not_utf8(error: UnicodeDecodeError) -> EventError:
    return EventError("not_utf8", f"{error.reason} at byte {error.start}; UTF-8 text is due")


def _kind(value: Any) -> str:
    kinds = {
        dict: "an object",
        list: "an array",
        str: "text",
        bool: "a truth value",
        float: "the number",
    }
    return kinds.get(type(value), "null")


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
