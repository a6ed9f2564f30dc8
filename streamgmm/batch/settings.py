"""What may be asked of a fit: each parameter within its bounds, given starts of the right shape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import Gaussians
from streamgmm.mixture.covariance import Covariance, covariance_of
from streamgmm.values import check_number, check_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

Array: TypeAlias = NDArray[np.float64]

INITS = ("kmeans++", "kmeans", "random")


def check_settings(settings: Mapping[str, Any]) -> Covariance:
    """Refuse parameters of a fit that are not allowed; returns the covariance type.

    Raises
    ------
    ValueError
        It names what was got and what is allowed.
    """
    check_whole("n_components", settings["n_components"], 1)
    check_whole("n_init", settings["n_init"], 1)
    check_whole("max_iter", settings["max_iter"], 1)
    check_number("tol", settings["tol"], 0.0, math.inf, "0 takes max_iter steps")
    check_number("reg_covar", settings["reg_covar"], 0.0, math.inf, "it is added to every variance")
    check_number("shrinkage", settings["shrinkage"], 0.0, math.inf, "0 is off")
    if settings["seed"] is not None:
        check_whole("seed", settings["seed"], 0)
    if settings["init"] not in INITS:
        allowed = ", ".join(f'"{name}"' for name in INITS)
        raise ValueError(f"init is {settings['init']!r}; allowed are {allowed}")
    return covariance_of(settings["covariance"])


@dataclass(frozen=True, slots=True)
class GivenStart:
    """What the user says of the start; None is for the seeding to say.

    Weights (K,), means (K, d) and covariances (K, d, d), in the user's units.
    """

    weights: Array | None
    means: Array | None
    covariances: Array | None

    @property
    def says_something(self) -> bool:
        """Whether anything was given, and with it an order of the components."""
        return not (self.weights is None and self.means is None and self.covariances is None)

    def over(self, seeded: Gaussians) -> Gaussians:
        """Return what the seeding says, and in its place what the user does."""
        return Gaussians(
            seeded.weights if self.weights is None else self.weights,
            seeded.means if self.means is None else self.means,
            seeded.covariances if self.covariances is None else self.covariances,
        )

    def alone(self) -> Gaussians | None:
        """Return the start if nothing is left for the seeding to say."""
        if self.weights is None or self.means is None or self.covariances is None:
            return None
        return Gaussians(self.weights, self.means, self.covariances)


def given_start(settings: Mapping[str, Any], covariance: Covariance, d: int) -> GivenStart:
    """Return ``weights_init``, ``means_init`` and ``precisions_init``, checked.

    Raises
    ------
    ValueError
        If one has another shape than n_components and features make it, is not finite, or is not
        what it should be: shares that sum to 1, precisions that have an inverse.
    """
    K = settings["n_components"]
    weights = _array(settings["weights_init"], "weights_init", (K,))
    means = _array(settings["means_init"], "means_init", (K, d))
    precisions = _array(
        settings["precisions_init"], "precisions_init", covariance.concise_shape(K, d)
    )
    if weights is not None:
        if (weights < 0.0).any() or not math.isclose(weights.sum(), 1.0, abs_tol=1e-6):
            raise ValueError(
                f"weights_init are {weights.min():g} to {weights.max():g} and sum to "
                f"{weights.sum():g}; they must be shares: 0 or more each, 1 together"
            )
        weights = weights / weights.sum()
    if precisions is None:
        return GivenStart(weights, means, None)
    return GivenStart(weights, means, _inverses(covariance.matrices(precisions, K, d)))


def _array(value: Any, name: str, shape: tuple[int, ...]) -> Array | None:
    if value is None:
        return None
    array = np.array(value, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(
            f"{name} has shape {array.shape}; it must be {shape}, by n_components, covariance and "
            "the number of features"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has values that are infinite or NaN; give finite numbers")
    return array


def _inverses(precisions: Array) -> Array:
    """Return the covariances (K, d, d) of precisions, which must be positive definite."""
    symmetric = np.allclose(precisions, np.swapaxes(precisions, 1, 2))
    if not symmetric or not (np.linalg.eigvalsh(precisions) > 0.0).all():
        raise ValueError(
            "precisions_init must be inverses of covariances: positive and, where they are "
            "matrices, symmetric and positive definite"
        )
    covariances = np.linalg.inv(precisions)
    return np.asarray(0.5 * (covariances + np.swapaxes(covariances, 1, 2)), dtype=np.float64)
