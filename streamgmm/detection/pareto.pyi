import numpy as np
from numpy.typing import NDArray

POINTS: int

def weigh(law: NDArray[np.float64], excesses: NDArray[np.float64]) -> None: ...
def survival(
    law: NDArray[np.float64], excesses: NDArray[np.float64], out: NDArray[np.float64]
) -> None: ...
def quantile(law: NDArray[np.float64], probability: float) -> float: ...
def admit(
    law: NDArray[np.float64],
    known: NDArray[np.float64],
    share: float,
    excesses: NDArray[np.float64],
    rule: NDArray[np.float64],
    most_outside: float,
    tokens: NDArray[np.float64],
    admitted: NDArray[np.uint8],
) -> None: ...
