from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from streamgmm.detection import Explanation, Reason, Sighting, Verdicts
from streamgmm.events import Batch, BatchDecoder, Field, Record, Schema
from streamgmm.events.field import EVENT_TIME
from streamgmm.service.records import RecordEncoder

SCHEMA = Schema((Field("bytes", "log1p", unit="B"), Field("load")), key="host", time="ts")


def batch_of(*events: bytes) -> tuple[BatchDecoder, Batch]:
    decoder = BatchDecoder(SCHEMA, origin="flows-3")
    batch, dead = decoder.decode([Record(event, 40 + i) for i, event in enumerate(events)])
    assert not dead
    return decoder, batch


def verdicts(n: int, *, explanations: dict[int, Explanation] | None = None) -> Verdicts:
    rows = np.arange(n)
    anomalous = np.isin(rows, list(explanations or {}))
    return Verdicts(
        score=rows + 0.5,
        p_value=np.where(rows > 0, 0.25, np.nan),
        severity=np.where(rows > 0, 6.0, np.nan),
        is_anomaly=anomalous,
        ready=rows > 0,
        unscored=np.zeros(n, dtype=bool),
        component=rows.astype(np.int64),
        incident=np.zeros(n, dtype=np.int64),
        explanations=explanations or {},
    )


def test_a_score_record_has_the_promised_members() -> None:
    decoder, batch = batch_of(
        b'{"bytes": 1, "load": 0.5, "host": "a", "ts": 1767600000.25}', b'{"bytes": 2}'
    )
    lines = RecordEncoder(SCHEMA, decoder.encoder, "flows-3").scores(batch, verdicts(2))
    assert [msgspec.json.decode(line) for line in lines] == [
        {
            "id": "flows-3-40",
            "time": "2026-01-05T08:00:00.250000Z",
            "key": "a",
            "score": 0.5,
            "p_value": None,
            "severity": None,
            "is_anomaly": False,
            "ready": False,
            "component": 0,
        },
        {
            "id": "flows-3-41",
            "time": None,
            "key": None,
            "score": 1.5,
            "p_value": 0.25,
            "severity": 6.0,
            "is_anomaly": False,
            "ready": True,
            "component": 1,
        },
    ]


def alert(
    value: float, expected: float, spread: float, feature: int = 0, usual: float | None = None
) -> dict[str, object]:
    """The one reason of an alert, from encoded units to JSON."""
    usual = value if usual is None else usual  # by itself the value is no surprise
    decoder, batch = batch_of(b'{"bytes": 1, "load": 0}', b'{ "bytes": 54540,\n "load": 1 }')
    why = Explanation(
        component=1,
        distance=9.0,
        reasons=(
            Reason(
                feature=feature,
                surprise=30.0,
                value=value,
                expected=expected,
                spread=spread,
                usual=usual,
                usual_spread=1.0,
                share=0.75,
                alone=0.5 * (value - usual) ** 2,
            ),
        ),
    )
    encoder = RecordEncoder(SCHEMA, decoder.encoder, "flows-3")
    [(row, record)] = encoder.alerts(batch, verdicts(2, explanations={1: why}))
    assert row == 1
    decoded = msgspec.json.decode(encoder.to_json(record))
    assert decoded["event"] == {"bytes": 54540, "load": 1}
    assert b"\n" not in encoder.to_json(record)
    [reason] = decoded["reasons"]
    return reason


def test_a_reason_is_in_the_units_of_the_event() -> None:
    reason = alert(math.log1p(54540), math.log1p(300), 0.1)
    assert reason["feature"] == "bytes"
    assert reason["value"] == 54540.0
    assert reason["expected"] == 300.0
    assert reason["low"] == pytest.approx(301 * math.exp(-0.2) - 1)
    assert reason["high"] == pytest.approx(301 * math.exp(0.2) - 1)
    assert reason["surprise"] == 30.0
    assert reason["share"] == 0.75
    assert reason["given_rest"] is True
    assert reason["text"] == "bytes 55 kB, expected 300 B (245 B to 367 B) given the rest"


def test_a_band_does_not_leave_what_the_field_can_be() -> None:
    reason = alert(math.log1p(40), math.log1p(1), 3.0)
    assert reason["low"] == 0.0


def test_a_value_that_went_along_with_others_is_held_against_what_is_usual() -> None:
    reason = alert(90.0, 91.0, 2.0, feature=1, usual=10.0)
    assert reason["given_rest"] is False
    assert (reason["expected"], reason["low"], reason["high"]) == (10.0, 8.0, 12.0)
    assert reason["text"] == "load 90, usually 10 (8 to 12)"


def test_a_value_below_with_as_many_digits_as_matter() -> None:
    assert alert(-3.0, 1.5, 0.5, feature=1)["text"] == (
        "load -3, expected 1.5 (0.5 to 2.5) given the rest"
    )
    assert alert(1e9, 1e9 + 20, 1.0, feature=1)["text"] == (
        "load 1,000,000,000, expected 1,000,000,020 (1,000,000,018 to 1,000,000,022) given the rest"
    )


def test_reasons_that_explain_nothing_are_left_out() -> None:
    decoder, batch = batch_of(b'{"bytes": 1}')
    reasons = tuple(
        Reason(
            feature=i % 2,
            surprise=9.0,
            value=0.0,
            expected=1.0,
            spread=1.0,
            usual=1.0,
            usual_spread=1.0,
            share=share,
            alone=0.5,
        )
        for i, share in enumerate([0.8, 0.17, 0.03])
    )
    why = Explanation(component=0, distance=1.0, reasons=reasons)
    [(_, record)] = RecordEncoder(SCHEMA, decoder.encoder, "flows-3").alerts(
        batch, verdicts(1, explanations={0: why})
    )
    assert [reason.share for reason in record.reasons] == [0.8, 0.17]


def test_an_alert_says_which_incident_it_belongs_to_and_whether_it_opened_it() -> None:
    decoder, batch = batch_of(b'{"bytes": 1}', b'{"bytes": 2}', b'{"bytes": 3}')
    why = Explanation(component=0, distance=1.0, reasons=())
    found = verdicts(3, explanations=dict.fromkeys(range(3), why))
    found.sightings[0] = Sighting(id=7, count=1, first_event=41, first_time=1767600000.0)
    found.sightings[2] = Sighting(id=7, count=412, first_event=41, first_time=1767600000.0)
    encoder = RecordEncoder(SCHEMA, decoder.encoder, "flows-3")
    records = [msgspec.json.decode(encoder.to_json(r)) for _, r in encoder.alerts(batch, found)]
    assert [record["incident"] for record in records] == [
        {
            "id": "flows-3:7",
            "first": True,
            "count": 1,
            "text": "new behaviour 7: first seen at 2026-01-05 08:00:00 UTC",
        },
        None,
        {
            "id": "flows-3:7",
            "first": False,
            "count": 412,
            "text": "new behaviour 7: 412 events since 2026-01-05 08:00:00 UTC",
        },
    ]


def test_a_huge_event_does_not_make_a_huge_alert() -> None:
    decoder, batch = batch_of(b'{"bytes": 1, "blob": "%s"}' % (b"x" * 600_000))
    why = Explanation(component=0, distance=1.0, reasons=())
    encoder = RecordEncoder(SCHEMA, decoder.encoder, "flows-3")
    [(_, record)] = encoder.alerts(batch, verdicts(1, explanations={0: why}))
    assert len(encoder.to_json(record)) < 2000
    event = msgspec.json.decode(record.event)
    assert (event["truncated"], event["length"]) == (True, 600_021)


def test_no_anomaly_no_alert() -> None:
    decoder, batch = batch_of(b'{"bytes": 1}')
    assert RecordEncoder(SCHEMA, decoder.encoder, "flows-3").alerts(batch, verdicts(1)) == []


MIXED = Schema(
    (
        Field("country", "surprise", given="card"),
        Field("hour", "time_of_day", source=EVENT_TIME),
        Field("amount", "log1p"),
    ),
    time="ts",
)


def mixed_reason(
    columns: list[int], *, lines: list[bytes], centre: float, value: float = 9.0
) -> dict[str, Any]:
    """Give the one reason, of `columns`, of the last of some events."""
    decoder = BatchDecoder(MIXED, origin="flows-0")
    batch, _ = decoder.decode([Record(line, i) for i, line in enumerate(lines)])
    row = len(lines) - 1

    def surprising(column: int) -> Reason:
        at = value if column == 0 else float(batch.X[row, column])
        usual = -centre if column == 1 else centre
        return Reason(
            feature=column,
            surprise=30.0,
            value=at,
            expected=centre,
            spread=0.3,
            usual=usual,
            usual_spread=3.0,
            share=0.4,
            alone=0.5 * ((at - usual) / 3.0) ** 2,
        )

    why = Explanation(
        component=0,
        distance=9.0,
        reasons=tuple(surprising(column) for column in columns),
    )
    encoder = RecordEncoder(MIXED, decoder.encoder, "flows-0")
    [(_, record)] = encoder.alerts(batch, verdicts(len(lines), explanations={row: why}))
    [reason] = msgspec.json.decode(encoder.to_json(record))["reasons"]
    return reason


def card(country: str, number: int) -> bytes:
    return b'{"country": "%s", "card": %d, "ts": 11520}' % (country.encode(), number)


def test_a_category_is_shown_by_how_often_it_is_seen() -> None:
    lines = [card("CH", i % 9) for i in range(199)] + [card("NZ", 12), card("NZ", 3)]
    reason = mixed_reason([0], lines=lines, centre=0.7)
    assert reason["value"] == "NZ"
    assert reason["expected"] == pytest.approx(math.exp(-0.7))
    assert (reason["low"], reason["high"]) == pytest.approx((math.exp(-1.3), math.exp(-0.1)))
    assert reason["text"] == (
        "country NZ seen in 0.5% of events (of this card: never), "
        "expected 27% to 90% given the rest"
    )


def test_categories_and_keys_that_are_new() -> None:
    first = mixed_reason([0], lines=[card("CH", 1), card("NZ", 2)], centre=9.0)
    assert first["text"] == (
        "country NZ seen in no event lately (this card is new), "
        "expected 0.0068% to 0.022% given the rest"
    )


def test_a_time_of_day_is_one_reason_as_on_a_clock() -> None:
    reason = mixed_reason([1, 2], lines=[card("CH", 1)], centre=-0.6)
    assert reason["feature"] == "hour"
    assert reason["value"] == "03:12"
    assert reason["share"] == 0.8
    assert reason["text"] == "time of day 03:12, usually 09:00 (04:37 to 13:23)"
    assert (reason["expected"], reason["low"], reason["high"]) == ("09:00", "04:37", "13:23")
    at_any_time = mixed_reason([2, 1], lines=[card("CH", 1)], centre=0.01)
    assert at_any_time["text"] == "time of day 03:12, usually at any time"
    assert at_any_time["expected"] is None


PAYMENTS = Schema(
    (
        Field("pause", "log1p", history="since", per="card"),
        Field("uses", "log1p", history="count", per="card", half_life="1h"),
        Field("turns", history="count", per="card", half_life="1d"),
        Field("spent", "log1p", False, "EUR", "amount", history="sum", per=True, half_life="1d"),
        Field("usual", "log1p", False, "EUR", "amount", history="mean", per="card"),
        Field("ratio", "log1p", False, "EUR", "amount", history="against_mean", per="card"),
        Field("more", source="amount", unit="EUR", history="against_mean", per="card"),
    ),
    key="card",
    time="ts",
)


@pytest.mark.parametrize(
    ("name", "value", "usual", "text"),
    [
        ("pause", np.log1p(3), (9, 1), "3 s after the last event of this card, usually 2 h 15 min"),
        ("uses", np.log1p(4), (0, 0.35), "4 events of this card within about 1 h, usually 0 (0 to"),
        ("turns", 4.0, (-1.0, 0.2), "4 events of this card within about 1 d, usually 0"),
        ("spent", np.log1p(900), (3, 0.5), "900 EUR of this key within about 1 d, usually 19 EUR"),
        ("usual", np.log1p(900), (3, 0.5), "900 EUR as the mean of this card, usually 19 EUR"),
        ("ratio", np.log(30), (0, 0.7), "30 times the mean of this card, usually 1 (0.25 to 4.1)"),
        ("more", 900.0, (0, 10), "900 EUR off the mean of this card, usually 0 EUR (-20 EUR to"),
    ],
)
def test_a_history_is_told_in_words(name, value, usual, text) -> None:
    decoder = BatchDecoder(PAYMENTS, origin="t-0")
    batch, _ = decoder.decode([Record(b'{"card": "a", "ts": 1, "amount": 2}', 1)])
    centre, spread = usual
    reason = Reason(
        feature=PAYMENTS.names.index(name),
        value=value, expected=centre, spread=spread, surprise=9.0, share=1.0,
        usual=centre, usual_spread=spread, alone=20.0,
    )  # fmt: skip
    explanation = Explanation(component=0, distance=9.0, reasons=(reason,))
    encoder = RecordEncoder(PAYMENTS, decoder.encoder, "t-0")
    ((_, record),) = encoder.alerts(batch, verdicts(1, explanations={0: explanation}))
    (why,) = record.reasons
    assert why.text.startswith(f"{name} {text}")
    assert why.value == pytest.approx(decoder.encoder.inverse(reason.feature, value))
