"""Drift: at rest on a steady stream, two signals apart for slow and sudden change, no runaway."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from river import drift

from streamgmm import OnlineGMM, snapshot
from streamgmm.detection import Detector, DetectorSettings, Drift
from streamgmm.detection.drift import LOOK
from tests.mixture.streams import COVARIANCES, Array, state_bytes

# Without changes of structure: a behaviour on its way to being established moves the scores too.
FEW = DetectorSettings(n_components=4, structure=False)
CHANGED = 25_088  # where the streams below change
SETTLED = 2 * LOOK  # by then a model is no longer that of 500 events


def steady(n: int, d: int, *, seed: int = 0, heavy: bool = False) -> Array:
    """Return n events from three modes, with Gaussian tails or those of Student's t3."""
    rng = np.random.default_rng([seed, d])
    centres = np.random.default_rng(d).normal(size=(3, d)) * 4
    noise = rng.standard_t(3, size=(n, d)) if heavy else rng.normal(size=(n, d))
    return np.asarray(centres[rng.choice(3, size=n, p=[0.5, 0.3, 0.2])] + noise)


def trace(detector: Detector, X: Array, *, step: int = 128) -> tuple[Array, Array]:
    """Process X; returns moved and misfit (n / step,) after every ``step`` events."""
    seen = []
    for start in range(0, len(X), step):
        detector.process(X[start : start + step])
        seen.append((detector.drift.moved, detector.drift.misfit))
    moved, misfit = np.array(seen).T
    return moved, misfit


# ---- at rest -----------------------------------------------------------------------------


@pytest.mark.parametrize("heavy", [False, True], ids=["gaussian", "heavy"])
@pytest.mark.parametrize("d", [1, 3, 10])
def test_a_steady_stream_gives_no_signal(d: int, heavy: bool) -> None:
    moved, misfit = trace(Detector(d, FEW), steady(40_000, d, heavy=heavy))
    late = slice(SETTLED // 128, None)
    assert moved[late].max() < 0.1
    assert misfit.max() < 5.0
    assert np.abs(misfit[late]).mean() < 3.5


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.normal(5.0, 2.0, n),
        lambda rng, n: rng.lognormal(0.0, 1.0, n) * 1e3,
        lambda rng, n: rng.standard_t(1.5, n),
        lambda rng, n: rng.choice([-4.0, 30.0], n, p=[0.8, 0.2]),
    ],
    ids=["gaussian", "lognormal", "t1.5", "two_values"],
)
def test_at_rest_the_deviations_have_mean_0_and_variance_1(draw: Any) -> None:
    """Whatever the law of the scores: of one that does not change, of a model that hardly does."""
    rng = np.random.default_rng(3)
    model = OnlineGMM(n_components=1, half_life=None)
    psi = np.empty(12_000)
    for i, x in enumerate(draw(rng, len(psi)).tolist()):
        model.learn_one({"x": x})
        psi[i] = model.drift.latest
    late = psi[2_000:]
    assert np.abs(psi).max() <= 3.0
    assert late.mean() == pytest.approx(0.0, abs=0.05)
    assert late.std() == pytest.approx(1.0, abs=0.07)


def test_before_it_is_ready_there_is_no_signal() -> None:
    detector = Detector(2, FEW)
    X = steady(detector.warmup, 2)
    for part in (X[:1], X[1:-1]):
        detector.process(part)
        assert detector.drift == Drift(0.0, 0.0, 0.0)
    assert OnlineGMM().drift == Drift(0.0, 0.0, 0.0)


# ---- change ------------------------------------------------------------------------------


def test_a_slow_drift_moves_the_model_and_the_data_go_on_to_fit() -> None:
    X = steady(CHANGED + 40_000, 3)
    X[CHANGED:] += np.linspace(0.0, 2.0, 40_000)[:, None]
    moved, misfit = trace(Detector(3, FEW), X)
    before, during = slice(SETTLED // 128, CHANGED // 128), slice(CHANGED // 128 + 100, None)
    assert moved[during].min() > 5 * moved[before].max()
    assert moved[during].max() > 0.2
    assert misfit[during].max() < 8.0


def test_a_sudden_change_shows_in_the_data_at_once_and_later_in_the_model() -> None:
    X = steady(CHANGED + 60_000, 3)
    X[CHANGED:] += 12.0
    moved, misfit = trace(Detector(3, FEW), X)
    at = CHANGED // 128
    assert misfit[at] > 5.0, "after 64 events"
    assert misfit[at + 4] > 20.0
    assert moved[at + 4] < 0.1
    assert moved[at : at + 2 * LOOK // 128].max() > 0.5
    assert misfit[-1] < 5.0
    assert moved[-1] < 0.4


def test_a_behaviour_that_ends_moves_the_model_too() -> None:
    """Its divergence is symmetric, though taken on events of now alone."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80_000, 2))
    X[:40_000:2] += 10.0
    moved, misfit = trace(Detector(2, FEW), X)
    at = 40_000 // 128
    assert moved[at - 64 : at].max() < 0.05
    assert moved[at : at + 160].max() > 0.1
    assert misfit[at:].max() < 5.0


@pytest.mark.parametrize("size", [30.0, 1e8])
@pytest.mark.parametrize("at", [CHANGED + 1_000 * np.arange(8), CHANGED + np.arange(20)])
def test_outliers_and_a_short_burst_do_not_run_away(at: Any, size: float) -> None:
    X = steady(CHANGED + 10_000, 3)
    X[at] += size
    moved, misfit = trace(Detector(3, FEW), X, step=16)
    after = slice(CHANGED // 16, None)
    assert moved[after].max() < 0.1
    assert misfit[after].max() < 6.0
    assert np.abs(misfit[-200:]).max() < 4.0


# ---- state -------------------------------------------------------------------------------


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_in_blocks_and_after_a_restart_it_is_the_same(covariance: str) -> None:
    settings = replace(FEW, covariance=covariance)
    X = steady(4 * LOOK + 99, 2)
    X[len(X) // 2 :, 0] += 2.0
    X[np.random.default_rng(1).random(X.shape) < 0.1] = np.nan
    whole, pieces = Detector(2, settings), Detector(2, settings)
    whole.process(X)
    for part in np.split(X, [1, 333, 700, LOOK - 1, LOOK, LOOK + 1, 9_000, 3 * LOOK + 500]):
        pieces.process(part)
        pieces = Detector.from_state(snapshot.unpack(snapshot.pack(pieces.state())))
        pieces.process(X[:0])
    assert whole.drift.moved > 0.0
    assert pieces.drift == whole.drift
    assert state_bytes(pieces.state()) == state_bytes(whole.state())


def test_single_events_with_a_feature_that_comes_later_are_the_block() -> None:
    X = pd.DataFrame(steady(3 * LOOK, 3, seed=4), columns=["a", "b", "c"])
    block, single = (OnlineGMM(n_components=2, warmup=200) for _ in range(2))
    block.learn_many(X[["a", "b"]][:6_000])
    block.learn_many(X[6_000:])
    for i, x in enumerate(X.to_dict("records")):
        single.learn_one(x if i >= 6_000 else {"a": x["a"], "b": x["b"]})
    assert single.feature_names == ["a", "b", "c"]
    assert single.drift == block.drift
    assert single.drift.moved > 0.0
    assert OnlineGMM.from_bytes(single.to_bytes()).drift == single.drift
    assert single.to_bytes() == block.to_bytes()


def test_events_that_teach_nothing_do_not_count() -> None:
    detector = Detector(2, FEW)
    detector.process(steady(3_000, 2))
    before = detector.drift
    odd = np.full((50, 2), 99.0)
    detector.process(odd, w=np.zeros(50))
    detector.process(np.full((50, 2), np.nan))
    assert detector.drift == before


# ---- river -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "detector",
    [drift.ADWIN(), drift.PageHinkley(delta=0.1, threshold=60.0), drift.KSWIN(alpha=1e-5, seed=1)],
    ids=lambda detector: type(detector).__name__,
)
def test_river_s_drift_detectors_find_a_change_and_are_quiet_otherwise(detector: Any) -> None:
    """In four streams: the change in all of them, before it at most one false alarm."""
    early = 0
    for seed in range(4):
        found = found_by(detector.clone(), seed)
        early += any(i < 1_400 for i in found)
        assert any(1_400 < i < 1_600 for i in found)
    assert early <= 1


def found_by(detector: Any, seed: int) -> list[int]:
    """Return where a drift detector finds one in a stream that changes at event 1,400."""
    model, X = OnlineGMM(n_components=2), steady(1_700, 2, seed=seed)
    X[1_400:] += 6.0
    found = []
    for i, row in enumerate(X.tolist()):
        model.learn_one(dict(enumerate(row)))
        if model.ready:
            detector.update(model.drift.latest)
        if model.ready and detector.drift_detected:
            found.append(i)
    return found
