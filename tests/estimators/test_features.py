"""Features come, go, are missing, are refused: nothing is lost and nothing learned by mistake."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from streamgmm import OnlineGMM


def events(n: int, seed: int = 0) -> list[dict[str, float]]:
    rng = np.random.default_rng(seed)
    return [{"size": rng.normal(10, 2), "rate": rng.normal(0, 1)} for _ in range(n)]


def trained(n: int = 400) -> OnlineGMM:
    model = OnlineGMM(n_components=2, warmup=100)
    for x in events(n):
        model.learn_one(x)
    return model


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("ten", TypeError, "feature 'rate' is 'ten' of type str"),
        (b"1", TypeError, "feature 'rate'"),
        (1j, TypeError, "feature 'rate'"),
        ([1.0], TypeError, "feature 'rate'"),
        (float("inf"), ValueError, "feature 'rate' is inf"),
        (-np.inf, ValueError, "feature 'rate'"),
        (10**400, ValueError, "feature 'rate' is 1000"),
    ],
    ids=lambda value: repr(value)[:20],
)
@pytest.mark.parametrize("when", [0, 50, 400], ids=["new", "warm-up", "ready"])
def test_a_value_that_is_no_finite_number_is_refused_by_name(value, error, message, when):
    model = trained(when)
    before = model.to_bytes()
    for call in (model.learn_one, model.score_learn_one, model.score_one):
        with pytest.raises(error, match=message):
            call({"size": 1.0, "rate": value, "another": 3.0})
    assert model.to_bytes() == before
    assert model.n_seen == when


def test_a_bad_column_is_refused_by_name():
    model = trained()
    before = model.to_bytes()
    good = pd.DataFrame(events(3))
    with pytest.raises(TypeError, match="feature 'rate' holds"):
        model.learn_many(good.assign(rate=["a", "b", "c"]))
    with pytest.raises(ValueError, match="feature 'size' is infinite in row 1"):
        model.learn_many(good.assign(size=[1.0, np.inf, np.inf]))
    with pytest.raises(ValueError, match="3 columns, the model 2 features"):
        model.learn_many(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        model.learn_many(np.ones(3))
    assert model.to_bytes() == before


@pytest.mark.parametrize("value", [True, 3, np.float32(3), np.int64(3), Decimal(3)], ids=repr)
def test_every_kind_of_number_is_one(value):
    model = trained()
    assert model.score_one({"size": value, "rate": 0.0}) == model.score_one(
        {"size": float(value), "rate": 0.0}
    )


def test_none_nan_and_absent_are_all_missing():
    model = trained()
    scores = {
        model.score_one(x) for x in ({"size": 9.0}, {"size": 9.0, "rate": None},
                                     {"size": 9.0, "rate": float("nan")})
    }  # fmt: skip
    assert len(scores) == 1


def test_an_event_without_any_known_feature_teaches_nothing():
    model = trained()
    means, weights = model.means, model.weights
    model.learn_one({})
    model.learn_one({"size": None})
    assert np.array_equal(model.means, means)
    assert np.array_equal(model.weights, weights)


def test_a_feature_that_appears_in_warm_up_gets_its_column():
    model = OnlineGMM(n_components=1, warmup=120)
    for i, x in enumerate(events(120)):
        model.learn_one(x if i < 40 else {**x, "late": 5.0 + 0.1 * x["rate"]})
    assert model.ready
    assert model.feature_names == ["size", "rate", "late"]
    assert model.means[0, 2] == pytest.approx(5.0, abs=0.1)


def test_a_feature_that_appears_later_joins_once_it_is_known():
    model = trained()
    rng = np.random.default_rng(5)
    for x in events(99, seed=3):
        model.learn_one({"extra": rng.normal(1e6, 50.0), **x})
    assert model.feature_names == ["size", "rate"]
    for x in events(300, seed=4):
        model.learn_one({"extra": rng.normal(1e6, 50.0), **x})
    assert model.feature_names == ["size", "rate", "extra"]
    assert model.means[:, 2] == pytest.approx([1e6, 1e6], abs=50)
    usual = model.score_one({"size": 10.0, "rate": 0.0, "extra": 1e6})
    odd = model.score_one({"size": 10.0, "rate": 0.0, "extra": 1e6 + 500.0})
    assert odd - usual > 10


def test_newcomers_join_in_the_order_in_which_they_are_known():
    model = trained()
    for i, x in enumerate(events(350, seed=3)):
        rare = {"rare": float(i)} if i % 3 == 0 else {}
        model.learn_one({**x, **rare, "common": x["rate"] ** 2})
    assert model.feature_names == ["size", "rate", "common", "rare"]
    row = {"common": 1.0, "size": 10.0, "rare": 3.0, "rate": 0.0}
    assert model.score_one(row) == model.score_one(dict(reversed(row.items())))


def test_newcomers_in_blocks_are_newcomers_one_by_one():
    frame = pd.DataFrame(events(300, seed=8))
    frame["late"] = np.where(np.arange(300) % 2 == 0, np.arange(300.0), np.nan)
    block, single = trained(), trained()
    scores = block.score_learn_many(frame)
    assert [single.score_learn_one(x) for x in frame.to_dict("records")] == scores.tolist()
    assert block.to_bytes() == single.to_bytes()
    assert block.feature_names == ["size", "rate", "late"]


def test_newcomers_survive_a_save():
    model = trained()
    for x in events(50, seed=3):
        model.learn_one({**x, "extra": x["size"]})
    restored = OnlineGMM.from_bytes(model.to_bytes())
    for x in events(100, seed=4):
        full = {**x, "extra": x["size"]}
        assert model.score_learn_one(full) == restored.score_learn_one(full)
    assert restored.feature_names == ["size", "rate", "extra"]


def test_a_stray_name_changes_nothing_for_the_others():
    model, undisturbed = trained(), trained()
    model.learn_one({"size": 10.0, "rate": 0.0, "typo": 1.0})
    undisturbed.learn_one({"size": 10.0, "rate": 0.0})
    X = np.array([list(x.values()) for x in events(50, seed=2)])
    assert model.score_many(X).tolist() == undisturbed.score_many(X).tolist()
    assert model.score_learn_many(X).tolist() == undisturbed.score_learn_many(X).tolist()
    assert model._columns.names == ["size", "rate"]  # all that a single event has to go through
    for x in events(50, seed=3):
        assert model.score_learn_one(x) == undisturbed.score_learn_one(x)
    with pytest.raises(ValueError, match="3 columns, the model 2 features"):
        model.learn_many(np.ones((1, 3)))


def test_names_without_end_cost_no_end_of_memory():
    model = trained()
    sizes = []
    for i, x in enumerate(events(600, seed=3)):
        model.learn_one({**x, f"name {i:04}": 1.0, "late": x["rate"] ** 2})
        sizes.append(len(model.to_bytes()))
    assert model.feature_names == ["size", "rate", "late"]
    assert max(sizes[200:]) < sizes[199] + 300


def test_a_newcomer_that_is_not_seen_again_is_forgotten():
    model = trained()
    model.learn_one({"typo": 1.0})
    model.learn_many(pd.DataFrame(events(10_000, seed=3)))
    assert b"typo" in model.to_bytes()
    model.learn_one({"other": 1.0})
    assert b"typo" not in model.to_bytes()


def test_a_newcomer_is_not_known_by_events_of_no_weight():
    model = trained()
    for x in events(150, seed=3):
        model.learn_one({**x, "extra": x["size"]}, w=0.0)
    assert model.feature_names == ["size", "rate"]


@pytest.mark.parametrize("cut", [1, 7, 250])
def test_a_crowd_of_newcomers_in_blocks_is_one_by_one(cut):
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(events(500, seed=8))
    for i in range(90):
        values = np.arange(500.0) + rng.normal(size=500)
        frame[f"new {i}"] = np.where(rng.random(500) < 0.2 + i / 200, values, np.nan)
    weights = (rng.random(500) < 0.9).astype(float)
    block, single = trained(), trained()
    scores = np.concatenate(
        [
            block.score_learn_many(frame.iloc[at : at + cut], w=weights[at : at + cut])
            for at in range(0, 500, cut)
        ]
    )
    alone = [
        single.score_learn_one({k: v for k, v in x.items() if not np.isnan(v)}, w=w)
        for x, w in zip(frame.to_dict("records"), weights, strict=True)
    ]
    assert alone == scores.tolist()
    assert block.feature_names == single.feature_names
    assert len(block.feature_names) > 50
    assert block.to_bytes() == single.to_bytes()


def test_an_empty_block_brings_no_features():
    model = OnlineGMM()
    assert model.score_learn_many(np.empty((0, 5))).shape == (0,)
    assert model.feature_names == []
    model.learn_many(np.ones((3, 2)))
    assert model.feature_names == [0, 1]
