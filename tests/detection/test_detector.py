from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamgmm import snapshot
from streamgmm.detection import Budget, Detector, DetectorSettings, Verdicts
from streamgmm.mixture import HalfLife
from tests.detection.streams import Array
from tests.mixture.streams import (
    COVARIANCES,
    LAWS,
    UNCORRELATED,
    event_times,
    learning_weights,
    modes,
    state_bytes,
    with_holes,
)

SMALL = DetectorSettings(n_components=5, warmup=100, window=1000, budget=Budget(probability=0.01))


def stream(n: int, d: int = 3, *, seed: int = 0) -> Array:
    """Return events with holes, one in fifty of them an outlier."""
    X = modes(n, d, seed=seed)
    X[::50] *= 1.5
    return with_holes(X, 0.05, seed=seed)


def joined(parts: list[Verdicts]) -> dict[str, Any]:
    """Return the verdicts of successive blocks as those of one, as bytes."""
    found: dict[str, Any] = {
        f.name: np.concatenate([getattr(part, f.name) for part in parts]).tobytes()
        for f in fields(Verdicts)
        if f.name not in {"explanations", "sightings"}
    }
    explanations, at = {}, 0
    for part in parts:
        explanations |= {at + row: why for row, why in part.explanations.items()}
        at += len(part.score)
    found["explanations"] = explanations
    return found


# ---- blocks and snapshots ----------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_a_block_is_its_events_one_by_one(covariance: str, law: Any) -> None:
    n = 1500
    X, w, t = stream(n), learning_weights(n), event_times(n)
    of_the_kind = replace(SMALL, covariance=covariance, forgetting=law)
    whole, single = Detector(3, of_the_kind), Detector(3, of_the_kind)
    expected = whole.process(X, t=t, w=w)
    found = [single.process(X[i : i + 1], t=t[i : i + 1], w=w[i : i + 1]) for i in range(n)]
    assert expected.is_anomaly.sum() > 5
    assert joined(found) == joined([expected])
    assert state_bytes(single.state()) == state_bytes(whole.state())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cuts=st.lists(st.integers(0, 2500), max_size=15),
    budget=st.sampled_from([Budget(probability=0.03), Budget(per_day=2000)]),
    score=st.sampled_from(["nll", "tail"]),
    seed=st.integers(0, 99),
)
def test_wherever_it_is_cut(cuts: list[int], budget: Budget, score: str, seed: int) -> None:
    n = 2500
    X, w, t = stream(n, seed=seed), learning_weights(n, seed=seed), event_times(n, seed=seed)
    kind = replace(SMALL, budget=budget, score=score)
    whole, pieces = Detector(3, kind), Detector(3, kind)
    expected = whole.process(X, t=t, w=w)
    found = [
        pieces.process(X[part], t=t[part], w=w[part])
        for part in np.split(np.arange(n), sorted(cuts))
        if len(part)
    ]
    assert joined(found) == joined([expected])
    assert state_bytes(pieces.state()) == state_bytes(whole.state())


@pytest.mark.parametrize("gate", [0.98, None])
@pytest.mark.parametrize("stop", [0, 1, 60, 100, 137, 1100])
def test_saved_and_loaded_it_goes_on_as_if_never_stopped(stop: int, gate: float | None) -> None:
    n = 1500
    X, t = stream(n), event_times(n)
    going = Detector(3, replace(SMALL, gate=gate, budget=Budget(per_day=5000)))
    going.process(X[:stop], t=t[:stop])
    restored = Detector.from_state(snapshot.unpack(snapshot.pack(going.state())))
    assert restored.settings == going.settings
    a, b = (detector.process(X[stop:], t=t[stop:]) for detector in (going, restored))
    assert joined([a]) == joined([b])
    assert state_bytes(going.state()) == state_bytes(restored.state())


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 99"):
        Detector.from_state({**Detector(2).state(), "version": 99})


@pytest.mark.parametrize(
    "settings_",
    [
        DetectorSettings(),
        replace(SMALL, budget=Budget(per_day=5), forgetting=HalfLife(seconds=60), gate=None),
        replace(SMALL, established=None, covariance="diag", score="tail"),
        replace(SMALL, established=0.25, forgetting=LAWS["common_events"]),
    ],
)
def test_settings_survive_a_snapshot(settings_: DetectorSettings) -> None:
    packed = snapshot.pack({"settings": settings_.state()})
    assert DetectorSettings.from_state(snapshot.unpack(packed)["settings"]) == settings_


# ---- verdicts ----------------------------------------------------------------------------


def test_nothing_alerts_while_not_ready() -> None:
    detector = Detector(3, SMALL)
    X = modes(100, 3)
    X[50] = 1e6
    verdicts = detector.process(X)
    assert not verdicts.ready.any()
    assert not verdicts.is_anomaly.any()
    assert np.isnan(verdicts.p_value).all()
    assert np.isnan(verdicts.severity).all()
    assert np.isfinite(verdicts.score).all()
    assert verdicts.explanations == {}
    assert (detector.ready, detector.n_seen, detector.warmup) == (True, 100, 100)
    assert detector.process(modes(10, 3, seed=1)).ready.all()


def test_before_any_event() -> None:
    detector = Detector(3)
    assert not detector.ready
    assert detector.threshold == np.inf
    np.testing.assert_array_equal(detector.weights, [1.0])
    np.testing.assert_array_equal(detector.established, [True])
    with pytest.raises(ValueError, match="nothing has been learned"):
        detector.explain(np.zeros(3))
    empty = detector.process(np.empty((0, 3)))
    assert len(empty.score) == 0


def test_an_anomaly_scores_the_threshold_or_more_and_is_within_the_budget() -> None:
    detector = Detector(3, SMALL)
    n_anomalies = 0
    for part in np.array_split(stream(6000), 400):
        threshold = detector.threshold
        before = detector.n_seen
        verdicts = detector.process(part)
        if before < 100:
            continue
        scored = ~verdicts.unscored
        np.testing.assert_array_equal(
            verdicts.is_anomaly[scored], (verdicts.p_value <= 0.01)[scored]
        )
        if detector.threshold == threshold:
            np.testing.assert_array_equal(
                verdicts.is_anomaly[scored], (verdicts.score >= threshold)[scored]
            )
        n_anomalies += verdicts.is_anomaly.sum()
    assert n_anomalies > 20


def test_severity_is_ten_times_the_digits_of_the_p_value() -> None:
    detector = Detector(3, SMALL)
    X = stream(3000)
    X[2000] = 1e9
    verdicts = detector.process(X)
    known = ~np.isnan(verdicts.p_value)
    expected = np.minimum(100.0, -10.0 * np.log10(np.maximum(verdicts.p_value[known], 1e-300)))
    np.testing.assert_allclose(verdicts.severity[known], expected, atol=1e-12)
    assert verdicts.severity[2000] > 45.0
    assert np.nanmax(verdicts.severity) <= 100.0
    assert np.nanmin(verdicts.severity) >= 0.0


def test_what_is_not_observed_is_unscored_and_never_an_alert() -> None:
    detector = Detector(3, SMALL)
    detector.process(modes(2000, 3))
    before = state_bytes(detector.state()["learner"]["mixture"])
    verdicts = detector.process(np.full((5, 3), np.nan))
    assert verdicts.unscored.all()
    assert verdicts.ready.all()
    assert not verdicts.is_anomaly.any()
    assert np.isnan(verdicts.p_value).all()
    assert np.isnan(verdicts.severity).all()
    assert np.isfinite(verdicts.score).all()
    assert state_bytes(detector.state()["learner"]["mixture"]) == before


def test_every_anomaly_has_reasons_from_the_model_that_scored_it() -> None:
    X = stream(2000)
    whole = Detector(3, SMALL)
    verdicts = whole.process(X)
    assert set(verdicts.explanations) == set(np.flatnonzero(verdicts.is_anomaly).tolist())
    single = Detector(3, SMALL)
    at = 0
    for row, explanation in sorted(verdicts.explanations.items()):
        single.process(X[at:row])
        assert single.explain(X[row]) == explanation
        at = row
    for row, explanation in verdicts.explanations.items():
        assert [r.value for r in explanation.reasons] == [
            X[row, r.feature] for r in explanation.reasons
        ]


@pytest.mark.parametrize("budget", [0.01, 0.002])
def test_on_normal_events_alerts_keep_to_the_budget(budget: float) -> None:
    shares = []
    for seed in range(2):
        detector = Detector(4, DetectorSettings(n_components=6, budget=Budget(probability=budget)))
        verdicts = detector.process(np.random.default_rng(seed).normal(size=(60_000, 4)))
        shares.append(verdicts.is_anomaly[20_000:].mean())
    assert budget / 1.6 < np.mean(shares) < budget * 1.6


def test_a_daily_budget_is_kept_in_event_time() -> None:
    """20 alerts a day on events that come every 10 s: 8,640 a day."""
    detector = Detector(3, replace(SMALL, budget=Budget(per_day=20), window=20_000))
    n = 60_000
    t = 1.7e9 + 10.0 * np.arange(n)
    verdicts = detector.process(np.random.default_rng(0).normal(size=(n, 3)), t=t)
    per_day = verdicts.is_anomaly[20_000:].sum() / ((n - 20_000) * 10.0 / 86_400.0)
    assert 12.0 < per_day < 32.0


@pytest.mark.parametrize("score", ["nll", "tail"])
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_leaving_fields_out_changes_no_false_alarm_rate(covariance: str, score: str) -> None:
    """With none, one or half of six fields missing, within 1.5 times the budget either way.

    Not more often, and not less, which would be where attacks hide. On what the type can describe:
    fields that go together without its knowing are also far out together.
    """
    n, d = 60_000, 6
    rng = np.random.default_rng(0)
    mixing = np.eye(d) if covariance in UNCORRELATED else rng.normal(size=(d, d))
    X = rng.normal(size=(n, d)) @ mixing
    missing = rng.choice([0, 1, 3], size=n)
    X[rng.random(X.shape).argsort(axis=1) < missing[:, None]] = np.nan
    kind = DetectorSettings(
        n_components=4, covariance=covariance, score=score, budget=Budget(probability=0.01)
    )
    shares = alerts_by_missing(Detector(d, kind), X)
    assert min(shares) > 0.01 / 1.5
    assert max(shares) < 0.01 * 1.5


def test_nor_does_it_where_behaviours_are_nearly_collinear() -> None:
    """Four behaviours with narrow directions of their own, a component for each, half missing."""
    n, d = 60_000, 8
    rng = np.random.default_rng(3)
    mixing, centres = rng.normal(size=(4, d, d)), 6 * rng.normal(size=(4, d))
    kind = rng.integers(4, size=n)
    X = centres[kind] + np.einsum("nij,nj->ni", mixing[kind], rng.normal(size=(n, d)))
    X[rng.random(X.shape).argsort(axis=1) < rng.choice([0, 1, 4], size=n)[:, None]] = np.nan
    settings = DetectorSettings(budget=Budget(probability=0.01))
    shares = alerts_by_missing(Detector(d, settings), X)
    assert min(shares) > 0.01 / 1.5
    assert max(shares) < 0.01 * 1.5


def alerts_by_missing(detector: Detector, X: Array) -> list[float]:
    """Return the share of alerts after 10,000 events by number of fields missing, as X has them."""
    is_anomaly, missing = detector.process(X).is_anomaly, np.isnan(X).sum(axis=1)
    late = np.arange(len(X)) >= 10_000
    return [float(is_anomaly[late & (missing == m)].mean()) for m in np.unique(missing)]


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_shift_and_scale_change_nothing_but_the_units(covariance: str) -> None:
    n, d = 2000, 3
    X = np.round(stream(n, d) * 2.0**16) / 2.0**16
    power = np.array([4, -3, 9])
    factor = 2.0**power
    kind = replace(SMALL, covariance=covariance)
    a = Detector(d, kind).process(X)
    b = Detector(d, kind).process((X + 2.0**30) * factor)
    ready = a.ready & ~a.unscored
    np.testing.assert_allclose(
        (b.score - a.score)[a.ready], power.sum() * np.log(2.0), rtol=0, atol=1e-8
    )
    np.testing.assert_allclose(b.p_value[ready], a.p_value[ready], atol=1e-8)
    np.testing.assert_array_equal(b.is_anomaly, a.is_anomaly)
    np.testing.assert_array_equal(b.component, a.component)
    assert set(a.explanations) == set(b.explanations)
    assert a.explanations
    for row, ours in a.explanations.items():
        theirs = b.explanations[row]
        assert theirs.distance == pytest.approx(ours.distance, rel=1e-9)
        for mine, yours in zip(ours.reasons, theirs.reasons, strict=True):
            assert yours.feature == mine.feature
            assert yours.surprise == pytest.approx(mine.surprise, rel=1e-5, abs=1e-6)
            assert yours.spread == pytest.approx(mine.spread * factor[mine.feature], rel=1e-9)


# ---- what it refuses ---------------------------------------------------------------------


@pytest.mark.parametrize("seen", [0, 300])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.zeros((5, 2))}, r"\(n, 3\)"),
        ({"X": np.zeros(3)}, r"\(n, 3\)"),
        ({"X": np.array([[0.0, 1.0, np.inf]])}, r"X\[0, 2\] is infinite"),
        ({"X": np.zeros((5, 3)), "w": np.ones(4)}, "5"),
        ({"X": np.zeros((5, 3)), "t": np.ones(6)}, "5"),
        ({"X": np.zeros((2, 3)), "w": np.array([1.0, np.nan])}, r"w\[1\]"),
        ({"X": np.zeros((2, 3)), "w": np.array([-1.0, 1.0])}, r"w\[0\]"),
        ({"X": np.zeros((2, 3)), "w": np.array([np.inf, 1.0])}, r"w\[0\]"),
        ({"X": np.zeros((2, 3)), "t": np.array([0.0, np.inf])}, r"t\[1\]"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_learned(
    arguments: dict[str, Any], message: str, seen: int
) -> None:
    detector = Detector(3, SMALL)
    detector.process(modes(seen, 3))
    before = state_bytes(detector.state())
    with pytest.raises(ValueError, match=message):
        detector.process(**arguments)
    assert state_bytes(detector.state()) == before


def test_a_daily_budget_needs_event_times() -> None:
    detector = Detector(3, replace(SMALL, budget=Budget(per_day=5)))
    with pytest.raises(ValueError, match="the events have no times"):
        detector.process(modes(10, 3))
    # single events may lack one, in whatever block they come; the rate is that of the others
    assert not detector.process(modes(10, 3), t=np.full(10, np.nan)).is_anomaly.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_components": 0}, "n_components"),
        ({"warmup": 1}, "warmup"),
        ({"shrinkage": -1.0}, "shrinkage"),
        ({"covariance": "round"}, "covariance"),
        ({"score": "loglik"}, "score"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DetectorSettings(**change)


@pytest.mark.parametrize(
    ("change", "message"), [({"gate": 2.0}, "gate"), ({"window": 5}, "window")]
)
def test_settings_are_refused_before_the_first_event(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Detector(3, DetectorSettings(**change))


def test_a_detector_has_features() -> None:
    with pytest.raises(ValueError, match="n_features"):
        Detector(0)


def test_a_budget_that_was_changed_in_a_saved_state_holds_at_once():
    detector = Detector(3, DetectorSettings(budget=Budget(probability=1e-3), n_components=2))
    detector.process(np.random.default_rng(0).normal(size=(3_000, 3)))
    state = detector.state()
    assert Detector.from_state(state).threshold == detector.threshold
    strict = DetectorSettings(budget=Budget(probability=1e-5), n_components=2)
    stricter = Detector.from_state({**state, "settings": strict.state()})
    assert stricter.threshold > detector.threshold + 1.0
