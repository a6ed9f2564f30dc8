"""Other streaming detectors, each in its default configuration, and those that cannot run here.

Every peer sees the same rows, standardised online, or scaled to [0, 1] online where it is written
for that; preparing them is not counted as its time. The packages are imported when a peer runs:
those that are not installed are listed as not run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np

from .gaussians import diagonal_gaussian, full_gaussian
from .preparation import rescale, standardise
from .protocol import Array, Detector, Scorer
from .refitted import gaussian_mixture, isolation_forest

HOW_TO_INSTALL = "make bench-peers installs it"

LEFT_OUT = {
    "river GaussianScorer": "looks at one variable, the target, and not at the features",
    "river StandardAbsoluteDeviation": "looks at one variable, the target, and not at the features",
    "river PredictiveAnomalyDetection": "forecasts a target, which these sets do not have",
}


@dataclass(frozen=True, slots=True)
class Peer:
    """A scorer, the package it comes from (empty: none) and what it is to be given."""

    scorer: Scorer
    package: str
    prepared: Callable[[Array], Array] = standardise
    seeded: bool = True


def detectors() -> tuple[list[Detector], dict[str, str]]:
    """Return the peers whose packages are installed, and why others do not run, by name."""
    able, unable = [], dict(LEFT_OUT)
    for name, peer in PEERS.items():
        try:
            version = metadata.version(peer.package) if peer.package else "1"
        except metadata.PackageNotFoundError:
            unable[name] = f"{peer.package} is not installed; {HOW_TO_INSTALL}"
        else:
            able.append(Detector(name, peer.scorer, version, peer.prepared, peer.seeded))
    return able, unable


# ---------------------------------------------------------------- river


def half_space_trees(X: Array, seed: int) -> Array:
    from river import anomaly

    return _over_dictionaries(anomaly.HalfSpaceTrees(seed=seed), X)


def river_loda(X: Array, seed: int) -> Array:
    from river import anomaly

    return _over_dictionaries(anomaly.LODA(seed=seed), X)


def one_class_svm(X: Array, seed: int) -> Array:  # noqa: ARG001 - the signature of all scorers
    from river import anomaly

    return _over_dictionaries(anomaly.OneClassSVM(), X)


def local_outlier_factor(X: Array, seed: int) -> Array:  # noqa: ARG001
    from river import anomaly

    return _over_dictionaries(anomaly.LocalOutlierFactor(), X)


def _over_dictionaries(model: Any, X: Array) -> Array:
    scores = np.empty(len(X))
    for i, row in enumerate(X.tolist()):
        x = dict(enumerate(row))
        scores[i] = model.score_one(x)
        model.learn_one(x)
    return scores


# ---------------------------------------------------------------- pysad


def exact_storm(X: Array, seed: int) -> Array:  # noqa: ARG001 - the signature of all scorers
    from pysad.models import ExactStorm

    return _over_rows(ExactStorm(), X)


def pysad_loda(X: Array, seed: int) -> Array:
    from pysad.models import LODA

    return _over_rows(LODA(random_state=seed), X)


def rs_hash(X: Array, seed: int) -> Array:
    from pysad.models import RSHash

    d = X.shape[1]
    model = RSHash(feature_mins=np.zeros(d), feature_maxes=np.ones(d), random_state=seed)
    return _over_rows(model, X)


def _over_rows(model: Any, X: Array) -> Array:
    scores = np.empty(len(X))
    for i, x in enumerate(X):
        scores[i] = model.score_partial(x)
        model.fit_partial(x)
    return scores


# ---------------------------------------------------------------- random cut forests and others


def krcf_forest(X: Array, seed: int) -> Array:
    from krcf import RandomCutForest

    options = {"dimensions": X.shape[1], "shingle_size": 1, "random_seed": seed}
    return _forest(RandomCutForest(options), X)


def rcf3_forest(X: Array, seed: int) -> Array:
    from rcf3 import Forest

    return _forest(Forest(X.shape[1], seed=seed), X)


def online_isolation_forest(X: Array, seed: int) -> Array:
    from rcf3 import OnlineIForest

    return _forest(OnlineIForest(X.shape[1], seed=seed), X)


def _forest(model: Any, X: Array) -> Array:
    scores = np.empty(len(X))
    for i, row in enumerate(X.tolist()):
        scores[i] = model.score(row)
        model.update(row)
    return scores


def sdo_stream(X: Array, seed: int) -> Array:
    from dSalmon.outlier import SDOstream

    # It has no default sizes; these did best of three pairs that were tried.
    return np.asarray(SDOstream(k=100, T=1000, seed=seed).fit_predict(X))


PEERS: dict[str, Peer] = {
    "pysad ExactStorm": Peer(exact_storm, "pysad", seeded=False),
    "pysad LODA": Peer(pysad_loda, "pysad"),
    "pysad RSHash": Peer(rs_hash, "pysad", prepared=rescale),
    "krcf RandomCutForest": Peer(krcf_forest, "krcf"),
    "rcf3 Forest": Peer(rcf3_forest, "rcf3"),
    "rcf3 OnlineIForest": Peer(online_isolation_forest, "rcf3"),
    "dSalmon SDOstream": Peer(sdo_stream, "dSalmon"),
    "river HalfSpaceTrees": Peer(half_space_trees, "river", prepared=rescale),
    "river LODA": Peer(river_loda, "river"),
    "river OneClassSVM": Peer(one_class_svm, "river", seeded=False),
    "river LocalOutlierFactor": Peer(local_outlier_factor, "river", seeded=False),
    "sklearn IsolationForest, refitted": Peer(isolation_forest, "scikit-learn"),
    "sklearn GaussianMixture, refitted": Peer(gaussian_mixture, "scikit-learn"),
    "one full Gaussian": Peer(full_gaussian, "", seeded=False),
    "one diagonal Gaussian": Peer(diagonal_gaussian, "", seeded=False),
}
