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
