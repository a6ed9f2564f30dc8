"""What a detector says about events."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .incidents import Sighting
from .reasons import Explanation
from .rows import Rows

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was found about each of n events, in columns (n,).

    ``score`` in nats; ``p_value`` the probability of a score at least as high and ``severity``
    min(100, -10 log10 p), both NaN while not ready; ``component`` the most responsible one (0 while
    not ready); ``incident`` the id of the one that it belongs to, 0 for none (an event of a muted
    incident has its id and is no anomaly); ``unscored``: nothing was observed. By row, for the
    anomalies: ``explanations``, and ``sightings`` of those that belong to an incident.
    """

    score: Array
    p_value: Array
    severity: Array
    is_anomaly: NDArray[np.bool_]
    ready: NDArray[np.bool_]
    unscored: NDArray[np.bool_]
    component: NDArray[np.int64]
    incident: NDArray[np.int64]
    explanations: dict[int, Explanation] = field(default_factory=dict)
    sightings: dict[int, Sighting] = field(default_factory=dict)


def undecided(rows: Rows) -> Verdicts:
    """Return verdicts on rows of which nothing is decided yet: they share scores and components."""
    n = len(rows)
    return Verdicts(
        score=rows.score,
        p_value=np.full(n, np.nan),
        severity=np.full(n, np.nan),
        is_anomaly=np.zeros(n, dtype=bool),
        ready=np.zeros(n, dtype=bool),
        unscored=_nothing_there(rows.X),
        component=rows.component,
        incident=np.zeros(n, dtype=np.int64),
    )


def _nothing_there(X: Array) -> NDArray[np.bool_]:
    """Return which rows (n,) of X (n, d) are missing altogether."""
    empty: NDArray[np.bool_] = np.isnan(X[:, 0])
    if empty.any():  # few are, so that the other columns are seldom looked at
        empty[empty] = np.isnan(X[empty]).all(axis=1)
    return empty


def severity_of(p_value: Array) -> Array:
    """Return min(100, -10 log10 p) of p-values (n,); NaN stays NaN."""
    severity: Array = np.minimum(-10.0 * np.log10(np.maximum(p_value, 1e-10)), 100.0)
    return severity
