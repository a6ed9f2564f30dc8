"""The protocol: which events in which order, scored before they are learned, judged how.

Rows in a fixed order (a permutation drawn with seed 0, but the natural order for time series), at
most 20,000; every event is scored, then learned; the first min(500, 10%) are not judged. Labels
are for measuring only.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamgmm.service.quality import average_precision, roc_auc

Array = NDArray[np.float64]
Scorer = Callable[[Array, int], Array]

MOST_EVENTS = 20_000
NATURAL_ORDER = ("nab_",)  # time series: their order is what there is to learn


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector in one configuration, the same for every set.

    Parameters
    ----------
    name
        What it is called in the tables.
    scorer
        From X (n, d) and a seed to the scores (n,), each given before its row was learned.
    version
        Of the code behind it; a result of another version is measured again.
    prepared
        What happens to X before, once a set; its time is not counted.
    seeded
        Whether its scores depend on the seed; one run is enough otherwise.
    """

    name: str
    scorer: Scorer
    version: str
    prepared: Callable[[Array], Array] = lambda X: X
    seeded: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """One detector on one set with one seed; ``seconds`` of processor time for all ``events``."""

    detector: str
    name: str
    seed: int
    roc_auc: float
    average_precision: float
    events: int
    seconds: float
    version: str
    digest: str
    seeded: bool


def load(path: Path) -> tuple[Array, NDArray[np.bool_]]:
    """Return X (n, d) and y (n,) of one set in the protocol's order."""
    with np.load(path) as stored:
        X, y = stored["X"].astype(np.float64), stored["y"] == 1
    if not path.stem.startswith(NATURAL_ORDER):
        order = np.random.default_rng(0).permutation(len(X))
        X, y = X[order], y[order]
    return np.ascontiguousarray(X[:MOST_EVENTS]), y[:MOST_EVENTS]


def digest(path: Path) -> str:
    """Return what tells the contents of a file from others."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def measure(detector: Detector, path: Path, seed: int) -> Result:
    """Run one detector over one set with one seed.

    Raises
    ------
    ValueError
        If a score is not a number: it could be ranked anywhere.
    """
    X, y = load(path)
    X = np.ascontiguousarray(detector.prepared(X))
    detector.scorer(X[:2], seed)  # imports its package, which is not the cost of an event
    start = time.process_time()
    scores = detector.scorer(X, seed)
    seconds = time.process_time() - start
    if np.isnan(scores).any():
        at = int(np.flatnonzero(np.isnan(scores))[0])
        raise ValueError(f"{detector.name} gave NaN as the score of event {at} of {path.stem}")
    judged = min(500, len(X) // 10)
    return Result(
        detector=detector.name,
        name=path.stem,
        seed=seed,
        roc_auc=roc_auc(y[judged:], scores[judged:]),
        average_precision=average_precision(y[judged:], scores[judged:]),
        events=len(X),
        seconds=seconds,
        version=detector.version,
        digest=digest(path),
        seeded=detector.seeded,
    )
