"""A mixture as a plain value, against SciPy, integrals and draws."""

from __future__ import annotations

import copy
import json
import pickle
import re
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from streamgmm import Mixture
from tests.mixture.streams import COVARIANCES, fitted, modes, with_holes

Array = np.ndarray
NAMES = ("duration", "bytes", "packets", "rate")


def some_mixture(d: int = 4, K: int = 3, *, seed: int = 0) -> Mixture:
    """Return a mixture with correlations, features in units far apart."""
    rng = np.random.default_rng(seed)
    units = 10.0 ** np.arange(-(d // 2), d - d // 2)
    roots = np.eye(d) + 0.5 * rng.normal(size=(K, d, d))
    covariances = roots @ np.swapaxes(roots, 1, 2) * np.outer(units, units)
    means = (10.0 + 2.0 * rng.normal(size=(K, d))) * units
    return Mixture(rng.dirichlet(np.full(K, 5.0)), means, covariances, NAMES[:d])


def two_sample_p_value(X: Array, Y: Array, rng: np.random.Generator, shuffles: int = 199) -> float:
    """Return the permutation p-value of the energy distance (Szekely & Rizzo 2004)."""
    both = np.concatenate([X, Y])
    apart = cdist(both / both.std(axis=0), both / both.std(axis=0))

    def energy(first: Array) -> float:
        a, b = first, ~first
        between, in_a, in_b = apart[np.ix_(a, b)], apart[np.ix_(a, a)], apart[np.ix_(b, b)]
        return float(2.0 * between.mean() - in_a.mean() - in_b.mean())

    labels = np.arange(len(both)) < len(X)
    found = energy(labels)
    return float((1 + sum(energy(rng.permutation(labels)) >= found for _ in range(shuffles))) / 200)


def joint_of(mixture: Mixture, x: Array) -> Array:
    """Return log w_k N(x_o; mu_k, Sigma_k) (K,) by SciPy."""
    o = ~np.isnan(x)
    return np.array([
        np.log(w) + multivariate_normal(mean[o], Sigma[np.ix_(o, o)]).logpdf(x[o])
        for w, mean, Sigma in zip(
            mixture.weights, mixture.means, mixture.covariances, strict=True
        )
    ])  # fmt: skip


# ---- the density ---------------------------------------------------------------------------------


def test_density_and_responsibilities_are_scipys_whatever_is_missing() -> None:
    mixture = some_mixture()
    X = with_holes(mixture.sample(200, 1)[0], 0.3)
    seen = ~np.isnan(X).all(axis=1)
    joint = np.array([joint_of(mixture, x) for x in X[seen]])
    np.testing.assert_allclose(mixture.logpdf(X)[seen], logsumexp(joint, axis=1), rtol=1e-9)
    np.testing.assert_allclose(mixture.pdf(X), np.exp(mixture.logpdf(X)))
    expected = np.exp(joint - logsumexp(joint, axis=1)[:, None])
    np.testing.assert_allclose(mixture.responsibilities(X)[seen], expected, atol=1e-9)
    assert (~seen).any()
    np.testing.assert_allclose(mixture.logpdf(X)[~seen], 0.0, atol=1e-12)
    np.testing.assert_allclose(mixture.responsibilities(X)[~seen], mixture.weights[None, :])


def test_rows_in_blocks_are_as_rows_by_themselves() -> None:
    mixture = some_mixture()
    X = with_holes(mixture.sample(10_000, 1)[0], 0.1)
    some = [0, 4095, 4096, 9_999]
    one_by_one = np.concatenate([mixture.logpdf(X[i : i + 1]) for i in some])
    np.testing.assert_allclose(mixture.logpdf(X)[some], one_by_one, rtol=1e-12)
    filled = np.concatenate([mixture.expect(X[i : i + 1]).mean for i in some])
    np.testing.assert_allclose(mixture.expect(X).mean[some], filled, rtol=1e-12)


def test_far_out_nothing_overflows() -> None:
    mixture = some_mixture()
    X = np.array([np.full(4, 1e300), np.full(4, -1e200), [1e308, -1e308, np.nan, 0.0]])
    assert (mixture.logpdf(X) < -1e60).all()
    assert np.isfinite(mixture.logpdf(X)).all()
    assert (mixture.pdf(X) == 0.0).all()
    np.testing.assert_allclose(mixture.responsibilities(X).sum(axis=1), 1.0)
    assert np.isfinite(mixture.expect(X[2:]).mean).all()


@pytest.mark.parametrize("factor", [1e-12, 1.0, 1e12])
def test_units_do_not_matter(factor: float) -> None:
    """p(x) dx is the same in any unit, also where features and covariances differ by 1e24."""
    mixture = some_mixture(2)
    units = np.array([1.0, factor])
    scaled = Mixture(
        mixture.weights, mixture.means * units, mixture.covariances * np.outer(units, units)
    )
    X = mixture.sample(50, 2)[0]
    np.testing.assert_allclose(
        scaled.logpdf(X * units) + np.log(factor), mixture.logpdf(X), atol=1e-9
    )


def test_mean_and_covariance_of_the_whole_are_those_of_draws() -> None:
    mixture = some_mixture()
    X = mixture.sample(200_000, 3)[0]
    spread = np.sqrt(np.diag(mixture.covariance))
    np.testing.assert_allclose(X.mean(axis=0), mixture.mean, atol=0.01 * spread.max())
    off = (np.cov(X.T) - mixture.covariance) / np.outer(spread, spread)
    assert np.abs(off).max() < 0.02


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_it_is_the_online_mixture_within_the_frame(covariance: str) -> None:
    online = fitted(modes(400, 4), 3, covariance=covariance)
    mixture = Mixture(online.weights, online.means, online.covariances)
    X = with_holes(modes(300, 4, seed=1), 0.2)
    X = X[(np.abs(np.nan_to_num(online.frame.to_frame(X))) < 4.0).all(axis=1)]
    assert len(X) > 200
    likelihood, responsibilities, _ = online.expect(np.ascontiguousarray(X))
    np.testing.assert_allclose(mixture.logpdf(X), likelihood, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(mixture.responsibilities(X), responsibilities, atol=1e-8)


# ---- marginals, conditionals, expectations ------------------------------------------------------


def test_a_marginal_is_what_integrating_the_others_out_leaves() -> None:
    mixture = some_mixture(2)
    spread = np.sqrt(mixture.covariance[0, 0])
    low, high = mixture.mean[0] - 12 * spread, mixture.mean[0] + 12 * spread
    for y in mixture.sample(5, 4)[0][:, 1]:
        whole = quad(lambda x, y=y: mixture.pdf([[x, y]])[0], low, high, limit=200)[0]
        assert mixture.marginal(["bytes"]).pdf([[y]])[0] == pytest.approx(whole, rel=1e-6)
        assert mixture.pdf([[np.nan, y]])[0] == pytest.approx(whole, rel=1e-6)


def test_a_conditional_is_the_joint_over_the_marginal() -> None:
    mixture = some_mixture()
    X = mixture.sample(30, 5)[0]
    for x in X:
        part = mixture.conditional({"packets": x[2], "duration": x[0]})
        assert part.feature_names == ("bytes", "rate")
        ratio = mixture.logpdf(x[None]) - mixture.marginal([2, 0]).logpdf(x[None, [2, 0]])
        np.testing.assert_allclose(part.logpdf(x[None, [1, 3]]), ratio, rtol=1e-8)


def test_a_conditional_is_the_law_of_draws_that_come_close() -> None:
    mixture = some_mixture(2)
    X = mixture.sample(400_000, 6)[0]
    at = float(mixture.mean[0])
    close = X[np.abs(X[:, 0] - at) < 0.01 * X[:, 0].std(), 1][:400]
    assert len(close) == 400
    drawn = mixture.conditional({"duration": at}).sample(400, 7)[0]
    rng = np.random.default_rng(8)
    assert two_sample_p_value(close[:, None], drawn, rng) > 0.05
    elsewhere = mixture.conditional({"duration": at + 2 * X[:, 0].std()}).sample(400, 7)[0]
    assert two_sample_p_value(close[:, None], elsewhere, rng) <= 0.01


def test_what_is_expected_is_the_conditionals_mean_and_spread() -> None:
    mixture = some_mixture()
    X = with_holes(mixture.sample(60, 9)[0], 0.4)
    mean, spread = mixture.expect(X)
    observed = ~np.isnan(X)
    assert np.array_equal(mean[observed], X[observed])
    assert (spread[observed] == 0.0).all()
    for i, x in enumerate(X):
        missing = np.flatnonzero(np.isnan(x))
        if len(missing):
            part = mixture.conditional({j: x[j] for j in np.flatnonzero(observed[i]).tolist()})
            np.testing.assert_allclose(mean[i, missing], part.mean, rtol=1e-9)
            np.testing.assert_allclose(
                spread[i, missing], np.sqrt(np.diag(part.covariance)), rtol=1e-7
            )
    assert np.isfinite(mean).all()


def test_regression_comes_to_the_least_squares_that_draws_allow() -> None:
    mixture = some_mixture(3)
    X = mixture.sample(40_000, 10)[0]
    asked = X.copy()
    asked[:, 2] = np.nan
    mean, spread = mixture.expect(asked)
    error = X[:, 2] - mean[:, 2]
    assert np.mean(error**2) == pytest.approx(np.mean(spread[:, 2] ** 2), rel=0.03)
    linear = np.polynomial.polynomial.polyfit(mean[:, 2], X[:, 2], 1)
    np.testing.assert_allclose(linear[1], 1.0, atol=0.02)  # nothing is left to regress on


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(4)))
def test_order_and_way_do_not_matter(seed: int, order: list[int]) -> None:
    """Conditioning at once is conditioning in steps; a marginal of a marginal is a marginal."""
    mixture = some_mixture(seed=seed)
    x = mixture.sample(1, seed)[0][0]
    a, b, c, d = (NAMES[i] for i in order)
    value = dict(zip(NAMES, x.tolist(), strict=True))
    at_once = mixture.conditional({a: value[a], b: value[b]}).marginal([c])
    in_steps = mixture.conditional({a: value[a]}).marginal([c, b]).conditional({b: value[b]})
    for name in ("weights", "means", "covariances"):
        np.testing.assert_allclose(
            getattr(at_once, name), getattr(in_steps, name), rtol=1e-6, atol=1e-12
        )
    swapped = mixture.marginal([d, c, b, a])
    np.testing.assert_allclose(
        swapped.logpdf([[value[name] for name in swapped.feature_names]]), mixture.logpdf([x])
    )


# ---- draws ---------------------------------------------------------------------------------------


def test_draws_are_told_from_the_mixture_only_where_it_is_another() -> None:
    """By energy distance with a permutation test, against draws made by SciPy."""
    mixture, rng = some_mixture(3), np.random.default_rng(11)
    counts = rng.multinomial(400, mixture.weights)
    reference = np.concatenate([
        multivariate_normal(mean, Sigma).rvs(int(n), random_state=rng)
        for n, mean, Sigma in zip(counts, mixture.means, mixture.covariances, strict=True)
    ])  # fmt: skip
    assert two_sample_p_value(mixture.sample(400, 12)[0], reference, rng) > 0.05
    other = Mixture(mixture.weights[::-1], mixture.means, mixture.covariances)
    assert two_sample_p_value(other.sample(400, 12)[0], reference, rng) <= 0.01


def test_components_drawn_come_by_weight_and_seeds_repeat() -> None:
    mixture = some_mixture()
    X, component = mixture.sample(50_000, 13)
    shares = np.bincount(component, minlength=3) / len(X)
    np.testing.assert_allclose(shares, mixture.weights, atol=0.01)
    again = mixture.sample(50_000, np.random.default_rng(13))
    assert np.array_equal(X, again[0])
    assert np.array_equal(component, again[1])
    assert mixture.sample(0, 1)[0].shape == (0, 4)


# ---- the value -----------------------------------------------------------------------------------


def test_it_equals_what_is_made_of_the_same_and_survives_json_and_pickle() -> None:
    mixture = some_mixture()
    assert Mixture(**json.loads(json.dumps(mixture.to_dict()))) == mixture
    thawed = pickle.loads(pickle.dumps(mixture))
    assert thawed == mixture
    assert hash(thawed) == hash(mixture)
    with pytest.raises(ValueError, match="read-only"):
        thawed.means[0, 0] = 1.0
    assert mixture != some_mixture(seed=1)
    assert mixture != mixture.marginal(["bytes", "duration", "packets", "rate"])
    assert mixture != "a mixture"
    assert repr(mixture) == "<Mixture of 3 components over duration, bytes, packets, rate>"


def test_a_subclass_stays_one_in_copies_and_parts() -> None:
    class Named(Mixture):
        pass

    mixture = Named([1.0], [[0.0, 1.0]], [np.eye(2)])
    assert type(copy.deepcopy(mixture)) is Named
    assert type(mixture.marginal([0])) is type(mixture.conditional({0: 1.0})) is Named


def test_nothing_about_it_can_be_changed() -> None:
    means = np.zeros((1, 2))
    mixture = Mixture([1.0], means, [np.eye(2)])
    means[:] = 9.0
    assert (mixture.means == 0.0).all()
    with pytest.raises(FrozenInstanceError):
        mixture.weights = np.ones(1)  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        mixture.covariances[0, 0, 0] = 2.0


def test_data_frames_go_by_the_names_of_their_columns() -> None:
    mixture = some_mixture()
    frame = pd.DataFrame(mixture.sample(20, 1)[0], columns=list(NAMES))
    swapped = frame[["rate", "packets", "bytes", "duration"]].assign(other="text")
    assert np.array_equal(mixture.logpdf(swapped), mixture.logpdf(frame.to_numpy()))
    with pytest.raises(ValueError, match="X has no column 'bytes'"):
        mixture.logpdf(frame.drop(columns="bytes"))
    holed = frame.mask(frame > 1.0)
    assert holed.isna().to_numpy().any()
    nullable = mixture.logpdf(holed.astype("Float64"))  # there what is missing is pandas' NA
    assert np.array_equal(nullable, mixture.logpdf(holed.to_numpy()))
    whole = holed.round().astype("Int64")
    assert np.array_equal(mixture.logpdf(whole), mixture.logpdf(holed.round().to_numpy()))


def test_features_that_all_but_follow_from_others_do_in_any_order() -> None:
    """Rounding makes of this covariance one that is positive definite in some orders only."""
    a = 10.000000000000002
    sigma = np.array([[a, -6.0, 6.0], [-6.0, a, -10.0], [6.0, -10.0, a]])
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(sigma[np.ix_([1, 0, 2], [1, 0, 2])])
    mixture = Mixture([1.0], [[0.0, 0.0, 0.0]], [sigma])
    filled = mixture.expect([[np.nan, 1.0, np.nan]])
    np.testing.assert_allclose(filled.mean, [[-0.6, 1.0, -1.0]], rtol=1e-6)
    np.testing.assert_allclose(filled.spread, [[6.4**0.5, 0.0, 0.0]], atol=1e-6)
    given = mixture.conditional({1: 1.0})
    np.testing.assert_allclose(given.means, [[-0.6, -1.0]], rtol=1e-6)


def test_no_rows_have_no_answers() -> None:
    mixture, none = some_mixture(), np.empty((0, 4))
    assert mixture.logpdf(none).shape == (0,)
    assert mixture.responsibilities(none).shape == (0, mixture.n_components)
    assert [part.shape for part in mixture.expect(none)] == [(0, 4), (0, 4)]


def test_spreads_beyond_what_can_be_squared_are_refused() -> None:
    for variance in (1e245, 1e-315):
        mixture = Mixture([1.0], [[0.0]], [[[variance]]])
        at_the_mean = -0.5 * (np.log(2.0 * np.pi) + np.log(variance))
        assert mixture.logpdf([[0.0]])[0] == pytest.approx(at_the_mean)
    for variance in (1e250, 1e300):
        with pytest.raises(ValueError, match="from 1e-161 to 1e124: give it in another unit"):
            Mixture([1.0], [[0.0]], [[[variance]]]).logpdf([[0.0]])


def test_names_from_numpy_go_into_json() -> None:
    names = np.array([3, 5])
    mixture = Mixture([1.0], [[0.0, 0.0]], [np.eye(2)], names, np.array(["day"]))
    assert Mixture(**json.loads(json.dumps(mixture.to_dict()))) == mixture


def test_names_that_are_numbers_go_before_numbers_of_columns() -> None:
    mixture = Mixture([1.0], [[3.0, 5.0]], [np.eye(2)], feature_names=[1, 0])
    assert mixture.marginal([1]).means.tolist() == [[3.0]]


def test_a_component_of_weight_0_says_nothing() -> None:
    mixture = Mixture([1.0, 0.0], [[0.0], [5.0]], [[[1.0]], [[1.0]]])
    assert mixture.responsibilities([[5.0]]).tolist() == [[1.0, 0.0]]
    assert mixture.logpdf([[5.0]])[0] == pytest.approx(multivariate_normal(0, 1).logpdf(5.0))


GOOD: dict[str, Any] = {
    "weights": [0.5, 0.5],
    "means": [[0.0, 0.0], [1.0, 1.0]],
    "covariances": [np.eye(2), np.eye(2)],
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": [0.5, 0.4]}, "sum to 0.9; they must not be negative and sum to 1"),
        ({"weights": [1.5, -0.5]}, "must not be negative"),
        ({"weights": [1.0]}, "weights have shape (1,); (2,) is needed"),
        ({"means": [0.0, 1.0]}, "means have shape (2,); (K, d) is needed"),
        ({"means": [[0.0, np.nan], [1.0, 1.0]]}, "means hold NaN"),
        ({"covariances": [np.eye(3), np.eye(3)]}, "(2, 2, 2) is needed"),
        ({"covariances": [np.eye(2), np.ones((2, 2))]}, "component 1 is not positive definite"),
        (
            {"covariances": [np.eye(2), [[1, 0.5], [0.2, 1]]], "component_names": ["a", "b"]},
            "component 'b' is not symmetric",
        ),
        ({"feature_names": ["a", "a"]}, "2 distinct names are needed"),
        ({"feature_names": ["a"]}, "2 distinct names are needed"),
    ],
)
def test_what_is_no_mixture_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        Mixture(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda m: m.marginal([]), "give at least one"),
        (lambda m: m.marginal(["bytes", 1]), "each but once"),
        (lambda m: m.marginal("bytes"), "give a list of them"),
        (lambda m: m.marginal(["byte"]), "there is no feature 'byte'; the mixture has ['duration'"),
        (lambda m: m.marginal([4]), "or 0 to 3"),
        (lambda m: m.conditional({"bytes": np.nan}), "leave out what is not known"),
        (lambda m: m.conditional({"bytes": "2"}), "give a finite number"),
        (lambda m: m.conditional({"bytes": 1.0, 1: 2.0}), "'bytes' is given twice"),
        (lambda m: m.conditional(dict.fromkeys(NAMES, 1.0)), "all features are given"),
        (lambda m: m.logpdf([1.0, 2.0, 3.0, 4.0]), "X has shape (4,); (n, 4) is needed"),
        (lambda m: m.logpdf([[1.0, np.inf, 3.0, 4.0]]), "feature 'bytes' is infinite in row 0"),
        (lambda m: m.logpdf([{"bytes": 1.0}]), "X does not hold numbers only (float() argument"),
        (
            lambda m: m.logpdf(np.ones((1, 4)) * 1j),
            "X does not hold numbers only (they are complex)",
        ),
        (
            lambda m: m.logpdf(pd.DataFrame([["tcp"] * 4], columns=list(NAMES))),
            "feature 'duration' does not hold numbers only (could not convert string to float",
        ),
        (lambda m: m.sample(-1, 0), "n is -1"),
        (lambda m: m.sample(3, None), "give a seed or a numpy Generator"),
        (lambda m: m.sample(3, -1), "rng is -1; give a seed or a numpy Generator"),
        (lambda m: m.sample(3, "x"), "rng is 'x'; give a seed"),
        (lambda m: m.conditional([1.0]), "give values by feature, as a dictionary"),
    ],
)
def test_what_cannot_be_asked_says_what_can(ask: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(words)):
        ask(some_mixture())
