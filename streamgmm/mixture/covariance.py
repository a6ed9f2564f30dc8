"""Covariance types as strategy objects: how one is packed, and what it looks like unpacked.

A type is a class here (its layout for Python) and arithmetic for the kernels (``covariance.h``,
over the triangles of ``full.h`` and the diagonals of ``diag.h``), joined by ``kind``. Statistics
live with components innermost in groups of lanes; the functions here turn that into plain
(K, ...) arrays and back.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@lru_cache(maxsize=64)
def _triangle(d: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of a lower triangle, by rows; kept, since making them takes long."""
    rows, columns = np.tril_indices(d)
    return rows, columns


class Covariance(Protocol):
    """One covariance type.

    ``shared``: one factor serves all components.
    """

    name: ClassVar[str]
    kind: ClassVar[int]
    shared: ClassVar[bool]

    def size(self, d: int) -> int:
        """Return the number of packed entries of one (d, d) covariance."""

    def entries(self, d: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return rows and columns (size,) of the entries that one packed covariance has."""

    def pack(self, matrices: Array) -> Array:
        """Pack (..., d, d) symmetric matrices into (..., size)."""

    def unpack(self, packed: Array, d: int) -> Array:
        """Unpack (..., size) into (..., d, d) symmetric matrices."""

    def unpack_factor(self, packed: Array, d: int) -> Array:
        """Unpack (..., size) into (..., d, d) lower triangular inverse Cholesky factors."""

    def variance_of_newcomer(self, packed: Array) -> Array:
        """Return the variance (K,) that a feature joins with, from scatters (K, size)."""

    def concise(self, matrices: Array) -> Array:
        """Return (K, d, d) covariances with nothing said twice: scikit-learn's form of them."""

    def matrices(self, concise: Array, components: int, d: int) -> Array:
        """Return the (K, d, d) covariances of which ``concise`` is the concise form."""

    def concise_shape(self, components: int, d: int) -> tuple[int, ...]:
        """Return the shape of the concise form."""

    def free_parameters(self, components: int, d: int) -> int:
        """Return how many numbers all covariances together consist of."""


def packed_outer(covariance: Covariance, vectors: Array) -> Array:
    """Return the packed products (..., size) of vectors (..., d) with themselves."""
    rows, columns = covariance.entries(vectors.shape[-1])
    return np.asarray(vectors[..., rows] * vectors[..., columns])


class Full:
    """Every component has a covariance of its own, with correlations."""

    name: ClassVar[str] = "full"
    kind: ClassVar[int] = 0
    shared: ClassVar[bool] = False

    def size(self, d: int) -> int:
        """Return d (d + 1) / 2."""
        return d * (d + 1) // 2

    def entries(self, d: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return those of a lower triangle, by rows."""
        return _triangle(d)

    def pack(self, matrices: Array) -> Array:
        """Pack the lower triangles of (..., d, d) by rows."""
        rows, columns = _triangle(matrices.shape[-1])
        return np.ascontiguousarray(matrices[..., rows, columns])

    def unpack_factor(self, packed: Array, d: int) -> Array:
        """Unpack into (..., d, d) lower triangles."""
        rows, columns = _triangle(d)
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

    def variance_of_newcomer(self, packed: Array) -> Array:
        """Return 1 for each: the scale that its frame was given."""
        return np.ones(len(packed))

    def concise(self, matrices: Array) -> Array:
        """Return them as they are."""
        return matrices

    def matrices(self, concise: Array, components: int, d: int) -> Array:  # noqa: ARG002
        """Return them as they are."""
        return concise

    def concise_shape(self, components: int, d: int) -> tuple[int, ...]:
        """Return (K, d, d)."""
        return components, d, d

    def free_parameters(self, components: int, d: int) -> int:
        """Return K d (d + 1) / 2."""
        return components * self.size(d)


class Tied(Full):
    """Components have one covariance in common, with correlations: that of the pooled scatter.

    Each keeps its own scatter, so that mixtures merge, and components part, as with "full".
    """

    name: ClassVar[str] = "tied"
    kind: ClassVar[int] = 2
    shared: ClassVar[bool] = True

    def concise(self, matrices: Array) -> Array:
        """Return the one that all have."""
        one: Array = matrices[0]
        return one

    def matrices(self, concise: Array, components: int, d: int) -> Array:
        """Return the one for each."""
        return np.broadcast_to(concise, (components, d, d)).copy()

    def concise_shape(self, components: int, d: int) -> tuple[int, ...]:  # noqa: ARG002
        """Return (d, d)."""
        return d, d

    def free_parameters(self, components: int, d: int) -> int:  # noqa: ARG002
        """Return d (d + 1) / 2."""
        return self.size(d)


class Diag:
    """Every component has variances of its own, and no correlations."""

    name: ClassVar[str] = "diag"
    kind: ClassVar[int] = 1
    shared: ClassVar[bool] = False

    def size(self, d: int) -> int:
        """Return d."""
        return d

    def entries(self, d: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return those of the diagonal."""
        return np.arange(d), np.arange(d)

    def pack(self, matrices: Array) -> Array:
        """Pack the diagonals of (..., d, d)."""
        return np.ascontiguousarray(np.einsum("...ii->...i", matrices))

    def unpack(self, packed: Array, d: int) -> Array:
        """Unpack into (..., d, d) diagonal matrices."""
        matrices = np.zeros((*packed.shape[:-1], d, d))
        np.einsum("...ii->...i", matrices)[...] = packed
        return matrices

    unpack_factor = unpack

    def variance_of_newcomer(self, packed: Array) -> Array:
        """Return 1 for each: the scale that its frame was given."""
        return np.ones(len(packed))

    def concise(self, matrices: Array) -> Array:
        """Return the variances."""
        return self.pack(matrices)

    def matrices(self, concise: Array, components: int, d: int) -> Array:  # noqa: ARG002
        """Return diagonal matrices."""
        return self.unpack(concise, d)

    def concise_shape(self, components: int, d: int) -> tuple[int, ...]:
        """Return (K, d)."""
        return components, d

    def free_parameters(self, components: int, d: int) -> int:
        """Return K d."""
        return components * d


class Spherical(Diag):
    """Every component has one variance of its own, the same in each feature of the frame.

    That is the mean of its features' second moments, which are kept apart so that the frame can
    move. A feature that joins has that variance too and so leaves it as it is.
    """

    name: ClassVar[str] = "spherical"
    kind: ClassVar[int] = 3

    def variance_of_newcomer(self, packed: Array) -> Array:
        """Return the mean of the component's variances."""
        mean: Array = packed.mean(axis=1)
        return mean

    def concise(self, matrices: Array) -> Array:
        """Return the variance of each."""
        variances: Array = np.einsum("kii->ki", matrices)[:, 0].copy()
        return variances

    def matrices(self, concise: Array, components: int, d: int) -> Array:
        """Return multiples of the identity."""
        return self.unpack(np.broadcast_to(concise[:, None], (components, d)), d)

    def concise_shape(self, components: int, d: int) -> tuple[int, ...]:  # noqa: ARG002
        """Return (K,)."""
        return (components,)

    def free_parameters(self, components: int, d: int) -> int:  # noqa: ARG002
        """Return K."""
        return components


COVARIANCES: dict[str, Covariance] = {
    kind.name: kind for kind in (Full(), Tied(), Diag(), Spherical())
}


# Decided when a warm-up ends.
AUTO = "auto"
# Features above which K d^2 numbers are more than an event should have to pass through.
_MOST_CORRELATED = 256


def decide(d: int, events: int) -> str:
    """Return the type for d features after so many events: "full", or "diag" where d is high.

    Estimating d (d + 1) / 2 second moments from n events costs about d (d + 1) / (4 n) nats an
    event of those to come. From two events a feature on that is an eighth of a nat a feature, less
    than the correlations of real features are worth.
    """
    return "full" if 2 * d <= events and d <= _MOST_CORRELATED else "diag"


def covariance_of(name: str) -> Covariance:
    """Return the covariance type called ``name``; ValueError names those there are."""
    try:
        return COVARIANCES[name]
    except (KeyError, TypeError):  # the latter of what has no hash, such as a list
        allowed = ", ".join(f'"{known}"' for known in COVARIANCES)
        if name == AUTO:
            raise ValueError(
                f'covariance "{AUTO}" is decided when a warm-up ends; here it must be {allowed}'
            ) from None
        raise ValueError(f"covariance is {name!r}; allowed are {allowed}") from None
