"""Batches: a bad record leaves its neighbours as they are, and blocks do not matter."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.events import REASONS, BatchDecoder, Field, Record, Schema

SCHEMA = Schema(
    (Field("bytes", "log1p"), Field("delta", "asinh"), Field("flag")),
    key="src",
    time="ts",
    label="label",
)

good = st.fixed_dictionaries(
    {"bytes": st.integers(0, 10**9), "ts": st.floats(0, 1e5)},
    optional={
        "delta": st.floats(-1e9, 1e9) | st.none(),
        "flag": st.booleans(),
        "src": st.text() | st.integers(0, 99),
        "label": st.sampled_from([0, 1, "normal"]),
    },
).map(lambda event: json.dumps(event).encode())
bad = st.sampled_from(
    [None, b"", b"?", b"[]", b'{"bytes": -1}', b'{"bytes": NaN}', b'{"ts": "?"}', b'{"ts": 1e7}']
)


def records(values: list[bytes | None]) -> list[Record]:
    return [Record(value, 10 + 2 * i, 5.0, b"key") for i, value in enumerate(values)]


def decoder(**options) -> BatchDecoder:
    return BatchDecoder(SCHEMA, origin="flows-3", **options)


def same(a, b) -> None:
    assert a.X.tobytes() == b.X.tobytes()
    np.testing.assert_array_equal(a.time, b.time)
    np.testing.assert_array_equal(a.labels, b.labels)
    np.testing.assert_array_equal(a.positions, b.positions)
    assert (a.keys, a.raw) == (b.keys, b.raw)


@given(st.lists(good | bad))
def test_each_record_is_an_event_or_a_dead_letter(values) -> None:
    batch, dead = decoder().decode(records(values))
    positions = [*batch.positions.tolist(), *(letter.position for letter in dead)]
    assert sorted(positions) == [record.position for record in records(values)]
    assert [letter.position for letter in dead] == sorted(letter.position for letter in dead)
    assert {letter.reason for letter in dead} <= set(REASONS)
    assert batch.X.shape == (len(batch), 3)
    assert not np.isinf(batch.X).any()
    assert len(batch.keys) == len(batch.raw) == len(batch.time) == len(batch)


@given(st.lists(good, min_size=1), st.lists(st.tuples(st.integers(0, 50), bad)))
def test_neighbours_of_a_bad_record_are_as_without_it(values, insertions) -> None:
    alone, _ = decoder(max_ahead=math.inf).decode(records(values))
    mixed = list(values)
    for at, value in insertions:
        if value != b'{"ts": 1e7}':  # without a limit this one is good
            mixed.insert(at % (len(mixed) + 1), value)
    among, _ = decoder(max_ahead=math.inf).decode(records(mixed))
    assert among.X.tobytes() == alone.X.tobytes()
    assert (among.keys, among.raw) == (alone.keys, alone.raw)
    np.testing.assert_array_equal(among.time, alone.time)


@given(st.lists(good | bad), st.integers(1, 5))
def test_blocks_do_not_matter(values, size) -> None:
    all_records = records(values)
    whole, dead = decoder().decode(all_records)
    one = decoder()
    parts = [one.decode(all_records[i : i + size]) for i in range(0, len(values), size)]
    assert whole.X.tobytes() == b"".join(batch.X.tobytes() for batch, _ in parts)
    assert whole.keys == [key for batch, _ in parts for key in batch.keys]
    assert [d.position for d in dead] == [d.position for _, ds in parts for d in ds]
    assert [d.reason for d in dead] == [d.reason for _, ds in parts for d in ds]


def test_columns_of_a_batch() -> None:
    batch, dead = decoder().decode(
        [
            Record(b'{"bytes": 0, "delta": 0, "flag": true, "src": 7, "ts": 3, "label": 1}', 4),
            Record(b'{"bytes": null, "other": 1}', 5, timestamp=9.0),
        ]
    )
    assert not dead
    np.testing.assert_array_equal(batch.X, [[0, 0, 1], [math.nan] * 3])
    np.testing.assert_array_equal(batch.time, [3, 9])
    np.testing.assert_array_equal(batch.labels, [1, math.nan])
    assert batch.keys == ["7", None]
    assert batch.missing.tolist() == [1, 1, 1]
    assert [batch.id(0), batch.id(1)] == ["flows-3-4", "flows-3-5"]
    assert batch.event(1) == b'{"bytes":null,"other":1}'


def test_without_key_and_time_fields_the_records_own_are_used() -> None:
    batches = BatchDecoder(Schema((Field("a"),)), origin="t-0")
    batch, _ = batches.decode([Record(b'{"a": 1}', 0, 12.5, b"who"), Record(b'{"a": 1}', 1)])
    assert batch.keys == ["who", None]
    np.testing.assert_array_equal(batch.time, [12.5, math.nan])
    assert batch.labels is None


def test_a_field_may_be_feature_and_key() -> None:
    batches = BatchDecoder(Schema((Field("port"),), key="port"), origin="t-0")
    batch, _ = batches.decode([Record(b'{"port": 443}', 0)])
    assert batch.keys == ["443"]
    assert batch.X.tolist() == [[443.0]]


def test_no_records() -> None:
    batch, dead = decoder().decode([])
    assert (len(batch), dead, batch.X.shape) == (0, [], (0, 3))


def test_an_event_dated_too_far_ahead_is_a_dead_letter_and_the_clock_stands() -> None:
    batches = decoder(max_ahead=60.0)
    lines = [b'{"ts": 100}', b'{"ts": 1e6}', b'{"ts": 130, "bytes": -1}', b'{"ts": 50}']
    batch, dead = batches.decode(records(lines))
    assert batch.time.tolist() == [100, 50]
    assert [letter.reason for letter in dead] == ["too_far_ahead", "out_of_domain"]
    assert batches.clock.latest == 100.0  # what is refused for another reason moves nothing


def test_a_dead_letter_keeps_the_beginning_and_identifies_the_whole() -> None:
    value = b'{"bytes": "' + b"x" * 100_000 + b'"}'
    _, (letter,) = decoder().decode([Record(value, 7)])
    assert letter.value == value[: 64 * 1024]
    assert letter.length == len(value)
    assert letter.checksum == "sha256:" + hashlib.sha256(value).hexdigest()
    assert letter.id == "flows-3-7"
    assert (letter.field, letter.reason) == ("bytes", "wrong_type")
    assert json.loads(json.dumps(letter.as_dict()))["value"].startswith('{"bytes"')


@pytest.mark.parametrize("value", [b"\xff\x00", None])
def test_a_dead_letter_of_anything_can_be_written_as_json(value) -> None:
    _, (letter,) = decoder().decode([Record(value, 7)])
    record = json.loads(json.dumps(letter.as_dict()))
    assert record["length"] == len(value or b"")
    assert ("value_base64" in record) == (value is not None)


def test_fields_outside_the_schema_are_counted_in_one_event_of_256() -> None:
    values = [b'{"bytes": 1, "ts": 1, "x": {"y": [1]}, "z": null}' for _ in range(1000)]
    batches, one_by_one = decoder(), decoder()
    batch, _ = batches.decode([Record(value, 300 + i) for i, value in enumerate(values)])
    assert batch.unknown_fields() == 2 * 4  # 512, 768, 1024, 1280 - 300 < 1000
    counts = [
        one_by_one.decode([Record(value, 300 + i)])[0].unknown_fields()
        for i, value in enumerate(values)
    ]
    assert sum(counts) == 8
    assert decoder().decode([])[0].unknown_fields() == 0
    odd = Record(b'{"bytes": 1, "ts": 1, "\xff": 1}', 256)
    assert decoder().decode([odd])[0].unknown_fields() == 1
    csv = BatchDecoder(Schema((Field("a"),)), origin="f", columns=["a", "b", "c"])
    assert csv.decode([Record(b"1,2,3", 0)])[0].unknown_fields() == 2
