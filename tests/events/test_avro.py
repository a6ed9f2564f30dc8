"""Avro events: what is read, what is refused at the start, what becomes a dead letter."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgmm.errors import ConfigError, EventError
from streamgmm.events import BatchDecoder, Field, Record, Schema
from streamgmm.events.avro import AvroFormat
from streamgmm.events.binary import BinaryDecoder
from tests.events.damage import assert_harmless, damaged

PAYMENT = {
    "type": "record",
    "name": "Payment",
    "namespace": "shop",
    "fields": [
        {"name": "amount", "type": "double"},
        {"name": "items", "type": ["null", "int"]},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "channel", "type": {"type": "enum", "name": "Channel", "symbols": ["WEB", "POS"]}},
        {"name": "other", "type": ["null", "Channel"]},
        {
            "name": "card",
            "type": [
                "null",
                {
                    "type": "record",
                    "name": "Card",
                    "fields": [
                        {"name": "number", "type": "string"},
                        {"name": "present", "type": "boolean"},
                    ],
                },
            ],
        },
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "mixed", "type": ["string", "long"]},
    ],
}
EVENT = {
    "amount": 12.5,
    "items": 3,
    "at": 1_767_600_000_250,
    "channel": "POS",
    "other": None,
    "card": {"number": "4929", "present": True},
    "tags": ["a"],
    "mixed": 7,
}
FIELDS = (
    Field("amount"),
    Field("items"),
    Field("channel", "surprise"),
    Field("card.present"),
    Field("mixed", "surprise"),
)
SCHEMA = Schema(FIELDS, key="card.number", time="at", time_unit="ms")
HEADER = b"\0\0\0\1\2"


@pytest.fixture(scope="module")
def avsc(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("avro") / "payment.avsc"
    path.write_text(json.dumps(PAYMENT))
    return str(path)


def written(**changes: Any) -> bytes:
    stream = io.BytesIO()
    plain = json.loads(json.dumps(PAYMENT).replace('"logicalType"', '"was"'))
    fastavro.schemaless_writer(stream, fastavro.parse_schema(plain), EVENT | changes)
    return stream.getvalue()


def refused(path: str, schema: Schema) -> str:
    with pytest.raises(ConfigError) as caught:
        BinaryDecoder(schema, AvroFormat(path))
    return str(caught.value)


def test_an_event_becomes_a_row(avsc: str) -> None:
    decoder = BatchDecoder(
        SCHEMA, origin="payments-0", decoder=BinaryDecoder(SCHEMA, AvroFormat(avsc))
    )
    absent = written(items=None, card=None)
    batch, dead = decoder.decode([Record(written(), 256), Record(absent, 257), Record(b"\1", 258)])
    assert batch.X[:, [0, 1, 3]].tolist()[0] == [12.5, 3, 1]
    assert np.isnan(batch.X[1, [1, 3]]).all()
    assert batch.keys == ["4929", None]
    assert batch.time.tolist() == [1_767_600_000.25] * 2
    assert batch.unknown_fields() == 2
    assert json.loads(batch.event(0)) == EVENT
    assert [(letter.position, letter.reason) for letter in dead] == [(258, "not_avro")]
    assert dead[0].as_dict()["value"] == "\1"


def test_a_header_is_taken_off_where_it_is_configured(avsc: str) -> None:
    framed = BinaryDecoder(SCHEMA, AvroFormat(avsc, confluent=True))
    plain = BinaryDecoder(SCHEMA, AvroFormat(avsc))
    assert framed.decode(HEADER + written()) == framed.decode(b"\0\xff\xff\xff\xff" + written())
    assert framed.decode(HEADER + written()).f0 == plain.decode(written()).f0
    for value in (written(amount=0.1), b"", b"\0\0\0\1", b"\1" + HEADER):
        with pytest.raises(EventError, match="header of the Confluent wire format is due"):
            framed.decode(value)


def test_what_is_no_record_is_a_dead_letter(avsc: str) -> None:
    decoder = BinaryDecoder(SCHEMA, AvroFormat(avsc))
    whole = written()
    cases = {
        None: "empty",
        b"": "not_avro",
        whole[:-1]: "not_avro",
        whole + b"\0": "not_avro",
        written(amount=float("nan")): "not_finite",
        written(amount=float("inf")): "not_finite",
    }
    for value, reason in cases.items():
        (got,) = decoder.decode_many([value])
        assert isinstance(got, EventError)
        assert got.reason == reason
    required = Schema((Field("items", required=True),))
    (got,) = BinaryDecoder(required, AvroFormat(avsc)).decode_many([written(items=None)])
    assert (got.reason, got.field) == ("missing_field", "items")


WHOLES = [
    written(),
    written(items=None, card=None, tags=[], other="WEB"),
    written(tags=["a", "b" * 40], mixed="text", items=-1, at=0),
]


@settings(max_examples=150)
@given(data=damaged(WHOLES) | st.binary(max_size=60))
def test_any_bytes_are_an_event_or_a_dead_letter(avsc: str, data: bytes) -> None:
    assert_harmless(SCHEMA, decoder_of(avsc), written(), data)
    framed = decoder_of(avsc, confluent=True)
    assert_harmless(SCHEMA, framed, HEADER + written(), data)
    assert_harmless(SCHEMA, framed, HEADER + written(), HEADER + data)


@cache
def decoder_of(path: str, *, confluent: bool = False) -> BinaryDecoder:
    return BinaryDecoder(SCHEMA, AvroFormat(path, confluent=confluent))


def test_types_are_held_to_the_schema_at_the_start(avsc: str) -> None:
    fields = (Field("amuont"), Field("tags"), Field("card.number"), Field("mixed"), Field("card"))
    words = refused(avsc, Schema(fields, time="at")).splitlines()
    assert len(words) == 6
    assert all(line.startswith(avsc) for line in words)
    assert "no member 'amuont', which [events] names; at the top it has amount, items" in words[0]
    assert "'tags' as array, which cannot be read as a value" in words[1]
    assert "'card.number' as string; for what [events] makes of it, a number, true" in words[2]
    assert "'mixed' as string or long" in words[3]
    assert "'card' as record" in words[4]
    assert 'timestamp-millis, but [events] time_unit is "s"; set it to "ms"' in words[5]


def test_a_file_that_is_no_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "schema.avsc"
    assert "cannot be read (No such file" in refused(str(path), SCHEMA)
    for text in ("{", "7", '{"type": "nothing"}', '"a"'):
        path.write_text(text)
        assert "is no Avro schema" in refused(str(path), SCHEMA)
    path.write_text('"long"')
    assert "describes a long; an event is a record" in refused(str(path), SCHEMA)
