"""From the bytes of one event to a typed struct, and from a failure to a clear reason.

A struct has one attribute a feature (``f0``, ``f1``, ...) and ``key``, ``time``, ``label``
where the schema names such fields. msgspec makes the class at run time, so a field may have
any name. Decoding is fast because a good event is never looked at twice: only after a
failure is the event taken apart again to say what is wrong with it.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from streamgmm.events.faults import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamgmm.events.schema import Schema

_ROLES: dict[str, Any] = {
    "time": str | int | float | None,
    "key": str | int | float | bool | None,
    "label": str | int | float | bool | None,
}


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
    for role, kind in _ROLES.items():
        name = getattr(schema, role)
        if name is not None and name not in schema.names:
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
        decode = self._decoder.decode
        for value in values:
            # A try that does not fail costs nothing, so a bad event slows down only itself.
            try:
                out.append(decode(value or b""))
            except (ValueError, RecursionError) as error:
                out.append(explain(value, self._schema, error))
        return out

    def event(self, value: bytes) -> bytes:
        """Return an event that was decoded as one line of JSON.

        Bytes that are not UTF-8 (only members outside the schema can have them) are replaced.
        """
        text = value.decode("utf-8", errors="replace").encode()
        return msgspec.json.format(text, indent=-1)
