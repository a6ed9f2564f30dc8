"""How many events a component has explained, and what it may count for then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamgmm.mixture import Frame, HalfLife, OnlineMixture, Rules, Stationary
from streamgmm.mixture.rules import TENURE, TENURE_MEMORY
from tests.mixture.naive import GRADED
from tests.mixture.streams import COVARIANCES, LAWS, fitted, modes, state_bytes, with_holes

RARE = np.array([[30.0, 30.0]])
# At 30 scales the frame is logarithmic. A unit of it is worth 30 / 5 of the user's there, in both
# features, and it is 5 (1 + log 6) = 14 from the origin: 195 nats of distance, where it was 900.
STRETCH = 2 * np.log(30.0 / 5.0)
USUAL, STRANGE = 12.0 + STRETCH, 190.0


def common_and_rare(tenure: float, *, weight: float = 0.001, **rules: Any) -> OnlineMixture:
    """Return a mode at the origin and a rare one at RARE that has explained ``tenure`` events."""
    frame = Frame(np.zeros(2), np.ones(2), np.full(2, 1e-3))
    mixture = OnlineMixture(frame, 2, Rules(**rules))
    mixture.set_statistics(
        mass=10_000.0,
        weights=np.array([1.0 - weight, weight]),
        counts=10_000.0 * np.array([1.0 - weight, weight]),
        means=np.concatenate([np.zeros((1, 2)), frame.to_frame(RARE)]),
        scatters=np.tile(np.eye(2), (2, 1, 1)),
        tenure=np.array([9_990.0, tenure]),
    )
    return mixture


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_every_learned_event_is_explained_once(covariance: str, law: Any) -> None:
    """Whatever it was allowed to teach; the sum is that of a decay of 1/144,270 an event."""
    n = 400
    mixture = fitted(modes(150, 3), 5, covariance=covariance, forgetting=law)
    np.testing.assert_allclose(mixture.tenure, mixture.counts)
    before = mixture.tenure.sum()
    u = np.random.default_rng(0).choice([0.1, 1.0, 0.0], size=n)
    X = with_holes(modes(n, 3, seed=1), 0.1)
    mixture.learn(X, weight=u)

    learned = int(((u > 0) & ~np.isnan(X).all(axis=1)).sum())
    kept = 1.0 - 1.0 / TENURE_MEMORY if isinstance(law, HalfLife) else 1.0
    expected = before * kept**learned + (kept ** np.arange(learned)).sum()
    np.testing.assert_allclose(mixture.tenure.sum(), expected, rtol=1e-12)


def test_the_default_memory_is_a_half_life_of_100_000_events() -> None:
    kept = (1.0 - 1.0 / TENURE_MEMORY) ** 100_000
    assert kept == pytest.approx(0.5, rel=1e-4)


def test_the_longer_it_has_been_there_the_less_strange_a_rare_behaviour_is() -> None:
    """720 events (a fifth of 3,600) are a beginning, 1,800 (a half) enough."""
    tenures = [0.0, 719.0, 721.0, 1_000.0, 1_400.0, 1_799.0, 1_801.0, np.inf]
    scores = [common_and_rare(tenure).score(RARE)[0] for tenure in tenures]
    assert scores[0] == scores[1] > scores[2] > scores[3] > scores[4] > scores[5] > scores[6]
    assert scores[0] > STRANGE
    assert scores[6] == scores[7] < USUAL
    assert [common_and_rare(tenure).established[1] for tenure in tenures] == [False] * 2 + [
        True
    ] * 6


def test_one_threshold_has_one_tenure() -> None:
    for c in (0.05, 0.3):
        just, not_yet = (
            common_and_rare(TENURE * c + more, established=c).score(RARE)[0] for more in (1, -1)
        )
        assert just < USUAL
        assert not_yet > STRANGE
    everything = common_and_rare(0.0, established=None)
    assert everything.score(RARE)[0] < USUAL


@pytest.mark.parametrize("c", [0.05, 0.3])
@pytest.mark.parametrize("weight", [0.2, 1e-3, 1e-30, 1e-150, 1e-250])
def test_by_tenure_a_behaviour_counts_with_the_least_weight_that_would_do(
    weight: float, c: float
) -> None:
    """However little of its weight a long silence has left: -log of the threshold, if not less."""
    mixture = common_and_rare(TENURE * c, weight=weight, established=c)
    heaviest = 1.0 - weight
    expected = -np.log(max(weight, c * heaviest)) + np.log(2 * np.pi) + STRETCH
    assert mixture.score(RARE)[0] == pytest.approx(expected, abs=0.01)


def test_what_is_experienced_counts_with_its_own_weight_or_what_would_do() -> None:
    """Grade by grade: whichever is more."""
    weight = 0.25
    mixture = common_and_rare(TENURE, weight=weight)
    traffic = weight / (1.0 - weight)
    assert mixture.support[1] == pytest.approx(1.0)
    counted = np.where(traffic >= GRADED, weight, GRADED * (1.0 - weight))
    assert set(traffic >= GRADED) == {True, False}
    expected = -np.log(counted).mean() + np.log(2 * np.pi) + STRETCH
    assert mixture.score(RARE)[0] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("law", [HalfLife(events=10_000), Stationary()])
def test_what_is_accepted_counts_from_the_next_event_on_and_for_ever(law: Any) -> None:
    mixture = common_and_rare(3.0, forgetting=law)
    assert not mixture.established[1]
    mixture.accept(1)
    assert mixture.established[1]
    assert mixture.score(RARE)[0] < USUAL
    mixture.learn(np.random.default_rng(0).normal(size=(5_000, 2)))
    assert mixture.tenure[1] == np.inf
    assert mixture.score(RARE)[0] < 20.0
    restored = OnlineMixture.from_state(mixture.state())
    assert state_bytes(restored.state()) == state_bytes(mixture.state())
    assert restored.established[1]


def test_only_what_is_there_can_be_accepted() -> None:
    mixture = common_and_rare(3.0)
    mixture.set_statistics(
        mass=10.0, weights=np.array([1.0, 0.0]), counts=np.array([10.0, 0.0]),
        means=np.zeros((2, 2)), scatters=np.tile(np.eye(2), (2, 1, 1)),
    )  # fmt: skip
    for k in (-1, 1, 2):
        with pytest.raises(ValueError, match=f"no component {k} to accept"):
            mixture.accept(k)
