from __future__ import annotations

import numpy as np

from streamgmm import snapshot
from streamgmm.detection.newcomers import ENOUGH, Newcomers
from streamgmm.mixture import estimate_frame
from tests.mixture.streams import state_bytes


def watch_until_enough(newcomers: Newcomers, X: np.ndarray) -> tuple[int, int] | None:
    """Return row and position of the first feature of X (n, p) that has been seen enough."""
    for row, x in enumerate(X):
        position = newcomers.watch(x)
        if position is not None:
            return row, position
    return None


def test_a_feature_joins_once_it_has_been_seen_often_enough() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2)) * [3.0, 1e6]
    X[::2, 0] = np.nan
    newcomers = Newcomers(resolution=True)
    assert watch_until_enough(newcomers, X) == (ENOUGH - 1, 1)
    frame = newcomers.join(1)
    expected = estimate_frame(X[:ENOUGH, 1:])
    np.testing.assert_array_equal(frame.location, expected.location)
    np.testing.assert_array_equal(frame.scale, expected.scale)
    np.testing.assert_array_equal(frame.ridge, expected.ridge)
    assert len(newcomers) == 1

    # the other one's values are kept, and it goes on being watched
    assert watch_until_enough(newcomers, X[ENOUGH:, :1]) == (ENOUGH - 1, 0)
    expected = estimate_frame(X[: 2 * ENOUGH, :1])
    assert newcomers.join(0).location[0] == expected.location[0]
    assert len(newcomers) == 0


def test_joining_moves_the_first_one_to_the_place_that_is_free() -> None:
    newcomers = Newcomers(resolution=False)
    for value in range(ENOUGH - 1):
        newcomers.watch(np.array([float(value), np.nan, -1.0]))
    assert newcomers.watch(np.array([np.nan, np.nan, -1.0])) == 2
    assert newcomers.join(2).location[0] == -1.0
    # columns are now: the one never seen, then the one that was first
    assert newcomers.watch(np.array([np.nan, 5.0])) == 1
    assert newcomers.join(1).location[0] == 49.0  # of 0, 1, ..., 98 and 5 once more


def test_saved_and_restored() -> None:
    rng = np.random.default_rng(0)
    newcomers, other = Newcomers(resolution=True), Newcomers(resolution=True)
    watch_until_enough(newcomers, np.where(rng.random((60, 3)) < 0.5, np.nan, 1.5))
    other.restore(snapshot.unpack(snapshot.pack(newcomers.state())))
    assert state_bytes(other.state()) == state_bytes(newcomers.state())
    assert len(other) == 3
