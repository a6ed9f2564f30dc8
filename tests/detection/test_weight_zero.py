"""An event of weight 0 is scored, may alert, and changes nothing of what is learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamgmm import OnlineGMM, snapshot
from streamgmm.detection import Budget, Detector, DetectorSettings
from streamgmm.mixture import HalfLife

EVENTS, IDLE = 5_000, 2_500  # a look at the frame is among the first
COUNTED = {"n_seen"}


def stream(n: int, seed: int) -> np.ndarray:
    """Two behaviours that drift, and strange events that agree, so that components are born."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) + 5.0 * rng.integers(2, size=n)[:, None]
    X[:, 0] += np.linspace(0.0, 3.0, n)
    strange = np.flatnonzero((rng.random(n) < 0.03) & (np.arange(n) > n // 4))
    X[strange] = 30.0 + rng.normal(size=(len(strange), 3))
    return X


def mixed(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Events, weights, times in s, and which rows are only there to be scored (weight 0)."""
    rng = np.random.default_rng(seed)
    n = EVENTS + IDLE
    idle = np.zeros(n, dtype=bool)
    idle[rng.permutation(n)[:IDLE]] = True
    X, t = np.empty((n, 3)), 10.0 * np.arange(n)
    X[~idle] = stream(EVENTS, seed)
    X[idle] = stream(IDLE, seed + 1) * rng.choice([1.0, -4.0, 1e6], size=(IDLE, 1))
    t[idle] += rng.choice([0.0, 1e7], size=IDLE)
    return X, np.where(idle, 0.0, rng.choice([1.0, 0.5], size=n)), t, idle


def without_counters(state: Any) -> Any:
    if not isinstance(state, dict):
        return state
    return {name: without_counters(part) for name, part in state.items() if name not in COUNTED}


@pytest.mark.parametrize(
    ("budget", "law"),
    [
        (Budget(probability=0.01), HalfLife(events=2000)),
        (Budget(per_day=50), HalfLife(seconds=20_000.0)),
    ],
    ids=str,
)
def test_the_others_are_judged_as_if_it_had_not_been(budget: Budget, law: HalfLife) -> None:
    X, w, t, idle = mixed()
    kind = DetectorSettings(forgetting=law, budget=budget, window=2000, n_components=6)
    alone, along = Detector(3, kind), Detector(3, kind)
    expected = alone.process(X[~idle], t=t[~idle], w=w[~idle])
    found = along.process(X, t=t, w=w)
    for name in ("score", "p_value", "is_anomaly", "ready", "component"):
        np.testing.assert_array_equal(getattr(found, name)[~idle], getattr(expected, name))
    one, other = (without_counters(each.state()) for each in (alone, along))
    one.pop("incidents")
    other.pop("incidents")  # a record of alerts, also of those on such events
    assert snapshot.pack(one) == snapshot.pack(other)
    assert alone.births
    assert along.n_seen == alone.n_seen + IDLE


def test_it_has_a_verdict_of_its_own() -> None:
    detector = Detector(3, DetectorSettings(window=2000))
    detector.process(np.random.default_rng(3).normal(size=(2_000, 3)))
    before = detector.state()
    strange = np.full((40, 3), -1e3)
    verdicts = detector.process(strange, w=np.zeros(40))
    assert verdicts.is_anomaly.all()
    assert len(verdicts.explanations) == 40
    after = detector.state()
    for state in (before, after):
        assert state["learner"].pop("n_seen") > 0
        state.pop("incidents")
    assert snapshot.pack(before) == snapshot.pack(after)


@pytest.mark.parametrize("half_life", [2000, "5h"])
@pytest.mark.parametrize("many", [True, False])
def test_an_estimator_learns_nothing_from_it(half_life: float | str, many: bool) -> None:
    X, w, t, idle = (column[:4_000] for column in mixed(seed=5))
    alone, along = (OnlineGMM(n_components=6, half_life=half_life) for _ in range(2))
    expected = alone.score_learn_many(X[~idle], w=w[~idle], t=t[~idle])
    if many:
        found = along.score_learn_many(X, w=w, t=t)
    else:
        names = range(3)
        found = np.array(
            [
                along.score_learn_one(dict(zip(names, x, strict=True)), w=weight, t=time)
                for x, weight, time in zip(X.tolist(), w.tolist(), t.tolist(), strict=True)
            ]
        )
    np.testing.assert_array_equal(found[~idle], expected)
    one, other = (without_counters(snapshot.unpack(m.to_bytes())) for m in (alone, along))
    assert snapshot.pack(one) == snapshot.pack(other)
    assert along.n_seen == alone.n_seen + idle.sum()


@pytest.mark.parametrize("learned", [0, 3, 2_000])
def test_it_brings_no_features(learned: int) -> None:
    model = OnlineGMM(n_components=2)
    rng = np.random.default_rng(0)
    for x in rng.normal(size=learned):
        model.learn_one({"size": float(x)})
    names = model.feature_names
    scores = [model.score_learn_one({"size": 1.0, "new": 3.0}, w=0.0) for _ in range(200)]
    assert model.feature_names == names
    assert set(scores) == {model.score_one({"size": 1.0})}
    table = model.score_learn_many(np.ones((5, len(names))), w=np.zeros(5))
    assert set(table.tolist()) <= set(scores)
