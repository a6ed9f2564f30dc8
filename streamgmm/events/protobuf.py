"""Protobuf: one message a record, by a descriptor set (`protoc --descriptor_set_out`)."""

from __future__ import annotations

import json
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from streamgmm.errors import ConfigError, EventError
from streamgmm.events.binary import Column, read_schema_file, without_header, zigzag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamgmm.events.readings import Reading

_TIMESTAMP: Final = "google.protobuf.Timestamp"
_WORDS: Final = ("", "int32", "int64", "uint32", "uint64", "double", "float", "bool", "enum",
                 "string", "message")  # fmt: skip
_ENUM, _STRING, _BOOL, _MESSAGE = 8, 9, 7, 10  # FieldDescriptor.CPPTYPE_*


class ProtobufFormat:
    """A message type of a descriptor set.

    A member without presence (of proto3, not marked ``optional``) that was not sent has its
    default, 0 or empty text; others are missing then. An enum is its name, a Timestamp ISO 8601.

    Parameters
    ----------
    path
        Of the descriptor set, made with ``--include_imports``.
    message
        Full name of the type, with its package.
    confluent
        Whether each event begins with the header of the Confluent wire format. The schema's
        number in it is not looked at, the position of the type in its file is.

    Raises
    ------
    ConfigError
        protobuf is not installed, the file is no descriptor set, or has no such type.
    """

    def __init__(self, path: str, message: str, *, confluent: bool = False) -> None:
        try:
            from google.protobuf import (
                descriptor_pb2,
                descriptor_pool,
                json_format,
                message_factory,
            )
            from google.protobuf.message import DecodeError
        except ImportError:
            raise ConfigError(
                '[source] format = "protobuf" needs protobuf; install it with '
                "`pip install streamgmm[protobuf]`"
            ) from None
        self.path = path
        self._message = message
        self._error: type[Exception] = DecodeError
        self._to_json: Any = json_format.MessageToJson
        self._no_json: type[Exception] = json_format.Error
        data = read_schema_file(path, "a descriptor set, made with protoc --descriptor_set_out")
        pool = descriptor_pool.DescriptorPool()
        try:
            files = descriptor_pb2.FileDescriptorSet.FromString(data).file
            for file in files:
                pool.Add(file)
            self._top: Any = pool.FindMessageTypeByName(message)
        except (DecodeError, TypeError) as error:
            raise ConfigError(
                f"{path}: is no descriptor set ({error}); make one with protoc "
                f"--include_imports --descriptor_set_out={path} YOUR.proto"
            ) from None
        except KeyError:
            named = [f"{file.package}.{one.name}".lstrip(".") for file in files
                     for one in file.message_type]  # fmt: skip
            raise ConfigError(
                f"{path}: has no message {message!r}, which [source] message names; "
                f"it has {', '.join(named) or 'none'}"
            ) from None
        self._class: Any = message_factory.GetMessageClass(self._top)
        self._position = _position(self._top) if confluent else None
        self.names = tuple(field.name for field in self._top.fields)

    def column(self, way: Reading) -> Column | None:
        """Return the member at `way`, or None if there is none."""
        kind, field = self._top, None
        steps = []
        for name in way:
            if kind is None or (field is not None and field.is_repeated):
                return None
            field = kind.fields_by_name.get(name)
            if field is None:
                return None
            steps.append((name, field.has_presence))
            kind = field.message_type
        assert field is not None  # a reading has a name at least
        types, finish = _types_of(field)
        words = f"repeated {_words(field)}" if field.is_repeated else _words(field)
        return Column(types, words, _getter(steps, finish))

    def read(self, value: bytes) -> Any:
        """Return a decoded event, or raise EventError."""
        if self._position is not None:
            value = _body(without_header(value, "not_protobuf"), self._position, self._message)
        try:
            return self._class.FromString(value)
        except (self._error, ValueError, RecursionError) as error:
            raise EventError(
                "not_protobuf", f"the bytes are no {self._message} of {self.path} ({error})"
            ) from None

    def show(self, event: Any) -> Any:
        """Return a decoded event as plain values, as Protobuf's own JSON has them.

        What has no such form, such as a Duration of a million years or an Any of unknown type
        in a member that nobody reads, must not stop an alert: then as Protobuf's text.
        """
        try:
            return json.loads(self._to_json(event, preserving_proto_field_name=True))
        except (self._no_json, ValueError, TypeError, KeyError, RecursionError):
            return {"text": str(event)}


def _types_of(field: Any) -> tuple[frozenset[type], Callable[[Any], Any] | None]:
    """Return the types of a field's values, and what makes them of its own."""
    none: frozenset[type] = frozenset()
    if field.is_repeated or _words(field) == "bytes":
        return none, None
    if field.cpp_type == _MESSAGE:
        timed = field.message_type.full_name == _TIMESTAMP
        return (frozenset({str}), partial(_moment, field.name)) if timed else (none, None)
    if field.cpp_type == _ENUM:
        names = {number: one.name for number, one in field.enum_type.values_by_number.items()}
        return frozenset({str}), lambda number: names.get(number, str(number))
    kinds: dict[int, type] = {_STRING: str, _BOOL: bool}
    return frozenset({kinds.get(field.cpp_type, float)}), None


def _moment(name: str, value: Any) -> str:
    try:
        return str(value.ToJsonString())
    except ValueError as error:
        raise EventError("bad_time", f"field {name!r} is no time ({error})", name) from None


def _words(field: Any) -> str:
    if field.cpp_type == _MESSAGE:
        return f"message {field.message_type.full_name}"
    if field.type == field.TYPE_BYTES:
        return "bytes"
    return _WORDS[field.cpp_type]


def _getter(
    steps: Sequence[tuple[str, bool]], finish: Callable[[Any], Any] | None
) -> Callable[[Any], Any]:
    if finish is None and not any(has_presence for _, has_presence in steps):
        return attrgetter(steps[0][0])  # messages have presence, so this is not inside of one

    def get(event: Any) -> Any:
        for name, has_presence in steps:
            if has_presence and not event.HasField(name):
                return None
            event = getattr(event, name)
        return event if finish is None else finish(event)

    return get


def _position(kind: Any) -> list[int]:
    """Return where a type stands in its file: its index, after those of the types around it."""
    around = kind.containing_type
    beside = around.nested_types if around else kind.file.message_types_by_name.values()
    index = [one.full_name for one in beside].index(kind.full_name)
    return [*(_position(around) if around else []), index]


def _body(value: bytes, position: list[int], message: str) -> bytes:
    """Return what follows the position of a type: how many numbers it has, and these; 0: [0]."""
    try:
        count, at = zigzag(value, 0)
        found = [] if count else [0]
        for _ in range(min(count, len(position) + 1)):
            index, at = zigzag(value, at)
            found.append(index)
    except ValueError as error:
        raise EventError("not_protobuf", f"the event's header is broken: {error}") from None
    if found != position:
        raise EventError(
            "not_protobuf",
            f"the event's header names the message at {found} of its file; "
            f"{message} is at {position}",
        )
    return value[at:]
