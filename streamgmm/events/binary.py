"""Events in a binary format that is described by a schema file: Avro and Protobuf.

What a name means is settled once, against the file; so are the types. An event is then decoded
by the format's library and the members that are read are taken out of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec

from streamgmm.errors import ConfigError, EventError
from streamgmm.events.decode import decode_each, event_struct
from streamgmm.events.faults import missing, not_finite
from streamgmm.events.members import members
from streamgmm.events.readings import readings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamgmm.events.members import Member
    from streamgmm.events.readings import Reading
    from streamgmm.events.schema import Schema

_MAGIC: Final = 0
_NUMBER_BYTES: Final = 10
HEADER_BYTES: Final = 5
"""Of the Confluent wire format: a zero and the number of the schema in its registry."""


class Column(NamedTuple):
    """One member of the events as the schema file describes it.

    Parameters
    ----------
    types
        Of its values: str, bool, and float for numbers of any kind; empty if it is no single value.
    words
        The type as the file names it.
    get
        From a decoded event to the value, or None.
    unit
        What a time is counted in, where the file says so.
    """

    types: frozenset[type]
    words: str
    get: Callable[[Any], Any]
    unit: str | None = None


class Format(Protocol):
    """A schema file, and what reads events by it."""

    path: str
    names: tuple[str, ...]

    def column(self, way: Reading) -> Column | None:
        """Return the member at `way`, or None if there is none."""

    def read(self, value: bytes) -> Any:
        """Return a decoded event, or raise EventError."""

    def show(self, event: Any) -> Any:
        """Return a decoded event as plain values."""


class BinaryDecoder:
    """Reads one event of a binary format a record.

    Raises
    ------
    ConfigError
        The schema file lacks members that `schema` reads, or has them with other types: all that
        is wrong is named.
    """

    def __init__(self, schema: Schema, format: Format) -> None:  # noqa: A002  # the key's name
        self._format = format
        self._struct = event_struct(schema)
        gets: dict[str, Callable[[Any], Any]] = {}
        named: dict[str, tuple[str, bool]] = {}
        problems, tops = [], set()
        for name, member in members(schema).items():
            found = [(way, column) for way in readings(name) if (column := format.column(way))]
            if not found:
                problems.append(_absent(name, format))
                continue
            way, column = found[0]
            tops.add(way[0])
            problems += _misfits(name, member, column, schema)
            gets[member.attribute] = column.get
            named[member.attribute] = (name, member.required)
        if problems:
            raise ConfigError(*(f"{format.path}: {problem}" for problem in problems))
        # In the order of the struct, so that it can be made of the values alone.
        order = self._struct.__struct_fields__
        self._gets = [gets[attribute] for attribute in order]
        self._named = [named[attribute] for attribute in order]
        self._unread = len(set(format.names) - tops)

    def decode(self, value: bytes | None) -> Any:
        """Return the typed struct of one event, or raise EventError."""
        if value is None:
            raise EventError("empty", "the event has no bytes")
        event = self._format.read(value)
        values = [get(event) for get in self._gets]
        for (name, required), got in zip(self._named, values, strict=True):
            if got is None:
                if required:
                    raise missing(name, "absent or null")
            elif type(got) is float and not math.isfinite(got):
                raise not_finite(name, got)
            elif type(got) is bytes:  # what Protobuf gives for text of proto2 that is none
                raise EventError("not_utf8", f"field {name!r} is {got!r:.80}; text is due", name)
        return self._struct(*values)

    def decode_many(self, values: Sequence[bytes | None]) -> list[Any]:
        """Return a struct or an EventError for each event, in order."""
        return decode_each(self.decode, values)

    def event(self, value: bytes) -> bytes:
        """Return an event that was decoded as a JSON object; bytes are written in base64."""
        return msgspec.json.encode(self._format.show(self._format.read(value)))

    def unknown(self, value: bytes) -> int:  # noqa: ARG002  # the schema file says it for all
        """Return how many members at the top of an event are not read."""
        return self._unread


def without_header(value: bytes, reason: str) -> bytes:
    """Return what follows the header of the Confluent wire format.

    Raises
    ------
    EventError
        With `reason`: there is no such header.
    """
    if len(value) < HEADER_BYTES or value[0] != _MAGIC:
        raise EventError(
            reason,
            f"the event begins with {value[:HEADER_BYTES].hex(' ') or 'nothing'}; a header of "
            f"the Confluent wire format is due, 00 and four bytes, as [source] framing says",
        )
    return value[HEADER_BYTES:]


def zigzag(data: bytes, at: int) -> tuple[int, int]:
    """Return the signed 64-bit number that begins at a byte, and where the next byte is.

    Both formats write one in as few groups of 7 bits as it needs, the lowest first, its sign in
    the lowest bit.

    Raises
    ------
    ValueError
        There is none: the bytes end within it, or it has more than 64 bits.
    """
    number = shift = 0
    for byte in data[at : at + _NUMBER_BYTES]:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128 and number < 1 << 64:
            return (number >> 1) ^ -(number & 1), at + shift // 7
    raise ValueError(f"a number is due at byte {at}, and there is none of 64 bits")


def read_schema_file(path: str, what: str) -> bytes:
    """Return the bytes of a schema file, or raise ConfigError; `what` it should be."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # any path, also of a pipe
            return file.read()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"[source] schema {path!r} cannot be read ({why}); name {what}") from None


def _absent(name: str, format: Format) -> str:  # noqa: A002
    return (
        f"has no member {name!r}, which [events] names; at the top it has {_listed(format.names)}"
    )


def _misfits(name: str, member: Member, column: Column, schema: Schema) -> list[str]:
    if not column.types:
        return [f"has {name!r} as {column.words}, which cannot be read as a value; {_due(member)}"]
    if not column.types <= set(member.types):
        return [f"has {name!r} as {column.words}; {_due(member)}"]
    timed = name == schema.time or any(
        field.kind == "time" and field.member == name for field in schema.fields
    )
    if timed and column.unit not in (None, schema.time_unit):
        unit = f'[events] time_unit is "{schema.time_unit}"; set it to "{column.unit}"'
        return [f"has {name!r} as {column.words}, but {unit}"]
    return []


def _due(member: Member) -> str:
    return (
        f"for what [events] makes of it, {member.allowed} is allowed: read it in another way "
        f"there, or another member"
    )


def _listed(names: Sequence[str]) -> str:
    return (", ".join(names[:20]) or "none") + (", ..." if len(names) > 20 else "")
