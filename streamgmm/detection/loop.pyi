from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.detection.columns import Columns
from streamgmm.mixture.kernels import Engine

def score_learn(
    engine: Engine,
    X: NDArray[np.float64],
    weight: NDArray[np.float64],
    time: NDArray[np.float64],
    gate: NDArray[np.float64],
    gate_rule: NDArray[np.float64],
    drift: NDArray[np.float64],
    drift_rule: NDArray[np.float64],
    probes: NDArray[np.float64],
    ring: NDArray[np.float64],
    counters: NDArray[np.float64],
    scores: NDArray[np.float64],
    components: NDArray[np.int64],
    start: int,
    stop: int,
    threshold: float,
    known: bool,
) -> tuple[int, bool]: ...

class Stepper:
    engine: Engine
    learned: bool
    due: bool
    def __init__(
        self,
        engine: Engine,
        gate: NDArray[np.float64],
        gate_rule: NDArray[np.float64],
        drift: NDArray[np.float64],
        drift_rule: NDArray[np.float64],
        probes: NDArray[np.float64],
        ring: NDArray[np.float64],
        counters: NDArray[np.float64],
    ) -> None: ...
    def score(self, columns: Columns, x: dict[Hashable, Any]) -> float: ...
    def step(
        self, columns: Columns, x: dict[Hashable, Any], weight: float, time: float
    ) -> float | None: ...
