"""The protocol: the order of the rows, how many, and which are judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.comparison.protocol import MOST_EVENTS, Detector, digest, load, measure

Array = NDArray[np.float64]


def store(path: Path, n: int, anomalies: slice) -> Path:
    """Write a set whose rows carry their place in the file."""
    y = np.zeros(n, dtype=int)
    y[anomalies] = 1
    np.savez(path, X=np.arange(n, dtype=float)[:, None], y=y)
    return path


def test_rows_are_shuffled_the_same_way_every_time(tmp_path: Path) -> None:
    X, y = load(store(tmp_path / "a.npz", 1_000, slice(0, 100)))
    order = np.random.default_rng(0).permutation(1_000)
    np.testing.assert_array_equal(X[:, 0], order)
    np.testing.assert_array_equal(y, order < 100)


def test_a_time_series_keeps_its_order_and_long_sets_are_cut(tmp_path: Path) -> None:
    X, y = load(store(tmp_path / "nab_x.npz", MOST_EVENTS + 7, slice(5, 6)))
    np.testing.assert_array_equal(X[:, 0], np.arange(MOST_EVENTS))
    assert y.shape == (MOST_EVENTS,)
    assert np.flatnonzero(y).tolist() == [5]


@pytest.mark.parametrize(("n", "judged_from"), [(2_000, 200), (8_000, 500)])
def test_the_first_events_are_not_judged(tmp_path: Path, n: int, judged_from: int) -> None:
    path = store(tmp_path / "nab_x.npz", n, slice(judged_from, judged_from + 40))

    def early_alarms(X: Array, seed: int) -> Array:
        """Wrong for every row that is not judged, right for all others."""
        at = X[:, 0]
        return np.where(at < judged_from, 9.0 + seed, np.where(at < judged_from + 40, 1.0, 0.0))

    result = measure(Detector("early", early_alarms, "1"), path, 3)
    assert (result.roc_auc, result.average_precision) == (1.0, 1.0)
    assert (result.name, result.seed, result.events) == ("nab_x", 3, n)
    assert result.digest == digest(path)


def test_a_score_that_is_no_number_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path / "nab_x.npz", 100, slice(50, 60))

    def broken(X: Array, seed: int) -> Array:
        return np.where(X[:, 0] == 42 + seed, np.nan, X[:, 0])

    with pytest.raises(ValueError, match="broken gave NaN as the score of event 42 of nab_x"):
        measure(Detector("broken", broken, "1"), path, 0)


def test_other_contents_have_another_digest(tmp_path: Path) -> None:
    a = store(tmp_path / "a.npz", 100, slice(0, 9))
    assert digest(a) != digest(store(tmp_path / "b.npz", 100, slice(0, 8)))
