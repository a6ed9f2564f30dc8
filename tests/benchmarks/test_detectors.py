"""The table of rules follows the estimator; peers that run, and those that cannot, are named."""

from __future__ import annotations

import inspect
from importlib import metadata

import numpy as np
import pytest

from benchmarks.comparison import ablation, peers
from benchmarks.comparison.gaussians import diagonal_gaussian, full_gaussian
from benchmarks.comparison.preparation import standardise
from streamgmm import OnlineGMM
from streamgmm.mixture.covariance import COVARIANCES
from streamgmm.mixture.rules import GRADES

# Parameters that are no rules: sizes, randomness, and another way to say forgetting.
NO_RULES = {"warmup", "half_life", "seed"}


def test_every_rule_of_the_estimator_is_switched_off_somewhere() -> None:
    parameters = set(inspect.signature(OnlineGMM).parameters)
    switched = {name for changes in ablation.RULES.values() for name in changes}
    assert parameters - NO_RULES == switched


@pytest.mark.parametrize("name", ablation.RULES)
def test_a_variant_differs_from_the_default(name: str) -> None:
    default = {key: p.default for key, p in inspect.signature(OnlineGMM).parameters.items()}
    changes = ablation.RULES[name]
    assert changes
    assert all(default[key] != value for key, value in changes.items())
    OnlineGMM(**changes)


def test_the_plain_algorithm_switches_off_what_others_do_one_by_one() -> None:
    *single, plain = ablation.RULES.values()
    by_itself = [item for changes in single for item in changes.items()]
    assert len(plain) > 5
    assert all(item in by_itself for item in plain.items())


def test_the_one_threshold_is_one_that_grades_go_past() -> None:
    one = ablation.RULES["one threshold of established behaviour"]["established"]
    assert GRADES[0] < one < GRADES[-1]


def test_every_covariance_type_has_a_row_or_is_the_default() -> None:
    types = {changes.get("covariance", "full") for changes in ablation.RULES.values()}
    assert types == set(COVARIANCES)  # "auto" is "full" for all but very wide sets


def test_variants_have_versions_of_their_own() -> None:
    versions = [d.version for d in [ablation.default(), *ablation.variants()]]
    assert len(set(versions)) == len(versions)


def test_every_peer_runs_or_is_said_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version

    def without_krcf(name: str) -> str:
        if name == "krcf":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without_krcf)
    able, unable = peers.detectors()
    names = {detector.name for detector in able}
    assert names | set(unable) == set(peers.PEERS) | set(peers.LEFT_OUT)
    assert not names & set(unable)
    assert "krcf is not installed" in unable["krcf RandomCutForest"]
    assert {"one full Gaussian", "one diagonal Gaussian", "river LODA"} <= names


@pytest.mark.parametrize(
    "name", ["river LODA", "river OneClassSVM", "sklearn IsolationForest, refitted"]
)
def test_a_peer_scores_before_it_learns(name: str) -> None:
    X = np.random.default_rng(0).normal(size=(260, 3))
    peer = peers.PEERS[name]
    Z = peer.prepared(X)
    whole = peer.scorer(Z, 1)
    np.testing.assert_array_equal(peer.scorer(Z[:240], 1), whole[:240])
    Z[250] += 5.0
    changed = peer.scorer(Z, 1)
    np.testing.assert_array_equal(changed[:250], whole[:250])


@pytest.mark.parametrize("scorer", [full_gaussian, diagonal_gaussian])
def test_one_gaussian_is_the_likelihood_under_the_rows_before(scorer: peers.Scorer) -> None:
    rng = np.random.default_rng(1)
    Z = standardise(rng.normal(size=(400, 3)) @ rng.normal(size=(3, 3)))
    past = np.concatenate([np.zeros((1, 3)), Z[:300]])
    covariance = np.cov(past.T, ddof=0) + (np.eye(3) / 301) + 1e-3 * np.eye(3)
    if scorer is diagonal_gaussian:
        covariance = np.diag(np.diag(covariance))
    delta = Z[300] - past.mean(axis=0)
    _, log_det = np.linalg.slogdet(covariance)
    expected = 0.5 * (log_det + delta @ np.linalg.solve(covariance, delta))
    assert scorer(Z, 0)[300] == pytest.approx(expected, rel=1e-9)
