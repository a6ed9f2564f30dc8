"""Any bytes give an event or a reason, never anything else."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.errors import EventError
from streamgmm.events import REASONS, Field, JsonDecoder, Schema

SCHEMA = Schema(
    (Field("a", required=True), Field("id.orig_p"), Field("ünïcode")), key="src", time="ts"
)
DECODER = JsonDecoder(SCHEMA)

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def reason(value: bytes | None, decoder: JsonDecoder = DECODER) -> str:
    with pytest.raises(EventError) as caught:
        decoder.decode(value)
    assert caught.value.reason in REASONS
    assert caught.value.detail
    return caught.value.reason


@given(st.binary() | st.text().map(str.encode) | json_values.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_give_an_event_or_a_known_reason(value: bytes) -> None:
    (got,) = DECODER.decode_many([value])
    assert not isinstance(got, EventError) or got.reason in REASONS


@given(
    a=numbers | st.booleans(),
    port=numbers | st.none(),
    key=st.text() | st.integers() | st.none(),
    others=st.dictionaries(
        st.text().filter(lambda name: name not in {*SCHEMA.names, "src", "ts"}), json_values
    ),
)
def test_fields_are_read_and_other_members_ignored(a, port, key, others) -> None:
    event = others | {"a": a, "id.orig_p": port, "src": key}
    struct = DECODER.decode(json.dumps(event).encode())
    assert struct.f0 == float(a)
    assert struct.f1 == (None if port is None else float(port))
    assert struct.f2 is None
    assert struct.key == key


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"\xff\xfe", "not_utf8"),
        (b'{"a": 1, "src": "\xff"}', "not_utf8"),
        (b"{", "not_json"),
        (b'{"a": 1} x', "not_json"),
        (b'{"a": 1}\n{"a": 2}', "not_json"),
        (b'{"a": 1, "other": NaN}', "not_json"),
        (b"[1, 2]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b'{"a": 1, "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "too_deep"),
        (b"{}", "missing_field"),
        (b'{"a": null}', "missing_field"),
        (b'{"a": "1"}', "wrong_type"),
        (b'{"a": [1]}', "wrong_type"),
        (b'{"a": 1, "id.orig_p": {}}', "wrong_type"),
        (b'{"a": 1, "src": []}', "wrong_type"),
        (b'{"a": 1, "ts": true}', "wrong_type"),
        (b'{"a": NaN}', "not_finite"),
        (b'{"a": -Infinity}', "not_finite"),
        (b'{"a": 1e400}', "not_finite"),
        (b'{"a": ' + b"9" * 400 + b"}", "not_finite"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not_finite"),
        (b'{"a": 1, "ts": 1e999}', "not_finite"),
    ],
)
def test_reasons(value: bytes | None, expected: str) -> None:
    assert reason(value) == expected


def test_a_message_names_the_field_and_does_not_grow_with_the_value() -> None:
    with pytest.raises(EventError) as caught:
        DECODER.decode(json.dumps({"a": "x" * 10_000}).encode())
    assert caught.value.field == "a"
    assert "'a' is text 'xxx" in caught.value.detail
    assert len(caught.value.detail) < 250


def test_the_last_of_repeated_members_wins() -> None:
    assert DECODER.decode(b'{"a": 1, "a": 2}').f0 == 2.0


def test_one_field_and_fields_in_two_roles() -> None:
    schema = Schema((Field("port"),), key="port", time="ts")
    assert JsonDecoder(schema).decode(b'{"port": 443, "ts": 1}').f0 == 443.0


@given(st.text(min_size=1) | st.text('a."\\\n\x1f\x7f', min_size=1), st.booleans())
def test_a_name_is_refused_at_once_or_can_be_read(name: str, as_key) -> None:
    refused = json.dumps(name, ensure_ascii=False) != f'"{name}"'
    try:
        schema = Schema((Field("b"),), key=name) if as_key else Schema((Field(name),))
    except ValueError as error:
        assert refused, error  # noqa: PT017
    else:
        assert not refused
        got = JsonDecoder(schema).decode(json.dumps({name: 3.0}).encode())
        assert 3.0 in msgspec.structs.astuple(got)


@given(st.lists(st.sampled_from([b'{"a": 1}', b'{"a": 2.5, "ts": 3}', b"", b"?", b"{}"])))
def test_many_is_one_after_the_other(values: list[bytes]) -> None:
    for value, got in zip(values, DECODER.decode_many(values), strict=True):
        if isinstance(got, EventError):
            assert reason(value) == got.reason
        else:
            assert got == DECODER.decode(value)


@given(st.dictionaries(st.text(), json_values), st.sampled_from([None, 2]))
def test_an_event_is_shown_as_one_line_of_the_same_json(members, indent) -> None:
    event = members | {"a": 1}
    line = DECODER.event(json.dumps(event, indent=indent, ensure_ascii=False).encode())
    assert b"\n" not in line
    # pytest.approx would forgive too much: the numbers' text is kept as it was.
    assert json.loads(line) == event


def test_an_event_with_bytes_that_are_not_text_is_shown_as_text() -> None:
    value = b'{"a": 1, "other": "\xff"}'
    DECODER.decode(value)
    assert msgspec.json.decode(DECODER.event(value)) == {"a": 1, "other": "\ufffd"}


def test_negative_zero_and_tiny_numbers() -> None:
    assert math.copysign(1, DECODER.decode(b'{"a": -0.0}').f0) == -1
    assert DECODER.decode(b'{"a": 1e-400}').f0 == 0.0
