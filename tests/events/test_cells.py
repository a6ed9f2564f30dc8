"""Lines of CSV: text becomes numbers, blanks are missing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.errors import ConfigError, EventError
from streamgmm.events import REASONS, BatchDecoder, CsvDecoder, Field, Record, Schema

SCHEMA = Schema((Field("a", required=True), Field("b")), key="who", time="at", label="truth")
COLUMNS = ("who", "at", "b", "a", "truth", "more")
DECODER = CsvDecoder(SCHEMA, COLUMNS)


def test_cells_become_numbers_and_text() -> None:
    got = DECODER.decode(b"10.0.0.1,1.5,, +2e3 ,1,x")
    assert (got.f0, got.f1, got.key, got.time, got.label) == (2000.0, None, "10.0.0.1", "1.5", "1")


def test_quotes_and_other_delimiters() -> None:
    decoder = CsvDecoder(Schema((Field("a"),), key="b"), ("a", "b"), delimiter=";")
    assert decoder.decode(b'"1.5";"x;""y"""').key == 'x;"y"'
    assert decoder.decode(b'"1.5";"x;""y"""').f0 == 1.5


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "empty"),
        (b"1,2", "bad_row"),
        (b"1,2,3,4,5,6,7", "bad_row"),
        (b'k,1,2,3,0,"open', "bad_row"),
        (b"k,1,2,\xff,0,x", "not_utf8"),
        (b"k,1,2,,0,x", "missing_field"),
        (b"k,1,2,   ,0,x", "missing_field"),
        (b"k,1,2,abc,0,x", "wrong_type"),
        (b"k,1,2,1_000,0,x", "wrong_type"),
        (b"k,1,inf,1,0,x", "not_finite"),
        (b"k,1,nan,1,0,x", "not_finite"),
        (b"k,1,1e400,1,0,x", "not_finite"),
    ],
)
def test_reasons(line: bytes, reason: str) -> None:
    with pytest.raises(EventError) as caught:
        DECODER.decode(line)
    assert caught.value.reason == reason


@given(st.binary())
def test_any_bytes_give_an_event_or_a_known_reason(line: bytes) -> None:
    (got,) = DECODER.decode_many([line])
    assert not isinstance(got, EventError) or got.reason in REASONS


def test_an_event_is_shown_with_its_numbers_as_they_were_written() -> None:
    line = DECODER.event(b"007,2026-01-01,1.50,2,,")
    assert line == b'{"who":"007","at":"2026-01-01","b":1.50,"a":2,"truth":null,"more":null}'
    assert json.loads(DECODER.event(b"k,nan,1e999,-1,0,true"))["b"] == "1e999"


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no column 'a'; its header names x, y"):
        CsvDecoder(Schema((Field("a"),)), ("x", "y"))


@given(
    st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 10**9)),
        min_size=1,
    )
)
def test_csv_and_json_give_the_same_batch(rows: list[tuple[float, int]]) -> None:
    schema = Schema((Field("a", "asinh"), Field("b", "log1p")))
    lines = [Record(f"{a!r},{b}".encode(), i) for i, (a, b) in enumerate(rows)]
    objects = [Record(json.dumps({"a": a, "b": b}).encode(), i) for i, (a, b) in enumerate(rows)]
    from_csv, _ = BatchDecoder(schema, origin="x", columns=("a", "b")).decode(lines)
    from_json, _ = BatchDecoder(schema, origin="x").decode(objects)
    np.testing.assert_array_equal(from_csv.X, from_json.X)
