import numpy as np
from numpy.typing import NDArray

def count_neighbours(Y: NDArray[np.float64], first: int, radius2: float) -> NDArray[np.int64]: ...
