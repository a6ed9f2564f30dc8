"""Categories and times for river: its own laws, pipelines, and the core's numbers."""

from __future__ import annotations

import copy
import math
import pickle
from datetime import UTC, datetime
from functools import partial

import msgspec
import numpy as np
import pytest
from river import checks, compose, stats

import streamgmm
from streamgmm import CategoricalSurprise, CyclicTime, KeyHistory, OnlineGMM
from streamgmm.events import BatchDecoder, Field, Record, Schema
from streamgmm.events.cycles import CYCLES, LocalTime
from streamgmm.events.surprise import Surprise

TRANSFORMERS = {
    "surprise": CategoricalSurprise("category"),
    "of a number": CategoricalSurprise("V1", half_life=100),
    "given another": CategoricalSurprise("V1", given="V2", half_life=None, keys=20),
    "time": CyclicTime("V1", time_zone="Europe/Zurich"),
    "count": KeyHistory("count", per="V1", time="V2", half_life="1h", keys=20),
    "against its mean": KeyHistory("against_mean", per="V1", on="V2", half_life=30),
}


def every_check():
    for label, model in TRANSFORMERS.items():
        for check in checks.yield_checks(model):
            function = check.func if isinstance(check, partial) else check
            yield pytest.param(model, check, id=f"{label}-{function.__name__}")


@pytest.mark.parametrize(("model", "check"), list(every_check()))
def test_river_checks(model, check) -> None:
    check(model.clone())


def test_river_yields_its_checks() -> None:
    assert len(list(checks.yield_checks(CategoricalSurprise("x")))) >= 20


def events(n: int, seed: int = 0) -> list[dict]:
    rng = np.random.default_rng(seed)
    return [
        {"amount": float(rng.normal()), "port": int(rng.zipf(1.7)), "host": int(rng.integers(9))}
        for _ in range(n)
    ]


def test_it_gives_the_cores_numbers_event_by_event() -> None:
    transformer = CategoricalSurprise("port", given="host", half_life=100, keys=5)
    got = []
    for event in events(500):
        got.append(transformer.transform_one(event)["port given host"])
        transformer.learn_one(event)
    ports, hosts = zip(*((str(e["port"]), str(e["host"])) for e in events(500)), strict=True)
    assert got == Surprise(100.0, 5).learn(ports, hosts).surprise.tolist()


class Recorder(OnlineGMM):
    """Keeps what it was given to learn."""

    def learn_one(self, x, *, w=1.0, t=None) -> None:
        self.seen = [*getattr(self, "seen", []), dict(x)]
        super().learn_one(x, w=w, t=t)


@pytest.mark.parametrize("union", [False, True])
def test_a_pipeline_learns_what_it_scores(union) -> None:
    """Transform first, learn after: else what is new would be half known already."""
    surprise = CategoricalSurprise("port", half_life=50)
    first = (compose.Select("amount") + surprise) if union else surprise
    model = first | Recorder(n_components=2)
    expected = Surprise(50.0).learn([str(event["port"]) for event in events(300)]).surprise
    for event, due in zip(events(300), expected.tolist(), strict=True):
        assert first.transform_one(event)["port"] == due
        model.learn_one(event)
        assert model["Recorder"].seen[-1]["port"] == due


def test_new_categories_stand_out_in_a_pipeline() -> None:
    numbers, port = compose.Select("amount"), CategoricalSurprise("port", given="host")
    model = (numbers + port) | OnlineGMM(n_components=4, seed=1)
    score = stats.Mean()
    for event in events(3_000):
        event["port"] = 400 + event["host"]  # each host has a port of its own
        score.update(model.score_one(event))
        model.learn_one(event)
    assert model.score_one({"amount": 0.0, "port": 401, "host": 1}) < score.get() + 5
    assert model.score_one({"amount": 0.0, "port": 402, "host": 1}) > score.get() + 15


def test_missing_is_left_out_and_not_counted() -> None:
    transformer = CategoricalSurprise("port", given="host")
    transformer.learn_one({"port": 1, "host": 2})
    before = pickle.dumps(transformer)
    for event in ({}, {"port": None}, {"port": math.nan, "host": 2}):
        transformer.learn_one(event)
        assert transformer.transform_one(event) == {}
    assert pickle.dumps(transformer) == before
    alone = CategoricalSurprise("port")
    alone.learn_one({"port": 1})
    by_all = alone.transform_one({"port": 1})["port"]
    assert transformer.transform_one({"port": 1}) == {"port given host": by_all}


def test_copies_go_on_alike_and_apart() -> None:
    one = CategoricalSurprise("port", given="host", half_life=100)
    for event in events(300):
        one.learn_one(event)
    others = [copy.deepcopy(one), pickle.loads(pickle.dumps(one))]
    fresh = one.clone()
    for event in events(300, seed=1):
        assert len({str(each.transform_one(event)) for each in (one, *others)}) == 1
        for each in (one, *others):
            each.learn_one(event)
    assert fresh.transform_one(event) == {"port given host": 0.0}


def test_keys_without_room_for_one_are_refused() -> None:
    with pytest.raises(ValueError, match="keys is 0; it must be a whole number, from 1"):
        CategoricalSurprise("port", given="host", keys=0)


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="a list; text, a number"):
        CategoricalSurprise("x").learn_one({"x": []})


def test_times_of_all_kinds() -> None:
    transformer = CyclicTime("at", cycles=("week", "day"), time_zone="+01:00")
    moment = datetime(2026, 1, 5, 6, tzinfo=UTC)
    points = [
        transformer.transform_one({"at": at})
        for at in (
            moment, moment.replace(tzinfo=None), moment.timestamp(), int(moment.timestamp()),
            "2026-01-05T07:00:00+01:00", np.datetime64("2026-01-05T06:00"),
        )
    ]  # fmt: skip
    assert all(point == points[0] for point in points)
    assert list(points[0]) == ["at.week.sin", "at.week.cos", "at.day.sin", "at.day.cos"]
    local = LocalTime("+01:00").of(np.array([moment.timestamp()]))
    assert list(points[0].values())[2:] == CYCLES["time_of_day"].turn(local)[0].tolist()
    assert transformer.transform_one({}) == transformer.transform_one({"at": None}) == {}


def test_times_and_cycles_that_are_none() -> None:
    with pytest.raises(ValueError, match="time field 'at' is 'noon'"):
        CyclicTime("at").transform_one({"at": "noon"})
    with pytest.raises(ValueError, match=r'cycles is .*"day" and "week"'):
        CyclicTime("at", cycles=("month",))
    with pytest.raises(ValueError, match="time zone 'Mars' is not known"):
        CyclicTime("at", time_zone="Mars")


PAST = [
    {"history": "since", "transform": "log1p"},
    {"history": "count", "half_life": "1h"},
    {"history": "sum", "on": "amount", "half_life": "1h", "transform": "log1p"},
    {"history": "mean", "on": "amount", "half_life": 20, "transform": "log1p"},
    {"history": "against_mean", "on": "amount", "half_life": "30d", "transform": "log1p"},
]


@pytest.mark.parametrize("settings", PAST, ids=lambda one: one["history"])
def test_a_history_gives_a_jobs_numbers_event_by_event(settings) -> None:
    rng = np.random.default_rng(1)
    some = [
        {"card": f"c{rng.integers(9)}", "at": 600.0 * i, "amount": round(rng.lognormal(3), 2)}
        for i in range(300)
    ]
    field = dict(settings)
    source = {"source": field.pop("on")} if "on" in field else {}
    schema = Schema((Field("x", per="card", keys=5, **field, **source),), time="at")
    lines = [Record(msgspec.json.encode(one), i) for i, one in enumerate(some)]
    due = BatchDecoder(schema, origin="t").decode(lines)[0].X[:, 0]
    transformer = KeyHistory(per="card", time="at", keys=5, **settings)
    got = []
    for i, event in enumerate(some):
        if i == 150:
            transformer = pickle.loads(pickle.dumps(transformer))
        got.append(next(iter(transformer.transform_one(event).values()), math.nan))
        transformer.learn_one(event)
    np.testing.assert_array_equal(got, due)


def test_a_history_lacks_what_it_needs() -> None:
    for settings, words in (
        ({"history": "count", "half_life": "1h"}, "time is None"),
        ({"history": "since"}, "time is None"),
        ({"history": "mean"}, "needs the name of the feature with the number"),
        ({"history": "since", "time": "at", "on": "amount"}, "needs none"),
        ({"history": "sum", "on": "amount"}, "needs half_life"),
    ):
        with pytest.raises(ValueError, match=words):
            KeyHistory(per="card", **settings)
    mean = KeyHistory("mean", per="card", on="amount", transform="log1p")
    for wrong in (-2, math.inf, "5"):
        with pytest.raises(ValueError, match=r"'amount' is .* at least 0 or None"):
            mean.learn_one({"card": "a", "amount": wrong})


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Surprise'"):
        streamgmm.Surprise  # noqa: B018
