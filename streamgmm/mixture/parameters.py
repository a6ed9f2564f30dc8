"""What a mixture has come to, read off its arrays: weights, means, covariances and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from streamgmm.values import is_whole

from .gaussians import draw
from .kernels import LANES
from .rules import Rules, thresholds
from .statistics import Arrays, by_component

if TYPE_CHECKING:
    from .covariance import Covariance
    from .frame import Frame

Array = NDArray[np.float64]


class Parameters:
    """The part of a mixture that reads its arrays and changes nothing; all arrays are copies.

    ``_arrays`` are laid out as :func:`.statistics.empty_arrays` says, in units of ``frame``.
    """

    __slots__ = ()

    rules: Rules
    frame: Frame
    covariance: Covariance
    d: int
    n_components: int
    ids: NDArray[np.uint64]
    _arrays: Arrays

    @property
    def belief(self) -> float:
        """Share of the traffic that the belief in the pooled shape is worth now."""
        return self.rules.shrinkage * self.d / max(self.mass, 1.0)

    @property
    def mass(self) -> float:
        """N: the number of events that still count."""
        return float(self._arrays["mass"][0])

    @property
    def counts(self) -> Array:
        """n_k (K,): the mass behind each component's shape."""
        return by_component(self._arrays["count"], self.n_components)

    @property
    def tenure(self) -> Array:
        """(K,) how many events each component has explained, lately; inf where accepted."""
        return by_component(self._arrays["tenure"], self.n_components)

    @property
    def weights(self) -> Array:
        """w_k (K,): share of the traffic; they sum to 1."""
        return by_component(self._arrays["weight"], self.n_components)

    @property
    def support(self) -> Array:
        """(K,) how far each component is established, as of the latest of the looks at 64 events.

        The traffic in its vicinity, relative to the busiest, or the events explained there, in
        3,600; whichever is more.
        """
        either = np.maximum(self._arrays["traffic"], self._arrays["experience"])
        return by_component(either, self.n_components)

    @property
    def established(self) -> NDArray[np.bool_]:
        """(K,) whether a component counts as normal behaviour under some threshold.

        By the traffic in its vicinity or by its tenure; an empty slot never does.
        """
        return np.asarray((self.support >= min(thresholds(self.rules))) & (self.weights > 0.0))

    @property
    def fully_established(self) -> NDArray[np.bool_]:
        """(K,) whether a component counts as normal behaviour under every threshold."""
        return np.asarray((self.support >= max(thresholds(self.rules))) & (self.weights > 0.0))

    def standing(self, k: int) -> str:
        """Return what component k counts as.

        "normal" under every threshold, "partly" under some, "rare" under none, or "accepted".
        """
        if np.isinf(self.tenure[k]):
            return "accepted"
        if self.fully_established[k]:
            return "normal"
        return "partly" if self.established[k] else "rare"

    def check_component(self, k: object, what: str) -> None:
        """Refuse what is no component; ``what`` was to be done with it.

        Raises
        ------
        ValueError
            It says which there are.
        """
        if not is_whole(k) or not 0 <= k < self.n_components or self.weights[k] <= 0.0:
            raise ValueError(
                f"there is no component {k!r} to {what}; components are the slots 0 to "
                f"{self.n_components - 1} that have a weight"
            )

    @property
    def means(self) -> Array:
        """mu_k (K, d) in the user's units."""
        return self.frame.to_user(by_component(self._arrays["mean"], self.n_components))

    @property
    def factors(self) -> Array:
        """Inverse Cholesky factors (K, d, d) of the covariances in force, frame units."""
        return self.covariance.unpack_factor(self._packed_factors(), self.d)

    @property
    def factor_diagonals(self) -> Array:
        """(K, d) of the factors: each feature's inverse spread given those before it."""
        rows, columns = self.covariance.entries(self.d)
        factors = 1 if self.covariance.shared else self.n_components
        diagonals = by_component(self._arrays["factor"][:, rows == columns], factors)
        return np.broadcast_to(diagonals, (self.n_components, self.d))

    @property
    def covariances(self) -> Array:
        """Sigma_k (K, d, d) as last factorised, in the user's units.

        Of a component whose mean is beyond the frame's linear part in some feature, as it is close
        to its mean.
        """
        inverse = np.linalg.inv(self.covariance.unpack_factor(self._packed_factors(), self.d))
        means = by_component(self._arrays["mean"], self.n_components)
        slope = self.frame.slope(means)
        sigma: Array = (
            inverse @ np.swapaxes(inverse, 1, 2) * (slope[:, :, None] * slope[:, None, :])
        )
        return sigma

    def shape_in_frame(self, k: int) -> tuple[Array, Array]:
        """Return mean (d,) and covariance in force (d, d) of one component, in frame units."""
        packed = self._arrays["factor"][0 if self.covariance.shared else k // LANES, :, k % LANES]
        inverse = np.linalg.inv(self.covariance.unpack_factor(packed, self.d))
        mean = self._arrays["mean"][k // LANES, :, k % LANES].copy()
        return mean, inverse @ inverse.T

    def _packed_factors(self) -> Array:
        if self.covariance.shared:
            return np.repeat(by_component(self._arrays["factor"], 1), self.n_components, axis=0)
        return by_component(self._arrays["factor"], self.n_components)

    @property
    def log_determinants(self) -> Array:
        """log|Sigma_k| (K,) as last factorised, frame units."""
        return -2.0 * by_component(self._arrays["log_det"], self.n_components)

    @property
    def scatters(self) -> Array:
        """S_k (K, d, d), the components' own second moments, frame units."""
        packed = by_component(self._arrays["scatter"], self.n_components)
        return self.covariance.unpack(packed, self.d)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
        """Draw n events (n, d) in the user's units, and the components (n,) they came from."""
        weights = self.weights / self.weights.sum()
        # lower triangular: Sigma = spread spread^T
        spread: Array = np.asarray(np.linalg.inv(self.factors))
        means = by_component(self._arrays["mean"], self.n_components)
        Z, component = draw(n, weights, means, spread, rng)
        return self.frame.to_user(Z), component
