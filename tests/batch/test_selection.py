from __future__ import annotations

import numpy as np
import pytest
import sklearn.mixture
from matplotlib.figure import Figure

from streamgmm import GaussianMixture, select_components
from tests.batch.data import clusters


def test_it_finds_how_many_clusters_there_are_and_of_which_shape() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]])
    X = centres[rng.integers(4, size=400)] + rng.normal(size=(400, 2)) * [1.0, 2.0]
    found = select_components(X, range(1, 7), covariance=["full", "diag"], n_init=2)
    assert (found.best.n_components, found.best.covariance) == (4, "diag")
    assert len(found.candidates) == 12
    assert found.mixture is found.best.mixture
    assert found.mixture.means_.shape == (4, 2)
    assert found.best.bic == min(one.bic for one in found.candidates)


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_criteria_are_those_of_scikit_learn(covariance: str) -> None:
    X = clusters(300)
    found = select_components(X, [1], covariance=covariance).best
    theirs = sklearn.mixture.GaussianMixture(1, covariance_type=covariance).fit(X)
    assert found.bic == pytest.approx(theirs.bic(X), rel=1e-6)
    assert found.aic == pytest.approx(theirs.aic(X), rel=1e-6)


def test_a_row_of_weight_two_counts_as_two() -> None:
    X = clusters(100)
    weight = np.random.default_rng(0).integers(0, 3, size=100)
    a = select_components(X, [1, 2], sample_weight=weight)
    b = select_components(np.repeat(X, weight, axis=0), [1, 2])
    for one, other in zip(a.candidates, b.candidates, strict=True):
        assert one.bic == pytest.approx(other.bic, rel=1e-12)
        assert one.aic == pytest.approx(other.aic, rel=1e-12)


def test_another_criterion_may_choose_another() -> None:
    X = clusters(60, 2, k=1, seed=4)
    by_bic = select_components(X, range(1, 5))
    by_aic = select_components(X, range(1, 5), criterion="aic")
    assert by_bic.best.n_components <= by_aic.best.n_components
    assert by_aic.best.aic == min(one.aic for one in by_aic.candidates)


def test_its_picture_has_all_candidates() -> None:
    found = select_components(clusters(100), [3, 1, 2], covariance=["diag", "tied"])
    ax = Figure().subplots()
    assert found.plot(ax) is ax
    assert [list(line.get_xdata()) for line in ax.lines[:2]] == [[1, 2, 3]] * 2


def test_what_cannot_be_chosen_from_is_refused() -> None:
    X = clusters(50)
    with pytest.raises(ValueError, match="nothing to choose from"):
        select_components(X, [])
    with pytest.raises(ValueError, match="criterion is 'AIC'"):
        select_components(X, [1], criterion="AIC")
    with pytest.raises(ValueError, match=r"has 50 distinct rows.* \(n_components=51, 'tied'\)"):
        select_components(X, [1, 51], covariance="tied")
    with pytest.raises(TypeError, match=r"candidates is 10; give several numbers: range\(1, 11\)"):
        select_components(X, 10)
    with pytest.raises(TypeError, match="components"):
        select_components(X, [1], components=2)


def test_parameters_are_passed_on() -> None:
    found = select_components(clusters(50), [2], reg_covar=0.5, seed=3)
    assert isinstance(found.mixture, GaussianMixture)
    assert (found.mixture.reg_covar, found.mixture.seed) == (0.5, 3)
