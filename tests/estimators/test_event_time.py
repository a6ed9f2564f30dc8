"""A half-life in time for `OnlineGMM`: what late, missing, equal and wrong times do."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from streamgmm import OnlineGMM

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
EPOCH = START.timestamp()
SECONDS = EPOCH + np.arange(600.0)


def events(n: int, seed: int = 0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(size=(n, 2)) + 6.0 * (rng.random((n, 1)) < 0.4))


def learned(times: Any, *, n: int = 600) -> OnlineGMM:
    """Return a model that has learned n events, one a second, then one at each of these times."""
    model = OnlineGMM(n_components=2, half_life="1h", warmup=100)
    model.learn_many(events(n), t=SECONDS[:n])
    for x, t in zip(events(len(times), seed=1).tolist(), times, strict=True):
        model.learn_one(dict(enumerate(x)), t=t)
    return model


def test_late_missing_and_equal_times_let_no_time_pass() -> None:
    last = START + timedelta(seconds=599)
    assert learned([last, last - timedelta(days=3), math.nan, last]).mixture.mass == (
        learned([]).mixture.mass + 4.0
    )


def test_after_an_hour_half_is_left_but_never_less_than_the_warm_up() -> None:
    before = learned([]).mixture.mass
    after = learned([START + timedelta(seconds=599 + 600)]).mixture.mass
    assert after == pytest.approx(before * 2 ** (-1 / 6) + 1, rel=1e-9)
    assert learned([START + timedelta(hours=14)]).mixture.mass == 100.0 + 1.0


def test_the_clock_starts_at_the_latest_time_of_the_warm_up_whatever_the_order() -> None:
    model = OnlineGMM(n_components=2, half_life="1h", warmup=100)
    t = SECONDS[:100].copy()
    t[50], t[-2], t[-1] = EPOCH + 7_200.0, EPOCH, np.nan
    model.learn_many(events(100), t=t)
    assert model.ready
    model.learn_one({0: 0.0, 1: 0.0}, t=EPOCH + 7_200.0)
    assert model.mixture.mass == 101.0
    model.learn_many(events(1_000), t=np.full(1_000, EPOCH + 7_200.0))
    model.learn_one({0: 0.0, 1: 0.0}, t=EPOCH + 10_800.0)
    assert model.mixture.mass == pytest.approx(1_101.0 / 2 + 1.0, rel=1e-12)


@pytest.mark.parametrize("wrong", [datetime(2100, 1, 1, tzinfo=UTC), EPOCH + 86_400.0 + 700.0])
def test_one_time_far_ahead_does_not_stop_the_clock(wrong: Any) -> None:
    """It lets no time pass, and those after it are not late for ever."""
    later = [START + timedelta(minutes=10 + i) for i in range(60)]
    right, struck = learned([math.nan, *later]), learned([wrong, *later])
    assert struck.mixture.mass == right.mixture.mass < 600.0
    assert struck.mixture.means.tolist() == right.mixture.means.tolist()


def test_after_a_long_pause_ten_events_that_agree_move_the_clock() -> None:
    monday = START + timedelta(days=3)
    resumed = [monday + timedelta(seconds=i) for i in range(11)]
    assert learned(resumed[:9]).mixture.mass == learned([]).mixture.mass + 9
    assert learned(resumed).mixture.mass == pytest.approx(100.0 + 2.0, rel=1e-3)


def test_an_event_that_is_refused_does_not_move_the_clock() -> None:
    model = learned([])
    before = model.to_bytes()
    with pytest.raises(TypeError, match="feature 1"):
        model.learn_one({0: 1.0, 1: "?"}, t=EPOCH + 5_000.0)
    assert model.to_bytes() == before


@pytest.mark.parametrize("cut", [1, 150, 201, 333, 599])
def test_one_by_one_in_blocks_and_after_a_restart(cut: int) -> None:
    t = SECONDS.copy()
    t[::7] -= 40.0
    t[5::50] = np.nan
    t[300:330] = t[300]
    t[400], t[450] = 9e9, 8e9
    t[460:] += 4 * 86_400.0
    X, whole, parts = events(600), *(
        OnlineGMM(n_components=2, half_life="5m", warmup=100) for _ in range(2)
    )  # fmt: skip
    expected = whole.score_learn_many(X, t=t)
    first = parts.score_learn_many(X[:cut], t=t[:cut])
    parts = OnlineGMM.from_bytes(parts.to_bytes())
    rest = [
        parts.score_learn_one(dict(enumerate(x)), t=one)
        for x, one in zip(X[cut:].tolist(), t[cut:].tolist(), strict=True)
    ]
    assert [*first.tolist(), *rest] == expected.tolist()
    assert parts.to_bytes() == whole.to_bytes()


def test_a_merged_model_goes_on_from_the_later_clock() -> None:
    base = learned([])
    early, late = (OnlineGMM.from_bytes(base.to_bytes()) for _ in range(2))
    early.learn_one({0: 0.0, 1: 0.0}, t=EPOCH + 700.0)
    late.learn_one({0: 0.0, 1: 0.0}, t=EPOCH + 900.0)
    for merged in (early.merge(late), late.merge(early)):
        before = merged.mixture.mass
        merged.learn_one({0: 0.0, 1: 0.0}, t=EPOCH + 900.0)
        assert merged.mixture.mass == before + 1.0
