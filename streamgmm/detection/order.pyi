import numpy as np
from numpy.typing import NDArray

def exchanged(
    ordered: NDArray[np.float64], gone: NDArray[np.float64], came: NDArray[np.float64]
) -> NDArray[np.float64]: ...
