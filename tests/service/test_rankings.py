"""Areas under curves in bounded memory, against those from all scores at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.service.quality import average_precision, roc_auc
from streamgmm.service.rankings import Rankings


def a_stream(n: int = 200_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    truth = rng.random(n) < 0.01
    score = np.where(rng.random(n) < 0.001, 1e6, 3.0) * rng.normal(size=n) + 4.0 * truth
    return truth, score


def taken(truth: np.ndarray, score: np.ndarray, most: int, at_once: int = 1000) -> Rankings:
    rankings = Rankings(most)
    for start in range(0, len(truth), at_once):
        rankings.take(truth[start : start + at_once], score[start : start + at_once])
    return rankings


@given(st.lists(st.tuples(st.booleans(), st.floats(-1e300, 1e300))), st.integers(1, 7))
def test_as_long_as_scores_are_kept_it_is_exact(pairs, at_once: int) -> None:
    truth = np.array([one for one, _ in pairs], dtype=bool)
    score = np.array([one for _, one in pairs], dtype=np.float64)
    rankings = taken(truth, score, most=len(pairs), at_once=at_once)
    assert (rankings.positives, len(rankings)) == (truth.sum(), len(truth))
    assert rankings.roc_auc() == pytest.approx(roc_auc(truth, score), abs=1e-12, nan_ok=True)
    assert rankings.average_precision() == pytest.approx(
        average_precision(truth, score), abs=1e-12, nan_ok=True
    )
    assert rankings.roc_auc_error() == 0.0


@pytest.mark.parametrize(("most", "near"), [(100, 0.2), (5_000, 0.02)])
def test_rounded_scores_give_the_area_within_the_error_that_is_told(most: int, near: float) -> None:
    truth, score = a_stream()
    rankings = taken(truth, score, most)
    assert rankings.step > 0.0
    assert len(rankings.curve()[0]) <= most + 1
    off = abs(rankings.roc_auc() - roc_auc(truth, score))
    assert 0.0 < off <= rankings.roc_auc_error() < 0.05
    assert rankings.average_precision() == pytest.approx(average_precision(truth, score), rel=near)


def test_the_curve_counts_what_scores_at_least_as_high() -> None:
    truth, score = a_stream(2_000)
    falls, finds = taken(truth, score, most=3_000).curve()
    for threshold in (-3.0, 0.0, 5.0, 1e5):
        above = score >= threshold
        at = int(np.sum(np.unique(score) >= threshold))
        assert (falls[at], finds[at]) == ((above & ~truth).sum(), (above & truth).sum())
