"""The kernels' own exp and log, by themselves and through what they are used for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from streamgmm.mixture import Frame, OnlineMixture, Rules
from streamgmm.mixture.kernels import exp, log
from tests.mixture.streams import PLAIN


def line(means: list[float], weights: list[float], variances: list[float]) -> OnlineMixture:
    """Return a mixture on the line, exactly as given."""
    K = len(means)
    frame = Frame(np.zeros(1), np.ones(1), np.zeros(1))
    mixture = OnlineMixture(frame, K, Rules(**PLAIN))
    mixture.set_statistics(
        mass=1.0,
        weights=np.array(weights),
        counts=np.ones(K),
        means=np.array(means)[:, None],
        scatters=np.array(variances)[:, None, None],
    )
    return mixture


def test_exp_elementwise() -> None:
    near = np.concatenate([np.arange(-40, 41) * 2.0**-54, np.linspace(-1.0, 1.0, 20_001)])
    x = np.concatenate([np.linspace(-707.9, 709.0, 100_003), near])
    np.testing.assert_allclose(exp(x), np.exp(x), rtol=1e-15)
    assert exp(np.array([0.0]))[0] == 1.0
    np.testing.assert_array_equal(exp(np.array([-708.1, -1e300])), 0.0)
    assert np.isfinite(exp(np.array([710.0, 1e300]))).all()
    assert exp(np.empty(0)).shape == (0,)


def test_log_elementwise() -> None:
    near = 1.0 + np.arange(-40, 41) * 2.0**-52
    x = np.concatenate([np.geomspace(1e-307, 1e308, 100_003), np.linspace(0.5, 2.0, 20_001), near])
    np.testing.assert_allclose(log(x), np.log(x), rtol=1e-15)
    assert log(np.array([1.0]))[0] == 0.0
    assert log(np.empty(0)).shape == (0,)


@given(st.floats(-290.0, 290.0))
def test_log_over_the_whole_range(power: float) -> None:
    variance = 10.0**power
    score = line([0.0], [1.0], [variance]).score(np.zeros((1, 1)))[0]
    expected = 0.5 * math.log(2 * math.pi) + 0.5 * math.log(variance)
    assert score == pytest.approx(expected, rel=1e-15, abs=2e-15)


@pytest.mark.parametrize("near", [1.0, 0.5, math.sqrt(0.5), math.sqrt(2.0), 2.0, 4.0])
def test_log_near_its_seams(near: float) -> None:
    for variance in near * (1 + np.arange(-40, 41) * 2.0**-52):
        score = line([0.0], [1.0], [variance]).score(np.zeros((1, 1)))[0]
        expected = 0.5 * math.log(2 * math.pi) + 0.5 * math.log(variance)
        assert abs(score - expected) <= 5e-16  # 2 ulp


@given(st.integers(0, 37 * 1024))
def test_exp_down_to_where_it_vanishes(steps: int) -> None:
    """Seen from one mean, a component m away answers for e^(-m^2 / 2) as much; m^2 / 2 is exact."""
    m = steps / 1024
    exponent = m * m / 2
    r = line([0.0, m], [0.5, 0.5], [1.0, 1.0]).expect(np.zeros((1, 1)))[1][0]
    # one rounding of the log-density, of up to `exponent` nats, is all that may show
    tolerance = 1e-15 + 2.0**-52 * exponent
    assert r[1] / r[0] == pytest.approx(math.exp(-exponent), rel=tolerance)


def test_exp_vanishes_beyond_and_never_overflows() -> None:
    for m in (38.0, 100.0, 1e10, 1e150):
        r = line([0.0, m], [0.5, 0.5], [1.0, 1.0]).expect(np.zeros((1, 1)))[1][0]
        assert r[0] == 1.0
        assert 0.0 <= r[1] < 1e-300


@given(
    st.lists(
        st.tuples(st.floats(-40.0, 40.0), st.floats(0.01, 1.0), st.floats(-3.0, 3.0)),
        min_size=1,
        max_size=9,
    ),
    st.floats(-5.0, 5.0),  # where the frame is linear, so that no rounding of it shows
)
def test_the_log_of_a_sum_of_exponentials(
    components: list[tuple[float, float, float]], x: float
) -> None:
    means, weights, powers = (np.array(column) for column in zip(*components, strict=True))
    weights, variances = weights / weights.sum(), 10.0**powers
    mixture = line(means.tolist(), weights.tolist(), variances.tolist())
    log_density = -0.5 * (np.log(2 * np.pi * variances) + (x - means) ** 2 / variances)
    expected = -logsumexp(log_density, b=weights)
    assert mixture.score(np.array([[x]]))[0] == pytest.approx(expected, rel=4e-15, abs=4e-15)
