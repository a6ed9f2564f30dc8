"""On hard streams: no crash, no score that is no number, no empty sum, no runaway."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamgmm.detection import Detector, DetectorSettings, Verdicts, explain
from streamgmm.mixture import HalfLife, Stationary
from tests.detection.hard_streams import LATER, STREAMS, WARMUP, N, normal, some, struck
from tests.detection.streams import learner, roc_auc, run
from tests.mixture.streams import COVARIANCES, Array

FEW = DetectorSettings(n_components=5, warmup=WARMUP)
FEWER = replace(FEW, warmup=100)


def processed(X: Array, settings: DetectorSettings = FEW) -> tuple[Detector, Verdicts]:
    detector = Detector(X.shape[1], settings)
    return detector, detector.process(X, t=np.arange(float(len(X))))


def around_the_change(X: Array) -> Array:
    return X[LATER - 150 : LATER + 150]


def assert_sound(detector: Detector, verdicts: Verdicts) -> None:
    assert np.isfinite(verdicts.score).all()
    p = verdicts.p_value[verdicts.ready & ~verdicts.unscored]
    assert ((p >= 0.0) & (p <= 1.0)).all()
    assert np.isfinite([detector.drift.moved, detector.drift.misfit]).all()
    mixture = detector.mixture
    if mixture is None:  # nothing but missing values
        assert verdicts.unscored.all()
        return
    assert mixture.weights.sum() == pytest.approx(1.0, abs=1e-9)
    assert (mixture.weights >= 0.0).all()
    assert detector.established.any()
    assert np.isfinite(mixture.means).all()
    # correlations and spreads: the covariances' own numbers may be out of reach of a float64
    factors = mixture.factors[mixture.weights > 0.0]
    assert np.isfinite(factors).all()
    assert (np.einsum("kii->ki", factors) > 0.0).all()
    spread = np.linalg.inv(factors / np.abs(factors).max(axis=2, keepdims=True))
    assert np.isfinite(spread).all()
    assert (np.linalg.eigvalsh(spread @ np.swapaxes(spread, 1, 2)) > 0.0).all()


# ---- the battery -------------------------------------------------------------------------


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_every_covariance_type_is_sound(covariance: str, name: str) -> None:
    assert_sound(*processed(STREAMS[name](), replace(FEW, covariance=covariance)))


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("components", [1, 64])
def test_one_component_and_64_are_sound(components: int, name: str) -> None:
    X = around_the_change(STREAMS[name]())
    assert_sound(*processed(X, replace(FEWER, n_components=components)))


RULES: dict[str, dict[str, Any]] = {
    "tail": {"score": "tail"},
    "nll_full": {"score": "nll_full"},
    "no gate": {"gate": None},
    "no resolution": {"resolution": False},
    "every factor renewed": {"tolerance": 0.0},
    "nothing forgotten": {"forgetting": Stationary()},
    "forgotten in 20 events": {"forgetting": HalfLife(events=20)},
    "forgotten in 20 s": {"forgetting": HalfLife(seconds=20)},
    "plain": {
        "influence": float("inf"), "shrinkage": 0.0, "correlation_shrinkage": 0.0,
        "weight_floor": 0.0, "established": None, "gate": None, "resolution": False,
    },
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", STREAMS)
def test_every_rule_is_sound(name: str, rule: str) -> None:
    X = around_the_change(STREAMS[name]())
    assert_sound(*processed(X, replace(FEWER, **RULES[rule])))


# ---- what happens ------------------------------------------------------------------------


def found(X: Array, odd: Any, settings: DetectorSettings = FEW, *, start: int = WARMUP) -> float:
    """Return ROC-AUC of the odd rows from ``start`` on."""
    scores = processed(X, settings)[1].score[start:]
    return roc_auc(scores, odd[start:])


def odd_ones(X: Array, *, seed: int = 3, by: float = 3.0) -> tuple[Array, Array]:
    """Return X with 4% of the rows off by 3 in each feature, and which those are."""
    odd = some(0.04, (len(X),), seed=seed)
    signs = np.random.default_rng(seed).choice([-by, by], size=X.shape)
    return X + np.where(odd[:, None], signs, 0.0), odd


CALM = 0.97  # ROC-AUC of these rows in an undisturbed stream of four features


@pytest.mark.parametrize("size", [1e4, 1e8])
def test_gross_outliers_are_found_and_hide_nothing(size: float) -> None:
    X, odd = odd_ones(struck(size))
    gross = np.abs(X).max(axis=1) > 100.0
    scores = processed(X)[1].score
    judged = np.arange(N) >= WARMUP
    assert roc_auc(scores[judged], gross[judged]) == 1.0
    others = judged & ~gross
    assert roc_auc(scores[others], odd[others]) > CALM - 0.02


def test_a_contaminated_warm_up_is_outgrown() -> None:
    X, odd = odd_ones(STREAMS["30% contamination in the warm-up"]())
    assert found(X, odd) > CALM - 0.03


def test_an_offset_costs_no_digits() -> None:
    X, odd = odd_ones(normal())
    plain, far = found(X, odd), found(X + 1e9, odd)
    assert plain > CALM
    assert far == pytest.approx(plain, abs=1e-3)


def test_with_90_percent_missing_what_is_there_is_judged() -> None:
    X, odd = odd_ones(normal(10), by=6.0)
    X[some(0.9, X.shape)] = np.nan
    there = ~np.isnan(X).all(axis=1)
    assert found(X[there], odd[there]) > 0.9


def test_one_informative_feature_among_500() -> None:
    X, odd = normal(500, n=700), some(0.02, (700,)) & (np.arange(700) >= WARMUP)
    X[odd, 123] += 12.0
    model = learner(500, warmup=WARMUP, covariance="diag")
    run(model, X[:WARMUP])
    first = WARMUP + int(np.flatnonzero(odd[WARMUP:])[0])
    scores = run(model, X[WARMUP:first])
    assert explain(model.mixture, X[first]).reasons[0].feature == 123
    scores = np.concatenate([scores, run(model, X[first:])])
    assert roc_auc(scores, odd[WARMUP:]) > 0.9


def test_after_a_regime_change_alerts_cease_and_detection_is_back() -> None:
    n = 12_000
    X, odd = odd_ones(normal(n=n))
    X[2_000:] = 3.0 * X[2_000:] + 40.0
    verdicts = processed(X)[1]
    assert verdicts.is_anomaly[2_000:2_050].mean() > 0.9
    ordinary = verdicts.is_anomaly[8_000:][~odd[8_000:]]
    assert ordinary.mean() < 0.01
    assert roc_auc(verdicts.score[8_000:], odd[8_000:]) > CALM - 0.05


@pytest.mark.parametrize("name", ["all equal", "all zero", "denormals"])
def test_events_that_are_all_alike_are_no_anomalies(name: str) -> None:
    """A score that creeps by a millionth is no news; one other event is."""
    X = STREAMS[name]()
    detector, verdicts = processed(X)
    assert verdicts.is_anomaly.mean() < 0.01
    assert detector.process(X[:1] + 1.0).is_anomaly.all()


def test_integers_do_not_alert_for_being_integers() -> None:
    verdicts = processed(STREAMS["integers with few values"]())[1]
    assert verdicts.is_anomaly.mean() < 0.01


@pytest.mark.parametrize("size", [1.0, 1e6])
def test_a_constant_that_varies_is_strange_at_first_and_then_learned(size: float) -> None:
    n = 9_000
    X = normal(n=n)
    X[:LATER, 2] = 5.0
    X[LATER:, 2] = 5.0 + size * X[LATER:, 2]
    verdicts = processed(X)[1]
    assert verdicts.is_anomaly[LATER : LATER + 20].mean() > 0.5
    assert verdicts.is_anomaly[6_000:].mean() < 0.01


@pytest.mark.parametrize("size", [1e-3, 1e-7])
def test_a_constant_that_varies_finely_is_placed_anew(size: float) -> None:
    """Within a thirtieth of its unit it could not be seen: until 4,096 events have passed."""
    n = 14_000
    X, odd = normal(n=n), some(0.02, (n,))
    X[:, 2] = np.where(np.arange(n) < LATER, 0.0, size * (X[:, 2] + np.where(odd, 9.0, 0.0))) + 5.0
    scores = processed(X)[1].score
    assert roc_auc(scores[1_000:4_000], odd[1_000:4_000]) < 0.6
    assert roc_auc(scores[10_000:], odd[10_000:]) > CALM
