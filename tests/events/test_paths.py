"""Names with dots: as a whole or as a path, the same value that a plain search finds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.errors import EventError
from streamgmm.events import BatchDecoder, Field, JsonDecoder, Record, Schema
from streamgmm.events.readings import find, readings, readings_of

NAMES = ("a.b", "a.c.d", "e.f.g", "h", "id.orig_p")
SCHEMA = Schema(tuple(map(Field, NAMES)))

parts = st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h", *NAMES, "c.d", "f.g"])
leaves = (
    st.none() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=2) | st.just([1, {"b": 2}])
)
events = st.dictionaries(
    parts,
    st.recursive(leaves, lambda inner: st.dictionaries(parts, inner, max_size=3), max_leaves=6),
    max_size=6,
)


def looked_up(event: Any, name: str) -> Any:
    """The law, level by level: the whole name first, then inside what its first part names."""
    if not isinstance(event, dict):
        return None
    if event.get(name) is not None:
        return event[name]
    first, _, rest = name.partition(".")
    return looked_up(event.get(first), rest) if rest else None


def decoded(event: Any, schema: Schema = SCHEMA) -> Any:
    (got,) = JsonDecoder(schema).decode_many([json.dumps(event).encode()])
    return got


def values(event: Any, schema: Schema = SCHEMA) -> list[Any]:
    got = decoded(event, schema)
    assert not isinstance(got, EventError), got
    return [getattr(got, f"f{i}") for i in range(len(schema.fields))]


def fault(event: Any, schema: Schema) -> tuple[str, str | None]:
    got = decoded(event, schema)
    assert isinstance(got, EventError)
    return got.reason, got.field


@given(events, st.sets(st.sampled_from(NAMES)))
def test_a_name_gives_what_a_plain_search_gives(event: dict[str, Any], required: set[str]) -> None:
    schema = Schema(tuple(Field(name, required=name in required) for name in NAMES))
    due = {name: looked_up(event, name) for name in NAMES}
    got = decoded(event, schema)
    absent = {name for name in required if due[name] is None}
    wrong = {name for name in NAMES if isinstance(due[name], str | list | dict)}
    if absent | wrong:
        assert isinstance(got, EventError)
        assert (got.reason, got.field) in (
            {("missing_field", name) for name in absent} | {("wrong_type", name) for name in wrong}
        )
    else:
        assert [getattr(got, f"f{i}") for i in range(len(NAMES))] == list(due.values())


@given(st.lists(events | st.just("?"), max_size=6))
def test_how_events_are_cut_into_blocks_changes_nothing(several: list[Any]) -> None:
    decoder = JsonDecoder(SCHEMA)
    encoded = [json.dumps(event).encode() for event in several]
    together = decoder.decode_many(encoded)
    for one, value in zip(together, encoded, strict=True):
        (alone,) = decoder.decode_many([value])
        assert (alone.args if isinstance(alone, EventError) else alone) == (
            one.args if isinstance(one, EventError) else one
        )


@given(events)
def test_the_search_that_explains_follows_the_same_law(event: dict[str, Any]) -> None:
    for name, ways in readings_of(NAMES).items():
        assert find(event, ways) == looked_up(event, name)


@pytest.mark.parametrize(
    "event",
    [
        {"a.c.d": 1},
        {"a": {"c.d": 1}},
        {"a": {"c": {"d": 1}}},
        {"a.c.d": None, "a": {"c": {"d": 1}}},
        {"a.c.d": 1, "a": {"c.d": 2, "c": {"d": 3}}},
        {"a": {"c.d": 1, "c": {"d": "text"}}},
        {"a.c.d": 1, "a": "text"},
        {"a.c.d": 1, "a": {"c.d": [], "c": 1e3}},
    ],
)
def test_the_reading_with_the_longest_member_counts(event: dict[str, Any]) -> None:
    assert values(event)[1] == 1.0


@pytest.mark.parametrize("parent", [None, "text", 7, 7.5, True, [], [{"b": 1}], {}, {"b": None}])
def test_without_an_object_on_the_way_the_member_is_missing(parent: Any) -> None:
    assert values({"a": parent, "h": 3}) == [None, None, None, 3.0, None]
    schema = Schema((Field("h"), Field("a.b", required=True)))
    assert fault({"a": parent}, schema) == ("missing_field", "a.b")
    assert fault({"a": parent, "a.b": None}, schema) == ("missing_field", "a.b")


def test_a_value_of_another_type_names_the_whole_path() -> None:
    assert fault({"a": {"c": {"d": "text"}}}, SCHEMA) == ("wrong_type", "a.c.d")
    assert fault({"a": {"b": {}}}, SCHEMA) == ("wrong_type", "a.b")
    (got,) = JsonDecoder(SCHEMA).decode_many([b'{"a": {"b": 1e999}}'])
    assert (got.reason, got.field) == ("not_finite", "a.b")
    (got,) = JsonDecoder(SCHEMA).decode_many([b'{"a": {"b": 1}, "x": ' + b"[" * 9999])
    assert got.reason == "too_deep"


def test_what_is_read_as_a_value_is_no_object_to_look_into() -> None:
    schema = Schema((Field("load"), Field("load.max")))
    assert values({"load": 1, "load.max": 2}, schema) == [1.0, 2.0]
    assert fault({"load": {"max": 2}}, schema) == ("wrong_type", "load")


def test_names_whose_dots_part_nothing_are_one_member() -> None:
    for name in (".", "a.", ".a", "a..b", "..."):
        assert readings(name) == ((name,),)
        assert values({name: 1, "a": {"": 2, "b": 3}}, Schema((Field(name),))) == [1.0]


def test_every_role_reads_nested_members() -> None:
    schema = Schema(
        (
            Field("bytes", "log1p", source="flow.bytes.out"),
            Field("port", "surprise", source="flow.port", given="flow.src.ip"),
            Field("hour", "time_of_day", source="flow.began"),
        ),
        key="flow.src.ip",
        time="meta.at",
        label="meta.truth",
    )
    flow = {"bytes": {"out": 99}, "port": 443, "src": {"ip": "10.0.0.1"}, "began": 3600 * 6}
    nested = {"flow": flow, "meta": {"at": 1.5, "truth": True}}
    flat = {
        "flow.bytes.out": 99,
        "flow.port": 443,
        "flow.src.ip": "10.0.0.1",
        "flow.began": 3600 * 6,
        "meta.at": 1.5,
        "meta.truth": True,
    }
    batches = []
    for event in (nested, flat):
        decoder = BatchDecoder(schema, origin="test")
        batch, dead = decoder.decode([Record(json.dumps(event).encode(), 256)])
        assert not dead
        assert (batch.keys, batch.time.tolist()) == (["10.0.0.1"], [1.5])
        assert batch.labels is not None
        assert batch.labels.tolist() == [1.0]
        assert batch.unknown_fields() == 0
        batches.append(batch.X)
    assert np.array_equal(*batches)
    np.testing.assert_allclose(batches[0][0, [0, 2, 3]], [np.log(100), 1, 0], atol=1e-15)
    batch, _ = decoder.decode([Record(b'{"flow": {"port": 1}, "other": {"x": 1}}', 512)])
    assert batch.unknown_fields() == 1
