from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamgmm.mixture import HalfLife, OnlineMixture, Rules, Stationary
from tests.mixture.naive import GRADED
from tests.mixture.streams import (
    COVARIANCES,
    LAWS,
    Array,
    event_times,
    fitted,
    learning_weights,
    modes,
    state_bytes,
    with_holes,
)

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
    a, b = exact_and_lazy(established=None)
    assert (a != b).any()
    assert np.sqrt(np.mean((a - b) ** 2)) < 0.01 * a.std()


def test_so_do_scores_by_the_latest_look_at_what_is_established() -> None:
    """Support of up to 64 events ago: a component may pass a grade so much later, and few do."""
    a, b = exact_and_lazy()
    assert (a != b).any()
    assert np.sqrt(np.mean((a - b) ** 2)) < 0.05 * a.std()
    assert np.median(np.abs(a - b)) < 0.002 * a.std()


def exact_and_lazy(**rules: Any) -> tuple[Array, Array]:
    """Return scores of one stream, factors and support of every event and of the default rule."""
    X = modes(6000, 4, seed=3)
    a, b = (
        fitted(
            modes(500, 4), 8, tolerance=tolerance, forgetting=HalfLife(events=1000), **rules
        ).score_learn(X)
        for tolerance in (0.0, 0.02)
    )
    return a, b


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


def test_established_are_those_with_support_enough_for_some_threshold() -> None:
    mixture = fitted(modes(300, 3), 8)
    support = mixture.support
    np.testing.assert_array_equal(mixture.established, support >= GRADED[0])
    np.testing.assert_array_equal(mixture.fully_established, support >= GRADED[-1])
    assert 0 < mixture.fully_established.sum() < mixture.established.sum() < 8
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
