"""From batch to stream and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.mixture

from streamgmm import GaussianMixture, Mixture, OnlineGMM
from tests.batch.data import COVARIANCES, clusters

RULES_OFF: dict[str, Any] = {
    "shrinkage": 0.0, "correlation_shrinkage": 0.0, "established": None, "structure": False,
}  # fmt: skip


@pytest.mark.parametrize("theirs", [False, True])
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_with_the_rules_off_it_begins_as_the_mixture_is(covariance: str, theirs: bool) -> None:
    X = clusters(500, 3) * [1.0, 10.0, 0.1] + [5.0, 0.0, 1e3]
    if theirs:
        gm = sklearn.mixture.GaussianMixture(3, covariance_type=covariance, random_state=0).fit(X)
    else:
        gm = GaussianMixture(3, covariance=covariance).fit(X)
    model = OnlineGMM.from_mixture(gm, **RULES_OFF)
    assert model.ready
    assert (model.n_components, model.covariance, model.n_seen) == (3, covariance, 0)
    np.testing.assert_allclose(model.weights, gm.weights_)
    np.testing.assert_allclose(model.means, gm.means_, rtol=1e-9)
    near = np.abs(model.mixture.frame.to_frame(X)).max(axis=1) < 5.0
    assert near.mean() > 0.95
    np.testing.assert_allclose(model.score_many(X[near]), -gm.score_samples(X[near]), rtol=1e-3)

    back = GaussianMixture.from_online(model)
    assert back.covariance == covariance
    assert back.covariances_.shape == gm.covariances_.shape
    np.testing.assert_allclose(back.covariances_, gm.covariances_, rtol=1e-2, atol=1e-6)
    np.testing.assert_allclose(back.score_samples(X[near]), gm.score_samples(X[near]), rtol=1e-3)
    assert (back.predict(X) == gm.predict(X)).mean() > 0.99


def test_it_goes_on_learning_and_comes_back_from_bytes() -> None:
    frame = pd.DataFrame(clusters(500, 2, k=2), columns=["size", "time"])
    model = OnlineGMM.from_mixture(GaussianMixture(2).fit(frame), half_life=2_000)
    assert model.feature_names == ["size", "time"]
    moved = frame + np.array([3.0, 0.0])
    before = model.score_many(moved).mean()
    model.learn_one({"size": 1.0, "time": 2.0})
    for _ in range(10):
        model.learn_many(moved)
    assert model.score_many(moved).mean() < before - 0.5
    assert model.n_seen == 5_001
    assert not model.clone().ready  # river's clones have learned nothing
    again = OnlineGMM.from_bytes(model.to_bytes())
    assert again.score_learn_many(frame).tobytes() == model.score_learn_many(frame).tobytes()
    assert again.to_bytes() == model.to_bytes()


def test_two_that_begin_with_one_mixture_merge() -> None:
    X = clusters(600, 2, k=2)
    gm = GaussianMixture(2).fit(X)
    a, b = (OnlineGMM.from_mixture(gm, structure=False) for _ in range(2))
    a.learn_many(X[:300])
    b.learn_many(X[300:])
    assert a.merge(b).n_seen == 600


def test_what_the_mixture_counts_for_is_said() -> None:
    X = clusters(400, 2, k=1)
    gm = GaussianMixture().fit(X)
    light, heavy = (OnlineGMM.from_mixture(gm, events=n, gate=None) for n in (50, 50_000))
    for model in (light, heavy):
        model.learn_many(X[:100] + 2.0)
    moved = [np.abs(model.means - gm.means_).max() for model in (light, heavy)]
    assert moved[0] > 1.0
    assert moved[1] < 0.01
    assert OnlineGMM.from_mixture(gm).mixture.mass == 100.0  # as long as its warm-up would be


def test_with_more_components_there_is_room_for_what_is_new() -> None:
    X = clusters(500, 2, k=1)
    model = OnlineGMM.from_mixture(GaussianMixture().fit(X), n_components=4)
    assert model.weights.tolist() == [1.0, 0.0, 0.0, 0.0]
    rng = np.random.default_rng(0)
    both = np.where(rng.random((4_000, 1)) < 0.2, 30.0, 0.0) + rng.normal(size=(4_000, 2))
    model.learn_many(both + X.mean(axis=0))
    assert (model.weights > 0.05).sum() >= 2
    assert GaussianMixture.from_online(model).weights_.min() > 0.0


def test_gate_and_drift_are_at_rest_on_events_as_expected() -> None:
    X = clusters(4_000, 3)
    model = OnlineGMM.from_mixture(GaussianMixture(3).fit(X[:2_000]))
    model.learn_many(X[2_000:])
    assert abs(model.drift.misfit) < 5.0


def test_a_plain_value_and_its_names_are_taken_too() -> None:
    value = Mixture([0.5, 0.5], [[0.0, 0.0], [9.0, 9.0]], [np.eye(2)] * 2, ["size", "time"])
    assert OnlineGMM.from_mixture(value).feature_names == ["size", "time"]
    assert OnlineGMM.from_mixture(value, feature_names="ab").feature_names == ["a", "b"]
    model = OnlineGMM.from_mixture(value, covariance="diag", **RULES_OFF)
    back = GaussianMixture.from_online(model, tol=1e-5)
    assert (back.covariance, back.tol) == ("diag", 1e-5)
    assert back.feature_names_in_.tolist() == ["size", "time"]
    back.means_ += 1.0  # arrays of its own, as a fit's
    assert value.means[0, 0] == 0.0
    assert back.fit(clusters(100, 2)).n_iter_ > 0


def test_a_far_and_narrow_component_is_kept() -> None:
    value = Mixture([0.99, 0.01], [[0.0], [1e4]], [[[1.0]], [[1.0]]])
    model = OnlineGMM.from_mixture(value, **RULES_OFF)
    assert model.predict_one({0: 1e4}) != model.predict_one({0: 0.0})
    np.testing.assert_allclose(model.means, value.means, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(model.covariances[0], value.covariances[0], rtol=1e-6)


@pytest.mark.parametrize("variance", [100.0, 1e4, 1e12])
def test_a_wide_component_is_as_wide_where_the_frame_is_logarithmic(variance: float) -> None:
    value = Mixture([0.95, 0.05], [[0.0], [0.0]], [[[1.0]], [[variance]]])
    model = OnlineGMM.from_mixture(value, **RULES_OFF)
    rows = np.sqrt(variance) * np.array([[0.1], [1.0], [2.0]])
    np.testing.assert_allclose(-model.score_many(rows), value.logpdf(rows), atol=3.0)
    drawn, true = model.sample(20_000, seed=0), value.sample(20_000, 0)[0]
    ratio = np.quantile(np.abs(drawn), 0.99) / np.quantile(np.abs(true), 0.99)
    assert 0.2 < ratio < 10.0


def test_a_shape_in_other_scales_comes_back_as_what_it_is() -> None:
    """One spread for all features of the frame is not one in the user's units."""
    X = clusters(2_000, 2) * [1.0, 100.0]
    model = OnlineGMM(n_components=3, covariance="spherical", structure=False)
    model.learn_many(X)
    back = GaussianMixture.from_online(model)
    assert back.covariance == "diag"
    diagonals = np.einsum("kii->ki", model.covariances)
    np.testing.assert_allclose(back.covariances_, diagonals, rtol=1e-9)


def test_what_cannot_be_taken_on_is_refused() -> None:
    gm = GaussianMixture(2).fit(clusters(100))
    with pytest.raises(TypeError, match="GaussianMixture is no fitted mixture"):
        OnlineGMM.from_mixture(GaussianMixture())
    with pytest.raises(TypeError, match="no fitted mixture"):
        OnlineGMM.from_mixture("full")
    with pytest.raises(ValueError, match="n_components is 1, the mixture has 2"):
        OnlineGMM.from_mixture(gm, n_components=1)
    with pytest.raises(ValueError, match="the mixture has 3 features"):
        OnlineGMM.from_mixture(gm, feature_names=["a", "b"])
    with pytest.raises(ValueError, match="events is 0"):
        OnlineGMM.from_mixture(gm, events=0)
    with pytest.raises(ValueError, match="at least two events"):
        GaussianMixture.from_online(OnlineGMM())
    with pytest.raises(TypeError, match="of type GaussianMixture; give an OnlineGMM"):
        GaussianMixture.from_online(gm)
    with pytest.raises(ValueError, match="covariance is 'diag'; what the model has learned is"):
        GaussianMixture.from_online(OnlineGMM.from_mixture(gm), covariance="diag")
