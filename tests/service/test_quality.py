from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from streamgmm.service.quality import average_precision, roc_auc

# Few distinct values, so that ties are common.
pairs = st.lists(st.tuples(st.booleans(), st.sampled_from([-1.5, 0.0, 0.25, 2.0, 7.0, 1e300])))


@given(pairs)
def test_they_agree_with_scikit_learn(pairs: list[tuple[bool, float]]) -> None:
    truth = np.array([one for one, _ in pairs], dtype=bool)
    score = np.array([score for _, score in pairs], dtype=np.float64)
    if 0 < truth.sum() < len(truth):
        assert roc_auc(truth, score) == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    if truth.any():
        expected = average_precision_score(truth, score)
        assert average_precision(truth, score) == pytest.approx(expected, abs=1e-12)


def test_they_agree_with_scikit_learn_at_scale() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(20_000) < 0.01
    score = rng.normal(size=20_000) + 1.5 * truth
    assert roc_auc(truth, score) == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    expected = average_precision_score(truth, score)
    assert average_precision(truth, score) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("truth", [[], [True, True], [False, False]])
def test_without_both_kinds_there_is_no_auc(truth: list[bool]) -> None:
    score = np.arange(float(len(truth)))
    assert np.isnan(roc_auc(np.array(truth, dtype=bool), score))


def test_without_anomalies_there_is_no_precision() -> None:
    assert np.isnan(average_precision(np.array([False]), np.array([1.0])))
