"""What a detector says about events."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .incidents import Sighting
from .reasons import Explanation

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
