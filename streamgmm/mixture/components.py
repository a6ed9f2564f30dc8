"""A mixture's components as plain arrays, packed: what changes of structure work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .covariance import Covariance, packed_outer

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Components:
    """K slots for components, in frame units; one of weight 0 is empty.

    ``ids`` (K,) name the components, ``weights``, ``counts`` n_k and ``tenure`` (K,), ``means``
    (K, d), ``scatters`` (K, size) packed as ``covariance`` says. Nothing here is written to.
    """

    covariance: Covariance
    ids: NDArray[np.uint64]
    weights: Array
    counts: Array
    tenure: Array
    means: Array
    scatters: Array

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.means.shape[1])

    @property
    def occupied(self) -> NDArray[np.bool_]:
        """(K,) whether a slot holds a component."""
        return np.asarray(self.weights > 0.0)

    def outer(self, vectors: Array) -> Array:
        """Return v v^T of vectors (..., d), packed (..., size)."""
        return packed_outer(self.covariance, vectors)

    def pooled(self) -> Array:
        """Return T = sum_k w_k S_k, packed (size,)."""
        T: Array = (self.weights[:, None] * self.scatters).sum(axis=0)
        return T
