"""Categories and times in batches: what is read, what is counted, and that blocks do not matter."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm import snapshot
from streamgmm.events import BatchDecoder, Field, Record, Schema
from streamgmm.events.field import EVENT_TIME

SCHEMA = Schema(
    (
        Field("bytes", "log1p"),
        Field("country", "surprise", half_life=50.0),
        Field("port", "surprise", source="dport", given="src", keys=5),
        Field("week", "time_of_week", source="seen"),
        Field("time_of_day", "time_of_day", source=EVENT_TIME),
        Field("port for the key", "surprise", source="dport", given=True),
    ),
    key="card",
    time="ts",
)
NAMES = list(SCHEMA.names)

good = st.fixed_dictionaries(
    {"ts": st.floats(0, 1e5) | st.just("1970-01-01T03:00:00Z")},
    optional={
        "bytes": st.integers(0, 10**9),
        "country": st.sampled_from(["CH", "NZ", "", "é"]) | st.integers(0, 2) | st.none(),
        "dport": st.sampled_from([22, 443, 443.0, "443"]),
        "src": st.sampled_from(["a", "b", 7, None]),
        "card": st.sampled_from(["x", "y"]),
        "seen": st.floats(0, 1e9),
    },
).map(lambda event: json.dumps(event).encode())
bad = st.sampled_from(
    [
        b"?",
        b'{"country": ["CH"]}',
        b'{"country": "new", "bytes": -1}',
        b'{"country": "new", "ts": 1e7}',
        b'{"country": "new", "seen": "?"}',
    ]
)


def records(values: list[bytes]) -> list[Record]:
    return [Record(value, i, 5.0, b"key") for i, value in enumerate(values)]


def decoder(schema: Schema = SCHEMA, **options) -> BatchDecoder:
    return BatchDecoder(schema, origin="t-0", **options)


def column(batch, name: str) -> np.ndarray:
    return batch.X[:, NAMES.index(name)]


def state(batches: BatchDecoder) -> bytes:
    return snapshot.pack(batches.categories.state())


@given(st.lists(good | bad, max_size=20), st.integers(1, 5))
def test_blocks_do_not_matter(values, size) -> None:
    everything = records(values)
    whole, one = decoder(), decoder()
    batch, dead = whole.decode(everything)
    parts = [one.decode(everything[i : i + size]) for i in range(0, len(values), size)]
    assert batch.X.tobytes() == b"".join(part.X.tobytes() for part, _ in parts)
    assert [d.reason for d in dead] == [d.reason for _, ds in parts for d in ds]
    assert state(whole) == state(one)
    for i, judged in batch.judged.items():
        joined = b"".join(part.judged[i].own_share.tobytes() for part, _ in parts)
        assert judged.own_share.tobytes() == joined


@given(st.lists(good, max_size=10), st.lists(st.tuples(st.integers(0, 10), bad), max_size=5))
def test_what_cannot_be_used_is_not_counted(values, insertions) -> None:
    alone, among = decoder(max_ahead=1e6), decoder(max_ahead=1e6)
    mixed = [b'{"ts": 0}', *values]
    batch, _ = alone.decode(records(mixed))
    for at, value in insertions:
        mixed.insert(1 + at % len(mixed), value)
    with_bad, dead = among.decode(records(mixed))
    assert len(dead) == len(insertions)
    assert with_bad.X.tobytes() == batch.X.tobytes()
    assert state(among) == state(alone)


def test_columns_of_a_batch() -> None:
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()  # a Monday
    lines = [
        {"country": "CH", "dport": 443, "src": "a", "ts": noon, "seen": "2026-01-05T00:00:00Z"},
        {"country": "CH", "dport": "443", "src": "a", "ts": noon + 6 * 3600},
        {"ts": noon + 7 * 3600},
    ]
    batch, dead = decoder().decode(records([json.dumps(line).encode() for line in lines]))
    assert not dead
    np.testing.assert_allclose(column(batch, "time_of_day.cos")[:2], [-1, 0], atol=1e-12)
    np.testing.assert_allclose(column(batch, "time_of_day.sin")[:2], [0, -1], atol=1e-12)
    np.testing.assert_allclose(column(batch, "week.cos"), [1, math.nan, math.nan])
    country = column(batch, "country")
    assert country[0] == 0.0  # nothing else has been seen
    assert country[1] == pytest.approx(-math.log((1 - 0.75) * 1), rel=0.01)
    assert math.isnan(country[2])
    judged = batch.judged[NAMES.index("port")]
    assert judged.category == ["443", "443", None]
    np.testing.assert_array_equal(judged.share, [math.nan, 1.0, math.nan])
    np.testing.assert_array_equal(judged.own_share, [math.nan, 1.0, math.nan])
    assert batch.missing.tolist() == [3, 1, 1, 2, 2, 0, 0, 1]


def test_the_events_key_may_be_the_records_own() -> None:
    schema = Schema((Field("country", "surprise", given=True),))
    batches = decoder(schema)
    keys = [b"a", b"a", b"b", None]
    batch, _ = batches.decode(
        [Record(b'{"country": "CH"}', i, key=key) for i, key in enumerate(keys)]
    )
    np.testing.assert_array_equal(batch.judged[0].own_share, [math.nan, 1, math.nan, math.nan])
    assert batches.categories.state()["country"]["own"]["keys"] == ["a", "b"]


def test_a_member_with_several_uses_has_the_type_that_suits_all() -> None:
    schema = Schema(
        (Field("port"), Field("which", "surprise", source="port"), Field("when", "time_of_day")),
        key="port",
        time="when",
    )
    batches = decoder(schema)
    lines = [b'{"port": 443, "when": 9}', b'{"port": "443"}', b'{"when": true}']
    batch, dead = batches.decode(records(lines))
    assert [letter.reason for letter in dead] == ["wrong_type", "wrong_type"]
    assert "'port' is text '443'; a number, true, false or null is allowed" in dead[0].detail
    assert "'when' is a truth value True; text, a number or null is allowed" in dead[1].detail
    assert batch.X[0, 0] == 443.0
    assert (batch.keys, batch.judged[1].category) == (["443"], ["443"])


def test_other_types_are_dead_letters() -> None:
    lines = [b'{"country": {"iso": "CH"}}', b'{"seen": "?"}', b'{"src": []}']
    batch, dead = decoder().decode(records(lines))
    assert len(batch) == 0
    assert [(d.reason, d.field) for d in dead] == [
        ("wrong_type", "country"), ("bad_time", "seen"), ("wrong_type", "src"),
    ]  # fmt: skip
    assert "text, a number, true, false or null is allowed" in dead[0].detail


def test_required_categories() -> None:
    schema = Schema((Field("country", "surprise", required=True),))
    _, (dead,) = decoder(schema).decode(records([b'{"country": null}']))
    assert (dead.reason, dead.field) == ("missing_field", "country")


def test_cells_of_a_csv_file() -> None:
    names = ["ts", "country", "dport", "src", "card", "bytes", "seen"]
    batches = BatchDecoder(SCHEMA, origin="f", columns=names)
    rows = [b"1000, CH ,443,a,x,5,0", b"2000,,443,a,,,", b"3000,CH,443.0,b,x,1,7"]
    batch, dead = batches.decode(records(rows))
    assert not dead
    assert batch.judged[NAMES.index("country")].category == ["CH", None, "CH"]
    assert np.isnan(column(batch, "week.sin")).tolist() == [False, True, False]


def test_what_was_learned_of_categories_comes_back() -> None:
    lines = [json.dumps({"country": f"c{i % 7}", "dport": i % 3, "src": i % 4}) for i in range(90)]
    values = records([line.encode() for line in lines])
    one, other = decoder(), decoder()
    one.decode(values[:50])
    other.categories.restore(snapshot.unpack(state(one)))
    assert one.decode(values[50:])[0].X.tobytes() == other.decode(values[50:])[0].X.tobytes()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"given": "src"}, "has given, which only"),
        ({"half_life": 5.0}, "has half_life, which only"),
        ({"transform": "surprise", "half_life": 0.5}, "half_life 0.5; .* at least 1"),
        ({"transform": "surprise", "unit": "B"}, "a unit, which is for numbers only"),
        ({"source": EVENT_TIME}, "reads the event time"),
        ({"transform": "time_of_day", "source": EVENT_TIME, "required": True}, "not required"),
    ],
)
def test_fields_without_sense_are_refused(settings, words) -> None:
    with pytest.raises(ValueError, match=f"field 'x' .*{words}"):
        Field("x", **settings)


def test_schemas_without_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="would see the truth"):
        Schema((Field("a", "surprise", given="label"),), label="label")
    with pytest.raises(ValueError, match="would see the truth"):
        Schema((Field("a", source="label"),), label="label")
    with pytest.raises(ValueError, match="named twice"):
        Schema((Field("t", "time_of_day"), Field("t.sin")))
    with pytest.raises(ValueError, match="named twice"):
        Schema((Field("t", "time_of_day"), Field("t")))
    with pytest.raises(ValueError, match="time zone 'Mars/Olympus' is not known"):
        decoder(Schema((Field("t", "time_of_day"),), time_zone="Mars/Olympus"))
