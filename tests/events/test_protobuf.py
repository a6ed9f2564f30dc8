"""Protobuf events: what is read, what is refused at the start, what becomes a dead letter."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    message_factory,
    timestamp_pb2,
)
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgmm.errors import ConfigError, EventError
from streamgmm.events import BatchDecoder, Field, Record, Schema
from streamgmm.events.binary import BinaryDecoder
from streamgmm.events.protobuf import ProtobufFormat
from tests.events.damage import assert_harmless, damaged

KINDS = descriptor_pb2.FieldDescriptorProto
SCHEMA = Schema(
    (
        Field("amount"),
        Field("items"),
        Field("channel", "surprise"),
        Field("card.present"),
        Field("retries"),
    ),
    key="card.number",
    time="at",
)
HEADER = b"\0\0\0\1\2"


def described() -> descriptor_pb2.FileDescriptorSet:
    """What protoc makes of a file with the messages Other and Payment, the latter with Card."""
    file = descriptor_pb2.FileDescriptorProto(
        name="shop.proto",
        package="shop",
        syntax="proto3",
        dependency=[f"google/protobuf/{name}.proto" for name in ("any", "duration", "timestamp")],
    )
    file.enum_type.add(name="Channel").value.extend(
        descriptor_pb2.EnumValueDescriptorProto(name=name, number=i)
        for i, name in enumerate(("WEB", "POS"))
    )
    file.message_type.add(name="Other")
    payment = file.message_type.add(name="Payment")
    card = payment.nested_type.add(name="Card")
    card.field.add(name="number", number=1, type=KINDS.TYPE_STRING, label=1)
    card.field.add(name="present", number=2, type=KINDS.TYPE_BOOL, label=1)
    payment.oneof_decl.add(name="_items")
    payment.field.add(name="amount", number=1, type=KINDS.TYPE_DOUBLE, label=1)
    payment.field.add(
        name="items", number=2, type=KINDS.TYPE_INT32, label=1, proto3_optional=True, oneof_index=0
    )
    payment.field.add(
        name="channel", number=3, type=KINDS.TYPE_ENUM, type_name=".shop.Channel", label=1
    )
    payment.field.add(
        name="card", number=4, type=KINDS.TYPE_MESSAGE, type_name=".shop.Payment.Card", label=1
    )
    for number, (name, kind) in enumerate(
        {"at": "Timestamp", "took": "Duration", "extra": "Any"}.items(), 9
    ):
        type_name = f".google.protobuf.{kind}"
        payment.field.add(
            name=name, number=number, type=KINDS.TYPE_MESSAGE, type_name=type_name, label=1
        )
    payment.field.add(name="tags", number=6, type=KINDS.TYPE_STRING, label=3)
    payment.field.add(name="raw", number=7, type=KINDS.TYPE_BYTES, label=1)
    payment.field.add(name="retries", number=8, type=KINDS.TYPE_UINT64, label=1)
    found = descriptor_pb2.FileDescriptorSet()
    for known in (any_pb2, duration_pb2, timestamp_pb2):
        known.DESCRIPTOR.CopyToProto(found.file.add())
    found.file.append(file)
    return found


@cache
def payment_class(name: str = "shop.Payment") -> Any:
    pool = descriptor_pool.DescriptorPool()
    for file in described().file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def written(**changes: Any) -> bytes:
    values: dict[str, Any] = {
        "amount": 12.5,
        "items": 3,
        "channel": "POS",
        "card": {"number": "4929", "present": True},
        "tags": ["a"],
    }
    values["at"] = timestamp_pb2.Timestamp(seconds=1_767_600_000, nanos=250_000_000)
    message = payment_class()()
    for name, value in (values | changes).items():
        if isinstance(value, Message):  # of another pool
            getattr(message, name).MergeFromString(value.SerializeToString())
        else:
            message.MergeFrom(payment_class()(**{name: value}))
    return bytes(message.SerializeToString())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("protobuf") / "shop.desc"
    file.write_bytes(described().SerializeToString())
    return str(file)


def refused(path: str, schema: Schema, message: str = "shop.Payment") -> str:
    with pytest.raises(ConfigError) as caught:
        BinaryDecoder(schema, ProtobufFormat(path, message))
    return str(caught.value)


def test_an_event_becomes_a_row(path: str) -> None:
    decoder = BatchDecoder(
        SCHEMA,
        origin="payments-0",
        decoder=BinaryDecoder(SCHEMA, ProtobufFormat(path, "shop.Payment")),
    )
    records = [Record(written(), 256), Record(b"", 257), Record(b"\xff", 258)]
    batch, dead = decoder.decode(records)
    assert batch.X[:, [0, 1, 3, 4]].tolist()[0] == [12.5, 3, 1, 0]
    # Without presence a member that was not sent has its default; with presence it is missing.
    assert batch.X[1, [0, 4]].tolist() == [0, 0]
    assert np.isnan(batch.X[1, [1, 3]]).all()
    assert batch.keys == ["4929", None]
    assert batch.time.tolist()[0] == 1_767_600_000.25
    assert batch.unknown_fields() == 4
    shown = json.loads(batch.event(0))
    assert (shown["channel"], shown["card"]) == ("POS", {"number": "4929", "present": True})
    assert [(letter.position, letter.reason) for letter in dead] == [(258, "not_protobuf")]


@pytest.mark.parametrize(
    ("message", "position"),
    [("shop.Other", b"\0"), ("shop.Payment", b"\2\2"), ("shop.Payment.Card", b"\4\2\0")],
)
def test_a_header_names_the_message(path: str, message: str, position: bytes) -> None:
    framed = ProtobufFormat(path, message, confluent=True)
    body = bytes(payment_class(message)().SerializeToString())
    assert framed.read(HEADER + position + body) is not None
    for wrong in (b"\2\4", b"\2", b"", b"\xff" * 5_000_000, b"\6\2\2\2"):
        with pytest.raises(EventError) as caught:
            framed.read(HEADER + wrong + body)
        assert caught.value.reason == "not_protobuf"
    with pytest.raises(EventError, match="header of the Confluent wire format is due"):
        framed.read(b"\1\0\0\0\0\0" + body)


def test_what_cannot_be_used_is_a_dead_letter(path: str) -> None:
    decoder = BinaryDecoder(SCHEMA, ProtobufFormat(path, "shop.Payment"))
    cases = {
        None: "empty",
        written()[:-1]: "not_protobuf",
        written(amount=float("nan")): "not_finite",
    }
    for value, reason in cases.items():
        (got,) = decoder.decode_many([value])
        assert isinstance(got, EventError)
        assert got.reason == reason
    assert decoder.decode(written(channel=9)).f2 == "9"


@pytest.mark.parametrize(
    "moment", [{"seconds": 1 << 60}, {"seconds": -(1 << 62)}, {"nanos": -1}, {"nanos": 1 << 30}]
)
def test_a_time_that_is_none_is_a_dead_letter(path: str, moment: dict[str, int]) -> None:
    decoder = BinaryDecoder(SCHEMA, ProtobufFormat(path, "shop.Payment"))
    (got,) = decoder.decode_many([written(at=timestamp_pb2.Timestamp(**moment))])
    assert isinstance(got, EventError)
    assert (got.reason, got.field) == ("bad_time", "at")


@pytest.mark.parametrize(
    "unread",
    [
        {"took": duration_pb2.Duration(seconds=1 << 60)},
        {"extra": any_pb2.Any(type_url="t/shop.Nothing", value=b"\xff")},
        {"extra": any_pb2.Any(type_url="t/shop.Payment", value=b"\xff")},
    ],
)
def test_what_has_no_json_form_and_is_not_read_stops_no_alert(
    path: str, unread: dict[str, Any]
) -> None:
    decoder = BinaryDecoder(SCHEMA, ProtobufFormat(path, "shop.Payment"))
    shown = json.loads(decoder.event(written(**unread)))
    assert "amount: 12.5" in shown["text"]


def test_text_of_proto2_that_is_no_utf8_is_a_dead_letter(tmp_path: Path) -> None:
    file = descriptor_pb2.FileDescriptorProto(name="old.proto", syntax="proto2")
    message = file.message_type.add(name="Old")
    message.field.add(name="word", number=1, type=KINDS.TYPE_STRING, label=1)
    path = tmp_path / "old.desc"
    path.write_bytes(descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString())
    schema = Schema((Field("word", "surprise"),))
    decoder = BinaryDecoder(schema, ProtobufFormat(str(path), "Old"))
    good, bad = decoder.decode_many([b"\x0a\x01a", b"\x0a\x02\xff\xfe"])
    assert good.f0 == "a"
    assert (bad.reason, bad.field) == ("not_utf8", "word")


def test_depth_and_lengths_are_bounded(tmp_path: Path) -> None:
    file = descriptor_pb2.FileDescriptorProto(name="deep.proto", syntax="proto3")
    message = file.message_type.add(name="Deep")
    message.field.add(name="next", number=1, type=KINDS.TYPE_MESSAGE, type_name=".Deep", label=1)
    message.field.add(name="amount", number=2, type=KINDS.TYPE_DOUBLE, label=1)
    path = tmp_path / "deep.desc"
    path.write_bytes(descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString())
    schema = Schema((Field("amount"),))
    decoder = BinaryDecoder(schema, ProtobufFormat(str(path), "Deep"))
    nested = b""
    for _ in range(10_000):
        nested = b"\x0a" + varint(len(nested)) + nested
    assert_harmless(schema, decoder, b"", nested)
    for data in (nested, b"\x0a" + varint((1 << 63) - 1), b"\x0b" * 10_000):
        (got,) = decoder.decode_many([data])
        assert isinstance(got, EventError)
        assert got.reason == "not_protobuf"


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


WHOLES = [
    written(),
    b"",
    written(took=duration_pb2.Duration(seconds=3), extra=any_pb2.Any(type_url="t/shop.Other")),
    written(tags=["a", "b" * 40], raw=b"\xff\0", retries=2**63, items=-1),
]


@settings(max_examples=150)
@given(data=damaged(WHOLES) | st.binary(max_size=60))
def test_any_bytes_are_an_event_or_a_dead_letter(path: str, data: bytes) -> None:
    assert_harmless(SCHEMA, decoder_of(path), written(), data)
    assert_harmless(SCHEMA, decoder_of(path, confluent=True), HEADER + b"\2\2" + written(), data)
    framed = HEADER + b"\2\2" + data
    assert_harmless(SCHEMA, decoder_of(path, confluent=True), HEADER + b"\2\2" + written(), framed)


@cache
def decoder_of(path: str, *, confluent: bool = False) -> BinaryDecoder:
    return BinaryDecoder(SCHEMA, ProtobufFormat(path, "shop.Payment", confluent=confluent))


def test_types_are_held_to_the_file_at_the_start(path: str) -> None:
    fields = (Field("amuont"), Field("tags"), Field("raw"), Field("card.number"), Field("card"))
    words = refused(path, Schema(fields, time="card.present")).splitlines()
    assert len(words) == 6
    assert all(line.startswith(path) for line in words)
    assert "no member 'amuont', which [events] names; at the top it has amount, items" in words[0]
    assert "'tags' as repeated string, which cannot be read as a value" in words[1]
    assert "'raw' as bytes, which cannot be read as a value" in words[2]
    assert "'card.number' as string; for what [events] makes of it, a number, true" in words[3]
    assert "'card' as message shop.Payment.Card" in words[4]
    assert "'card.present' as bool" in words[5]


def test_a_file_that_is_no_descriptor_set_is_refused(path: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.desc"
    assert "cannot be read (No such file" in refused(str(file), SCHEMA)
    file.write_bytes(b'syntax = "proto3";')
    assert "is no descriptor set" in refused(str(file), SCHEMA)
    file.write_bytes(described().file[-1].SerializeToString())
    assert "is no descriptor set" in refused(str(file), SCHEMA)
    alone = descriptor_pb2.FileDescriptorSet(file=[described().file[-1]])
    file.write_bytes(alone.SerializeToString())
    assert "--include_imports" in refused(str(file), SCHEMA)
    assert "no message 'shop.Pay', which [source] message names; it has" in refused(
        path, SCHEMA, "shop.Pay"
    )
