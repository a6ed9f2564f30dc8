from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamgmm import snapshot
from streamgmm.detection import Learner, Rows
from streamgmm.detection.columns import Columns
from streamgmm.detection.learner import warmup_length
from streamgmm.mixture import Frame, HalfLife
from tests.detection.streams import Array, learner, roc_auc, run
from tests.mixture.streams import (
    COVARIANCES,
    LAWS,
    event_times,
    learning_weights,
    modes,
    state_bytes,
    with_holes,
)

# ---- blocks and snapshots ----------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_a_block_is_its_events_one_by_one(covariance: str, law: Any) -> None:
    n = 1300
    X, w, t = with_holes(modes(n, 3), 0.1), learning_weights(n), event_times(n)
    whole = learner(3, covariance=covariance, forgetting=law)
    single = learner(3, covariance=covariance, forgetting=law)
    expected = run(whole, X, w=w, t=t)
    found = [run(single, X[i : i + 1], w=w[i : i + 1], t=t[i : i + 1]) for i in range(n)]
    assert np.concatenate(found).tobytes() == expected.tobytes()
    assert state_bytes(single.state()) == state_bytes(whole.state())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 3000), max_size=12), st.integers(0, 5))
def test_wherever_it_is_cut_also_where_the_frame_moves(cuts: list[int], seed: int) -> None:
    X = modes(3000, 2, seed=seed)
    X[:, 0] += np.linspace(0.0, 1.0, 3000) ** 2 * 1e5
    rules = {"forgetting": HalfLife(events=50), "influence": float("inf")}
    whole, pieces = learner(2, gate=None, **rules), learner(2, gate=None, **rules)
    expected = run(whole, X)
    found = [run(pieces, part) for part in np.split(X, sorted(cuts))]
    assert np.concatenate(found).tobytes() == expected.tobytes()
    assert state_bytes(pieces.state()) == state_bytes(whole.state())


def test_the_frame_does_move() -> None:
    X = modes(9000, 2)
    X[:, 0] += np.linspace(0.0, 1.0, 9000) ** 2 * 1e5
    drifting = learner(2, gate=None, forgetting=HalfLife(events=50), influence=float("inf"))
    run(drifting, X[:100])
    before = drifting.mixture.frame
    scores = run(drifting, X[100:])
    assert drifting.mixture.frame.location[0] > before.location[0] + 500 * before.scale[0]
    assert drifting.mixture.frame.location[1] == before.location[1]
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("stop", [1, 50, 99, 100, 101, 700])
def test_saved_and_loaded_it_goes_on_as_if_never_stopped(stop: int) -> None:
    X = with_holes(modes(1200, 3), 0.1)
    going = learner(3)
    run(going, X[:stop])
    saved = snapshot.pack(going.state())
    other = learner(3).restore(snapshot.unpack(saved))
    assert other.ready == going.ready
    assert run(other, X[stop:]).tobytes() == run(going, X[stop:]).tobytes()
    assert state_bytes(other.state()) == state_bytes(going.state())


@pytest.mark.parametrize("gate", [0.98, None])
def test_events_as_dictionaries_are_the_rows_they_stand_for(gate: float | None) -> None:
    """Also where an event was scored before it is learned, and where the frame moves."""
    n = 2500
    X, w, t = with_holes(modes(n, 3), 0.1), learning_weights(n), event_times(n)
    X[:, 0] += np.linspace(0.0, 1.0, n) ** 2 * 1e5
    rules = {"forgetting": HalfLife(seconds=50), "influence": float("inf")}
    rows, single = learner(3, gate=gate, **rules), learner(3, gate=gate, **rules)
    expected = run(rows, X, w=w, t=t)
    found, columns = np.empty(n), Columns(["a", "b", "c"])
    for i in range(n):
        x = {name: X[i, j] for j, name in enumerate("abc") if not np.isnan(X[i, j])}
        if i % 3 == 0 and single.stepper is not None:
            single.stepper.score(columns, x)
        score = single.step_one(columns, x, w[i], t[i])
        found[i] = (
            run(single, X[i : i + 1], w=w[i : i + 1], t=t[i : i + 1])[0]
            if (score is None)
            else score
        )
    assert found.tobytes() == expected.tobytes()
    assert state_bytes(single.state()) == state_bytes(rows.state())


# ---- warm-up -----------------------------------------------------------------------------


def test_it_is_ready_after_the_warm_up() -> None:
    short = learner(3, warmup=120)
    assert not short.ready
    assert short.length == 120
    run(short, modes(119, 3))
    assert not short.ready
    assert short.warmup is not None
    run(short, modes(1, 3, seed=1))
    assert short.ready
    assert short.warmup is None
    assert short.mixture.n_components == 5


@pytest.mark.parametrize(("d", "decided"), [(4, "full"), (60, "diag")])
def test_auto_is_decided_when_the_warm_up_ends(d: int, decided: str) -> None:
    """The provisional model is of that type already; what is decided is part of the state."""
    new = learner(d, covariance="auto")
    X = np.random.default_rng(0).normal(size=(130, d))
    run(new, X[:50])
    assert new.mixture.rules.covariance == decided
    run(new, X[50:])
    assert new.ready
    assert new.mixture.rules.covariance == decided
    assert new.rules.covariance == "auto"
    restored = learner(d, covariance="auto").restore(new.state())
    assert restored.mixture.rules.covariance == decided
    assert restored.mixture.merge(new.mixture).rules.covariance == decided


def test_small_models_warm_up_faster() -> None:
    assert warmup_length(500, 16, 10) == 500
    assert warmup_length(500, 4, 3) == 120
    assert warmup_length(500, 1, 1) == 100
    assert warmup_length(20, 16, 10) == 20


def test_what_teaches_nothing_does_not_count_as_warm_up() -> None:
    new = learner(2, warmup=50)
    X = modes(49, 2)
    run(new, X)
    run(new, X, w=np.zeros(49))
    run(new, np.full((10, 2), np.nan))
    assert not new.ready
    assert new.n_seen == 108
    run(new, X[:1])
    assert new.ready


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    warmup=st.integers(2, 60),
    d=st.integers(1, 4),
    kind=st.sampled_from(["constant", "binary", "gaussian", "cauchy"]),
    holes=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 99),
)
def test_every_score_is_finite_whatever_the_warm_up(
    warmup: int, d: int, kind: str, holes: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    X = {
        "constant": np.full((200, d), 3.0),
        "binary": rng.integers(0, 2, size=(200, d)).astype(float),
        "gaussian": rng.normal(size=(200, d)),
        "cauchy": rng.standard_cauchy(size=(200, d)) ** 3,
    }[kind]
    X = with_holes(X, holes, seed=seed) if holes else X
    new = learner(d, warmup=warmup)
    scores = run(new, X)
    assert np.isfinite(scores).all()
    assert new.score(X).shape == (200,)


# ---- shift and scale ---------------------------------------------------------------------


@pytest.mark.parametrize("score", ["nll", "tail"])
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_from_ready_on_shift_and_scale_change_scores_by_the_log_of_the_scale(
    covariance: str, law: Any, score: str
) -> None:
    d, n = 3, 1200
    X = np.round(with_holes(modes(n, d), 0.1) * 2.0**16) / 2.0**16
    X[n // 2] += 1000.0
    power = np.array([-7, 0, 13])
    w, t = learning_weights(n), event_times(n)
    rules = {"covariance": covariance, "forgetting": law, "score": score}
    plain, moved = learner(d, **rules), learner(d, **rules)
    a = run(plain, X, w=w, t=t)
    b = run(moved, (X + 2.0**30) * 2.0**power, w=w, t=t)
    ready = np.arange(n) >= n - (plain.n_seen - plain.length) + 20
    log_scale = power.sum() * np.log(2.0) if score == "nll" else 0.0
    assert ready.sum() > 1000
    np.testing.assert_allclose((b - a)[ready], log_scale, atol=1e-8)


# ---- attacks on the model itself ---------------------------------------------------------


def labelled_stream(n: int, d: int, *, seed: int) -> tuple[Array, Array]:
    """Return two modes of normal events and 3% anomalies around them, told apart with AUC ~0.9."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + 4.0 * rng.integers(0, 2, size=(n, 1))
    label = rng.random(n) < 0.03
    X[label] += 2.0 * rng.normal(size=(int(label.sum()), d))
    return X, label


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_one_event_at_1e8_sigma_hardly_moves_the_auc(covariance: str) -> None:
    X, label = labelled_stream(6000, 4, seed=0)
    struck = X.copy()
    struck[999] = 1e8
    clean, hit = (
        run(learner(4, warmup=500, covariance=covariance), data)[1000:] for data in (X, struck)
    )
    aucs = roc_auc(clean, label[1000:]), roc_auc(hit, label[1000:])
    assert 0.75 < aucs[0] < 0.97
    assert abs(aucs[0] - aucs[1]) < 0.01


def test_bounded_influence_is_what_withstands_a_burst_of_outliers() -> None:
    """20 events at 1e4 among 200: without the bound the scatters swallow anomalies.

    Only some of them, because far values are taken on a logarithmic scale.
    """
    X, label = labelled_stream(6000, 3, seed=1)
    struck = X.copy()
    rng = np.random.default_rng(2)
    struck[800:1000:10] = 1e4 * rng.normal(size=(20, 3))
    aucs = {}
    for name, data, influence in (
        ("clean", X, 30.0),
        ("bounded", struck, 30.0),
        ("unbounded", struck, float("inf")),
    ):
        new = learner(3, warmup=500, gate=None, influence=influence)
        aucs[name] = roc_auc(run(new, data)[1000:], label[1000:])
    assert aucs["bounded"] > aucs["clean"] - 0.01
    assert aucs["unbounded"] < aucs["bounded"] - 0.05


def test_a_returning_behaviour_is_not_strange() -> None:
    """Two modes, one absent for 20,000 events: shape forgets in its own events only."""
    rng = np.random.default_rng(0)
    both = rng.normal(size=(3000, 2)) + 15.0 * rng.integers(0, 2, size=(3000, 1))
    strangeness = {}
    for clock in ("component", "common"):
        law = HalfLife(events=500, clock=clock)
        new = learner(2, forgetting=law, established=None, structure=False)
        before = run(new, both)[-500:].mean()
        run(new, rng.normal(size=(20_000, 2)))
        strangeness[clock] = new.score(15.0 + rng.normal(size=(200, 2))).mean() - before
    assert strangeness["component"] < 12.0
    assert strangeness["component"] < strangeness["common"]


# ---- wider -------------------------------------------------------------------------------


@pytest.mark.parametrize("seen", [30, 400])
def test_a_new_feature_joins_with_its_frame(seen: int) -> None:
    wider = learner(2)
    X = modes(seen, 2)
    run(wider, X)
    wider.widen(Frame(np.array([7.0]), np.array([2.0]), np.array([1e-3])))
    assert wider.n_features == 3
    rng = np.random.default_rng(0)
    Y = np.column_stack([modes(2000, 2, seed=1), 7.0 + 2.0 * rng.normal(size=2000)])
    Y[::5, 2] = np.nan
    scores = run(wider, Y)
    assert np.isfinite(scores).all()
    odd = np.concatenate([Y[1:2, :2], [[40.0]]], axis=1)
    assert wider.score(odd)[0] > wider.score(Y[1:2])[0] + 5.0


def test_scoring_learns_nothing() -> None:
    for seen in (10, 400):
        new = learner(3)
        run(new, modes(seen, 3))
        before = state_bytes(new.state())
        new.score(modes(50, 3, seed=1))
        assert state_bytes(new.state()) == before


def test_rows_keep_what_is_found_out() -> None:
    rows = Rows(modes(400, 3), np.ones(400), np.full(400, np.nan))
    new: Learner = learner(3)
    new.score_learn(rows)
    assert len(rows) == 400
    assert (rows.component[:100] == 0).all()
    assert set(rows.component[100:]) <= set(range(5))
    assert len(set(rows.component[100:])) > 1
