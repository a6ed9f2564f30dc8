from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from streamgmm.mixture import HalfLife, OnlineMixture, Rules, Stationary
from tests.mixture.naive import Naive, naive_copy
from tests.mixture.streams import (
    COVARIANCES,
    LAWS,
    event_times,
    fitted,
    learning_weights,
    modes,
    state_bytes,
    with_holes,
)

EXACT = {"tolerance": 0.0}


def assert_same_statistics(mixture: OnlineMixture, naive: Naive, tolerance: float) -> None:
    close = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(mixture.mass, naive.mass, **close)
    np.testing.assert_allclose(mixture.weights, naive.w, **close)
    np.testing.assert_allclose(mixture.counts, naive.n, **close)
    np.testing.assert_allclose(mixture.frame.to_frame(mixture.means), naive.mu, **close)
    S = naive.S
    if mixture.rules.covariance == "diag":
        S = np.einsum("kii,ij->kij", S, np.eye(mixture.d))
    np.testing.assert_allclose(mixture.scatters, S, **close)
    scale = np.outer(mixture.frame.scale, mixture.frame.scale)
    np.testing.assert_allclose(mixture.covariances / scale, naive.Sigma, **close)


@pytest.mark.parametrize("holes", [0.0, 0.25], ids=["complete", "holes"])
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_with_tolerance_0_it_is_the_naive_recursion(
    covariance: str, law: Any, holes: float
) -> None:
    d, n = 3, 100
    mixture = fitted(modes(120, d), 5, covariance=covariance, forgetting=law, **EXACT)
    mixture.start_clock(1.7e9)
    naive = naive_copy(mixture)
    X = modes(n, d, seed=1)
    X[n // 4] += 300.0  # an outlier, so that bounded influence has something to bound
    X = with_holes(X, holes, seed=2) if holes else X
    u, t = learning_weights(n), event_times(n)

    expected = naive.score_learn(X, u, t)
    scores = mixture.score_learn(X, weight=u, time=t)

    scored = ~np.isnan(expected)
    assert scored.sum() > 0.95 * n
    np.testing.assert_allclose(scores[scored], expected[scored], rtol=1e-10, atol=1e-10)
    assert_same_statistics(mixture, naive, 1e-10)


rules_of_all_kinds = st.fixed_dictionaries(
    {
        "covariance": st.sampled_from(COVARIANCES),
        "forgetting": st.sampled_from(list(LAWS.values())),
        "score": st.sampled_from(["nll", "nll_full", "tail"]),
        "established": st.sampled_from(["graded", None, 0.0, 0.3, 1.0]),
        "shrinkage": st.sampled_from([0.0, 0.05, 2.0]),
        "correlation_shrinkage": st.sampled_from([0.0, 0.1, 1.0]),
        "influence": st.sampled_from([1.0, 30.0, float("inf")]),
        "weight_floor": st.sampled_from([0.0, 1e-4, 0.1]),
    }
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rules=rules_of_all_kinds,
    components=st.integers(1, 9),
    d=st.integers(1, 5),
    holes=st.sampled_from([0.0, 0.4]),
    seed=st.integers(0, 1000),
)
def test_it_is_the_naive_recursion_under_any_rules(
    rules: dict[str, Any], components: int, d: int, holes: float, seed: int
) -> None:
    X = modes(180, d, seed=seed)
    mixture = fitted(X[:120], components, seed=seed, **rules, **EXACT)
    # A component without any weight has no logarithm of it; the naive recursion takes logarithms.
    assume((mixture.weights > 0.0).all())
    naive = naive_copy(mixture)
    Y = with_holes(X[120:], holes, seed=seed) if holes else X[120:]
    u, t = learning_weights(len(Y), seed=seed), event_times(len(Y), seed=seed)

    expected = naive.score_learn(Y, u, t)
    scores = mixture.score_learn(Y, weight=u, time=t)

    scored = ~np.isnan(expected)
    np.testing.assert_allclose(scores[scored], expected[scored], rtol=1e-8, atol=1e-8)
    assert_same_statistics(mixture, naive, 1e-8)


# ---- blocks ------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_a_block_is_its_events_one_by_one(covariance: str, law: Any) -> None:
    n = 600
    mixture = fitted(modes(150, 4), 6, covariance=covariance, forgetting=law)
    X, u, t = with_holes(modes(n, 4, seed=3), 0.1), learning_weights(n), event_times(n)
    block, singles, pieces = mixture.copy(), mixture.copy(), mixture.copy()

    whole = block.score_learn(X, weight=u, time=t)
    one_by_one = [
        singles.score_learn(X[i : i + 1], weight=u[i : i + 1], time=t[i : i + 1]) for i in range(n)
    ]
    apart = []
    for part in np.array_split(np.arange(n), 7):
        # scoring without learning in between must leave no trace either
        apart.append(pieces.score(X[part[:1]]))
        pieces.learn(X[part], weight=u[part], time=t[part])

    assert whole.tobytes() == np.concatenate(one_by_one).tobytes()
    assert [s.tobytes() for s in apart] == [
        whole[part[:1]].tobytes() for part in np.array_split(np.arange(n), 7)
    ]
    assert state_bytes(block.state()) == state_bytes(singles.state()) == state_bytes(pieces.state())


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_saved_and_loaded_it_goes_on_as_if_never_stopped(covariance: str, law: Any) -> None:
    n = 300
    mixture = fitted(modes(150, 3), 5, covariance=covariance, forgetting=law)
    X, u, t = with_holes(modes(n, 3, seed=3), 0.1), learning_weights(n), event_times(n)
    half = n // 2
    mixture.learn(X[:half], weight=u[:half], time=t[:half])

    restored = OnlineMixture.from_state(mixture.state())
    a = mixture.score_learn(X[half:], weight=u[half:], time=t[half:])
    b = restored.score_learn(X[half:], weight=u[half:], time=t[half:])

    assert a.tobytes() == b.tobytes()
    assert state_bytes(mixture.state()) == state_bytes(restored.state())


def test_taking_the_state_changes_nothing() -> None:
    mixture = fitted(modes(150, 3), 5)
    mixture.learn(modes(77, 3, seed=1))
    before = state_bytes(mixture.state())
    mixture.state()["mean"][...] = 0.0  # a copy: the caller's to change
    assert state_bytes(mixture.state()) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "version"),
        ({"mean": np.zeros((1, 1, 4))}, "mean"),
    ],
)
def test_a_state_that_is_not_understood_is_refused(change: dict[str, Any], message: str) -> None:
    state = fitted(modes(150, 3), 5).state()
    with pytest.raises(ValueError, match=message):
        OnlineMixture.from_state({**state, **change})


# ---- invariants --------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("tolerance", [0.0, 0.02])
def test_weights_sum_to_1_and_keep_their_floor(law: Any, tolerance: float) -> None:
    components, floor = 6, 0.01
    mixture = fitted(
        modes(150, 3), components, forgetting=law, tolerance=tolerance, weight_floor=floor
    )
    # from here on one mode only: the others' shares wither down to the floor
    rng = np.random.default_rng(0)
    X = np.ascontiguousarray(modes(1, 3, seed=1) + rng.normal(size=(4000, 3)) * [0.1, 0.1, 1.0])
    mixture.learn(X, time=1.7e9 + np.arange(4000.0))
    weights = mixture.weights
    assert abs(weights.sum() - 1.0) < 1e-12
    assert weights.min() >= floor / components * (1 - 1e-12)


EVENTS_OF_ALL_KINDS = {
    "constant": lambda rng, n: np.full((n, 3), 7.0),
    "duplicates": lambda rng, n: rng.choice([1.0, 2.0], size=(n, 1)) * np.ones((1, 3)),
    "collinear": lambda rng, n: rng.normal(size=(n, 1)) * np.array([[1.0, -2.0, 1e6]]),
    "tiny": lambda rng, n: rng.normal(size=(n, 3)) * 1e-150,
    "huge": lambda rng, n: rng.normal(size=(n, 3)) * 1e150,
    "offset": lambda rng, n: 1e15 + rng.integers(0, 3, size=(n, 3)).astype(float),
    "heavy": lambda rng, n: rng.standard_cauchy(size=(n, 3)) ** 3,
    "jumps": lambda rng, n: rng.normal(size=(n, 3)) + np.repeat([[0.0], [1e9]], n // 2, axis=0),
}


@pytest.mark.parametrize("plain", [False, True], ids=["rules", "plain"])
@pytest.mark.parametrize("kind", EVENTS_OF_ALL_KINDS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_covariances_stay_positive_definite_and_scores_finite(
    covariance: str, kind: str, plain: bool
) -> None:
    rules: dict[str, Any] = {"covariance": covariance, "forgetting": HalfLife(events=50)}
    if plain:
        rules |= {"shrinkage": 0.0, "correlation_shrinkage": 0.0, "influence": float("inf")}
    X = EVENTS_OF_ALL_KINDS[kind](np.random.default_rng(0), 1000)
    mixture = fitted(X[:100], 4, **rules)
    for part in np.array_split(with_holes(X, 0.05), 8):
        scores = mixture.score_learn(np.ascontiguousarray(part))
        assert np.isfinite(scores).all()
        factors = mixture.factors
        assert np.isfinite(factors).all()
        assert (np.einsum("kii->ki", factors) > 0).all()
        for Sigma in np.linalg.inv(factors):
            assert np.linalg.eigvalsh(Sigma @ Sigma.T).min() > 0
        assert abs(mixture.weights.sum() - 1.0) < 1e-12


def test_nothing_observed_is_not_learned() -> None:
    mixture = fitted(modes(150, 3), 4, forgetting=HalfLife(seconds=50))
    mixture.start_clock(0.0)
    before = state_bytes(mixture.state())
    nothing = np.full((3, 3), np.nan)
    assert np.isfinite(mixture.score_learn(nothing, time=np.array([1e3, 2e3, 3e3]))).all()
    assert state_bytes(mixture.state()) == before


def test_weight_0_is_scored_but_not_learned() -> None:
    mixture = fitted(modes(150, 3), 4)
    before = state_bytes(mixture.state())
    X = modes(10, 3, seed=1)
    scores = mixture.score_learn(X, weight=np.zeros(10))
    assert scores.tobytes() == mixture.score(X).tobytes()
    assert state_bytes(mixture.state()) == before


def test_lazy_factors_stay_close_to_factors_of_every_event() -> None:
    """The default tolerance moves scores by a quarter of a percent of their spread (RMS)."""
    X = modes(6000, 4, seed=3)
    exact = fitted(modes(500, 4), 8, tolerance=0.0, forgetting=HalfLife(events=1000))
    lazy = fitted(modes(500, 4), 8, tolerance=0.02, forgetting=HalfLife(events=1000))
    a, b = exact.score_learn(X), lazy.score_learn(X)
    assert (a != b).any()
    assert np.sqrt(np.mean((a - b) ** 2)) < 0.01 * a.std()


def test_the_rows_given_must_fit_the_mixture_and_each_other() -> None:
    mixture = fitted(modes(150, 3), 4)
    for narrow_or_wide in (np.zeros((5, 2)), np.zeros((5, 4))):
        for use in (mixture.score, mixture.expect, mixture.learn, mixture.score_learn):
            with pytest.raises(ValueError, match="the mixture has 3 features"):
                use(narrow_or_wide)
    with pytest.raises(ValueError, match="one a row"):
        mixture.learn(modes(5, 3), weight=np.ones(4))
    with pytest.raises(ValueError, match="one a row"):
        mixture.learn(modes(5, 3), time=np.ones((5, 1)))


# ---- frames ------------------------------------------------------------------------------


def test_moving_the_frame_moves_no_score() -> None:
    """With ridge and frame expressed in the new units, the mixture is the same mixture."""
    mixture = fitted(modes(200, 3), 4, tolerance=0.0)
    mixture.learn(modes(100, 3, seed=1))
    X = with_holes(modes(200, 3, seed=2), 0.2)
    before, means, covariances = mixture.score(X), mixture.means, mixture.covariances
    frame = mixture.frame
    factor = np.array([3.0, 1e4, 1e-5])
    moved = type(frame)(
        frame.location + 17.0 * frame.scale, frame.scale * factor, frame.ridge / factor**2
    )
    mixture.move_frame(moved)
    np.testing.assert_allclose(mixture.score(X), before, rtol=1e-9)
    np.testing.assert_allclose(mixture.means, means, rtol=1e-12)
    np.testing.assert_allclose(mixture.covariances, covariances, rtol=1e-9, atol=1e-12)


def drifted(mixture: OnlineMixture, feature: int, scales: float) -> OnlineMixture:
    """Return the mixture with all it knows of a feature moved by so many scales."""
    moved = mixture.copy()
    means = mixture.frame.to_frame(mixture.means)
    means[:, feature] += scales
    moved.set_statistics(
        mass=mixture.mass,
        weights=mixture.weights,
        counts=mixture.counts,
        means=means,
        scatters=mixture.scatters,
    )
    return moved


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_the_frame_follows_a_feature_that_has_left_it(covariance: str) -> None:
    X = modes(300, 3)
    X[:, 1] = np.round(X[:, 1])  # a resolution well above the least one
    near = fitted(X, 3, covariance=covariance, tolerance=0.0)
    assert not near.follow_frame()
    far = drifted(near, 1, 1e4)
    Y = modes(100, 3, seed=2)
    Y[:, 1] += 1e4 * near.frame.scale[1]
    scores, means, covariances = far.score(Y), far.means, far.covariances
    np.testing.assert_allclose(scores, near.score(modes(100, 3, seed=2)), rtol=1e-8)

    assert far.follow_frame()

    assert abs(far.frame.location[1] - Y[:, 1].mean()) < 3 * far.frame.scale[1]
    np.testing.assert_allclose(far.score(Y), scores, rtol=1e-9)
    np.testing.assert_allclose(far.means, means, rtol=1e-12)
    np.testing.assert_allclose(far.covariances, covariances, rtol=1e-9, atol=1e-12)
    assert not far.follow_frame()


def test_a_frame_that_grows_keeps_the_least_variance_in_its_own_units() -> None:
    """The state moves exactly; the ridge's floor is relative to the frame and may rise."""
    near = fitted(modes(300, 3), 3, tolerance=0.0)
    far = drifted(near, 1, 1e4)
    means, scatters = far.means, far.scatters * np.outer(far.frame.scale, far.frame.scale)
    Y = modes(100, 3, seed=2)
    Y[:, 1] += 1e4 * near.frame.scale[1]
    scores = far.score(Y)
    assert far.follow_frame()
    np.testing.assert_allclose(far.means, means, rtol=1e-12)
    moved = far.scatters * np.outer(far.frame.scale, far.frame.scale)
    np.testing.assert_allclose(moved, scatters, rtol=1e-12)
    assert far.frame.ridge.min() >= 1e-3
    np.testing.assert_allclose(far.score(Y), scores, atol=0.1)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_new_features_leave_the_old_ones_alone(covariance: str) -> None:
    d, added = 3, 2
    mixture = fitted(modes(200, d), 4, covariance=covariance, tolerance=0.0)
    frame = type(mixture.frame)(np.array([5.0, 1e6]), np.array([2.0, 0.25]), np.array([1e-3, 0.5]))
    wider = mixture.with_features(frame)
    X = with_holes(modes(300, d, seed=1), 0.1)
    X = X[~np.isnan(X).all(axis=1)]
    missing = np.concatenate([X, np.full((len(X), added), np.nan)], axis=1)

    # What is missing adds its entropy: log(scale) + log(2 pi e (1 + ridge)) / 2 a feature.
    entropy = (np.log(frame.scale) + 0.5 * np.log(2 * np.pi * np.e * (1 + frame.ridge))).sum()
    np.testing.assert_allclose(wider.score(missing), mixture.score(X) + entropy, rtol=1e-10)

    mixture.learn(X)
    wider.learn(missing)
    np.testing.assert_allclose(wider.weights, mixture.weights, rtol=1e-9)
    np.testing.assert_allclose(wider.means[:, :d], mixture.means, rtol=1e-9)
    np.testing.assert_allclose(wider.means[:, d:], np.tile(frame.location, (4, 1)), rtol=1e-12)
    np.testing.assert_allclose(wider.scatters[:, :d, :d], mixture.scatters, rtol=1e-8, atol=1e-12)


# ---- what it says of itself --------------------------------------------------------------


def test_it_starts_as_the_frame_says() -> None:
    frame = fitted(modes(200, 2), 1).frame
    mixture = OnlineMixture(frame, 3, Rules(forgetting=Stationary()))
    np.testing.assert_array_equal(mixture.weights, np.full(3, 1 / 3))
    np.testing.assert_array_equal(mixture.means, np.tile(frame.location, (3, 1)))
    assert mixture.mass == 0.0


def test_samples_have_the_mixture_s_moments() -> None:
    mixture = fitted(modes(400, 3), 3)
    X, component = mixture.sample(60_000, np.random.default_rng(0))
    share = np.bincount(component, minlength=3) / len(X)
    np.testing.assert_allclose(share, mixture.weights, atol=0.01)
    for k in range(3):
        own = (X[component == k] - mixture.means[k]) / mixture.frame.scale
        Sigma = mixture.covariances[k] / np.outer(mixture.frame.scale, mixture.frame.scale)
        np.testing.assert_allclose(own.mean(axis=0), 0.0, atol=0.05)
        np.testing.assert_allclose(np.cov(own.T), Sigma, atol=0.06 * np.abs(Sigma).max())


def test_established_are_those_heavy_enough_for_some_threshold() -> None:
    mixture = fitted(modes(300, 3), 8)
    weights = mixture.weights
    np.testing.assert_array_equal(mixture.established, weights >= 0.05 * weights.max())
    assert mixture.with_rules(established=None).established.all()
    assert mixture.with_rules(established=1.0).established.sum() == 1


def test_what_it_says_does_not_change_under_the_reader() -> None:
    for components in (3, 4):
        mixture = fitted(modes(200, 3), components)
        said = mixture.weights, mixture.counts, mixture.means, mixture.scatters, mixture.factors
        before = [array.copy() for array in said]
        mixture.learn(modes(200, 3, seed=1))
        for array, copied in zip(said, before, strict=True):
            np.testing.assert_array_equal(array, copied)
        after = state_bytes(mixture.state())
        for array in said:
            array[...] = 0.0
        assert state_bytes(mixture.state()) == after
