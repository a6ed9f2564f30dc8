"""Events of a job as Protobuf messages, with the descriptor that the job names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = descriptor_pb2.FieldDescriptorProto
_HEADER = b"\0\0\0\0\1\0"
"""Of a registry: magic byte, schema 1, the first message of its file."""


def write_descriptor(path: Path, message: str, events: list[dict[str, Any]], time: str) -> None:
    """Write what protoc makes of a file with one message that has the members of the events."""
    package, _, name = message.rpartition(".")
    file = descriptor_pb2.FileDescriptorProto(
        name="events.proto",
        package=package,
        syntax="proto3",
        dependency=["google/protobuf/timestamp.proto"],
    )
    whole = file.message_type.add(name=name)
    for member, value in events[0].items():
        first, _, inner = member.partition(".")
        if inner:
            _scalar(whole.nested_type.add(name=first.title()), inner, value)
            _message(whole, first, f".{message}.{first.title()}")
        elif member == time:
            _message(whole, member, ".google.protobuf.Timestamp")
        else:
            _scalar(whole, member, value)
    stamp = descriptor_pb2.FileDescriptorProto.FromString(timestamp_pb2.DESCRIPTOR.serialized_pb)
    path.write_bytes(descriptor_pb2.FileDescriptorSet(file=[stamp, file]).SerializeToString())


def as_messages(
    path: Path, message: str, events: list[dict[str, Any]], time: str, *, framed: bool
) -> list[bytes]:
    """Encode events by a descriptor, with the header of a registry if they are framed."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file:
        pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(message))
    found = []
    for event in events:
        one = kind()
        for member, value in event.items():
            first, _, inner = member.partition(".")
            if inner:
                setattr(getattr(one, first), inner, value)
            elif member == time:
                getattr(one, first).FromSeconds(value)
            else:
                setattr(one, first, value)
        found.append((_HEADER if framed else b"") + one.SerializeToString())
    return found


def _scalar(message: Any, name: str, value: Any) -> None:
    kind = _KINDS.TYPE_STRING if isinstance(value, str) else _KINDS.TYPE_DOUBLE
    message.field.add(name=name, number=len(message.field) + 1, type=kind, label=1)


def _message(message: Any, name: str, type_name: str) -> None:
    number = len(message.field) + 1
    message.field.add(
        name=name, number=number, type=_KINDS.TYPE_MESSAGE, type_name=type_name, label=1
    )
