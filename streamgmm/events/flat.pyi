from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

class FlatReader:
    def __init__(
        self,
        numbers: Sequence[str],
        others: Mapping[str, Collection[type]],
        refused: Collection[str],
        required: Collection[str],
        make: Callable[..., Any],
    ) -> None: ...
    def read(
        self, values: Iterable[bytes | None], numbers: NDArray[np.float64]
    ) -> tuple[list[Any], list[int]]: ...
