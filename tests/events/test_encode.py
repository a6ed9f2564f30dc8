"""Transforms: forward and inverse, and a block gives the bits of its rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamgmm.events import TRANSFORMS, Encoder, Field, Schema

NAMES = tuple(TRANSFORMS)
SCHEMA = Schema(tuple(Field(name, name) for name in NAMES))  # a column for each transform
ENCODER = Encoder(SCHEMA)

blocks = arrays(
    np.float64,
    st.tuples(st.integers(0, 50), st.just(len(NAMES))),
    elements=st.floats(0, 1e300) | st.just(math.nan),
)


@given(blocks)
def test_inverse_undoes_forward(values: np.ndarray) -> None:
    X, faults = ENCODER.forward(values)
    assert not faults
    np.testing.assert_allclose(ENCODER.inverse_block(X), values, rtol=1e-12, atol=1e-300)
    for row, column in np.ndindex(*X.shape):
        one = ENCODER.inverse(column, X[row, column])
        np.testing.assert_equal(one, ENCODER.inverse_block(X)[row, column])


@given(blocks)
def test_a_block_gives_the_bits_of_its_rows(values: np.ndarray) -> None:
    X, _ = ENCODER.forward(values)
    rows = [ENCODER.forward(values[i : i + 1])[0] for i in range(len(values))]
    assert X.tobytes() == b"".join(row.tobytes() for row in rows)


def test_a_long_block_gives_the_bits_of_its_rows() -> None:
    values = np.random.default_rng(0).lognormal(3, 4, (1003, len(NAMES)))
    X, _ = ENCODER.forward(values)
    rows = [ENCODER.forward(values[i : i + 1])[0] for i in range(len(values))]
    assert X.tobytes() == b"".join(row.tobytes() for row in rows)
    assert X.tobytes() == ENCODER.forward(np.asfortranarray(values))[0].tobytes()


def test_missing_stays_missing_and_input_is_not_touched() -> None:
    values = np.full((2, len(NAMES)), np.nan)
    X, faults = ENCODER.forward(values)
    assert np.isnan(X).all()
    assert not faults
    values = np.ones((1, len(NAMES)))
    ENCODER.forward(values)
    assert (values == 1).all()


def test_a_value_outside_the_domain_is_a_fault_of_its_row_alone() -> None:
    column = NAMES.index("log1p")
    values = np.ones((3, len(NAMES)))
    values[1, column] = -0.5
    X, faults = ENCODER.forward(values)
    assert list(faults) == [1]
    assert faults[1].reason == "out_of_domain"
    assert faults[1].field == "log1p"
    assert "asinh" in faults[1].detail
    np.testing.assert_array_equal(X[[0, 2]], ENCODER.forward(values[[0, 2]])[0])


def test_asinh_is_odd_and_takes_negative_values() -> None:
    schema = Schema((Field("x", "asinh"),))
    X, faults = Encoder(schema).forward(np.array([[-1e9], [1e9]]))
    assert not faults
    assert X[0, 0] == -X[1, 0]


def test_an_inverse_too_large_for_a_float_is_infinite() -> None:
    schema = Schema((Field("x", "log1p"), Field("y", "asinh")))
    assert Encoder(schema).inverse(0, 1e4) == math.inf
    assert Encoder(schema).inverse(1, -1e4) == -math.inf


@pytest.mark.parametrize("fields", [(), (Field("a"), Field("a"))])
def test_a_schema_without_sense_is_refused(fields) -> None:
    with pytest.raises(ValueError, match=r"at least one field|named twice"):
        Schema(fields)


def test_other_schemas_without_sense() -> None:
    with pytest.raises(ValueError, match="allowed are identity, log1p, asinh"):
        Field("a", "log")
    with pytest.raises(ValueError, match="needs a name"):
        Field("")
    with pytest.raises(ValueError, match="would see the truth"):
        Schema((Field("a"),), label="a")
    with pytest.raises(ValueError, match="must differ"):
        Schema((Field("a"),), key="t", time="t")
    with pytest.raises(ValueError, match="allowed are s, ms, us, ns"):
        Schema((Field("a"),), time_unit="min")
