import numpy as np
from numpy.typing import NDArray

def iso_times(microseconds: NDArray[np.int64]) -> list[str]: ...
