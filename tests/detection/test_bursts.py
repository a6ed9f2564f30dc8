from __future__ import annotations

import numpy as np
import pytest

from streamgmm.detection.bursts import Bursts
from streamgmm.detection.excesses import ExcessLaw
from tests.detection.streams import Array

SHARE = 0.01
N = 100_000


def law() -> ExcessLaw:
    return ExcessLaw.fit(np.sort(np.random.default_rng(0).exponential(size=1000)))


def excesses(n: int, seed: int = 1) -> Array:
    """Return scores as excesses over a level that one in 100 is above, exponential there."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < SHARE, rng.exponential(size=n), -1.0)


def test_independent_scores_all_enter() -> None:
    admitted = Bursts().admit(excesses(10 * N), law(), SHARE, N)
    assert (~admitted).sum() <= 10  # of 10,000


@pytest.mark.parametrize("height", [3.0, 10.0, 1e9, np.inf])
def test_of_a_burst_a_few_enter_at_most(height: float) -> None:
    scores = excesses(N)
    scores[50_000:50_300] = height
    admitted = Bursts().admit(scores, law(), SHARE, N)
    assert admitted[50_000:50_300].sum() <= 10
    assert admitted[:50_000].mean() > 0.9999
    assert admitted[60_000:].mean() > 0.9999


def test_scores_below_the_level_always_enter() -> None:
    scores = np.full(1000, -1.0)
    scores[::2] = 50.0
    assert Bursts().admit(scores, law(), SHARE, N)[1::2].all()


def test_leaving_out_is_paid_for_so_a_lasting_change_gets_in() -> None:
    scores = np.concatenate([excesses(N), np.full(50_000, 100.0)])
    admitted = Bursts().admit(scores, law(), SHARE, N)[N:]
    assert (~admitted).sum() == pytest.approx(0.01 * (N + 50_000), rel=0.02)
    assert admitted[5_000:].mean() > 0.98


def test_how_scores_come_in_blocks_does_not_matter() -> None:
    scores = excesses(20_000)
    scores[7_000:7_200] = 40.0
    whole, pieces, given = Bursts(), Bursts(), law()
    expected = whole.admit(scores, given, SHARE, N)
    parts = [pieces.admit(part, given, SHARE, N) for part in np.array_split(scores, 331)]
    np.testing.assert_array_equal(np.concatenate(parts), expected)
    assert pieces.tokens.tobytes() == whole.tokens.tobytes()


def test_what_recurs_evenly_enters_in_time_however_far_out() -> None:
    """One in 200, far beyond all bands: kept out at first, a part of the law at last."""
    bursts, window = Bursts(), np.sort(np.random.default_rng(0).exponential(size=1000))
    rng, shares = np.random.default_rng(2), []
    for block in range(60):
        scores = excesses(20_000, block)
        scores[rng.random(20_000) < 0.005] = 1e6
        admitted = bursts.admit(scores, ExcessLaw.fit(window), SHARE, N)
        entered = scores[admitted & (scores > 0.0)]
        window = np.sort(np.concatenate([window, entered])[-1000:])
        shares.append(admitted[scores > 1e5].mean())
    assert shares[0] < 0.02
    assert np.mean(shares[-10:]) > 0.9
