from __future__ import annotations

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.detection.columns import Columns

names = st.one_of(st.text(max_size=2), st.integers(0, 3), st.tuples(st.integers(0, 1)))
values = st.one_of(st.none(), st.integers(-9, 9), st.floats(allow_infinity=False), st.booleans())


@given(st.lists(st.tuples(st.dictionaries(names, values, max_size=30), st.booleans()), max_size=8))
def test_a_feature_takes_its_column_when_it_first_appears(
    events: list[tuple[dict[Any, Any], bool]],
) -> None:
    columns, order = Columns(), []
    for x, grow in events:
        if grow:
            order += [name for name in x if name not in order]
        row = columns.row(x, grow=grow)
        assert columns.names == order
        assert len(columns) == len(order)
        expected = [x.get(name) for name in order]
        expected = [np.nan if value is None else float(value) for value in expected]
        np.testing.assert_array_equal(row, [expected])


def test_numbers_of_any_kind_are_numbers() -> None:
    x = {
        "a": True, "b": 2, "c": np.float32(0.5), "d": np.int64(7), "e": Decimal("1.25"),
        "f": Fraction(1, 4), "g": None, "h": float("nan"),
    }  # fmt: skip
    np.testing.assert_array_equal(
        Columns().row(x, grow=True), [[1.0, 2.0, 0.5, 7.0, 1.25, 0.25, np.nan, np.nan]]
    )


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("7", TypeError),
        (b"7", TypeError),
        (1j, TypeError),
        (np.complex64(1), TypeError),
        (np.timedelta64(3, "s"), TypeError),
        ([1.0], TypeError),
        ({}, TypeError),
        (float("inf"), ValueError),
        (-np.inf, ValueError),
        (10**400, ValueError),
    ],
)
def test_what_is_no_number_is_refused_by_name_and_nothing_grows(
    value: Any, error: type[Exception]
) -> None:
    columns = Columns(["a"])
    with pytest.raises(error, match="'odd'"):
        columns.row({"new": 1.0, "odd": value, "newer": 2.0}, grow=True)
    assert columns.names == ["a"]
    np.testing.assert_array_equal(columns.row({"a": 3.0}), [[3.0]])


def test_any_mapping_will_do() -> None:
    from types import MappingProxyType

    x = MappingProxyType({"a": 1, "b": 2})
    np.testing.assert_array_equal(Columns().row(x, grow=True), [[1.0, 2.0]])


def test_columns_at_the_end_can_be_dropped() -> None:
    columns = Columns(["a", "b", "c"])
    assert columns.shrink(1) == ["b", "c"]
    assert columns.names == ["a"]
    np.testing.assert_array_equal(columns.row({"c": 3, "a": 1, "b": 2}), [[1.0]])
    np.testing.assert_array_equal(columns.row({"c": 3, "a": 1}, grow=True), [[1.0, 3.0]])


@pytest.mark.parametrize("missing", [pd.NA, pd.NaT, None, np.nan], ids=repr)
def test_marks_for_nothing_are_missing(missing: Any) -> None:
    np.testing.assert_array_equal(Columns(["a", "b"]).row({"a": 1, "b": missing}), [[1.0, np.nan]])


class Deliberate:
    """A number that lets other threads run while it is read."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        threading.Event().wait(1e-4)
        return self.value


def test_threads_do_not_mix_their_events() -> None:
    columns = Columns(list("abcd"))

    def rows(value: float) -> set[bytes]:
        x = dict.fromkeys("abcd", Deliberate(float(value)))
        return {columns.row(x).tobytes() for _ in range(50)}

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(rows, range(4)))
    assert found == [{np.full(4, float(value)).tobytes()} for value in range(4)]


def test_an_event_may_lose_its_values_while_they_are_read() -> None:
    class Clearing:
        def __float__(self) -> float:
            x.clear()
            return 2.0

    x: dict[str, Any] = {"a": 1.5, "b": Clearing(), "c": 2.5 + len("ab")}
    np.testing.assert_array_equal(Columns(["a", "b", "c"]).row(x), [[1.5, 2.0, 4.5]])


@pytest.mark.parametrize(
    "again", [copy.deepcopy, copy.copy, lambda columns: pickle.loads(pickle.dumps(columns))]
)
def test_copies_go_their_own_way(again: Any) -> None:
    columns = Columns(["a", ("b", 1)])
    other = again(columns)
    other.row({"c": 1.0}, grow=True)
    assert other.names == ["a", ("b", 1), "c"]
    assert columns.names == ["a", ("b", 1)]
