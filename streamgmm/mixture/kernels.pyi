from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

LANES: int
THRESHOLDS: int
REACH: float

def exp(x: NDArray[np.float64]) -> NDArray[np.float64]: ...
def log(x: NDArray[np.float64]) -> NDArray[np.float64]: ...

class Engine:
    arrays: dict[str, NDArray[np.float64]]
    def __init__(
        self,
        components: int,
        d: int,
        size: int,
        rules: Mapping[str, int | float | Sequence[float]],
        arrays: dict[str, NDArray[np.float64]],
    ) -> None: ...
    def score(self, X: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]: ...
    def expect(
        self, X: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
    def learn(
        self, X: NDArray[np.float64], u: NDArray[np.float64], t: NDArray[np.float64]
    ) -> None: ...
    def score_learn(
        self, X: NDArray[np.float64], u: NDArray[np.float64], t: NDArray[np.float64]
    ) -> NDArray[np.float64]: ...
    def touch(self) -> None: ...
    def factorise(self) -> None: ...
    def expectation_maximisation(
        self,
        X: NDArray[np.float64],
        weight: NDArray[np.float64],
        given: NDArray[np.float64] | None = None,
        pooled: NDArray[np.float64] | None = None,
    ) -> float: ...
