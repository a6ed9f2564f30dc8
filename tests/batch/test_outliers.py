from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from streamgmm import GMMOutlierDetector
from tests.batch.data import clusters


@parametrize_with_checks(
    [GMMOutlierDetector(), GMMOutlierDetector(3, covariance="diag", contamination=0.2)]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_keeps_scikit_learn_s_conventions(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("holes", [0.0, 0.3])
@pytest.mark.parametrize("contamination", [0.01, 0.1, 0.5])
def test_as_many_rows_are_outliers_as_was_said(contamination: float, holes: float) -> None:
    X = clusters(500, 4, holes=holes)
    found = GMMOutlierDetector(3, contamination=contamination).fit_predict(X)
    assert set(found.tolist()) == {-1, 1}
    assert (found == -1).sum() == round(contamination * 500)


def test_the_score_of_a_complete_row_is_its_log_likelihood() -> None:
    X = clusters(300)
    detector = GMMOutlierDetector(2).fit(X)
    mixture = detector.mixture_
    density = sum(
        w * multivariate_normal(m, S).pdf(X)
        for w, m, S in zip(mixture.weights_, mixture.means_, mixture.covariances_, strict=True)
    )
    np.testing.assert_allclose(detector.score_samples(X), np.log(density), rtol=1e-9)
    np.testing.assert_array_equal(
        detector.decision_function(X), detector.score_samples(X) - detector.offset_
    )
    np.testing.assert_array_equal(detector.predict(X) == -1, detector.decision_function(X) < 0)


def test_planted_outliers_are_found_among_incomplete_rows() -> None:
    X = clusters(1_000, 5, holes=0.2)
    rng = np.random.default_rng(1)
    odd = rng.choice(1_000, size=30, replace=False)
    X[odd] += rng.choice([-12.0, 12.0], size=(30, 5))
    truth = np.isin(np.arange(1_000), odd)
    scores = GMMOutlierDetector(3).fit(X).score_samples(X)
    assert roc_auc_score(truth, -scores) > 0.99


def test_a_value_left_out_makes_no_row_stranger() -> None:
    """Of rows like those fitted, equally many are outliers, however much of them is missing."""
    X = clusters(4_000, 4, seed=1)
    detector = GMMOutlierDetector(3, contamination=0.05).fit(X[:2_000])
    rest = X[2_000:].copy()
    complete = (detector.predict(rest) == -1).mean()
    rest[np.arange(2_000), np.random.default_rng(0).integers(0, 4, size=2_000)] = np.nan
    assert (detector.predict(rest) == -1).mean() == pytest.approx(complete, abs=0.025)


@settings(max_examples=25, deadline=None)
@given(
    contamination=st.sampled_from([0.05, 0.1, 0.25, 1 / 3, 0.5]),
    holes=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 10_000),
)
def test_a_weight_is_so_many_rows(contamination: float, holes: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = clusters(60, 2, seed=seed, holes=holes)
    weight = rng.integers(0, 4, size=60)
    a = GMMOutlierDetector(2, contamination=contamination).fit(X, sample_weight=weight)
    b = GMMOutlierDetector(2, contamination=contamination).fit(
        rng.permutation(np.repeat(X, weight, axis=0))
    )
    assert a.offset_ == b.offset_
    np.testing.assert_array_equal(a.predict(X), b.predict(X))


@pytest.mark.parametrize("contamination", [0.0, 0.6, "auto", True, None])
def test_a_contamination_that_is_not_allowed_is_named(contamination: Any) -> None:
    with pytest.raises(ValueError, match=r"above 0 and at most 0\.5"):
        GMMOutlierDetector(contamination=contamination).fit(clusters(50))


def test_its_mixture_knows_the_features_by_name() -> None:
    frame = pd.DataFrame(clusters(50, 2), columns=["size", "time"])
    detector = GMMOutlierDetector().fit(frame)
    assert detector.mixture_.mixture_.feature_names == ("size", "time")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # scikit-learn warns of names that the fit did not have
        detector.mixture_.predict(frame)


def test_it_must_be_fitted_first() -> None:
    with pytest.raises(NotFittedError):
        GMMOutlierDetector().predict(clusters(5))
