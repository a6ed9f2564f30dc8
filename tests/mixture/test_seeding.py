from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.mixture.seeding import kmeans_plus_plus, lloyd, squared_distances, uniform


def blobs(n: int, k: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)) + 100.0 * rng.integers(0, k, size=(n, 1))


def test_distances_scale_up_what_was_observed() -> None:
    Z = np.array([[3.0, 4.0], [3.0, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(squared_distances(Z, np.zeros(2)), [25.0, 18.0, 0.0])


@given(st.integers(1, 8), st.integers(0, 50))
def test_centres_are_events_and_distinct_while_there_are_distinct_ones(k: int, seed: int) -> None:
    Z = np.repeat(np.arange(8.0), 5)[:, None] * np.array([[1.0, -1.0]])
    centres = kmeans_plus_plus(Z, k, np.random.default_rng(seed))
    assert centres.shape == (k, 2)
    assert len(np.unique(centres[:, 0])) == k
    assert set(centres[:, 0]) <= set(range(8))


def test_with_too_few_distinct_events_centres_repeat() -> None:
    centres = kmeans_plus_plus(np.ones((5, 2)), 3, np.random.default_rng(0))
    np.testing.assert_array_equal(centres, np.ones((3, 2)))


def test_far_events_are_drawn_in_proportion_to_their_squared_distance() -> None:
    Z = np.array([[0.0], [1.0], [3.0]])
    second = {0.0: [], 1.0: [], 3.0: []}
    for seed in range(4000):
        first, then = kmeans_plus_plus(Z, 2, np.random.default_rng(seed))[:, 0]
        second[first].append(then)
    # from 0: 1 and 9; from 1: 1 and 4; from 3: 9 and 4
    assert np.mean(np.array(second[0.0]) == 3.0) == pytest.approx(9 / 10, abs=0.03)
    assert np.mean(np.array(second[1.0]) == 3.0) == pytest.approx(4 / 5, abs=0.04)
    assert np.mean(np.array(second[3.0]) == 0.0) == pytest.approx(9 / 13, abs=0.04)


def test_missing_entries_of_a_centre_are_the_frame_s_location() -> None:
    Z = np.array([[np.nan, 2.0], [np.nan, 2.0]])
    np.testing.assert_array_equal(
        kmeans_plus_plus(Z, 1, np.random.default_rng(0)), np.array([[0.0, 2.0]])
    )


def within(Z: np.ndarray, labels: np.ndarray) -> float:
    return sum(((Z[labels == k] - Z[labels == k].mean(axis=0)) ** 2).sum() for k in set(labels))


def test_more_rounds_never_scatter_more() -> None:
    Z = blobs(300, 4)
    centres = kmeans_plus_plus(Z, 6, np.random.default_rng(3))
    scatter = [within(Z, lloyd(Z, centres, rounds)) for rounds in (1, 2, 3, 10, 100)]
    assert all(b <= a * (1 + 1e-12) for a, b in pairwise(scatter))


def test_well_apart_groups_are_found_even_with_holes() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, size=300)
    Z = rng.normal(size=(300, 3)) + 100.0 * truth[:, None]
    Z = np.where(rng.random(Z.shape) < 0.3, np.nan, Z)
    Z = Z[~np.isnan(Z).all(axis=1)]
    truth = truth[: len(Z)]
    labels = lloyd(Z, np.array([[0.0] * 3, [100.0] * 3, [200.0] * 3]), 10)
    level = np.nanmean(Z, axis=1)
    np.testing.assert_array_equal(labels, np.round(level / 100.0))


def test_a_centre_without_events_stays() -> None:
    Z = blobs(50, 1)
    labels = lloyd(Z, np.array([[0.0, 0.0], [1e6, 1e6]]), 5)
    assert (labels == 0).all()


def test_with_weights_rows_are_drawn_in_their_proportion_too() -> None:
    Z = np.array([[0.0], [1.0], [3.0]])
    weight = np.array([3.0, 0.0, 1.0])
    draws = [kmeans_plus_plus(Z, 2, np.random.default_rng(s), weight)[:, 0] for s in range(2000)]
    assert {tuple(sorted(pair)) for pair in draws} == {(0.0, 3.0)}
    assert np.mean([first == 0.0 for first, _ in draws]) == pytest.approx(0.75, abs=0.04)


def test_drawn_evenly_rows_are_different_and_in_proportion_to_their_weights() -> None:
    Z = np.arange(4.0)[:, None]
    weight = np.array([5.0, 1.0, 1.0, 1.0])
    draws = [uniform(Z, 2, np.random.default_rng(s), weight)[:, 0] for s in range(2000)]
    assert all(a != b for a, b in draws)
    assert np.mean([first == 0.0 for first, _ in draws]) == pytest.approx(5 / 8, abs=0.04)
    assert sorted(uniform(Z, 4, np.random.default_rng(0), weight)[:, 0]) == [0.0, 1.0, 2.0, 3.0]


def test_a_weight_is_so_many_rows_to_k_means() -> None:
    Z = np.where(np.random.default_rng(1).random((60, 2)) < 0.2, np.nan, blobs(60, 3))
    weight = np.random.default_rng(0).integers(1, 4, size=60)
    centres = kmeans_plus_plus(Z, 4, np.random.default_rng(3))
    labels = lloyd(Z, centres, 10, weight=weight.astype(float))
    repeated = lloyd(np.repeat(Z, weight, axis=0), centres, 10)
    np.testing.assert_array_equal(np.repeat(labels, weight), repeated)
