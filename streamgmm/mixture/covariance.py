"""Covariance types as strategy objects: how one is packed, and what it looks like unpacked.

A type is a class here (its layout for Python) and a header beside it (``full.h``, ``diag.h``: its
arithmetic for the kernels), joined by ``kind``. Statistics live with components innermost in
groups of lanes; the functions here turn that into plain (K, ...) arrays and back.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Covariance(Protocol):
    """One covariance type."""

    name: ClassVar[str]
    kind: ClassVar[int]

    def size(self, d: int) -> int:
        """Return the number of packed entries of one (d, d) covariance."""

    def pack(self, matrices: Array) -> Array:
        """Pack (..., d, d) symmetric matrices into (..., size)."""

    def unpack(self, packed: Array, d: int) -> Array:
        """Unpack (..., size) into (..., d, d) symmetric matrices."""

    def unpack_factor(self, packed: Array, d: int) -> Array:
        """Unpack (..., size) into (..., d, d) lower triangular inverse Cholesky factors."""


class Full:
    """Every component has a covariance of its own, with correlations."""

    name: ClassVar[str] = "full"
    kind: ClassVar[int] = 0

    def size(self, d: int) -> int:
        """Return d (d + 1) / 2."""
        return d * (d + 1) // 2

    def pack(self, matrices: Array) -> Array:
        """Pack the lower triangles of (..., d, d) by rows."""
        rows, columns = np.tril_indices(matrices.shape[-1])
        return np.ascontiguousarray(matrices[..., rows, columns])

    def unpack_factor(self, packed: Array, d: int) -> Array:
        """Unpack into (..., d, d) lower triangles."""
        rows, columns = np.tril_indices(d)
        matrices = np.zeros((*packed.shape[:-1], d, d))
        matrices[..., rows, columns] = packed
        return matrices

    def unpack(self, packed: Array, d: int) -> Array:
        """Unpack into (..., d, d) symmetric matrices."""
        lower = self.unpack_factor(packed, d)
        diagonal = np.einsum("...ii->...i", lower).copy()
        both = lower + np.swapaxes(lower, -1, -2)
        np.einsum("...ii->...i", both)[...] = diagonal
        return both


class Diag:
    """Every component has variances of its own, and no correlations."""

    name: ClassVar[str] = "diag"
    kind: ClassVar[int] = 1

    def size(self, d: int) -> int:
        """Return d."""
        return d

    def pack(self, matrices: Array) -> Array:
        """Pack the diagonals of (..., d, d)."""
        return np.ascontiguousarray(np.einsum("...ii->...i", matrices))

    def unpack(self, packed: Array, d: int) -> Array:
        """Unpack into (..., d, d) diagonal matrices."""
        matrices = np.zeros((*packed.shape[:-1], d, d))
        np.einsum("...ii->...i", matrices)[...] = packed
        return matrices

    unpack_factor = unpack


COVARIANCES: dict[str, Covariance] = {"full": Full(), "diag": Diag()}


def covariance_of(name: str) -> Covariance:
    """Return the covariance type called ``name``; ValueError names those there are."""
    try:
        return COVARIANCES[name]
    except KeyError:
        allowed = ", ".join(f'"{known}"' for known in COVARIANCES)
        raise ValueError(f"covariance is {name!r}; allowed are {allowed}") from None
