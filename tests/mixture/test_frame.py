from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamgmm.mixture import Frame, OnlineMixture, Rules, estimate_frame, place_constants
from tests.mixture.streams import PLAIN, placed

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


# ---- coordinates -------------------------------------------------------------------------

# one feature, in units far from 0 and 1
LINE = Frame(np.array([0.0]), np.array([2.5e-3]), np.array([1e-3]))
# from a thousandth of a scale to 1e90 scales on either side, in order, and around where it bends
ONE_SIDE = np.unique(np.concatenate([np.geomspace(1e-3, 1e90, 20_001), np.linspace(4.9, 5.1, 201)]))
SCALES = np.concatenate([-ONE_SIDE[::-1], [0.0], ONE_SIDE])
DISTANCES = SCALES[:, None] * LINE.scale


def test_there_and_back_from_a_thousandth_of_a_scale_to_1e90_scales() -> None:
    back = LINE.to_user(LINE.to_frame(DISTANCES))
    np.testing.assert_allclose(back, DISTANCES, rtol=1e-12)
    Z = np.linspace(-1_000.0, 1_000.0, 20_001)[:, None]
    np.testing.assert_allclose(LINE.to_frame(LINE.to_user(Z)), Z, rtol=1e-12, atol=1e-15)


def test_the_farther_out_the_larger_the_coordinate() -> None:
    Z = LINE.to_frame(DISTANCES)[:, 0]
    assert (np.diff(Z) > 0.0).all()
    np.testing.assert_array_equal(Z, -Z[::-1])
    near = np.abs(SCALES) <= 5.0
    np.testing.assert_array_equal(Z[near], (DISTANCES / LINE.scale)[near, 0])
    # 5 more for every factor e
    assert LINE.to_frame(np.array([5.0 * np.e**7]) * LINE.scale)[0] == pytest.approx(
        40.0, rel=1e-15
    )


def test_the_slope_is_the_derivative() -> None:
    Z = np.concatenate([np.linspace(-900.0, 900.0, 3_601), [4.999, 5.0, 5.001]])[:, None]
    h = 1e-4
    steps = (LINE.to_user(Z + h) - LINE.to_user(Z - h)) / (2 * h)
    # it is continuous, and has a bend of 1 / 5 where the logarithm sets in
    np.testing.assert_allclose(LINE.slope(Z), steps, rtol=1e-5)
    np.testing.assert_array_equal(LINE.slope(Z[np.abs(Z[:, 0]) <= 5.0]), LINE.scale[0])


def test_the_stretch_is_the_log_of_the_slope() -> None:
    rng = np.random.default_rng(0)
    frame = Frame(np.array([50.0, -3.0, 0.0]), np.array([1e-3, 1.0, 1e6]), np.full(3, 1e-3))
    X = frame.location + rng.standard_cauchy((200, 3)) ** 3 * frame.scale
    slope = np.log(frame.slope(frame.to_frame(X))).sum(axis=1)
    np.testing.assert_allclose(frame.stretch(X) + frame.log_scale, slope, rtol=1e-12, atol=1e-12)
    X[rng.random(X.shape) < 0.3] = np.nan
    absent = np.isnan(X) @ np.log(frame.scale)
    expected = placed(frame, X)[1] + absent - frame.log_scale
    np.testing.assert_allclose(frame.stretch(X), expected, rtol=1e-12, atol=1e-12)


def on_the_line(weights: list[float], means: list[float], variances: list[float]) -> OnlineMixture:
    """Return the mixture with these parameters in force, in coordinates of LINE."""
    K = len(weights)
    mixture = OnlineMixture(LINE, K, Rules(**{**PLAIN, "score": "nll_full"}))
    mixture.set_statistics(
        mass=1.0,
        weights=np.array(weights),
        counts=np.array(weights),
        means=np.array(means)[:, None],
        scatters=np.array(variances)[:, None, None] - LINE.ridge,
    )
    return mixture


def test_the_kernels_have_the_same_coordinates() -> None:
    """The distance from one Gaussian of unit variance at 0 is the coordinate, squared."""
    distance = on_the_line([1.0], [0.0], [1.0]).expect(DISTANCES)[2][:, 0]
    np.testing.assert_allclose(distance, LINE.to_frame(DISTANCES)[:, 0] ** 2, rtol=1e-12)
    farthest = on_the_line([1.0], [0.0], [1.0]).expect(np.array([[1e300], [-1e300]]))[2][:, 0]
    ends = LINE.to_frame(np.array([[1e300], [-1e300]]))[:, 0]
    np.testing.assert_allclose(farthest, ends**2, rtol=1e-12)


@pytest.mark.parametrize(
    ("weights", "means", "variances"),
    [
        ([1.0], [0.0], [1.0]),
        ([1.0], [0.0], [9.0]),  # a tenth of it beyond the reach
        ([1.0], [40.0], [1.0]),  # all of it
        ([0.5, 0.3, 0.2], [0.0, 6.0, -30.0], [1.0, 4.0, 25.0]),
    ],
)
def test_the_nll_is_of_a_density_in_the_user_s_units(
    weights: list[float], means: list[float], variances: list[float]
) -> None:
    """Its integral is 1: as the coordinates are of all the line, none of it is lost in the bend."""
    mixture = on_the_line(weights, means, variances)
    scales = np.concatenate([np.linspace(0.0, 5.0, 20_001), np.geomspace(5.0, 1e9, 200_001)])
    x = np.unique(np.concatenate([-scales, scales])) * LINE.scale[0]
    density = np.exp(-mixture.score(x[:, None]))
    assert np.trapezoid(density, x) == pytest.approx(1.0, abs=1e-6)
