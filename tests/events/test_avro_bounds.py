"""Avro events that claim more than they hold, under schemas that let them."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgmm.errors import ConfigError, EventError
from streamgmm.events import Field, Schema
from streamgmm.events.avro import AvroFormat
from streamgmm.events.avro_bounds import DEEPEST, MOST_EMPTY_ITEMS, walk_of
from streamgmm.events.binary import BinaryDecoder
from tests.events.damage import assert_harmless, damaged

SCHEMA = Schema((Field("amount"),))

# Beside `amount` each has a member that can go on without bytes.
NOTHING = {"type": "record", "name": "Nothing", "fields": [{"name": "no", "type": "null"}]}
ENDLESS: dict[str, Any] = {
    "nulls": {"type": "array", "items": "null"},
    "empty records": {"type": "array", "items": NOTHING},
    "fixed of no bytes": {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}},
    "arrays of nulls": {"type": "array", "items": {"type": "array", "items": "null"}},
    "maps of nulls": {"type": "map", "values": {"type": "array", "items": "null"}},
    "itself": ["null", "Event"],
    "arrays of itself": {"type": "array", "items": "Event"},
    "maps of itself": {"type": "map", "values": "Event"},
}
BOUNDED: dict[str, Any] = {
    "records": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
        {"name": "n", "type": "long"}, {"name": "what", "type": ["null", "string"]}]}},
    "two of a type": ["null", {"type": "record", "name": "Pair", "fields": [
        {"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["X"]}},
        {"name": "b", "type": "E"}]}],
    "a null": "null",
    "arrays of unions": {"type": "array", "items": ["null"]},
}  # fmt: skip


def event_schema(kind: Any) -> dict[str, Any]:
    fields = [{"name": "amount", "type": "double"}, {"name": "rest", "type": kind}]
    return {"type": "record", "name": "Event", "fields": fields}


def decoder_of(directory: Path, kind: Any) -> BinaryDecoder:
    path = directory / "event.avsc"
    path.write_text(json.dumps(event_schema(kind)))
    return BinaryDecoder(SCHEMA, AvroFormat(str(path)))


def written(kind: Any, rest: Any) -> bytes:
    stream = io.BytesIO()
    event = {"amount": 2.5, "rest": rest}
    fastavro.schemaless_writer(stream, fastavro.parse_schema(event_schema(kind)), event)
    return stream.getvalue()


def number(value: int) -> bytes:
    """A number as Avro writes it."""
    left = (value << 1) ^ (value >> 63)
    out = bytearray()
    while left > 127:
        out.append(left & 127 | 128)
        left >>= 7
    return bytes([*out, left])


AMOUNT = b"\0" * 8
CLAIM = number(1 << 40)


@pytest.mark.parametrize(
    ("kind", "claims"),
    [
        ("nulls", CLAIM),
        ("nulls", number(-(1 << 40)) + number(0)),
        ("nulls", number(9_000) + number(9_000)),
        ("empty records", CLAIM),
        ("fixed of no bytes", CLAIM),
        ("arrays of nulls", number(1) + CLAIM),
        ("arrays of nulls", number(1000) + (number(9_000) + number(0)) * 1000),
        ("maps of nulls", number(1) + number(1) + b"k" + CLAIM),
    ],
)
def test_items_that_take_no_bytes_are_counted(tmp_path: Path, kind: str, claims: bytes) -> None:
    decoder = decoder_of(tmp_path, ENDLESS[kind])
    began = time.monotonic()
    (got,) = decoder.decode_many([AMOUNT + claims + b"\0" * 4])
    assert time.monotonic() - began < 5
    assert isinstance(got, EventError)
    assert got.reason == "not_avro"
    assert f"{MOST_EMPTY_ITEMS} are allowed" in got.detail


@pytest.mark.parametrize("levels", [10_000, 1_000_000])
@pytest.mark.parametrize(
    ("kind", "level", "end"),
    [
        ("itself", number(1) + AMOUNT, number(0)),
        ("arrays of itself", number(1) + AMOUNT, b"\0"),
        ("maps of itself", number(1) + number(0) + AMOUNT, b"\0"),
    ],
)
def test_what_nests_too_deeply_is_a_dead_letter(
    tmp_path: Path, kind: str, level: bytes, end: bytes, levels: int
) -> None:
    decoder = decoder_of(tmp_path, ENDLESS[kind])
    (got,) = decoder.decode_many([AMOUNT + level * levels + end * (levels + 1)])
    assert isinstance(got, EventError)
    assert got.reason == "too_deep"


def test_what_stays_within_the_bounds_is_read(tmp_path: Path) -> None:
    deep: Any = None
    for _ in range(DEEPEST - 1):
        deep = {"amount": 1.0, "rest": deep}
    for kind, rest in (("itself", deep), ("nulls", [None] * MOST_EMPTY_ITEMS)):
        decoder = decoder_of(tmp_path, ENDLESS[kind])
        assert decoder.decode(written(ENDLESS[kind], rest)).f0 == 2.5
    decoder = decoder_of(tmp_path, ENDLESS["itself"])
    one_more = written(ENDLESS["itself"], {"amount": 1.0, "rest": deep})
    with pytest.raises(EventError, match="more than 100 levels"):
        decoder.decode(one_more)


@pytest.mark.parametrize("kind", [*ENDLESS.values(), *BOUNDED.values()])
def test_only_schemas_that_need_it_are_walked(kind: Any) -> None:
    named: dict[str, Any] = {}
    schema = fastavro.parse_schema(event_schema(kind), named)
    assert (walk_of(schema, named) is not None) == (kind in ENDLESS.values())


def test_a_record_that_only_holds_itself_is_no_schema_of_events(tmp_path: Path) -> None:
    decoder = decoder_of(tmp_path, "Event")
    with pytest.raises(EventError, match="levels deep"):
        decoder.decode(AMOUNT * 200)
    loop = {"type": "record", "name": "Loop", "fields": [{"name": "on", "type": "Loop"}]}
    with pytest.raises(ConfigError, match="is no Avro schema"):
        decoder_of(tmp_path, {"type": "array", "items": loop})


EVERY = {
    "type": "record",
    "name": "Every",
    "fields": [
        {"name": "more", "type": ["null", "Event"]},
        {"name": "nulls", "type": {"type": "array", "items": "null"}},
        {"name": "words", "type": {"type": "map", "values": ["long", "string", "bytes"]}},
        {"name": "flags", "type": {"type": "array", "items": "boolean"}},
        {"name": "pair", "type": {"type": "fixed", "name": "Two", "size": 2}},
        {"name": "small", "type": "float"},
        {"name": "which", "type": {"type": "enum", "name": "Which", "symbols": ["A", "B"]}},
        {"name": "count", "type": "int"},
    ],
}
FULL = {
    "more": None,
    "nulls": [None] * 3,
    "words": {"a": 1, "b": "two", "c": b"\xff"},
    "flags": [True, False],
    "pair": b"ab",
    "small": 0.5,
    "which": "B",
    "count": -7,
}
WHOLES = [
    written(EVERY, FULL),
    written(EVERY, FULL | {"more": {"amount": 1.0, "rest": FULL}, "words": {}, "which": "A"}),
]


@settings(max_examples=300)
@given(data=damaged(WHOLES) | st.binary(max_size=60))
def test_any_bytes_are_an_event_or_a_dead_letter(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    decoder = decoder_of(tmp_path_factory.getbasetemp(), EVERY)
    assert_harmless(SCHEMA, decoder, WHOLES[0], data)


def test_the_walk_passes_what_the_reader_reads(tmp_path: Path) -> None:
    decoder = decoder_of(tmp_path, EVERY)
    named: dict[str, Any] = {}
    schema = fastavro.parse_schema(event_schema(EVERY), named)
    walk = walk_of(schema, named)
    assert walk is not None
    for whole in WHOLES:
        assert decoder.decode(whole).f0 == 2.5
        walk(whole)
        for cut in range(len(whole)):
            with pytest.raises(EventError) as caught:
                walk(whole[:cut])
            assert caught.value.reason == "not_avro"
