"""From the bytes of one event to a typed struct, and from a failure to a clear reason.

A struct has one attribute for each member that is read: ``f0``, ``f1``, ... for those of the
fields, ``key``, ``time``, ``label`` and ``g0``, ... for others that the schema names. A member
with several uses (a port that is key and feature) is decoded once, as a type that suits all of
them. msgspec makes the class at run time, so a member may have any name. Decoding is fast because
a good event is never looked at twice: only after a failure is the event taken apart again to say
what is wrong with it.
"""

from __future__ import annotations

from functools import reduce
from operator import attrgetter, or_
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from streamgmm.errors import EventError
from streamgmm.events.faults import explain
from streamgmm.events.members import members
from streamgmm.events.paths import Paths, getter_of
from streamgmm.events.plain import plain_reader
from streamgmm.events.readings import find, readings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamgmm.events.schema import Schema


class Decoder(Protocol):
    """Reads events of one schema, in one format."""

    def decode(self, value: bytes | None) -> Any:
        """Return the typed struct of one event, or raise EventError."""

    def decode_many(self, values: Sequence[bytes | None]) -> list[Any]:
        """Return a struct or an EventError for each event, in order."""

    def event(self, value: bytes) -> bytes:
        """Return an event as one line of JSON, for an alert."""

    def unknown(self, value: bytes) -> int:
        """Return how many members of an event are not read."""


def feature_getter(schema: Schema) -> Callable[[Any], tuple[Any, ...]]:
    """Return the function from a struct to the tuple of its numbers, in the order of the fields."""
    known = members(schema)
    numbers = [field.member for field in schema.fields if field.kind == "number"]
    return getter_of([known[name].attribute for name in numbers if name])


def member_getter(schema: Schema, name: str | None) -> Callable[[Any], Any] | None:
    """Return the function from a struct to one member that the schema reads; None for None."""
    return None if name is None else attrgetter(members(schema)[name].attribute)


def event_struct(schema: Schema) -> type[msgspec.Struct]:
    """Make the struct class of a schema; what is not required defaults to None.

    Numbers may be given as true and false, which count as 1 and 0.
    """
    required: list[tuple[str, Any, Any]] = []
    optional: list[tuple[str, Any, Any]] = []
    for name, member in members(schema).items():
        kind = reduce(or_, member.types)
        if member.required:
            required.append((member.attribute, kind, msgspec.field(name=name)))
        else:
            optional.append((member.attribute, kind | None, msgspec.field(name=name, default=None)))
    return msgspec.defstruct("Event", required + optional, gc=False)


def decode_each(decode: Callable[[bytes | None], Any], values: Sequence[bytes | None]) -> list[Any]:
    """Return what `decode` makes of each event, or the EventError that it raises, in order."""
    out: list[Any] = []
    for value in values:
        try:
            out.append(decode(value))
        except EventError as error:
            out.append(error)
    return out


class JsonDecoder:
    """Reads one JSON object an event.

    Unknown members are skipped, the last of repeated ones wins, null and absent are the
    same. Text where a number is due, NaN, Infinity and numbers beyond a 64-bit float are
    refused. A name with dots is one member, or leads into nested objects; see `readings`.

    Attributes
    ----------
    plain : FlatReader or None
        A shorter way for most events of most schemas.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._ways = readings_of(members(schema))
        nested = any(len(ways) > 1 for ways in self._ways.values())
        self._paths = Paths(schema) if nested else None
        self._struct = event_struct(schema) if self._paths is None else self._paths.struct
        self._decoder = msgspec.json.Decoder(self._struct)
        roots = () if self._paths is None else self._paths.roots
        self._known = frozenset((*self._ways, *roots))
        self.plain = plain_reader(schema, roots)

    def decode(self, value: bytes | None) -> Any:
        """Return the typed struct of one event, or raise EventError."""
        try:
            event: Any = self._decoder.decode(value or b"")
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            event = self._second_look(value, error)
        if self._paths is not None and self._paths.signs:
            (event,) = self._settled(self._paths, [event])
        if type(event) is EventError:
            raise event
        return event

    def decode_many(self, values: Sequence[bytes | None]) -> list[Any]:
        """Return a struct or an EventError for each event, in order."""
        out: list[Any] = []
        decode = self._decoder.decode
        for value in values:
            # A try that does not fail costs nothing, so a bad event slows down only itself.
            try:
                out.append(decode(value or b""))
            except (ValueError, RecursionError) as error:
                out.append(self._second_look(value, error))
        if self._paths is not None and self._paths.signs:
            return self._settled(self._paths, out)
        return out

    def event(self, value: bytes) -> bytes:
        """Return an event that was decoded as one line of JSON.

        Bytes that are not UTF-8 (only members outside the schema can have them) are replaced.
        """
        text = value.decode("utf-8", errors="replace").encode()
        return msgspec.json.format(text, indent=-1)

    def unknown(self, value: bytes) -> int:
        """Return how many members of an event that was decoded are not read, nor looked into."""
        text = value.decode("utf-8", errors="replace")
        return len(msgspec.json.decode(text, type=dict[str, msgspec.Raw]).keys() - self._known)

    def _settled(self, paths: Paths, events: list[Any]) -> list[Any]:
        paths.signs.clear()
        return [
            event if type(event) is EventError else paths.settle(event) or event for event in events
        ]

    def _second_look(self, value: bytes | None, error: Exception) -> Any:
        """Return what is wrong with an event; or its struct, if only readings that do not count."""
        fault = explain(value, self._schema, error)
        if self._paths is None or fault.field is not None or fault.reason != "wrong_type":
            return fault
        try:
            event = msgspec.json.decode(value or b"")
            found = {name: find(event, ways) for name, ways in self._ways.items()}
            return msgspec.convert(found, self._struct)
        except (ValueError, RecursionError):
            return fault
