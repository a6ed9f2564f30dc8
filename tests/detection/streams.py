"""What the tests of detection share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from streamgmm.detection import Learner, Rows
from streamgmm.mixture import Rules

Array = NDArray[np.float64]


def learner(
    d: int, *, warmup: int = 100, gate: float | None = 0.98, structure: bool = True, **rules: Any
) -> Learner:
    return Learner(
        d, n_components=5, rules=Rules(**rules), warmup=warmup, gate=gate, seed=0,
        structure=structure,
    )  # fmt: skip


def run(learner: Learner, X: Array, *, w: Array | None = None, t: Array | None = None) -> Array:
    """Score and learn X in one block; returns the scores."""
    n = len(X)
    rows = Rows(X, np.ones(n) if w is None else w, np.full(n, np.nan) if t is None else t)
    learner.score_learn(rows)
    return rows.score


def roc_auc(scores: Array, label: NDArray[np.bool_]) -> float:
    """Return the probability that an anomaly scores above a normal event."""
    n = int(label.sum())
    ranks = rankdata(scores)
    return float((ranks[label].sum() - n * (n + 1) / 2) / (n * (len(label) - n)))
