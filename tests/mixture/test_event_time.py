"""Forgetting on event time: late, missing, equal, far and very near times."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.mixture import HalfLife, OnlineMixture, Stationary
from tests.mixture.streams import COVARIANCES, Array, event_times, fitted, modes, state_bytes
from tests.mixture.test_forgetting import gaussian

EPOCH = 1.7e9
HOUR = HalfLife(seconds=3600.0)


def mass_of(times: Array, *, law: HalfLife = HOUR, start: float = 100.0) -> float:
    """Return N after one event at each of these times, from a mass without a floor."""
    mixture = gaussian(law)
    mixture.learn(np.zeros((int(start), 1)))
    mixture.learn(np.zeros((len(times), 1)), time=np.asarray(times, dtype=float))
    return mixture.mass


times = st.lists(
    st.floats(0.0, 1e5).map(lambda t: EPOCH + t)
    | st.just(math.nan)
    | st.sampled_from([EPOCH, EPOCH + 3600.0]),
    min_size=1,
    max_size=60,
)


@given(times)
def test_only_what_is_ahead_of_the_latest_lets_time_pass(values: list[float]) -> None:
    expected, latest = 100.0, math.nan
    for t in values:
        if t > latest:
            expected *= 2.0 ** (-(t - latest) / 3600.0)
        expected += 1.0
        latest = t if not t <= latest and not math.isnan(t) else latest
    assert mass_of(np.array(values)) == pytest.approx(expected, rel=1e-12)


def test_a_late_event_counts_in_full_and_lets_no_time_pass() -> None:
    on_time = mass_of(np.array([EPOCH, EPOCH + 600.0]))
    for late in (EPOCH + 599.0, EPOCH - 1e9, 0.0, -1e300):
        assert mass_of(np.array([EPOCH, EPOCH + 600.0, late])) == on_time + 1.0
        # nor does it set the clock back: the next one counts from the latest
        assert mass_of(np.array([EPOCH, EPOCH + 600.0, late, EPOCH + 600.0])) == on_time + 2.0


@pytest.mark.parametrize(
    "time", [np.full(400, np.nan), np.full(400, EPOCH), np.full(400, 0.0)], ids=["none", "one", "0"]
)
def test_where_no_time_passes_nothing_is_forgotten(time: Array) -> None:
    timed, still = (fitted(modes(150, 3), 4, forgetting=law) for law in (HOUR, Stationary()))
    X = modes(400, 3, seed=1)
    np.testing.assert_allclose(timed.score_learn(X, time=time), still.score_learn(X), rtol=1e-12)
    assert timed.mass == still.mass == 550.0


def test_the_first_events_may_lack_a_time() -> None:
    """Time begins with the first event that has one."""
    values = np.array([np.nan, np.nan, EPOCH, np.nan, EPOCH + 3600.0])
    assert mass_of(values) == pytest.approx((100 + 4) / 2 + 1, rel=1e-12)


def test_microseconds_at_the_present_epoch_add_up() -> None:
    """A time is a float64, 0.24 us fine in 2023: differences are exact, so their sum is."""
    n, apart = 50_000, 1e-6
    law = HalfLife(seconds=0.01)
    values = EPOCH + apart * np.arange(n)
    decay = 2.0 ** (-apart / 0.01)
    expected = 100.0 * decay ** (n - 1) + (1.0 - decay**n) / (1.0 - decay)
    assert mass_of(values, law=law) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("shrinkage", [0.0, 10.0])
@pytest.mark.parametrize("ahead", [1e7, 1e12, 1e300])
def test_a_quiet_time_however_long_erases_nothing(ahead: float, shrinkage: float) -> None:
    """The mass falls to the warm-up's, and the shapes keep what that is worth.

    So little more is known of the components then than after the warm-up, and with the next event
    they borrow as much of the pooled shape: kappa events a feature are more of 301 than of 3,300.
    """
    X = modes(300, 2)
    mixture = fitted(X, 3, forgetting=HOUR, shrinkage=shrinkage)
    mixture.start_clock(EPOCH)
    mixture.learn(modes(3_000, 2, seed=2), time=EPOCH + np.arange(3_000.0))
    before, asked = mixture.copy(), modes(200, 2, seed=3)
    mixture.learn(asked[:1], time=np.array([EPOCH + ahead]))
    assert mixture.mass == pytest.approx(300.0 + 1.0, rel=1e-12)
    assert (mixture.counts <= 301.0 + 1e-9).all()
    np.testing.assert_allclose(mixture.means, before.means, rtol=0.02)
    assert mixture.belief == pytest.approx(shrinkage * 2 / 301.0, rel=1e-12)
    as_unsure = before.with_rules(shrinkage=shrinkage * before.mass / mixture.mass)
    np.testing.assert_allclose(mixture.score(asked), as_unsure.score(asked), atol=0.5)


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("apart", [1e6, 600.0], ids=["at_once", "in_steps"])
def test_factors_follow_what_a_quiet_time_leaves(covariance: str, apart: float) -> None:
    """They are renewed as the belief grows, and not only once events have changed the shapes."""
    mixture = fitted(modes(300, 4), 8, covariance=covariance, forgetting=HOUR, established=None)
    mixture.start_clock(0.0)
    mixture.learn(modes(20_000, 4, seed=2), time=np.linspace(0.0, 3600.0, 20_000))
    sure = mixture.belief
    quiet = 3600.0 + apart * np.arange(1.0, 36_000.0 / apart + 2.0)
    X, Y = modes(len(quiet), 4, seed=5), modes(500, 4, seed=3)
    lag = []
    for x, t in zip(X, quiet, strict=True):
        mixture.learn(x[None, :], time=np.array([t]))
        off = mixture.score(Y) - mixture.with_rules().score(Y)
        lag.append(np.sqrt(np.mean(off**2)))
    assert mixture.belief > 10.0 * sure
    assert max(lag) < 0.1


def test_equal_in_blocks_and_after_a_restart_with_times_of_every_kind() -> None:
    n = 900
    X, t = modes(n, 2), event_times(n)
    t[100:150], t[500], t[700:720] = t[100], 4e9, t[700]
    t[501:520] = 4e9 + np.arange(19.0)
    whole = fitted(modes(150, 2), 3, forgetting=HalfLife(seconds=200.0))
    parts = whole.copy()
    expected, found = whole.score_learn(X, time=t), []
    for rows in np.split(np.arange(n), [1, 99, 130, 500, 501, 710]):
        found.append(parts.score_learn(X[rows], time=t[rows]))
        parts = OnlineMixture.from_state(parts.state())  # the clock is part of it
    assert np.concatenate(found).tobytes() == expected.tobytes()
    assert state_bytes(parts.state()) == state_bytes(whole.state())
