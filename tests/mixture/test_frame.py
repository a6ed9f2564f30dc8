from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamgmm.mixture import estimate_frame, place_constants

multiples = hnp.arrays(
    np.int64, st.tuples(st.integers(2, 60), st.just(2)), elements=st.integers(-(2**20), 2**20)
)


@given(multiples, st.integers(-20, 20))
def test_shift_and_scale_move_the_frame_by_exactly_that(grid: np.ndarray, power: int) -> None:
    X = grid * 2.0**-16
    frame = estimate_frame(X)
    shifted = estimate_frame(X + 2.0**30)
    scaled = estimate_frame(X * 2.0**power)

    np.testing.assert_array_equal(shifted.location, frame.location + 2.0**30)
    np.testing.assert_array_equal(shifted.scale, frame.scale)
    np.testing.assert_array_equal(shifted.ridge, frame.ridge)
    np.testing.assert_array_equal(scaled.location, frame.location * 2.0**power)
    varies = np.ptp(X, axis=0) > 0
    np.testing.assert_array_equal(scaled.scale, np.where(varies, frame.scale * 2.0**power, 1.0))
    np.testing.assert_array_equal(scaled.ridge, frame.ridge)


def test_on_gaussian_data_it_finds_mean_and_deviation_despite_outliers() -> None:
    X = np.random.default_rng(0).normal(7.0, 3.0, size=(20_000, 1))
    X[:200] = 1e12
    frame = estimate_frame(X)
    assert frame.location[0] == pytest.approx(7.0, abs=0.1)
    assert frame.scale[0] == pytest.approx(3.0, rel=0.05)
    assert frame.ridge[0] == 1e-3


def test_the_ridge_is_the_variance_of_rounding() -> None:
    rng = np.random.default_rng(0)
    integers = np.round(rng.normal(0.0, 4.0, size=(5_000, 1)))
    frame = estimate_frame(integers)
    assert frame.ridge[0] == pytest.approx(1.0 / frame.scale[0] ** 2 / 12.0)
    assert estimate_frame(integers, resolution=False).ridge[0] == 1e-3
    coarse = rng.choice([0.0, 1.0, 100.0], p=[0.5, 0.3, 0.2], size=(1000, 1))
    assert estimate_frame(coarse).ridge[0] <= 1.0


def test_where_the_middle_is_constant_the_deviation_is_the_scale() -> None:
    X = np.zeros((1000, 1))
    X[:30, 0] = 10.0
    frame = estimate_frame(X)
    assert frame.location[0] == 0.0
    assert frame.scale[0] == pytest.approx(np.sqrt(0.03 * 100.0))


def test_constant_absent_and_partly_missing_features_have_a_frame() -> None:
    X = np.column_stack(
        [np.full(50, 3.5), np.full(50, np.nan), np.where(np.arange(50) % 2, 8.0, np.nan)]
    )
    frame = estimate_frame(X)
    np.testing.assert_array_equal(frame.location, [3.5, 0.0, 8.0])
    np.testing.assert_array_equal(frame.scale, [1.0, 1.0, 1.0])
    assert (frame.ridge > 0).all()


def test_there_and_back() -> None:
    X = np.random.default_rng(0).normal(size=(50, 3)) * [1e-9, 1.0, 1e9]
    frame = estimate_frame(X)
    np.testing.assert_allclose(frame.to_user(frame.to_frame(X)), X, rtol=1e-12, atol=1e-18)
    assert frame.log_scale == pytest.approx(np.log(frame.scale).sum())


def test_a_constant_gets_a_place_once_it_varies() -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([np.full(64, 5.0), rng.normal(size=64), np.full(64, 3.0), np.zeros(64)])
    X = np.column_stack([X, np.full(64, np.nan)])
    frame = estimate_frame(X)
    assert place_constants(frame, X) is frame
    later = X.copy()
    later[:, 0] += 1e-4 * rng.normal(size=64)
    later[:5, 2] += 1e-4  # a few stray values
    later[:, 3] = 50.0 * rng.normal(size=64)  # its unit does
    later[:, 4] = 2.0 + 0.1 * rng.normal(size=64)
    placed, found = place_constants(frame, later), estimate_frame(later)
    for name in ("location", "scale", "ridge"):
        expected = getattr(frame, name).copy()
        expected[[0, 4]] = getattr(found, name)[[0, 4]]
        np.testing.assert_array_equal(getattr(placed, name), expected)
    assert place_constants(placed, X) is placed


def test_a_constant_is_not_placed_by_few_values_or_by_rounding() -> None:
    frame = estimate_frame(np.full((100, 1), 0.3))
    rng = np.random.default_rng(0)
    few = np.full((64, 1), np.nan)
    few[:31, 0] = rng.normal(size=31)
    assert place_constants(frame, few) is frame
    assert place_constants(frame, 0.3 + 1e-16 * rng.normal(size=(64, 1))) is frame
