"""OnlineGMM as river sees it: river's own laws, pipelines, filters, clones."""

from __future__ import annotations

import copy
import pickle
from functools import partial

import numpy as np
import pytest
from river import anomaly, base, checks, compose, datasets, preprocessing
from sklearn.metrics import roc_auc_score

from streamgmm import HalfLife, OnlineGMM, PowerLaw, Stationary

# river's anomaly checks want CreditCard, which is a download; Shuttle ships with river.
datasets.CreditCard = datasets.Shuttle

MODELS = {
    "default": OnlineGMM(),
    "diagonal": OnlineGMM(n_components=4, covariance="diag", half_life=None),
    "short warm-up": OnlineGMM(n_components=3, warmup=60, forgetting=PowerLaw(0.7)),
    "tail, no gate": OnlineGMM(n_components=2, score="tail", gate=None, half_life=None),
}


def every_check():
    for label, model in MODELS.items():
        for check in checks.yield_checks(model):
            function = check.func if isinstance(check, partial) else check
            yield pytest.param(model, check, id=f"{label}-{function.__name__}")


@pytest.mark.parametrize(("model", "check"), list(every_check()))
def test_river_checks(model, check):
    check(model.clone())  # raises where a law of river's is broken


def test_river_yields_its_checks():
    """A guard: an empty list of checks would pass unseen."""
    assert len(list(checks.yield_checks(OnlineGMM()))) >= 26


def shuttle(n: int):
    return datasets.Shuttle().take(n)


def test_in_a_pipeline_with_a_quantile_filter():
    model = compose.Pipeline(
        preprocessing.StandardScaler(), anomaly.QuantileFilter(OnlineGMM(seed=1), q=0.95)
    )
    flagged, scores, labels = 0, [], []
    for x, y in shuttle(3_000):
        score = model.score_one(x)
        flagged += model["QuantileFilter"].classify(score)
        model.learn_one(x)
        scores.append(score)
        labels.append(bool(y))
    assert roc_auc_score(labels, scores) > 0.9
    assert 0 < flagged < 600


def test_filters_in_pipelines_forward_time_and_weight():
    """A bare detector at the end of a pipeline gets neither from river 0.26; a filter does."""
    model = OnlineGMM(n_components=1, half_life="1h", warmup=50)
    pipeline = preprocessing.StandardScaler() | anomaly.QuantileFilter(model, q=0.99)
    rng = np.random.default_rng(0)
    for i in range(400):
        pipeline.learn_one({"a": rng.normal(), "b": rng.normal()}, t=float(i))
    before, mass = model.means, model.mixture.mass
    pipeline.learn_one({"a": 0.1, "b": 0.1}, t=400.0, w=0.0)
    assert np.array_equal(model.means, before)
    pipeline.learn_one({"a": 0.1, "b": 0.1}, t=7_600.0)
    assert model.mixture.mass < mass / 2


def test_clone_starts_anew_with_the_same_parameters():
    model = OnlineGMM(n_components=3, forgetting=HalfLife(events=500), seed=7)
    for x, _ in shuttle(700):
        model.learn_one(x)
    clone = model.clone()
    assert clone.n_seen == 0
    assert not clone.ready
    assert clone.forgetting == HalfLife(events=500)
    assert clone._get_params() == model._get_params()


@pytest.mark.parametrize("events", [1, 30, 499, 700])
@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)),
     lambda m: OnlineGMM.from_bytes(m.to_bytes())],
    ids=["deepcopy", "pickle", "bytes"],
)  # fmt: skip
def test_a_copy_goes_on_bit_for_bit(duplicate, events):
    stream = [x for x, _ in shuttle(1_200)]
    model = OnlineGMM(n_components=4, forgetting=PowerLaw(0.8))
    for x in stream[:events]:
        model.learn_one(x)
    other = duplicate(model)
    ours = [model.score_learn_one(x) for x in stream[events:]]
    theirs = [other.score_learn_one(x) for x in stream[events:]]
    assert ours == theirs
    assert model.to_bytes() == other.to_bytes()


def test_river_can_print_and_describe_it():
    assert "OnlineGMM" in repr(OnlineGMM(forgetting=Stationary()))
    assert isinstance(OnlineGMM(), base.AnomalyDetector)
