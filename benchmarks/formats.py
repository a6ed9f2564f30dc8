"""Events in Avro and Protobuf for `events.py`: the same values, by schema files made here."""

from __future__ import annotations

import io
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import fastavro
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from streamgmm.events import BatchDecoder, Field, Record, Schema
from streamgmm.events.avro import AvroFormat
from streamgmm.events.binary import BinaryDecoder
from streamgmm.events.protobuf import ProtobufFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from streamgmm.events.binary import Format

# Neither format has names with dots, so that these only lead inside.
_INSIDE = [f"n{i}" for i in range(10)]
_FLAT = tuple(Field(f"feature_{name}") for name in _INSIDE)
_NESTED = tuple(Field(f"feature.{name}") for name in _INSIDE)
_KINDS = descriptor_pb2.FieldDescriptorProto


def binary_cases(
    folder: Path, events: Sequence[dict[str, Any]], names: Sequence[str]
) -> dict[str, Callable[[], object]]:
    """Return what decodes a batch of `events`, whose features are `names`, in each format."""
    about = [{"ts": event["ts"], "src": event["src"]} for event in events]
    values = [[event[name] for name in names] for event in events]
    flat = [
        head | {field.name: x for field, x in zip(_FLAT, row, strict=True)}
        for head, row in zip(about, values, strict=True)
    ]
    nested = [
        head | {"feature": dict(zip(_INSIDE, row, strict=True))}
        for head, row in zip(about, values, strict=True)
    ]
    # A member that can hold another event, and never does: such events are walked through first.
    again = [event | {"before": None} for event in flat]
    flat_fields = {field.name: "double" for field in _FLAT}
    inner = _record("Feature", dict.fromkeys(_INSIDE, "double"))
    return {
        "batch, Avro": _avro(folder / "flat.avsc", flat_fields, flat, _FLAT),
        "batch, Avro, nested": _avro(folder / "nested.avsc", {"feature": inner}, nested, _NESTED),
        "batch, Avro, may nest at will": _avro(
            folder / "again.avsc", {**flat_fields, "before": ["null", "Event"]}, again, _FLAT
        ),
        "batch, Protobuf": _protobuf(folder / "flat.desc", flat, _FLAT),
        "batch, Protobuf, nested": _protobuf(folder / "nested.desc", nested, _NESTED),
    }


def _case(
    described: Format, values: Sequence[bytes], fields: tuple[Field, ...]
) -> Callable[[], object]:
    schema = Schema(fields, key="src", time="ts")
    decoder = BinaryDecoder(schema, described)
    batches = BatchDecoder(schema, origin="benchmark", decoder=decoder)
    return partial(batches.decode, [Record(value, i) for i, value in enumerate(values)])


def _record(name: str, types: dict[str, Any]) -> dict[str, Any]:
    fields = [{"name": member, "type": kind} for member, kind in types.items()]
    return {"type": "record", "name": name, "fields": fields}


def _avro(
    path: Path, types: dict[str, Any], events: Sequence[dict[str, Any]], fields: tuple[Field, ...]
) -> Callable[[], object]:
    schema = _record("Event", {"ts": "double", "src": "string", **types})
    path.write_text(json.dumps(schema))
    parsed = fastavro.parse_schema(schema)
    values = []
    for event in events:
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, parsed, event)
        values.append(stream.getvalue())
    return _case(AvroFormat(str(path)), values, fields)


def _protobuf(
    path: Path, events: Sequence[dict[str, Any]], fields: tuple[Field, ...]
) -> Callable[[], object]:
    file = descriptor_pb2.FileDescriptorProto(name=path.stem, syntax="proto3")
    kind = file.message_type.add(name="Event")
    _add(kind, {"ts": _KINDS.TYPE_DOUBLE, "src": _KINDS.TYPE_STRING})
    if fields is _NESTED:
        _add(file.message_type.add(name="Feature"), dict.fromkeys(_INSIDE, _KINDS.TYPE_DOUBLE))
        kind.field.add(
            name="feature", number=3, type=_KINDS.TYPE_MESSAGE, type_name=".Feature", label=1
        )
    else:
        _add(kind, {field.name: _KINDS.TYPE_DOUBLE for field in fields})
    path.write_bytes(descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName("Event"))
    values = [message(**event).SerializeToString() for event in events]
    return _case(ProtobufFormat(str(path), "Event"), values, fields)


def _add(message: Any, types: dict[str, int]) -> None:
    for name, kind in types.items():
        message.field.add(name=name, number=len(message.field) + 1, type=kind, label=1)
