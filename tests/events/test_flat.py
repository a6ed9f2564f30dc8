"""The short way reads an event as msgspec does, to the last bit, or leaves it alone."""

from __future__ import annotations

import json
import math
import random
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.errors import EventError
from streamgmm.events import Field, JsonDecoder, Schema

SCHEMA = Schema(
    (Field("a", required=True), Field("b.c"), Field("ü"), Field("proto", "surprise")),
    key="src",
    time="ts",
)
DECODER = JsonDecoder(SCHEMA)
NUMBERS = ("f0", "f1", "f2")
OTHERS = ("f3", "key", "time")

digits = st.from_regex(r"\A-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?\Z")
number_texts = st.floats().map(repr) | st.integers(-(2**70), 2**70).map(str) | digits
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5).map(
    lambda text: json.dumps(text, ensure_ascii=False)
)
words = st.sampled_from(["true", "false", "null", "nul", "01", "-", "+1", '"\\"'])
values = st.recursive(
    number_texts
    | texts
    | st.sampled_from(["true", "false", "null", "nul", "01", "-", "+1", '"\\"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda some: f"[{','.join(some)}]")
        | st.lists(inner, max_size=2).map(
            lambda some: "{" + ",".join(f'"k" :{v}' for v in some) + "}"
        )
    ),
    max_leaves=4,
)
names = st.sampled_from(["a", "b.c", "ü", "proto", "src", "ts", "b", "x", "", "\\u0061", "a\x01"])
members = st.lists(st.tuples(names, values), max_size=9)
space = st.sampled_from(["", " ", "\n\t", "\r "])


@st.composite
def events(draw: st.DrawFn) -> bytes:
    gap = draw(space)
    inside = ",".join(f'{gap}"{name}"{gap}:{gap}{value}' for name, value in draw(members))
    first = draw(st.sampled_from(['"a":1.5,', ""]))
    return f"{gap}{{{first}{inside}}}{gap}".encode()


def same(got: Any, expected: Any) -> bool:
    if isinstance(got, float) and isinstance(expected, float):
        return struct.pack("d", got) == struct.pack("d", expected)
    return type(got) is type(expected) and bool(got == expected)


def short_way(value: bytes | None) -> tuple[list[Any], list[float]] | None:
    """Return what is told of an event; None where it is left to msgspec."""
    assert DECODER.plain is not None
    numbers = np.full((1, 3), 7.0)
    (made,), rows = DECODER.plain.read([value], numbers)
    return None if rows else ([getattr(made, name) for name in OTHERS], numbers[0].tolist())


def hold_to_msgspec(value: bytes | None) -> bool:
    """See that what is read is right; say whether it was read."""
    read = short_way(value)
    if read is None:
        return False
    (event,) = DECODER.decode_many([value])
    assert not isinstance(event, EventError), event
    others, numbers = read
    for name, number in zip(NUMBERS, numbers, strict=True):
        expected = getattr(event, name)
        assert same(number, math.nan if expected is None else float(expected)), name
    for name, other in zip(OTHERS, others, strict=True):
        assert same(other, getattr(event, name)), name
    return True


@given(events())
def test_it_agrees_with_msgspec_or_leaves_the_event_alone(value: bytes) -> None:
    hold_to_msgspec(value)


@given(events(), st.data())
def test_nor_is_a_damaged_event_read_otherwise(value: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(value)))
    cut = data.draw(st.integers(0, 3))
    hold_to_msgspec(value[:at] + data.draw(st.binary(max_size=2)) + value[at + cut :])


@given(st.binary())
def test_any_bytes(value: bytes) -> None:
    hold_to_msgspec(value)


def test_numbers_as_they_are_written_in_the_wild() -> None:
    draw = random.Random(0)
    bits = [struct.unpack("d", draw.randbytes(8))[0] for _ in range(20_000)]
    usual = [round(draw.gauss(0, 1000), draw.randrange(12)) for _ in range(20_000)]
    for x in bits + usual:
        if math.isfinite(x):
            for text in (repr(x), f"{x:.17e}", f"{x:.3f}"):
                numbers = short_way(b'{"a": %s}' % text.encode())
                assert numbers is None or same(numbers[1][0], float(text)), text
                assert numbers is not None or len(text) > 300


@pytest.mark.parametrize(
    "value",
    [
        b'{"a": 1}',
        b'{"a": -0, "b.c": -0.0, "\xc3\xbc": -0e0}',
        b' {"a" : -0.0, "b.c": null, "\xc3\xbc": 1e-5, "x": {"y": [1, "z", {}]}, "proto": "tcp"}\n',
        b'{"ts": 1767600000.25, "src": "10.0.0.1", "a": true, "proto": 6}',
        b'{"a": 0.1234567890123456789, "src": 12, "ts": "2026-01-05T08:00:00Z", "a": false}',
        '{"src": "zürich", "proto": null, "a": 123456789012345678901234567890}'.encode(),
    ],
)
def test_what_is_plain_is_read(value: bytes) -> None:
    assert hold_to_msgspec(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"[]",
        b"{}",  # a is required
        b'{"a": null}',
        b'{"a": 1, "b": {"c": 2}}',  # what is looked for may be inside
        b'{"a": 1e999}',
        b'{"a": NaN}',
        b'{"a": "1"}',
        b'{"a": 1, "x": "\\n"}',
        b'{"a": 1, "src": "\xff"}',
        b'{"a": 1} {}',
        b'{"a": 1, "x": ' + b"[" * 100 + b"]" * 100 + b"}",
    ],
)
def test_what_is_not_is_left_alone(value: bytes | None) -> None:
    assert short_way(value) is None


def test_a_number_with_another_use_has_no_short_way() -> None:
    assert JsonDecoder(Schema((Field("port"),), key="port")).plain is None
    assert JsonDecoder(Schema((Field("port"),), key="src")).plain is not None
