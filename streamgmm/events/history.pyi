from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAMES: tuple[str, ...]

class KeyTable:
    keys: int
    def __init__(
        self, histories: Sequence[str], half_lives: Sequence[float], keys: int
    ) -> None: ...
    def __len__(self) -> int: ...
    def block(
        self,
        keys: list[str | None],
        time: NDArray[np.float64],
        values: NDArray[np.float64],
        out: NDArray[np.float64],
        learn: bool = True,
        count: bool = True,
    ) -> None: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, state: Mapping[str, Any]) -> None: ...
