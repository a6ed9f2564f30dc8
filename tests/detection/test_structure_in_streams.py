"""What becomes normal and what does not: components that are born, stay or go."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from streamgmm import snapshot
from streamgmm.detection import Detector, DetectorSettings
from tests.mixture.streams import state_bytes

Array = NDArray[np.float64]
BUDGET = 1e-3


def behaviours(d: int, world: int) -> tuple[Array, Array]:
    """Return centres (3, d) and mixing matrices (3, d, d) of what is usual in a world."""
    shape = np.random.default_rng([world, d])
    centres = 4.0 * shape.normal(size=(3, d))
    return centres, np.eye(d) + 0.5 / np.sqrt(d) * shape.normal(size=(3, d, d))


def traffic(n: int, d: int, world: int, seed: int) -> Array:
    """Return n usual events."""
    rng = np.random.default_rng([world, seed])
    centres, mixing = behaviours(d, world)
    which = rng.integers(3, size=n)
    return centres[which] + np.einsum("nij,nj->ni", mixing[which], rng.normal(size=(n, d)))


def started(d: int, world: int, n: int = 20_000, **settings: object) -> Detector:
    detector = Detector(d, DetectorSettings(**settings))  # type: ignore[arg-type]
    detector.process(traffic(n, d, world, 0))
    return detector


def usual(detector: Detector, world: int) -> float:
    assert detector.mixture is not None
    return float(np.median(detector.mixture.score(traffic(2_000, detector.n_features, world, 1))))


def strange_place(detector: Detector, world: int, nats: float) -> Array:
    """Return a point outside of all that is usual, whose score is ``nats`` above the usual one."""
    assert detector.mixture is not None
    centres, _ = behaviours(detector.n_features, world)
    out = centres - centres.mean(axis=0)
    outermost = int((out**2).sum(axis=1).argmax())
    direction = out[outermost] / np.linalg.norm(out[outermost])
    points = centres[outermost] + np.linspace(0.0, 100.0, 10_001)[:, None] * direction
    high = detector.mixture.score(points) >= usual(detector, world) + nats
    return np.asarray(points[int(high.argmax())])


def with_behaviour(
    n: int, world: int, place: Array, share: float, seed: int
) -> tuple[Array, NDArray[np.bool_]]:
    """Return n events of which a share are around ``place``, and which those are."""
    rng = np.random.default_rng([world, seed, 1])
    X = traffic(n, len(place), world, seed)
    new = rng.random(n) < share
    X[new] = place + 0.7 * rng.normal(size=(int(new.sum()), len(place)))
    return X, new


# ---- a new behaviour ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("d", "world", "gate"),
    [(2, 0, 0.98), (2, 1, 0.98), (5, 0, 0.98), (5, 1, 0.98), (10, 0, 0.98), (10, 1, 0.98),
     (5, 0, None)],
)  # fmt: skip
def test_a_new_behaviour_of_2_percent_becomes_normal(
    d: int, world: int, gate: float | None
) -> None:
    """After 4,400 of its events: 30 nats are 6 at most, at the gate's level or below.

    It alerts no more often than a few times what the budget affords ordinary events.
    """
    detector = started(d, world, gate=gate)
    place = strange_place(detector, world, 30.0)
    X, new = with_behaviour(20_000, world, place, 0.02, 2)
    first = detector.process(X[:400])
    strangeness = np.median(first.score[new[:400]]) - usual(detector, world)
    assert 20.0 < strangeness < 45.0
    detector.process(X[400:])
    for seed in range(3, 13):
        detector.process(with_behaviour(20_000, world, place, 0.02, seed)[0])
    assert len(detector.births) >= 1

    X, new = with_behaviour(20_000, world, place, 0.02, 20)
    verdicts = detector.process(X)
    assert verdicts.is_anomaly[new].mean() <= 5 * BUDGET + 3 / new.sum()
    median = np.median(verdicts.score[new])
    assert median < np.quantile(verdicts.score, 0.98) + 0.5
    assert median < usual(detector, world) + 6.0
    assert verdicts.is_anomaly.mean() < 3 * BUDGET


@pytest.mark.parametrize("d", [2, 10])
def test_a_rare_cluster_of_0_4_percent_does_not(d: int) -> None:
    """Not after 200,000 events: it is as strange then as at first, and alerts come from it.

    They are no more than the budget affords: by then it is known that such events recur.
    """
    detector = started(d, 0)
    place = strange_place(detector, 0, 30.0)
    detector.process(with_behaviour(1_000, 0, place, 0.004, 2)[0])
    for seed in range(3, 13):
        detector.process(with_behaviour(20_000, 0, place, 0.004, seed)[0])
    X, new = with_behaviour(20_000, 0, place, 0.004, 20)
    verdicts = detector.process(X)
    assert np.median(verdicts.score[new]) - usual(detector, 0) > 20.0
    assert verdicts.is_anomaly[new].mean() > 50 * verdicts.is_anomaly[~new].mean()


@pytest.mark.parametrize("d", [2, 10])
def test_fifty_scattered_outliers_are_not_learned_as_normal(d: int) -> None:
    """The 51st is as strange as it would have been in the place of the first."""
    rng = np.random.default_rng(0)
    detector = started(d, 0)
    assert detector.mixture is not None
    far = rng.normal(size=(51, d))
    far *= 60.0 * rng.uniform(1.0, 5.0, size=(51, 1)) / np.linalg.norm(far, axis=1, keepdims=True)
    before = detector.mixture.score(far)
    assert before.min() > detector.threshold
    for i in range(50):
        X = traffic(100, d, 0, 10 + i)
        X[50] = far[i]
        assert detector.process(X).is_anomaly[50]
    assert detector.mixture.score(far[50:])[0] > 0.8 * before[50]
    assert detector.process(far[50:]).is_anomaly[0]
    assert len(detector.births) == 0


@pytest.mark.parametrize("d", [2, 10])
def test_a_burst_of_twenty_identical_events_is_not_learned_as_normal(d: int) -> None:
    """They get a component, so that they are known; the next one, later, alerts as they did."""
    detector = started(d, 0)
    assert detector.mixture is not None
    place = strange_place(detector, 0, 30.0)[None]
    before = detector.mixture.score(place)[0]
    assert before > detector.threshold
    burst = detector.process(np.tile(place, (20, 1)))
    assert burst.is_anomaly.all()
    for seed in range(2, 7):
        detector.process(traffic(1_000, d, 0, seed))
    [born] = detector.births
    assert born.members in {20, 21}  # an odd one may have been near
    k = int(np.flatnonzero(detector.mixture.ids == born.id)[0])
    assert not detector.mixture.established[k]
    assert detector.mixture.score(place)[0] > before - 3.0
    late = detector.process(place)
    assert late.is_anomaly[0]
    assert late.component[0] == k, "it is known again"


def test_one_event_is_never_a_behaviour() -> None:
    detector = started(3, 0)
    place = strange_place(detector, 0, 100.0)
    for seed in range(2, 17):  # fifteen, one now and then
        detector.process(np.concatenate([traffic(700, 3, 0, seed), place[None]]))
    assert len(detector.births) == 0


# ---- a lasting change --------------------------------------------------------------------


@pytest.mark.parametrize("jump", [1e2, 1e5, 1e9])
@pytest.mark.parametrize("d", [2, 5])
def test_after_a_jump_scores_are_back_to_normal_within_some_thousand_events(
    d: int, jump: float
) -> None:
    detector = started(d, 0)
    level = usual(detector, 0)
    assert np.median(detector.process(jump + traffic(100, d, 0, 2)).score) > level + 100.0
    detector.process(jump + traffic(5_000, d, 0, 3))
    verdicts = detector.process(jump + traffic(2_000, d, 0, 4))
    # three behaviours that jumped far together may be one component there: as much less is known
    assert np.median(verdicts.score) < level + 4.0
    detector.process(jump + traffic(20_000, d, 0, 5))
    verdicts = detector.process(jump + traffic(5_000, d, 0, 6))
    assert np.median(verdicts.score) < level + 3.0
    assert verdicts.is_anomaly.mean() < 5 * BUDGET


def test_without_structure_nothing_is_born() -> None:
    detector = started(3, 0, structure=False)
    assert detector.mixture is not None
    ids = detector.mixture.ids.copy()
    place = strange_place(detector, 0, 100.0)
    detector.process(np.tile(place, (300, 1)))
    assert len(detector.births) == 0
    np.testing.assert_array_equal(detector.mixture.ids, ids)


# ---- the order of events, and only that ---------------------------------------------------


def eventful(n: int = 3_000) -> tuple[Detector, Array]:
    """Return a detector and a stream in which components are born, with holes and a jump."""
    detector = started(3, 0, 1_000)
    place = strange_place(detector, 0, 200.0)
    X, _ = with_behaviour(n, 0, place, 0.1, 3)
    X[n // 2 : n // 2 + 40] = place + np.array([30.0, -30.0, 30.0])
    X[2 * n // 3 :] += 1e6
    holes = np.random.default_rng(0).random(X.shape) < 0.05
    return detector, np.where(holes, np.nan, X)


def test_a_block_is_its_events_one_by_one_and_in_pieces() -> None:
    block, X = eventful()
    single, pieces = (Detector.from_state(block.state()) for _ in range(2))
    whole = block.process(X)
    one_by_one = [single.process(x[None]).score[0] for x in X]
    in_pieces = [pieces.process(part).score for part in np.array_split(X, 11)]
    assert len(block.births) >= 3
    assert whole.score.tobytes() == np.array(one_by_one).tobytes()
    assert whole.score.tobytes() == np.concatenate(in_pieces).tobytes()
    assert state_bytes(block.state()) == state_bytes(single.state()) == state_bytes(pieces.state())


def test_saved_and_loaded_in_the_middle_of_a_birth_it_goes_on_bit_for_bit() -> None:
    detector, X = eventful()
    copies = [Detector.from_state(detector.state()) for _ in range(4)]
    whole = detector.process(X).score
    for copy, at in zip(copies, (100, 200, 1_510, 2_020), strict=True):
        head = copy.process(X[:at]).score
        restored = Detector.from_state(snapshot.unpack(snapshot.pack(copy.state())))
        rest = restored.process(X[at:]).score
        assert np.concatenate([head, rest]).tobytes() == whole.tobytes()
        assert state_bytes(restored.state()) == state_bytes(detector.state())
        assert restored.births == detector.births
