"""GMMClusterer: river's laws for clusterers, and labels that stay with their clusters."""

from __future__ import annotations

import copy
import math
import pickle
from functools import partial

import numpy as np
import pytest
from river import checks, compose, datasets, metrics, preprocessing

from streamgmm import GMMClusterer

# river has checks with data for other kinds of estimators; those that hold for any are run too.
OVER_DATA = [
    checks.common.check_learn_one,
    checks.common.check_pickling,
    checks.common.check_shuffle_features_no_impact,
    checks.common.check_emerging_features,
    checks.common.check_disappearing_features,
    checks.common.check_radically_disappearing_features,
    checks.common.check_predict_one_pure,
    checks.common.check_predict_one_before_any_learn,
    checks.common.check_no_state_aliasing_with_input,
    checks.common.check_clone_is_independent,
    checks.common.check_bounded_memory_growth,
]


def every_check():
    for check in checks.yield_checks(GMMClusterer()):
        function = check.func if isinstance(check, partial) else check
        yield pytest.param(check, id=function.__name__)


@pytest.mark.parametrize("check", list(every_check()))
def test_river_checks(check):
    check(GMMClusterer())


@pytest.mark.parametrize("check", OVER_DATA, ids=lambda check: check.__name__)
def test_river_checks_over_data(check):
    check(GMMClusterer(n_components=4, warmup=200), datasets.Shuttle().take(1_000))


def test_river_yields_its_checks():
    """A guard: an empty list of checks would pass unseen."""
    assert len(list(checks.yield_checks(GMMClusterer()))) >= 14


def blobs(n: int, centres: list[float], seed: int) -> tuple[list[dict[str, float]], list[int]]:
    rng = np.random.default_rng(seed)
    y = rng.integers(len(centres), size=n)
    X = rng.normal(size=(n, 2))
    X[:, 0] += np.array(centres)[y]
    return [{"a": float(a), "b": float(b)} for a, b in X], y.tolist()


def learned(events: list[dict[str, float]], **parameters: object) -> GMMClusterer:
    clusterer = GMMClusterer(**{"n_components": 4, **parameters})
    for x in events:
        clusterer.learn_one(x)
    return clusterer


def test_clusters_are_found_and_numbered_by_size():
    events, _ = blobs(2_000, [0.0, 0.0, 0.0, 9.0, 9.0, 18.0], seed=0)
    clusterer = learned(events)
    rand = metrics.AdjustedRand()
    for x, truth in zip(*blobs(500, [0.0, 9.0, 18.0], seed=1), strict=True):
        rand.update(truth, clusterer.predict_one(x))
    assert rand.get() > 0.97
    assert {k: round(c["a"] / 9) for k, c in clusterer.centers.items()} == {0: 0, 1: 1, 2: 2}


def test_before_ready_there_is_one_cluster():
    clusterer = GMMClusterer()
    assert clusterer.predict_one({"a": 1.0}) == 0
    with pytest.raises(ValueError, match="at least two events"):
        _ = clusterer.centers
    for x in blobs(50, [0.0, 9.0], seed=0)[0]:
        clusterer.learn_one(x)
        assert clusterer.predict_proba_one(x) == {0: 1.0}
    assert not clusterer.ready
    assert list(clusterer.centers) == [0]


def test_soft_assignments_are_the_responsibilities_of_the_mixture_by_label():
    events, _ = blobs(1_500, [0.0, 3.0], seed=0)
    clusterer = learned(events)
    for x in events[:50]:
        soft = clusterer.predict_proba_one(x)
        assert sum(soft.values()) == pytest.approx(1.0)
        assert clusterer.predict_one(x) == max(soft, key=soft.get)
        by_slot = clusterer.model.predict_proba_one(x)
        assert soft == {label: by_slot[slot] for slot, label in clusterer.labels.items()}


def test_a_missing_field_leaves_the_others_to_say():
    clusterer = learned(blobs(1_500, [0.0, 9.0], seed=0)[0])
    for x in ({"a": 9.0}, {"a": 9.0, "b": math.nan}, {"a": 9.0, "b": None}):
        assert clusterer.predict_one(x) == clusterer.predict_one({"a": 9.0, "b": 0.0})


def test_a_newborn_has_a_number_of_its_own_and_the_others_keep_theirs():
    clusterer = learned(blobs(2_000, [0.0, 30.0], seed=0)[0])
    before = clusterer.predict_one({"a": 0.0, "b": 0.0}), clusterer.predict_one({"a": 30.0, "b": 0})
    assert set(before) == {0, 1}
    for x in blobs(400, [60.0], seed=1)[0]:
        clusterer.learn_one(x)
    newborn = clusterer.predict_one({"a": 60.0, "b": 0.0})
    assert newborn > 1
    after = clusterer.predict_one({"a": 0.0, "b": 0.0}), clusterer.predict_one({"a": 30.0, "b": 0})
    assert after == before


def test_a_label_is_never_given_again():
    """Components come and go in a slot; labels that have gone stay gone."""
    clusterer, gone, live = GMMClusterer(n_components=3, half_life=500), set(), set()
    for place in range(6):
        for x in blobs(1_500, [40.0 * place], seed=place)[0]:
            clusterer.learn_one(x)
            now = set(clusterer.labels.values())
            assert not now & gone
            gone |= live - now
            live = now
    assert len(live) <= 3
    assert len(gone) >= 3


def test_as_many_as_are_asked_for_keep_near_clusters_apart():
    events, y = blobs(1_500, [0.0, 4.0], seed=0)
    rand = metrics.AdjustedRand()
    clusterer = learned(events[:1_000], n_components=2, structure=False)
    for x, truth in zip(events[1_000:], y[1_000:], strict=True):
        rand.update(truth, clusterer.predict_one(x))
    assert rand.get() > 0.85


def test_labels_go_along_with_copies_and_pickles():
    clusterer = learned(blobs(2_000, [0.0, 30.0], seed=0)[0])
    twins = [clusterer, copy.deepcopy(clusterer), pickle.loads(pickle.dumps(clusterer))]
    for x in blobs(400, [60.0], seed=1)[0]:
        for twin in twins:
            twin.learn_one(x)
    assert clusterer.labels == twins[1].labels == twins[2].labels
    assert max(clusterer.labels.values()) > 1


def test_labels_do_not_depend_on_when_they_are_asked_for():
    events = [x for i in range(4) for x in blobs(700, [40.0 * i], seed=i)[0]]
    asked, silent = GMMClusterer(n_components=3), GMMClusterer(n_components=3)
    for x in events:
        asked.predict_one(x)
        asked.learn_one(x)
        silent.learn_one(x)
    assert asked.labels == silent.labels


def test_in_a_pipeline_and_under_river_s_silhouette():
    pipeline = compose.Pipeline(preprocessing.StandardScaler(), GMMClusterer())
    clusterer, silhouette = pipeline["GMMClusterer"], metrics.Silhouette()
    for x in blobs(1_500, [0.0, 9.0, 18.0], seed=0)[0]:
        label = pipeline.predict_one(x)
        if clusterer.ready:
            silhouette.update(pipeline.transform_one(x), label, clusterer.centers)
        pipeline.learn_one(x)
    assert 0 < silhouette.get() < 0.6


def test_weights_and_times_reach_the_mixture():
    weightless, timed = GMMClusterer(warmup=100), GMMClusterer(warmup=100, half_life="1h")
    for i, x in enumerate(blobs(300, [0.0, 20.0], seed=0)[0]):
        weightless.learn_one(x, w=0.0)
        timed.learn_one(x, t=60.0 * i)
    assert not weightless.ready
    assert len(timed.centers) == 2
    with pytest.raises(ValueError, match="came without a time"):
        timed.learn_one({"a": 0.0})


def test_what_is_not_allowed_is_refused():
    with pytest.raises(ValueError, match="n_components"):
        GMMClusterer(n_components=0)
    with pytest.raises(ValueError, match="covariance"):
        GMMClusterer(covariance="oval")
