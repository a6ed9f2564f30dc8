"""What may be handed over, and what is refused: tables, weights, times."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from streamgmm import OnlineGMM
from streamgmm.inputs import seconds_of, table_of, times_of, weight_of, weights_of


def test_a_data_frame_may_have_numbers_for_names():
    X = np.random.default_rng(0).normal(size=(300, 3))
    frame, array = OnlineGMM(n_components=2), OnlineGMM(n_components=2)
    scores = frame.score_learn_many(pd.DataFrame(X))
    assert scores.tolist() == array.score_learn_many(X).tolist()
    assert frame.feature_names == [0, 1, 2]
    assert frame.to_bytes() == array.to_bytes()
    swapped = pd.DataFrame(X)[[2, 0, 1]]
    assert frame.score_many(swapped).tolist() == array.score_many(X).tolist()


def test_names_of_several_levels_are_refused():
    columns = pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])
    with pytest.raises(TypeError, match=r"\('a', 1\) has a name of several levels; .*flatten"):
        table_of(pd.DataFrame(np.ones((3, 2)), columns=columns), [])


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1.0, None, 3], dtype=object),
        pd.Series([1, pd.NA, Decimal(3)], dtype=object),
        pd.Series([1, pd.NA, 3], dtype="Int64"),
        pd.Series([True, pd.NaT, 3.0], dtype=object),
    ],
    ids=str,
)
def test_a_column_of_numbers_of_any_kind(values):
    _, rows = table_of(pd.DataFrame({"a": values}), [])
    np.testing.assert_array_equal(rows, [[1.0], [np.nan], [3.0]])


def test_arrays_of_any_kind_of_number():
    expected = [[1.0, np.nan], [0.0, 1.0]]
    for X in (
        np.array([[1, None], [pd.NA, 1]], dtype=object)[[0]],
        np.ma.masked_array([[1, 7]], mask=[[False, True]]),
        np.array([[1.0, np.nan]], dtype=np.float32),
        [[1, None]],
    ):
        np.testing.assert_array_equal(table_of(X, [])[1], expected[:1])
    np.testing.assert_array_equal(table_of(np.array([[False, True]]), [])[1], expected[1:])


@pytest.mark.parametrize(
    "X",
    [
        np.array([["1", "2"]]),
        np.array([[1.0, 2j]]),
        np.array([["2026-01-01", "2026-01-02"]], dtype="datetime64[s]"),
        np.array([[1.0, "2"]], dtype=object),
        np.array([[1.0, datetime(2026, 1, 1, tzinfo=UTC)]], dtype=object),
        pd.DataFrame({"a": [1.0, "2"]}),
        pd.DataFrame({"a": pd.to_datetime(["2026-01-01"])}),
    ],
    ids=lambda X: str(getattr(X, "dtype", "frame")),
)
def test_what_a_single_event_would_refuse_is_refused_in_a_table(X):
    model = OnlineGMM()
    with pytest.raises(TypeError, match="features are numbers"):
        model.learn_many(X)
    assert model.n_seen == 0
    assert model.feature_names == []


@pytest.mark.parametrize(
    "t",
    [date(2026, 1, 1), timedelta(1), "2026-01-01", [1.0], 1j, np.timedelta64(1, "s")],
    ids=repr,
)
def test_what_is_no_time_is_refused(t):
    with pytest.raises(TypeError, match=r"t is .*; give seconds since the epoch or a datetime"):
        seconds_of(t)
    times = np.empty(1, dtype=object)
    times[0] = t
    with pytest.raises(TypeError, match="t is "):
        times_of(times, 1)
    with pytest.raises(TypeError, match="t holds <U10"):
        times_of(np.array(["2026-01-01"]), 1)


@pytest.mark.parametrize("t", [float("inf"), -np.inf, 10**400])
def test_an_infinite_time_is_refused(t):
    with pytest.raises(ValueError, match="t is infinite"):
        seconds_of(t)
    with pytest.raises(ValueError, match="t is infinite"):
        times_of([t], 1)


def test_times_of_one_moment():
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    seconds = moment.timestamp()
    for t in (moment, moment.replace(tzinfo=None), pd.Timestamp(moment), seconds,
              np.datetime64("2026-01-01"), Decimal(seconds), np.float64(seconds)):  # fmt: skip
        assert seconds_of(t) == seconds
        assert times_of([t], 1)[0] == seconds
    for missing in (None, pd.NaT, float("nan"), np.datetime64("NaT")):
        assert np.isnan(seconds_of(missing))
        assert np.isnan(times_of([missing, missing], 2)).all()


@pytest.mark.parametrize(
    "w", [-1.0, 1e-9, 1e9, float("nan"), float("inf"), "1", None, [1.0]], ids=repr
)
def test_what_is_no_weight_is_refused(w):
    with pytest.raises(ValueError, match=r"w is .*; a weight is a number from 1e-6"):
        weight_of(w)


def test_weights_of_a_wrong_kind_are_refused():
    with pytest.raises(TypeError, match="w holds <U1"):
        weights_of(["1"], 1)
    with pytest.raises(ValueError, match="w is None"):
        weights_of([1.0, None], 2)
    with pytest.raises(ValueError, match=r"w has shape \(2,\); \(3,\) is needed"):
        weights_of([1.0, 1.0], 3)
    np.testing.assert_array_equal(weights_of([True, 2], 2), [1.0, 2.0])
