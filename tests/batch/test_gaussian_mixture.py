from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.mixture
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from streamgmm import GaussianMixture
from streamgmm.batch.starts import spheres
from streamgmm.mixture.seeding import nearest
from tests.batch.data import COVARIANCES, Array, clusters


def quietly(model: Any, X: Array, **more: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, **more)


def start(X: Array, k: int, covariance: str) -> dict[str, Any]:
    """Return a whole start: k rows, even weights, the variances of all rows."""
    variances = np.nanvar(X, axis=0)
    precisions = {
        "full": np.tile(np.diag(1.0 / variances), (k, 1, 1)),
        "tied": np.diag(1.0 / variances),
        "diag": np.tile(1.0 / variances, (k, 1)),
        "spherical": np.full(k, 1.0 / variances.mean()),
    }[covariance]
    means = np.nan_to_num(X[:k], nan=0.0)
    return {
        "weights_init": np.full(k, 1.0 / k), "means_init": means, "precisions_init": precisions,
    }  # fmt: skip


@parametrize_with_checks(
    [
        GaussianMixture(),
        GaussianMixture(n_components=3),
        GaussianMixture(n_components=2, covariance="tied", init="kmeans"),
        GaussianMixture(n_components=2, covariance="diag", init="random", n_init=2),
        GaussianMixture(n_components=2, covariance="spherical", shrinkage=1.0),
    ]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_keeps_scikit_learn_s_conventions(estimator: Any, check: Any) -> None:
    check(estimator)


# ---- the likelihood ----------------------------------------------------------------------


@pytest.mark.parametrize("rounds", [1, 40])
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_from_the_same_start_it_reaches_scikit_learn_s_likelihood(
    covariance: str, rounds: int
) -> None:
    X = clusters(500, 4, seed=3) * [1.0, 20.0, 0.1, 3.0]
    same = {**start(X, 3, covariance), "max_iter": rounds, "tol": 0.0, "reg_covar": 1e-4}
    ours = quietly(GaussianMixture(3, covariance=covariance, **same), X)
    theirs = quietly(sklearn.mixture.GaussianMixture(3, covariance_type=covariance, **same), X)
    assert ours.score(X) == pytest.approx(theirs.score(X), abs=1e-6)
    np.testing.assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, atol=1e-6)
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        found, expected = getattr(ours, name), getattr(theirs, name)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7, err_msg=name)
    np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X), atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.bic(X) == pytest.approx(theirs.bic(X), abs=1e-3)
    assert ours.aic(X) == pytest.approx(theirs.aic(X), abs=1e-3)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_it_stops_where_scikit_learn_does(covariance: str) -> None:
    X = clusters(500, 3)
    same = {**start(X, 3, covariance), "max_iter": 300, "tol": 1e-4}
    ours = GaussianMixture(3, covariance=covariance, **same).fit(X)
    theirs = sklearn.mixture.GaussianMixture(3, covariance_type=covariance, **same).fit(X)
    assert (ours.converged_, ours.n_iter_) == (True, theirs.n_iter_)
    assert ours.lower_bound_ == pytest.approx(theirs.lower_bound_, abs=1e-6)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_its_own_starts_come_as_far_as_scikit_learn_s(covariance: str) -> None:
    X = clusters(300, 2, k=4, seed=5)
    ours = GaussianMixture(4, covariance=covariance, n_init=4, tol=1e-5, max_iter=500).fit(X)
    theirs = sklearn.mixture.GaussianMixture(
        4, covariance_type=covariance, n_init=4, tol=1e-5, max_iter=500, random_state=0
    ).fit(X)
    assert ours.score(X) > theirs.score(X) - 1e-2


@settings(max_examples=60, deadline=None)
@given(
    covariance=st.sampled_from(COVARIANCES),
    init=st.sampled_from(["kmeans++", "kmeans", "random"]),
    components=st.integers(1, 6),
    d=st.integers(1, 4),
    holes=st.sampled_from([0.0, 0.3]),
    shrinkage=st.sampled_from([0.1, 2.0, 30.0]),
    seed=st.integers(0, 10_000),
)
def test_the_penalised_likelihood_never_falls(
    covariance: str, init: str, components: int, d: int, holes: float, shrinkage: float, seed: int
) -> None:
    X = clusters(60 * d, d, seed=seed, holes=holes)
    weight = np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 3.0], size=len(X))
    model = GaussianMixture(
        components, covariance=covariance, init=init, shrinkage=shrinkage, reg_covar=0.0, tol=0.0,
        max_iter=25, seed=seed,
    )  # fmt: skip
    quietly(model, X, sample_weight=weight)
    assert len(model.lower_bounds_) == 25
    assert np.diff(model.lower_bounds_).min() >= -1e-9


@settings(max_examples=40, deadline=None)
@given(
    covariance=st.sampled_from(COVARIANCES),
    components=st.integers(1, 3),
    d=st.integers(1, 4),
    holes=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 10_000),
)
def test_the_likelihood_never_falls(
    covariance: str, components: int, d: int, holes: float, seed: int
) -> None:
    X = clusters(200 * d, d, k=components, seed=seed, holes=holes)
    weight = np.random.default_rng(seed).choice([0.5, 1.0, 3.0], size=len(X))
    model = GaussianMixture(components, covariance=covariance, reg_covar=0.0, tol=0.0, max_iter=25)
    try:
        quietly(model, X, sample_weight=weight)
    except ValueError:  # a component has collapsed onto a row: the likelihood has no maximum then
        reject()
    assert np.diff(model.lower_bounds_).min() >= -1e-9


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_the_bound_is_the_penalised_likelihood(covariance: str) -> None:
    """As written in the class's notes, at the start that is given."""
    X, k, kappa = clusters(300), 2, 4.0
    given_start = start(X, k, covariance)
    model = quietly(
        GaussianMixture(
            k, covariance=covariance, shrinkage=kappa, max_iter=1, reg_covar=0.0, **given_start
        ),
        X,
    )
    T = np.diag(X.var(axis=0))
    if covariance == "spherical":
        T = np.eye(3) * T.trace() / 3
    density = np.mean(
        [multivariate_normal(mean, T).pdf(X) for mean in given_start["means_init"]], 0
    )
    b = 0.0 if covariance == "tied" else kappa * 3 / len(X)
    penalty = 0.5 * b * k * (3 + np.linalg.slogdet(T)[1])
    assert model.lower_bound_ == pytest.approx(np.log(density).mean() - penalty, rel=1e-9)


def test_with_values_missing_likelihood_and_components_are_those_of_what_is_there() -> None:
    X = clusters(400, 3, holes=0.3)
    model = GaussianMixture(3, n_init=3).fit(X)
    assert np.isnan(X).any(axis=1).mean() > 0.5
    expected = np.zeros((len(X), 3))
    for i, x in enumerate(X):
        there = ~np.isnan(x)
        for k in range(3):
            own = model.covariances_[k][np.ix_(there, there)]
            normal = multivariate_normal(model.means_[k][there], own) if there.any() else None
            expected[i, k] = model.weights_[k] * (normal.pdf(x[there]) if normal else 1.0)
    np.testing.assert_allclose(model.score_samples(X), np.log(expected.sum(axis=1)), atol=1e-9)
    shares = expected / expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), shares, atol=1e-8)


def test_values_missing_at_random_leave_the_estimate_where_it_was() -> None:
    X = clusters(20_000, 3, k=2)
    complete = GaussianMixture(2).fit(X)
    holed = GaussianMixture(2, tol=1e-6, max_iter=300).fit(
        np.where(np.random.default_rng(0).random(X.shape) < 0.3, np.nan, X)
    )
    np.testing.assert_allclose(holed.weights_, complete.weights_, atol=0.01)
    np.testing.assert_allclose(holed.means_, complete.means_, atol=0.05)
    np.testing.assert_allclose(holed.covariances_, complete.covariances_, atol=0.1)


def test_shrinkage_gives_a_component_of_few_rows_a_shape() -> None:
    X = np.concatenate([np.random.default_rng(0).normal(size=(300, 2)), [[30.0, 30.0]]])
    alone = GaussianMixture(2).fit(X)
    shrunk = GaussianMixture(2, shrinkage=5.0).fit(X)
    own = int(alone.predict([[30.0, 30.0]])[0])
    assert np.linalg.eigvalsh(alone.covariances_[own]).max() < 1e-3
    own = int(shrunk.predict([[30.0, 30.0]])[0])
    assert 0.5 < np.linalg.eigvalsh(shrunk.covariances_[own]).min() < 1.5


# ---- rows as a weighted set --------------------------------------------------------------


def parts(model: GaussianMixture) -> bytes:
    arrays = (model.weights_, model.means_, model.covariances_, np.array(model.lower_bounds_))
    return b"".join(array.tobytes() for array in arrays)


@settings(max_examples=30, deadline=None)
@given(
    init=st.sampled_from(["kmeans++", "kmeans", "random"]),
    covariance=st.sampled_from(COVARIANCES),
    holes=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 10_000),
)
def test_order_repetition_and_absence_of_rows_change_no_bit(
    init: str, covariance: str, holes: float, seed: int
) -> None:
    """A weight of 2 is the row twice, one of 0 its absence; as sets they are the same."""
    rng = np.random.default_rng(seed)
    X = clusters(80, 3, seed=seed, holes=holes).round(1)
    weight = rng.integers(0, 4, size=len(X))
    repeated = rng.permutation(np.repeat(X, weight, axis=0))
    model = GaussianMixture(
        3, init=init, covariance=covariance, n_init=2, shrinkage=1.0, max_iter=10, seed=seed
    )
    as_weights = parts(quietly(model, X, sample_weight=weight))
    assert parts(quietly(model, repeated)) == as_weights
    order = rng.permutation(len(X))
    assert parts(quietly(model, X[order], sample_weight=weight[order])) == as_weights


@pytest.mark.parametrize("holes", [0.0, 0.4])
def test_the_kernels_find_the_nearest_centre(holes: float) -> None:
    Z = 1e-30 * clusters(300, 3, k=6, seed=1, holes=holes)
    centres = np.nan_to_num(Z[:7])
    np.testing.assert_array_equal(spheres(Z, centres), nearest(Z, centres))


def test_without_shrinkage_only_the_proportions_of_weights_count() -> None:
    X = clusters(200, holes=0.1)
    weight = np.random.default_rng(0).integers(1, 4, size=200).astype(float)
    a, b = (
        GaussianMixture(3, max_iter=300).fit(X, sample_weight=weight * scale) for scale in (1, 1e-6)
    )
    np.testing.assert_allclose(a.lower_bounds_, b.lower_bounds_, rtol=1e-9)
    np.testing.assert_allclose(a.means_, b.means_, rtol=1e-6)


def test_rows_without_any_value_count_in_no_score() -> None:
    X = clusters(100)
    model = GaussianMixture(2).fit(X)
    bare = np.concatenate([X, np.full((50, 3), np.nan)])
    for ask in (model.score, model.bic, model.aic):
        assert ask(bare) == pytest.approx(ask(X))
        with pytest.raises(ValueError, match="no row of X has a value and a weight"):
            ask(bare[100:])


def test_rows_without_any_value_say_nothing() -> None:
    X = clusters(100)
    nothing = np.full((50, 3), np.nan)
    model = GaussianMixture(2)
    assert parts(model.fit(np.concatenate([nothing, X]))) == parts(model.fit(X))
    assert model.score_samples(nothing[:1])[0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("init", ["kmeans++", "kmeans", "random"])
def test_a_seed_gives_one_fit_and_another_may_give_another(init: str) -> None:
    X = clusters(200, k=6)
    fits = [
        parts(quietly(GaussianMixture(5, init=init, seed=seed, max_iter=2), X))
        for seed in (None, 0, 1, 2, 3)
    ]
    assert fits[0] == fits[1]
    assert len(set(fits)) > 1


def test_components_are_in_the_order_of_their_weights_or_of_the_start() -> None:
    X = clusters(400, 2, k=4)
    assert (np.diff(GaussianMixture(4, max_iter=300).fit(X).weights_) <= 0.0).all()
    means = np.array([[-50.0, 0.0], [50.0, 0.0]])
    two = np.concatenate([X[:10] + means[0], X[:90] + means[1]])
    assert GaussianMixture(2, means_init=means).fit(two).weights_ == pytest.approx([0.1, 0.9])
    assert GaussianMixture(2, means_init=means[::-1]).fit(two).weights_ == pytest.approx([0.9, 0.1])


def test_more_starts_come_no_less_far() -> None:
    X = clusters(300, 2, k=8, seed=2)
    bounds = [
        quietly(GaussianMixture(8, n_init=n, init="random"), X).lower_bound_ for n in (1, 4, 12)
    ]
    assert bounds == sorted(bounds)
    assert bounds[0] < bounds[-1]


def test_units_and_far_rows_change_nothing() -> None:
    """Means at 1.7e9 with a variance of 1, one feature a millionth, and a row far out."""
    X = clusters(300, 2)
    moved = X * [1.0, 1e-6] + [1.7e9, 0.0]
    model = GaussianMixture(3, reg_covar=0.0, tol=1e-8, max_iter=1000)
    here = quietly(clone(model), X).score_samples(X)
    there = quietly(clone(model), moved).score_samples(moved)
    np.testing.assert_allclose(there, here - np.log(1e-6), atol=1e-4)
    fitted = quietly(clone(model), X)
    far = np.array([[1e9, -1e9]])
    expected = np.log(sum(w * np.exp(0.0) for w in fitted.weights_)) + max(
        multivariate_normal(m, S).logpdf(far) + np.log(w)
        for w, m, S in zip(fitted.weights_, fitted.means_, fitted.covariances_, strict=True)
    )
    assert fitted.score_samples(far)[0] == pytest.approx(expected, rel=1e-9)


def test_many_equal_rows_cost_no_more_than_one() -> None:
    X = np.repeat(clusters(50), 40, axis=0)
    model = quietly(GaussianMixture(3), X)
    assert model.score(X) == pytest.approx(model.lower_bound_, abs=0.1)
    assert model.weights_.sum() == pytest.approx(1.0, abs=1e-12)


# ---- the face ----------------------------------------------------------------------------


def test_samples_are_of_the_mixture() -> None:
    model = GaussianMixture(3).fit(clusters(500))
    X, labels = model.sample(50_000, seed=1)
    assert X.shape == (50_000, 3)
    np.testing.assert_allclose(np.bincount(labels) / len(labels), model.weights_, atol=0.01)
    for k in range(3):
        np.testing.assert_allclose(X[labels == k].mean(axis=0), model.means_[k], atol=0.1)
        np.testing.assert_allclose(np.cov(X[labels == k].T), model.covariances_[k], atol=0.2)
    np.testing.assert_array_equal(model.sample(5)[0], model.sample(5, seed=0)[0])
    assert (model.sample(5)[0] != model.sample(5, seed=1)[0]).all()
    with pytest.raises(ValueError, match="seed is -1; give a seed"):
        model.sample(5, seed=-1)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_as_a_plain_value_it_has_the_same_density(covariance: str) -> None:
    frame = pd.DataFrame(clusters(200, 2, holes=0.2), columns=["size", "time"])
    model = GaussianMixture(2, covariance=covariance).fit(frame)
    np.testing.assert_allclose(model.mixture_.logpdf(frame), model.score_samples(frame), atol=1e-9)
    assert model.mixture_.feature_names == ("size", "time")


def test_it_warns_where_it_did_not_converge() -> None:
    X = clusters(300)
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        model = GaussianMixture(3, max_iter=2, tol=1e-9).fit(X)
    assert (model.converged_, model.n_iter_) == (False, 2)


def test_names_of_features_are_kept_and_held_to() -> None:
    frame = pd.DataFrame(clusters(100, 2), columns=["size", "time"])
    model = GaussianMixture(2).fit(frame)
    assert model.feature_names_in_.tolist() == ["size", "time"]
    assert model.predict(frame).shape == (100,)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["time", "size"]])


def test_pickled_it_says_the_same() -> None:
    X = clusters(100)
    model = GaussianMixture(2).fit(X)
    again = pickle.loads(pickle.dumps(model))
    assert again.score_samples(X).tobytes() == model.score_samples(X).tobytes()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components is 0; it must be a whole number, 1 or more"),
        ({"n_components": 101}, "100 distinct rows"),
        ({"covariance": "auto"}, "here it must be"),
        ({"covariance": "round"}, "'round'; allowed are"),
        ({"init": "k-means++"}, 'allowed are "kmeans\\+\\+", "kmeans", "random"'),
        ({"n_init": 0}, "n_init is 0"),
        ({"tol": -1.0}, "tol is -1.0"),
        ({"max_iter": 0}, "max_iter is 0"),
        ({"reg_covar": np.inf}, "reg_covar is inf"),
        ({"shrinkage": -1}, "shrinkage is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"means_init": [[0.0, 0.0]]}, "means_init has shape \\(1, 2\\); it must be \\(2, 3\\)"),
        ({"means_init": np.full((2, 3), np.nan)}, "means_init has values"),
        ({"weights_init": [0.4, 0.4]}, "sum to 0.8"),
        ({"weights_init": [1.4, -0.4]}, "-0.4 to 1.4"),
        ({"precisions_init": np.zeros((2, 3, 3))}, "positive definite"),
        ({"precisions_init": [1.0, 1.0]}, "precisions_init has shape \\(2,\\)"),
        ({"covariance": ["full"]}, r"covariance is \['full'\]; allowed are"),
    ],
)
def test_a_parameter_that_is_not_allowed_is_named(parameters: dict[str, Any], message: str) -> None:
    model = GaussianMixture(**{"n_components": 2, **parameters})
    with pytest.raises(ValueError, match=message):
        model.fit(clusters(100))


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones((100, 1)), "must be 1D array or scalar"),
        (np.ones(5), "expected \\(100,\\)"),
        (np.full(100, -1.0), "Negative values in data passed to `sample_weight`"),
        (np.full(100, np.nan), "contains NaN"),
        (np.zeros(100), "non-zero"),
    ],
)
def test_weights_of_a_score_are_checked_as_those_of_a_fit(weight: Array, message: str) -> None:
    X = clusters(100)
    model = GaussianMixture(2).fit(X)
    assert model.score(X, sample_weight=2.0) == pytest.approx(model.score(X))
    for ask in (model.score, model.bic, model.aic):
        with pytest.raises(ValueError, match=message):
            ask(X, sample_weight=weight)


def test_a_covariance_type_that_has_changed_since_the_fit_is_named() -> None:
    X = clusters(100)
    model = GaussianMixture(2).fit(X).set_params(covariance="diag")
    for ask in (model.predict, model.score):
        with pytest.raises(ValueError, match=r"covariance is 'diag', but covariances_ of shape"):
            ask(X)
    assert GaussianMixture(2).fit(X).set_params(seed=3).predict(X).shape == (100,)


def test_data_that_cannot_be_fitted_are_refused() -> None:
    X = clusters(100)
    with pytest.raises(NotFittedError):
        GaussianMixture().predict(X)
    with pytest.raises(ValueError, match="feature 1 has no value in any row"):
        GaussianMixture().fit(np.where([False, True, False], np.nan, X))
    with pytest.raises(ValueError, match="0 distinct rows"):
        GaussianMixture().fit(np.full((5, 2), np.nan))
    with pytest.raises(ValueError, match="non-zero"):
        GaussianMixture().fit(X, sample_weight=np.zeros(100))
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        GaussianMixture().fit(X, sample_weight=np.full(100, -1.0))
    with pytest.raises(ValueError, match="infinity"):
        GaussianMixture().fit(np.where([False, True, False], np.inf, X))
    with pytest.raises(ValueError, match="from 1e-161 to 1e124: give it in another unit"):
        GaussianMixture().fit(X * 1e200)
    with pytest.raises(ValueError, match=r"collapsed.*Raise reg_covar"):
        GaussianMixture(reg_covar=0.0).fit(np.where([False, True, False], 7.0, X))


def test_without_scikit_learn_the_error_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import streamgmm\n"
        "try: streamgmm.GaussianMixture\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'streamgmm[sklearn]'" in done.stdout
