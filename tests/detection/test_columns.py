from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
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


def test_two_features_change_columns() -> None:
    columns = Columns(["a", "b", "c"])
    columns.swap(0, 2)
    assert columns.names == ["c", "b", "a"]
    np.testing.assert_array_equal(columns.row({"a": 1, "b": 2, "c": 3}), [[3.0, 2.0, 1.0]])


@pytest.mark.parametrize(
    "again", [copy.deepcopy, copy.copy, lambda columns: pickle.loads(pickle.dumps(columns))]
)
def test_copies_go_their_own_way(again: Any) -> None:
    columns = Columns(["a", ("b", 1)])
    other = again(columns)
    other.row({"c": 1.0}, grow=True)
    assert other.names == ["a", ("b", 1), "c"]
    assert columns.names == ["a", ("b", 1)]
