"""What can be wrong with an event: the reason codes, and the sentences for a person."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import msgspec

from streamgmm.errors import EventError
from streamgmm.events.members import members
from streamgmm.events.readings import find, readings_of

if TYPE_CHECKING:
    from streamgmm.events.schema import Schema

REASONS: dict[str, str] = {
    "unreadable": "the record's batch cannot be decompressed, or is damaged",
    "empty": "no bytes, or nothing but white space",
    "not_utf8": "the bytes are not UTF-8 text",
    "not_json": "the text is not JSON",
    "not_an_object": "JSON, but not an object with the event's fields",
    "too_deep": "nested too deeply to be read",
    "not_avro": "the bytes are no record of the Avro schema",
    "not_protobuf": "the bytes are no message of the Protobuf type",
    "bad_row": "the line of a CSV file does not have the header's columns",
    "missing_field": "a required field is absent, null or blank",
    "wrong_type": "a field has a value of another type",
    "not_finite": "a number is NaN, infinite or too large for a 64-bit float",
    "out_of_domain": "a value lies outside what the field's transform accepts",
    "bad_time": "the time field cannot be understood as a time of the years 1 to 9999",
    "too_far_ahead": "the event is dated too far after the latest one of its partition",
    "crashed": "the worker crashed three times in a row over the event",
}
"""Reason codes of dead letters: stable, for counting and for alert rules."""

_SHOWN = 80  # characters of a value shown in a message


def explain(value: bytes | None, schema: Schema, error: Exception) -> EventError:
    """Say what is wrong with an event that msgspec refused with `error`."""
    if value is None or not value.strip():
        return EventError("empty", "the event has no bytes; a JSON object is expected")
    if isinstance(error, RecursionError):
        return _too_deep()
    try:
        text = value.decode()
        # json accepts NaN and Infinity, which lets the message name the field.
        event = json.loads(text, parse_int=float)
    except UnicodeDecodeError as fault:
        return not_utf8(fault)
    except RecursionError:
        return _too_deep()
    except ValueError:
        return EventError("not_json", str(error))
    if not isinstance(event, dict):
        return EventError(
            "not_an_object", f"got {_kind(event)}; one JSON object with the event's fields is due"
        )
    return _explain_object(event, schema, error)


def _explain_object(event: dict[str, Any], schema: Schema, error: Exception) -> EventError:
    known = members(schema)
    for name, ways in readings_of(known).items():
        got, member = find(event, ways), known[name]
        if got is None:
            if member.required:
                return missing(name, "null" if name in event else "absent")
        elif not isinstance(got, tuple(kind for kind in member.types if kind is not int)):
            return wrong_type(name, got, member.allowed)
        elif isinstance(got, float) and not math.isfinite(got):
            return not_finite(name, got)
    if isinstance(error, msgspec.ValidationError):
        return EventError("wrong_type", str(error))
    return EventError("not_json", str(error))


def _too_deep() -> EventError:
    return EventError("too_deep", "the event is nested too deeply to be read; flatten it")


def missing(name: str, how: str) -> EventError:
    """Return the fault of a required field that is `how`: absent, null, blank."""
    return EventError("missing_field", f"field {name!r} is required and {how}", name)


def wrong_type(name: str, got: Any, allowed: str) -> EventError:
    """Return the fault of a field whose value is of another type than `allowed`."""
    detail = f"field {name!r} is {_kind(got)} {_show(got)}; {allowed} is allowed"
    return EventError("wrong_type", detail, name)


def not_finite(name: str, got: Any) -> EventError:
    """Return the fault of a field whose number is NaN, infinite or too large."""
    return EventError(
        "not_finite",
        f"field {name!r} is {_show(got)}; a finite 64-bit number is due "
        f"(a missing one is left out, or null)",
        name,
    )


def not_utf8(error: UnicodeDecodeError) -> EventError:
    """Return the fault of bytes that are not text."""
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
