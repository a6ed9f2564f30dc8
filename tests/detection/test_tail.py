from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamgmm.detection.tail import Tail
from tests.detection.streams import Array
from tests.mixture.streams import state_bytes


def feed(tail: Tail, scores: Array) -> Array:
    """Return p-values as a detector finds them: each by the law that stood before it."""
    p, at = np.empty(len(scores)), 0
    while at < len(scores):
        part = slice(at, min(at + tail.due, len(scores)))
        p[part] = tail.p_value(scores[part])
        tail.add(scores[part])
        at = part.stop
    return p


SHAPES: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "exponential": lambda rng, n: rng.exponential(2.0, size=n) - 7.0,
    "gaussian": lambda rng, n: rng.normal(30.0, 5.0, size=n),
    "heavy": lambda rng, n: np.abs(rng.standard_t(4, size=n)),
    "bounded": lambda rng, n: rng.uniform(size=n),
    "chi-squared": lambda rng, n: 0.5 * rng.chisquare(10, size=n),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_p_values_are_what_they_say(shape: str) -> None:
    rng = np.random.default_rng(0)
    tail = Tail(20_000)
    tail.start(SHAPES[shape](rng, 500))
    p = feed(tail, SHAPES[shape](rng, 150_000))[20_000:]
    for probability, slack in ((0.5, 1.05), (0.1, 1.1), (1e-2, 1.25), (1e-3, 1.6)):
        share = np.mean(p <= probability)
        assert share < probability * slack
        # where scores are bounded the law, whose tail never is so short, errs on the quiet side
        if shape != "bounded" or probability > 0.01:
            assert share > probability / slack


def test_already_500_scores_give_the_order_of_magnitude() -> None:
    shares = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        tail = Tail(20_000)
        tail.start(SHAPES["chi-squared"](rng, 500))
        shares.append(np.mean(tail.p_value(SHAPES["chi-squared"](rng, 20_000)) <= 1e-3))
    assert 2.5e-4 < np.mean(shares) < 4e-3


scores_of_all_kinds = st.one_of(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=300),
    st.lists(st.integers(0, 4).map(float), min_size=2, max_size=300),
)


@settings(max_examples=150)
@given(scores_of_all_kinds)
def test_p_values_lie_in_0_1_and_fall_with_the_score(scores: list[float]) -> None:
    tail = Tail(1000)
    tail.start(np.array(scores))
    low, high = min(scores), max(scores)
    grid = np.linspace(low - 1.0, high + (high - low) + 1.0, 500)
    p = tail.p_value(grid)
    assert ((p >= 0.0) & (p <= 1.0)).all()
    assert (np.diff(p) <= 1e-12).all()
    assert p[0] == 1.0


@settings(max_examples=150)
@given(scores_of_all_kinds, st.floats(1e-9, 0.9))
@example([0.0, 5e-324], 0.5)
def test_threshold_and_p_value_agree(scores: list[float], probability: float) -> None:
    """A score at or above the threshold has a p-value of at most the budget, one below has more."""
    tail = Tail(1000)
    tail.start(np.array(scores))
    threshold = tail.threshold(probability)
    step = 1e-9 * max(1.0, abs(threshold), max(scores) - min(scores))
    assert tail.p_value(np.array([threshold + step]))[0] <= probability * (1 + 1e-6)
    assert tail.p_value(np.array([threshold - step]))[0] >= probability * (1 - 1e-6)


def test_equal_scores_are_as_likely_as_they_are_many() -> None:
    """P(at least this high): of ties, all count."""
    tail = Tail(1000)
    tail.start(np.repeat([0.0, 1.0, 2.0], [500, 300, 200]))
    p = tail.p_value(np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0]))
    np.testing.assert_allclose(p[:2], 1.0)
    assert p[2] == pytest.approx(0.5, abs=0.02)
    assert p[3] == pytest.approx(0.5, abs=0.02)
    assert p[4] == pytest.approx(0.2, abs=0.02)
    assert p[5] < 0.02


def test_a_constant_score_is_no_surprise() -> None:
    tail = Tail(1000)
    tail.start(np.full(500, 3.0))
    assert tail.p_value(np.array([3.0]))[0] == 1.0
    assert tail.threshold(1e-3) > 3.0


def with_bursts(rng: np.random.Generator, scores: Array, times: int, length: int) -> Array:
    """Return the scores with so many bursts of far higher ones, each without a gap."""
    spread = np.arange(1, times + 1) * (len(scores) // (times + 1))
    scores = scores.copy()
    for start in spread:
        scores[start : start + length] = 1e6 + rng.normal(size=length)
    return scores


def test_a_burst_does_not_raise_the_threshold() -> None:
    """Three bursts of 100 are a dozen scores to the window: all but those few alert."""
    rng = np.random.default_rng(0)
    scores = rng.exponential(size=120_500)
    burst = with_bursts(rng, scores, 3, 100)
    clean, dirty = Tail(100_000), Tail(100_000)
    clean.start(scores[:500])
    dirty.start(scores[:500])
    feed(clean, scores[500:])
    p = feed(dirty, burst[500:])
    assert (p[burst[500:] > 1e5] <= 1e-3).all()
    assert dirty.threshold(1e-3) == pytest.approx(clean.threshold(1e-3), rel=0.15)


def test_what_recurs_evenly_is_of_the_distribution_however_far_out() -> None:
    """1 in 100 gross, from some point on: they alert at first, then keep to the budget."""
    rng = np.random.default_rng(0)
    scores = rng.exponential(size=120_000)
    gross = rng.random(120_000) < 0.01
    gross[:20_000] = False
    tail = Tail(20_000)
    tail.start(scores[:500])
    p = feed(tail, np.where(gross, rng.uniform(1e5, 1e6, size=120_000), scores)[500:])
    gross = gross[500:]
    first, last = np.flatnonzero(gross)[:10], slice(-50_000, None)
    assert (p[first] <= 1e-3).all()
    assert 0.6e-3 < np.mean(p[last] <= 1e-3) < 1.6e-3
    assert np.mean(p[last][gross[last]] <= 1e-3) < 0.2


def test_where_the_tail_has_two_parts_the_law_is_of_the_upper_one() -> None:
    """A law of both would put far less beyond the upper part's middle than there is."""
    rng = np.random.default_rng(0)
    scores = np.where(
        rng.random(100_000) < 0.004, rng.normal(1000.0, 5.0, 100_000), rng.normal(size=100_000)
    )
    tail = Tail(100_000)
    tail.start(scores)
    for probability in (1e-2, 2e-3, 1e-3, 5e-4):
        assert np.mean(scores >= tail.threshold(probability)) == pytest.approx(
            probability, rel=0.25
        )


@pytest.mark.parametrize("share", [0.001, 0.005])
@pytest.mark.parametrize("spread", [1.0, 200.0])
def test_a_few_that_recur_far_out_do_not_put_the_threshold_beyond_all_reason(
    share: float, spread: float
) -> None:
    """A law of ordinary scores and of theirs together had it at a thousand times the highest."""
    rng = np.random.default_rng(0)
    far = np.maximum(rng.normal(680.0, spread, 100_000), 40.0)
    scores = np.where(rng.random(100_000) < share, far, rng.exponential(3.0, 100_000))
    tail = Tail(100_000)
    tail.start(scores[:500])
    feed(tail, scores[500:])
    assert tail.threshold(1e-5) < 2.0 * scores.max()
    assert tail.p_value(np.array([1e5]))[0] < 1e-5


def test_young_scores_leave_the_window_early() -> None:
    """Scores that fall as a model settles do not hold the threshold up for a whole window."""
    rng = np.random.default_rng(0)
    settling = 10.0 * (np.arange(60_500) < 10_500)
    tail = Tail(100_000)
    scores = rng.exponential(size=60_500) + settling
    tail.start(scores[:500])
    p = feed(tail, scores[500:])
    assert 0.5e-3 < np.mean(p[-10_000:] <= 1e-3) < 2e-3


def test_a_lasting_change_gets_in() -> None:
    rng = np.random.default_rng(0)
    tail = Tail(5000)
    tail.start(rng.exponential(size=500))
    feed(tail, rng.exponential(size=10_000))
    p = feed(tail, 1000.0 + rng.exponential(size=30_000))
    assert (p[:100] < 1e-3).all()
    assert np.mean(p[-10_000:] <= 1e-2) == pytest.approx(1e-2, rel=0.5)


def test_exceedances_that_alert_are_not_left_out() -> None:
    """Leaving p <= 1e-3 out of the fit would make alerts beget alerts."""
    rng = np.random.default_rng(0)
    tail = Tail(20_000)
    tail.start(rng.exponential(size=500))
    p = feed(tail, rng.exponential(size=200_000))
    assert 0.5e-3 < np.mean(p[40_000:] <= 1e-3) < 1.5e-3
    assert np.mean(p[40_000:] <= 1e-4) < 4e-4


@given(st.lists(st.integers(1, 700), max_size=30), st.integers(0, 20))
@settings(max_examples=30, deadline=None)
def test_how_scores_come_in_blocks_does_not_matter(cuts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.where(rng.random(4000) < 0.02, 1e5, rng.exponential(size=4000))
    whole, pieces = Tail(1000), Tail(1000)
    whole.start(scores[:300])
    pieces.start(scores[:300])
    expected = feed(whole, scores[300:])
    found, at = [], 300
    for size in [*cuts, 4000]:
        found.append(feed(pieces, scores[at : at + size]))
        at += size
    assert np.concatenate(found).tobytes() == expected.tobytes()
    assert state_bytes(pieces.state()) == state_bytes(whole.state())


def test_how_scores_come_in_blocks_does_not_matter_while_the_window_grows() -> None:
    """Then the most that may be left out grows with it: a burst must meet the same bound."""
    rng = np.random.default_rng(0)
    scores = rng.exponential(size=6_900)
    scores[6_400:6_600] = 60.0
    whole, pieces = Tail(100_000), Tail(100_000)
    for tail in (whole, pieces):
        tail.start(scores[:6_000])
    expected = feed(whole, scores[6_000:])
    got = np.concatenate([feed(pieces, scores[i : i + 1]) for i in range(6_000, 6_900)])
    np.testing.assert_array_equal(got, expected)
    assert state_bytes(pieces.state()) == state_bytes(whole.state())


def test_saved_and_restored_it_goes_on_bit_for_bit() -> None:
    scores = np.random.default_rng(0).exponential(size=5000)
    tail, other = Tail(1000), Tail(1000)
    tail.start(scores[:300])
    feed(tail, scores[300:2345])
    other.restore(tail.state())
    assert feed(tail, scores[2345:]).tobytes() == feed(other, scores[2345:]).tobytes()
    assert state_bytes(tail.state()) == state_bytes(other.state())


def test_before_it_has_a_law_nothing_crosses_its_threshold() -> None:
    tail = Tail(1000)
    assert not tail.fitted
    assert tail.threshold(0.5) == np.inf
    tail.start(np.arange(100.0))
    assert tail.fitted
    assert tail.threshold(0.0) == np.inf


def test_a_window_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="a whole number, 1000 or more"):
        Tail(999)
