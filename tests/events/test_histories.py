"""What came before an event of the same key: against the sums themselves, and bit for bit."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm import snapshot
from streamgmm.events import BatchDecoder, Field, Record, Schema
from streamgmm.events.history import KeyTable

HOUR = 3600.0
SCHEMA = Schema(
    (
        Field("since", "log1p", history="since", per="card"),
        Field("uses", history="count", per="card", half_life="1h"),
        Field("spent", "log1p", source="amount", history="sum", per="card", half_life="1h"),
        Field("mean", "log1p", source="amount", history="mean", per="card", half_life="1h"),
        Field("own", source="amount", history="against_mean", per="card", half_life=2.0, keys=3),
        Field("of shop", "log1p", source="amount", history="against_mean", per=True),
    ),
    key="shop",
    time="ts",
)
NAMES = list(SCHEMA.names)

good = st.fixed_dictionaries(
    {"ts": st.floats(0, 1e5)},
    optional={
        "amount": st.floats(0, 1e4) | st.none(),
        "card": st.sampled_from(["a", "b", "c", 7, None, "x" * 500]),
        "shop": st.sampled_from(["s", "t"]),
    },
)
bad = st.sampled_from([{"amount": -1, "card": "a"}, {"card": "a", "ts": "?"}, {"ts": 1e9}])


def records(events: list[dict]) -> list[Record]:
    return [Record(json.dumps(event).encode(), i, 5.0) for i, event in enumerate(events)]


def decoder(schema: Schema = SCHEMA) -> BatchDecoder:
    return BatchDecoder(schema, origin="t-0")


def columns(events: list[dict], schema: Schema = SCHEMA) -> dict[str, np.ndarray]:
    batch, dead = decoder(schema).decode(records(events))
    assert not dead
    return dict(zip(schema.names, batch.X.T, strict=True))


def state(batches: BatchDecoder) -> bytes:
    return snapshot.pack(batches.histories.state())


def test_each_history_is_what_its_name_says() -> None:
    """Two events an hour apart, and one half an hour after: by hand."""
    got = columns(
        [
            {"card": "a", "ts": 0.0, "amount": 3.0},
            {"card": "a", "ts": HOUR, "amount": 15.0},
            {"card": "b", "ts": HOUR, "amount": 99.0},
            {"card": "a", "ts": 1.5 * HOUR, "amount": 31.0},
        ]
    )
    half = math.sqrt(0.5)
    unknown = math.nan
    np.testing.assert_allclose(np.expm1(got["since"]), [unknown, HOUR, unknown, HOUR / 2])
    np.testing.assert_allclose(got["uses"], [0, 0.5, 0, 1.5 * half])
    np.testing.assert_allclose(np.expm1(got["spent"]), [0, 1.5, 0, half * (1.5 + 15)])
    mean = (0.5 * math.log(4) + math.log(16)) / 1.5
    np.testing.assert_allclose(got["mean"], [unknown, math.log(4), unknown, mean])
    weight = 2**-0.5  # of an event two of the key's own events ago
    own = (weight * 3 + 15) / (weight + 1)
    np.testing.assert_allclose(got["own"], [unknown, 12, unknown, 31 - own])


def test_they_are_what_a_plain_sum_over_all_earlier_events_gives() -> None:
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.exponential(900, 300))
    cards, amounts = rng.integers(0, 4, 300), rng.lognormal(3, 1, 300)
    got = columns(
        [
            {"card": str(c), "ts": t, "amount": a}
            for c, t, a in zip(cards, times, amounts, strict=True)
        ]
    )
    for i in range(300):
        before = np.flatnonzero(cards[:i] == cards[i])
        faded = 0.5 ** ((times[i] - times[before]) / HOUR)
        assert got["uses"][i] == pytest.approx(faded.sum(), rel=1e-12)
        assert got["spent"][i] == pytest.approx(np.log1p(faded @ amounts[before]), rel=1e-12)
        if len(before):
            mean = faded @ np.log1p(amounts[before]) / faded.sum()
            assert got["mean"][i] == pytest.approx(mean, rel=1e-9)


@given(st.lists(good | bad, max_size=25), st.integers(1, 5))
def test_blocks_do_not_matter_and_what_cannot_be_used_is_not_counted(events, size) -> None:
    everything = records([{"ts": 0.0}, *events])
    whole, one, alone = decoder(), decoder(), decoder()
    batch, dead = whole.decode(everything)
    parts = [one.decode(everything[i : i + size]) for i in range(0, len(everything), size)]
    assert batch.X.tobytes() == b"".join(part.X.tobytes() for part, _ in parts)
    assert state(whole) == state(one)
    unused = {letter.id for letter in dead}
    alone.decode([record for record in everything if f"t-0-{record.position}" not in unused])
    assert state(alone) == state(whole)


@given(st.lists(good, max_size=25), st.integers(0, 25))
def test_what_is_remembered_comes_back(events, at) -> None:
    lines = records(events)
    one, other = decoder(), decoder()
    one.decode(lines[:at])
    other.clock.restore(one.clock.state())
    other.histories.restore(snapshot.unpack(state(one)))
    assert one.decode(lines[at:])[0].X.tobytes() == other.decode(lines[at:])[0].X.tobytes()
    assert state(one) == state(other)


def test_the_key_not_seen_for_longest_makes_room() -> None:
    field = Field("uses", history="count", per="card", half_life="1h", keys=2)
    batches = decoder(Schema((field,)))
    seen = ["a", "b", "a", "c", "b", "a"]
    batch, _ = batches.decode(records([{"card": card} for card in seen]))
    assert batch.X[:, 0].tolist() == [0, 0, 1, 0, 0, 0]  # c took b's place, b then a's
    (table,) = batches.histories.state().values()
    assert table["keys"] == ["b", "a"]
    assert table["rows"].shape == (2, 3)


def test_late_events_come_no_time_after_the_latest() -> None:
    got = columns([{"card": "a", "ts": ts} for ts in (HOUR, 0.0, 2 * HOUR)])
    assert np.expm1(got["since"])[1:] == pytest.approx([0.0, HOUR])
    assert got["uses"].tolist() == [0.0, 1.0, 1.0]


def test_without_a_time_or_a_key_nothing_is_known_but_the_events_count() -> None:
    schema = replace(SCHEMA, time=None, fields=SCHEMA.fields[:3])
    batches = decoder(schema)
    lines = [b'{"card": "a", "amount": 2}', b'{"card": "a", "amount": 3}', b'{"amount": 5}']
    batch, _ = batches.decode([Record(line, i) for i, line in enumerate(lines)])
    since, uses, spent = batch.X.T
    assert np.isnan(since).all()
    assert uses[:2].tolist() == [0.0, 1.0]
    assert spent[1] == np.log1p(2.0)
    assert np.isnan(batch.X[2]).all()


def test_a_frozen_model_keeps_its_means_and_notes_what_happens() -> None:
    batches = decoder()
    events = [{"card": "a", "shop": "s", "ts": float(ts), "amount": 10.0 + ts} for ts in range(4)]
    batches.decode(records(events[:2]))
    batches.decode(records(events[2:3]), learn=False)
    batch, _ = batches.decode(records(events[3:]), learn=False)
    got = dict(zip(NAMES, batch.X[0], strict=True))
    assert got["uses"] == pytest.approx(3.0, abs=0.01)
    assert np.expm1(got["since"]) == pytest.approx(1.0)
    assert np.expm1(got["mean"]) == pytest.approx(math.sqrt(11 * 12) - 1, rel=1e-3)


def test_numbers_without_bounds_stay_finite() -> None:
    events = [{"card": "a", "shop": "s", "ts": 0.0, "amount": 1.7e308}] * 3
    got = columns(events)
    assert all(np.isfinite(column[1:]).all() for column in got.values())


def test_a_table_is_told_what_it_keeps() -> None:
    with pytest.raises(ValueError, match="2 histories"):
        KeyTable(["count", "sum"], [1.0], 5)
    table = KeyTable(["count"], [1.0], 1)
    with pytest.raises(ValueError, match="2 keys, 2 rows of 1 at most"):
        table.restore({"keys": ["a", "b"], "rows": np.zeros((2, 3))})
    with pytest.raises(ValueError, match="5 numbers a key, 3 are due"):
        table.restore({"keys": ["a"], "rows": np.zeros((1, 5))})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"history": "count", "half_life": "1h"}, "needs per"),
        ({"history": "count", "per": "card"}, "needs half_life, a span of time"),
        ({"history": "sum", "per": "card", "half_life": 9.0}, "needs half_life, a span of time"),
        ({"history": "mean", "per": "card", "half_life": "soon"}, "'soon' is no span of time"),
        ({"history": "mean", "per": "card", "half_life": 0.5}, "number of events, or a span"),
        ({"history": "since", "per": "card", "half_life": "1h"}, "has half_life, which history"),
        ({"history": "since", "per": "card", "source": "x"}, "reads no member"),
        ({"history": "since", "per": "card", "given": "card"}, "has given, which history"),
        ({"history": "mean", "per": "card", "transform": "surprise"}, "which is of numbers"),
        ({"history": "against_mean", "per": "card", "transform": "asinh"}, "a ratio"),
        ({"history": "longest", "per": "card"}, "allowed are since, count"),
        ({"per": "card"}, "has per .card., which is for a history"),
        ({"transform": "surprise", "half_life": "1h"}, "at least 1, a number of events$"),
    ],
)
def test_histories_without_sense_are_refused(settings, words) -> None:
    with pytest.raises(ValueError, match=f"field 'x' .*{words}"):
        Field("x", **settings)


def test_whose_history_it_is_is_no_label() -> None:
    with pytest.raises(ValueError, match="would see the truth"):
        Schema((Field("x", history="since", per="label"),), label="label")
