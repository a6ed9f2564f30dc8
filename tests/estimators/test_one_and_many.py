"""Rows by dictionary, array or data frame are the same events with the same scores."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgmm import OnlineGMM

NAMES = ["a", "b", "c"]


def stream(n: int = 1_500, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) * [1.0, 20.0, 0.1] + [0.0, 1e4, -3.0]
    X[:, 2] += 0.05 * X[:, 0]
    X[rng.random((n, 3)) < 0.03] = np.nan
    return X


def as_dicts(X: np.ndarray) -> list[dict[str, float]]:
    return [
        {name: value for name, value in zip(NAMES, row, strict=True) if not np.isnan(value)}
        for row in X.tolist()
    ]


def model(**changes) -> OnlineGMM:
    return OnlineGMM(n_components=4, warmup=200, **changes)


def test_one_by_one_is_the_block():
    X = stream()
    frame = pd.DataFrame(X, columns=NAMES)
    block, single = model(), model()
    scores = block.score_learn_many(frame)
    first, later = as_dicts(X[:1]), as_dicts(X[1:])
    first[0] = {name: X[0, i] for i, name in enumerate(NAMES)}  # the order of the columns
    assert [single.score_learn_one(x) for x in first + later] == scores.tolist()
    assert single.to_bytes() == block.to_bytes()
    assert single.n_seen == len(X)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 900), min_size=1, max_size=6))
def test_blocks_may_be_cut_anywhere(cuts):
    X = stream(900)
    whole, cut = model(), model()
    expected = whole.score_learn_many(X)
    scores, at = [], 0
    for size in [*cuts, len(X)]:
        scores.append(cut.score_learn_many(X[at : at + size]))
        at = min(at + size, len(X))
    assert np.concatenate(scores).tobytes() == expected.tobytes()
    assert whole.to_bytes() == cut.to_bytes()


def test_score_then_learn_is_score_learn():
    X = as_dicts(stream(600))
    a, b = model(), model()
    for x in X:
        score = a.score_one(x)
        a.learn_one(x)
        assert b.score_learn_one(x) == score


def test_scoring_changes_nothing():
    learned = model()
    learned.learn_many(stream())
    before = learned.to_bytes()
    X = stream(50, seed=1)
    many = learned.score_many(X)
    one = [learned.score_one(dict(zip([0, 1, 2], row, strict=True))) for row in X.tolist()]
    learned.predict_one({0: 1.0})
    learned.explain_one({0: 1.0, 1: 2.0})
    learned.score_one({"never": 1.0, "seen": 2.0})
    assert many.tolist() == one
    assert learned.to_bytes() == before


def test_threads_score_their_own_events():
    learned = model()
    learned.learn_many(pd.DataFrame(stream(), columns=NAMES))
    events = [
        {name: Fraction(x[name]) for name in NAMES if name in x} for x in as_dicts(stream(200, 7))
    ]
    expected = [learned.score_one(x) for x in events]

    def scores(_: int) -> list[float]:
        return [learned.score_one(x) for x in events]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert all(found == expected for found in pool.map(scores, range(4)))
    finally:
        sys.setswitchinterval(interval)


def test_frames_of_every_kind_and_order_of_columns():
    X = stream(700)
    frame = pd.DataFrame(X, columns=NAMES)
    a, b = model(), model()
    a.learn_many(frame)
    b.learn_many(frame)
    assert np.array_equal(a.score_many(frame), b.score_many(frame[["c", "a", "b"]]))
    assert np.array_equal(a.score_many(frame), b.score_many(X))
    absent = frame.drop(columns="b")
    missing = frame.assign(b=np.nan)
    assert np.array_equal(a.score_many(absent), a.score_many(missing))


def test_before_anything_is_known():
    empty = OnlineGMM()
    assert empty.score_one({"a": 1.0}) == 0.0
    assert empty.predict_one({"a": 1.0}) == 0
    assert empty.predict_proba_one({"a": 1.0}) == {0: 1.0}
    assert not empty.ready
    assert "nothing learned yet" in empty.summary()
    assert np.array_equal(empty.score_many(np.ones((2, 3))), [0.0, 0.0])
    with pytest.raises(ValueError, match="at least two events"):
        _ = empty.weights
    with pytest.raises(ValueError, match="nothing has been learned"):
        empty.explain_one({"a": 1.0})


def test_times_in_every_form_are_the_same_time():
    X = stream(400)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    stamps = [start + timedelta(minutes=3 * i) for i in range(len(X))]
    seconds = [stamp.timestamp() for stamp in stamps]
    datetimes64 = np.array([stamp.replace(tzinfo=None) for stamp in stamps], dtype="datetime64[us]")
    states = []
    for times in (seconds, stamps, datetimes64, pd.Series(stamps)):
        timed = model(half_life="2h")
        timed.learn_many(X, t=times)
        states.append(timed.to_bytes())
    one = model(half_life="2h")
    for x, stamp in zip(pd.DataFrame(X).to_dict("records"), stamps, strict=True):
        one.learn_one(x, t=stamp)
    states.append(one.to_bytes())
    assert len(set(states)) == 1


def test_weight_zero_teaches_nothing_and_weight_two_counts_twice():
    X = stream(600)
    taught, idle = model(gate=None), model(gate=None)
    taught.learn_many(X)
    idle.learn_many(X)
    idle.learn_one({0: 5.0, 1: 1e4, 2: -3.0}, w=0.0)
    assert np.array_equal(taught.means, idle.means)
    mass = taught.mixture.mass
    taught.learn_one({0: 0.0, 1: 1e4, 2: -3.0}, w=2.0)
    assert taught.mixture.mass == pytest.approx(mass * 2 ** (-2 / 10_000) + 2.0)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_a_weight_is_finite_and_not_negative(bad):
    with pytest.raises(ValueError, match="a weight is a number from 1e-6"):
        model().learn_one({"a": 1.0}, w=bad)
    with pytest.raises(ValueError, match="a weight is a number from 1e-6"):
        model().learn_many([[1.0]], w=[bad])


def test_a_half_life_in_time_needs_times():
    timed = model(half_life="7d")
    for call in (lambda: timed.learn_one({"a": 1.0}), lambda: timed.learn_many([[1.0]])):
        with pytest.raises(ValueError, match=r"half_life is '7d'.*give t"):
            call()
    assert timed.feature_names == []
    timed.learn_one({"a": 1.0}, t=0.0)
    timed.learn_many([[1.0], [2.0]], t=[float("nan"), 5.0])
    assert timed.n_seen == 3


def test_provisional_scores_stay_sober():
    """Two events that happen to be close do not make the third one a sensation."""
    highest = max(
        OnlineGMM().score_learn_many(np.random.default_rng(seed).normal(size=(40, 3))).max()
        for seed in range(30)
    )
    assert highest < 60
