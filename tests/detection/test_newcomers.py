from __future__ import annotations

import numpy as np

from streamgmm import snapshot
from streamgmm.detection.newcomers import ENOUGH, MOST, PATIENCE, Newcomers
from streamgmm.mixture import estimate_frame
from tests.mixture.streams import state_bytes


def test_a_feature_joins_once_it_has_been_seen_often_enough() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2 * ENOUGH, 2)) * [3.0, 1e6]
    X[::2, 0] = np.nan
    given = X.copy()
    newcomers, joined = Newcomers(resolution=True), {}
    for now, row in enumerate(X, start=1):
        for name, frame in newcomers.watch(now, ["rare", "common"], row):
            joined[name] = now, frame
            X[now:, ["rare", "common"].index(name)] = np.nan  # it is no newcomer any more
    assert {name: now for name, (now, _) in joined.items()} == {
        "common": ENOUGH, "rare": 2 * ENOUGH
    }  # fmt: skip
    expected = estimate_frame(given[:ENOUGH, 1:])
    for part in ("location", "scale", "ridge"):
        np.testing.assert_array_equal(getattr(joined["common"][1], part), getattr(expected, part))
    assert joined["rare"][1].location == estimate_frame(given[1::2, :1]).location


def test_who_appeared_first_joins_first() -> None:
    newcomers = Newcomers(resolution=False)
    assert newcomers.watch(1, ["b"], np.array([-1.0])) == []
    newcomers.watch(2, ["a", "b"], np.array([1.0, np.nan]))
    for now in range(3, ENOUGH + 1):
        assert newcomers.watch(now, ["a", "b"], np.array([1.0, -1.0])) == []
    joined = newcomers.watch(ENOUGH + 1, ["a", "b"], np.array([1.0, -1.0]))
    assert [(name, frame.location[0]) for name, frame in joined] == [("b", -1.0), ("a", 1.0)]
    assert len(newcomers) == 0


def test_when_there_are_too_many_the_least_known_goes_of_equals_the_oldest() -> None:
    newcomers = Newcomers(resolution=True)
    for now in range(MOST):
        newcomers.watch(now, [now], np.ones(1))
    newcomers.watch(MOST, [0], np.ones(1))
    newcomers.watch(MOST + 1, ["new"], np.ones(1))
    assert newcomers.names == [0, *range(2, MOST), "new"]


def test_features_of_one_event_do_not_drive_each_other_out() -> None:
    newcomers, names = Newcomers(resolution=True), list(range(MOST + 20))
    for now in range(1, ENOUGH):
        newcomers.watch(now, names, np.ones(len(names)))
        assert newcomers.names == names[:MOST]
    joined = newcomers.watch(ENOUGH, names, np.ones(len(names)))
    assert [name for name, _ in joined] == names[:MOST]


def test_one_that_is_not_seen_again_is_forgotten() -> None:
    newcomers = Newcomers(resolution=True)
    newcomers.watch(1, ["typo"], np.ones(1))
    newcomers.watch(1 + PATIENCE, ["other"], np.ones(1))
    assert newcomers.names == ["typo", "other"]
    newcomers.watch(2 + PATIENCE, ["other"], np.ones(1))
    assert newcomers.names == ["other"]


def test_a_missing_value_is_no_sight_of_a_feature() -> None:
    newcomers = Newcomers(resolution=True)
    newcomers.watch(1, ["a", "b"], np.array([np.nan, 1.0]))
    assert newcomers.names == ["b"]


def test_saved_and_restored() -> None:
    rng = np.random.default_rng(0)
    newcomers, other = Newcomers(resolution=True), Newcomers(resolution=True)
    for now in range(1, 60):
        row = np.where(rng.random(3) < 0.5, np.nan, 1.5)
        newcomers.watch(now, ["a", 7, "c"], row)
    other.restore(snapshot.unpack(snapshot.pack(newcomers.state())))
    assert state_bytes(other.state()) == state_bytes(newcomers.state())
    assert set(other.names) == {"a", 7, "c"}
