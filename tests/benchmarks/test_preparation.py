"""What peers are given: scaled by the past and the row itself, by nothing that comes later."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.comparison.preparation import rescale, standardise

Array = NDArray[np.float64]


@pytest.fixture(name="X")
def rows_of_many_scales() -> Array:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(200, 4)) * [1.0, 1e-3, 1e6, 0.0] + [0.0, 1e3, -5.0, 7.0]
    rows[100] += [50.0, 0.0, 0.0, 0.0]
    return rows


@pytest.mark.parametrize("at", [1, 17, 100, 199])
def test_standardised_by_the_rows_so_far(X: Array, at: int) -> None:
    past = X[: at + 1, :3]
    expected = (X[at, :3] - past.mean(axis=0)) / past.std(axis=0)
    np.testing.assert_allclose(standardise(X)[at, :3], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("at", [1, 17, 100, 199])
def test_scaled_between_the_least_and_the_largest_so_far(X: Array, at: int) -> None:
    past = X[: at + 1, :3]
    least, most = past.min(axis=0), past.max(axis=0)
    np.testing.assert_array_equal(rescale(X)[at, :3], (X[at, :3] - least) / (most - least))


@pytest.mark.parametrize("prepare", [standardise, rescale])
def test_nothing_comes_from_the_future(X: Array, prepare: Callable[[Array], Array]) -> None:
    np.testing.assert_array_equal(prepare(X)[:60], prepare(X[:60]))


@pytest.mark.parametrize("prepare", [standardise, rescale])
def test_what_never_varies_is_zero(X: Array, prepare: Callable[[Array], Array]) -> None:
    Z = prepare(X)
    assert not Z[:, 3].any()
    assert not Z[0].any()
    assert np.isfinite(Z).all()
