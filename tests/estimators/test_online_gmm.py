"""OnlineGMM's parameters, what it tells about itself, merge and save."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from streamgmm import HalfLife, OnlineGMM, PowerLaw, Stationary
from streamgmm.errors import StateError
from streamgmm.mixture import parse_half_life


def two_modes(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    first = rng.random(n) < 0.7
    X = np.where(first[:, None], [0.0, 0.0], [10.0, 40.0]) + rng.normal(size=(n, 2)) * [1.0, 3.0]
    X[:, 1] += X[:, 0]
    return X


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"half_life": 100, "forgetting": Stationary()}, "give one of them"),
        ({"half_life": "7 parsecs"}, "half_life is '7 parsecs'; allowed are"),
        ({"half_life": 0}, "positive"),
        ({"half_life": -5.0}, "positive"),
        ({"covariance": "round"}, "covariance is 'round'; allowed are"),
        ({"score": "loglik"}, "score is 'loglik'; allowed are"),
        ({"established": 1.5}, "established is 1.5; allowed are"),
        ({"established": "some"}, "established is 'some'"),
        ({"shrinkage": -0.1}, "shrinkage is -0.1"),
        ({"gate": 98}, "gate is 98; it must be a quantile"),
        ({"influence": 0.0}, "influence is 0.0"),
        ({"n_components": 0}, "n_components is 0"),
        ({"n_components": 2.0}, "n_components is 2.0; it must be a whole number, from 1 to 1,024"),
        ({"n_components": True}, "n_components is True"),
        ({"n_components": 1025}, "n_components is 1025; it must be .* from 1 to 1,024"),
        ({"warmup": 0}, "warmup is 0; it must be a whole number, 2 or more"),
        ({"warmup": "500"}, "warmup is '500'"),
        ({"seed": -1}, "seed is -1; it must be a whole number, 0 or more"),
        ({"seed": None}, "seed is None"),
    ],
    ids=str,
)
def test_a_parameter_that_is_not_allowed_is_refused_with_what_is(parameters, message):
    with pytest.raises(ValueError, match=message):
        OnlineGMM(**parameters)


@pytest.mark.parametrize(
    ("written", "law"),
    [
        (10_000, HalfLife(events=10_000)),
        (2.5, HalfLife(events=2.5)),
        ("7d", HalfLife(seconds=7 * 86_400)),
        ("90min", HalfLife(seconds=5_400)),
        ("1.5h", HalfLife(seconds=5_400)),
        (" 30 s ", HalfLife(seconds=30)),
        ("1h30m", HalfLife(seconds=5_400)),
        ("500ms", HalfLife(seconds=0.5)),
        (None, Stationary()),
    ],
)
def test_half_life_is_a_shorthand(written, law):
    assert parse_half_life(written) == law


def test_what_it_tells_of_two_known_modes():
    model = OnlineGMM(n_components=2, half_life=None, gate=None)
    model.learn_many(two_modes(20_000))
    order = np.argsort(-model.weights)
    assert model.weights[order] == pytest.approx([0.7, 0.3], abs=0.02)
    assert model.weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert model.means[order] == pytest.approx(np.array([[0.0, 0.0], [10.0, 50.0]]), abs=0.3)
    # the covariance in force is the data's, with its off-diagonal shrunk by a fifth, a share of
    # the pooled one, and the resolution's ridge
    expected = np.array([[1.0, 0.8 * 0.9], [0.8 * 0.9, 10.0]])
    for covariance in model.covariances:
        assert covariance == pytest.approx(expected, rel=0.15, abs=0.15)
    assert model.predict_one({0: 0.0, 1: 0.0}) == order[0]
    responsibilities = model.predict_proba_one({0: 10.0, 1: 50.0})
    assert responsibilities[order[1]] > 0.99
    assert sum(responsibilities.values()) == pytest.approx(1.0)
    summary = model.summary()
    assert "component" in summary
    assert "established" in summary
    assert "apart by" in summary
    assert model.n_seen == 20_000


def test_the_summary_tells_of_components_that_there_are():
    model = OnlineGMM(n_components=8)
    model.learn_many(np.random.default_rng(0).normal(size=(2_000, 2)))
    present = int((model.weights > 0.0).sum())
    assert present < 8
    lines = model.summary().splitlines()
    assert lines[0] == f"{present} component{'s' if present > 1 else ''}, covariance full"
    assert sum(" of the traffic, " in line for line in lines) == present


def test_a_range_far_from_0_has_the_digits_that_tell_its_ends_apart():
    model = OnlineGMM(n_components=1)
    model.learn_many(1.7e9 + np.random.default_rng(0).normal(size=(1_000, 1)))
    _, low, _, high = model.summary().splitlines()[-1].split()
    assert 2.5 < float(high) - float(low) < 4.5
    assert float(low) < 1.7e9 < float(high)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e140, 1e-140, 1e200])
def test_the_summary_of_huge_and_tiny_numbers_is_finite(size):
    model = OnlineGMM(n_components=2, warmup=200)
    model.learn_many(size * np.random.default_rng(0).normal(size=(500, 2)))
    assert "nan" not in model.summary()
    assert "inf" not in model.summary()


def test_samples_have_the_moments_of_the_mixture():
    model = OnlineGMM(
        n_components=2,
        half_life=None,
        gate=None,
        shrinkage=0.0,
        resolution=False,
        correlation_shrinkage=0.0,
    )
    X = two_modes(20_000)
    model.learn_many(X)
    drawn = model.sample(50_000, seed=3)
    assert np.array_equal(drawn, model.sample(50_000, seed=3))
    for seed in (None, -1):
        with pytest.raises(ValueError, match=f"seed is {seed}; give a seed or a numpy Generator"):
            model.sample(1, seed=seed)
    with pytest.raises(ValueError, match="n is -1"):
        model.sample(-1, seed=3)
    assert drawn.mean(axis=0) == pytest.approx(X.mean(axis=0), rel=0.05)
    assert np.cov(drawn.T) == pytest.approx(np.cov(X.T), rel=0.05)


def test_a_conditional_surprise_names_the_feature_that_does_not_fit():
    model = OnlineGMM(n_components=2)
    model.learn_many(two_modes(5_000))
    explanation = model.explain_one({0: 0.0, 1: 30.0})
    first = explanation.reasons[0]
    assert first.feature == 1
    assert first.value == 30.0
    assert abs(first.expected) < 3
    assert first.surprise > 10
    assert first.surprise == pytest.approx(
        (first.value - first.expected) ** 2 / (2 * first.spread**2)
    )


def test_reasons_name_features_as_events_do():
    model = OnlineGMM(n_components=2)
    for row in two_modes(1_000):
        model.learn_one({("x", 1): row[0], "y": row[1]})
    explanation = model.explain_one({"y": 30.0, ("x", 1): 0.0, "unknown": 1.0})
    assert sorted(map(str, (reason.feature for reason in explanation.reasons))) == [
        "('x', 1)", "y"
    ]  # fmt: skip
    assert [reason.feature for reason in model.explain_one({"y": 1.0}).reasons] == ["y"]


def test_merge_of_copies_that_went_different_ways():
    base = OnlineGMM(n_components=2, half_life=None)
    base.learn_many(two_modes(2_000))
    left, right = (OnlineGMM.from_bytes(base.to_bytes()) for _ in range(2))
    left.learn_many(two_modes(3_000, seed=1))
    right.learn_many(two_modes(5_000, seed=2))
    kept = left.to_bytes(), right.to_bytes()
    merged = left.merge(right)
    assert (left.to_bytes(), right.to_bytes()) == kept
    assert merged.n_seen == left.n_seen + right.n_seen
    assert merged.mixture.mass == pytest.approx(left.mixture.mass + right.mixture.mass)
    share = left.mixture.mass / merged.mixture.mass
    assert merged.weights == pytest.approx(share * left.weights + (1 - share) * right.weights)
    merged.learn_many(two_modes(100, seed=3))
    assert np.isfinite(merged.score_many(two_modes(10))).all()


def test_merge_refuses_what_does_not_belong_together():
    a, b = OnlineGMM(n_components=2), OnlineGMM(n_components=2)
    with pytest.raises(ValueError, match="in warm-up"):
        a.merge(b)
    a.learn_many(two_modes(1_000))
    b.learn_many(two_modes(1_000, seed=1))
    with pytest.raises(ValueError, match="not the same ones"):
        a.merge(b)
    other = OnlineGMM(n_components=2)
    for row in two_modes(1_000):
        other.learn_one({"x": row[0], "y": row[1]})
    with pytest.raises(ValueError, match="differ"):
        a.merge(other)


def test_models_of_one_component_merge_whatever_their_warm_ups():
    a, b = (
        OnlineGMM(n_components=1, half_life=None, gate=None, influence=np.inf) for _ in range(2)
    )
    X, Y = two_modes(3_000), two_modes(2_000, seed=1) + np.array([1e3, 0.0])
    a.learn_many(X)
    b.learn_many(Y)
    both = np.concatenate([X, Y])
    merged = a.merge(b)
    assert merged.means[0] == pytest.approx(both.mean(axis=0), rel=1e-9)
    assert np.isfinite(merged.score_learn_many(Y[:500])).all()


def test_what_waits_in_quarantine_stays_where_it_is_when_a_merge_moves_the_frame():
    a, b = (OnlineGMM(n_components=1) for _ in range(2))
    strange = np.random.default_rng(5).normal(size=(12, 2)) * 300.0
    a.learn_many(np.concatenate([two_modes(1_000), strange]))
    b.learn_many(two_modes(1_000, seed=1) + np.array([1e3, 0.0]))
    merged = a.merge(b)
    assert merged.mixture.frame.location[0] > a.mixture.frame.location[0] + 100.0
    waiting, moved = (
        model.mixture.frame.to_user(model._learner.quarantine._rows()[:, :-2])
        for model in (a, merged)
    )
    assert len(waiting) >= 12
    assert moved == pytest.approx(waiting, rel=1e-9)


def test_damaged_or_foreign_bytes_are_refused():
    data = OnlineGMM().to_bytes()
    with pytest.raises(StateError):
        OnlineGMM.from_bytes(data[:-3])
    with pytest.raises(StateError):
        OnlineGMM.from_bytes(b"not a model")
    from streamgmm import snapshot

    with pytest.raises(StateError, match="OnlineGMM"):
        OnlineGMM.from_bytes(snapshot.pack({"kind": "something else"}))
    with pytest.raises(TypeError, match="data is None; give the bytes that to_bytes returned"):
        OnlineGMM.from_bytes(None)
    assert OnlineGMM.from_bytes(bytearray(data)).to_bytes() == data


@pytest.mark.parametrize("learned", [0, 20, 1_000])
def test_bytes_with_a_part_amiss_are_refused_as_a_state(learned):
    from streamgmm import snapshot

    model = OnlineGMM(n_components=2)
    model.learn_many(two_modes(1_000)[:learned])
    state = snapshot.unpack(model.to_bytes())
    for name in set(state) - {"kind", "version"}:
        without = {key: value for key, value in state.items() if key != name}
        for broken in (without, {**without, name: 7.5}, {**without, name: {"size": -1}}):
            with pytest.raises(StateError, match="the bytes hold an OnlineGMM that cannot be"):
                OnlineGMM.from_bytes(snapshot.pack(broken))


@pytest.mark.parametrize("name", [("a", 1), None, 1.5, b"a"], ids=repr)
@pytest.mark.parametrize("learned", [0, 200], ids=["warm-up", "ready"])
def test_a_feature_whose_name_would_not_come_back_is_refused(name, learned):
    model = OnlineGMM(n_components=1)
    model.learn_many(two_modes(learned))
    model.learn_one({name: 1.0})
    with pytest.raises(TypeError, match=r"feature .* of type .*; to_bytes keeps names that are"):
        model.to_bytes()


def test_names_come_back_as_they_were():
    model = OnlineGMM(n_components=1)
    model.learn_one({"a": 1.0, 7: 2.0, -3: 4.0, np.int64(9): 5.0})
    assert OnlineGMM.from_bytes(model.to_bytes()).feature_names == ["a", 7, -3, 9]


def test_what_is_saved_is_what_the_model_was_made_with():
    model = OnlineGMM(n_components=2)
    model.learn_many(two_modes(500))
    data = model.to_bytes()
    model.n_components, model.gate, model.covariance = 7, None, "diag"
    assert model.to_bytes() == data
    assert OnlineGMM.from_bytes(data).n_components == 2


def test_import_brings_in_little():
    heavy = ["scipy", "sklearn", "river.linear_model", "kafka", "prometheus_client", "starlette",
             "uvicorn", "pandas"]  # fmt: skip
    code = f"import sys, streamgmm; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_forgetting_follows_a_change_and_stationary_does_not():
    before, after = two_modes(3_000), two_modes(6_000, seed=1) + 30.0
    quick = OnlineGMM(n_components=2, forgetting=HalfLife(events=300))
    slow = OnlineGMM(n_components=2, forgetting=Stationary())
    power = OnlineGMM(n_components=2, forgetting=PowerLaw(0.6))
    late = {}
    for name, model in (("quick", quick), ("slow", slow), ("power", power)):
        model.learn_many(before)
        late[name] = model.score_learn_many(after)[-500:].mean()
    assert late["quick"] < late["slow"] - 0.5
    assert late["power"] < late["slow"] - 0.5


def test_frozen_it_scores_and_learns_nothing_one_by_one_and_in_blocks():
    model, other = OnlineGMM(n_components=2), OnlineGMM(n_components=2)
    X, more = two_modes(2_000), two_modes(300, seed=5)
    for one in (model, other):
        one.learn_many(X)
        one.freeze()
        one.freeze()
        assert one.frozen
    before = model.to_bytes()
    scores = model.score_learn_many(more)
    singles = [other.score_learn_one(dict(enumerate(row))) for row in more.tolist()]
    assert scores.tolist() == singles
    assert scores.tolist() == model.score_many(more).tolist()
    model.learn_one({0: 1.0, 1: 2.0, "new": 3.0})
    assert model.to_bytes() == before == other.to_bytes()
    assert OnlineGMM.from_bytes(before).frozen
    model.unfreeze()
    model.learn_one({0: 1.0, 1: 2.0})
    assert model.n_seen == 2_001


def test_an_accepted_component_counts_as_normal():
    model = OnlineGMM(n_components=2)
    X = two_modes(2_000)
    X[::100] = 300.0 + 0.1 * np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ValueError, match="in warm-up"):
        model.accept(0)
    model.learn_many(X)
    rare = {0: 300.0, 1: 300.0}
    before = model.score_one(rare)
    model.accept(model.predict_one(rare))
    assert model.score_one(rare) < before - 10
    for none in (7, -1, 0.5, True, None, "0"):
        with pytest.raises(ValueError, match=f"there is no component {none!r}"):
            model.accept(none)


def test_going_back_to_an_earlier_snapshot_forgets_a_bad_period():
    model = OnlineGMM(n_components=2)
    model.learn_many(two_modes(2_000))
    good = model.to_bytes()
    model.learn_many(two_modes(500, seed=3) + 50.0)
    back = OnlineGMM.from_bytes(good)
    assert back.score_one({0: 50.0, 1: 50.0}) > model.score_one({0: 50.0, 1: 50.0}) + 5
    assert back.to_bytes() == good
