from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.mixture.distinct import by_missing, distinct


@given(st.integers(0, 30), st.integers(1, 3), st.integers(0, 1000))
def test_the_set_is_the_same_for_every_order_and_for_repetitions(n: int, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.choice([-1.0, -0.0, 0.0, 2.5, np.nan], size=(n, d))
    weight = rng.integers(0, 4, size=n).astype(float)
    rows, weights = distinct(X, weight)
    order = rng.permutation(n)
    shuffled = distinct(X[order], weight[order])
    repeated = np.repeat(X, weight.astype(int), axis=0)
    again = distinct(rng.permutation(repeated), np.ones(len(repeated)))
    for other in (shuffled, again):
        assert (rows.tobytes(), weights.tobytes()) == (other[0].tobytes(), other[1].tobytes())
    assert len({row.tobytes() for row in rows}) == len(rows)
    assert weights.sum() == weight[~np.isnan(X).all(axis=1)].sum()
    assert (weights > 0).all()
    assert not np.isnan(rows).all(axis=1).any()


def test_weights_of_equal_rows_add_up_to_the_same_bits_in_any_order() -> None:
    weight = np.array([0.1, 0.2, 0.3, 1e-9, 7.7])
    sums = {
        distinct(np.zeros((5, 2)) + 1.0, np.roll(weight, shift))[1].tobytes() for shift in range(5)
    }
    assert len(sums) == 1


def test_rows_that_lack_the_same_features_come_together() -> None:
    rng = np.random.default_rng(0)
    X = np.where(rng.random((200, 10)) < 0.1, np.nan, rng.normal(size=(200, 10)))
    weight = np.arange(200.0)
    rows, weights = by_missing(X, weight)
    np.testing.assert_array_equal(rows, X[weights.astype(int)])
    patterns = [row.tobytes() for row in np.isnan(rows)]
    changes = sum(a != b for a, b in pairwise(patterns))
    assert changes == len(set(patterns)) - 1
