"""A Gaussian mixture as a plain value: a density to evaluate, condition, sample and write down.

It has no frame, forgets nothing and learns nothing: weights, means and covariances in the user's
units, which is what textbooks call a Gaussian mixture. What is derived from it (the mixture of
some features, or of some given others) is one again.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamgmm.values import check_whole, generator_of, is_number, is_whole

from .checked import ROUNDING, check_covariances, names_of, numbers, rows_of
from .gaussians import Conditioning, by_what_is_missing, cholesky, draw
from .likelihood import Gaussians, mixture_of, plain
from .online import OnlineMixture

Array = NDArray[np.float64]


class Expectation(NamedTuple):
    """What rows are expected to be where they are missing; see `Mixture.expect`."""

    mean: Array
    """(n, d) the rows, each missing value replaced by its conditional expectation."""
    spread: Array
    """(n, d) one standard deviation of what is missing given the rest; 0 where observed."""


@dataclass(frozen=True, eq=False, repr=False)
class Mixture:
    """A Gaussian mixture p(x) = sum_k w_k N(x; mu_k, Sigma_k).

    A value: it never changes, compares by its parameters, and can be pickled; `to_dict` gives what
    the constructor takes, ready for JSON. In rows, NaN means missing, and what is said of such a
    row holds for what is observed.

    Parameters
    ----------
    weights
        w (K,), not negative; they sum to 1.
    means
        mu (K, d).
    covariances
        Sigma (K, d, d), symmetric and positive definite.
    feature_names
        (d,) distinct names of the features; 0 .. d-1 if not given.
    component_names
        (K,) names of the components; 0 .. K-1 if not given.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is not finite, or a covariance is not positive definite.

    Examples
    --------
    >>> from streamgmm import Mixture
    >>> sizes = Mixture(
    ...     weights=[0.75, 0.25],
    ...     means=[[0.0, 0.0], [4.0, 8.0]],
    ...     covariances=[[[1.0, 0.5], [0.5, 1.0]], [[1.0, 0.0], [0.0, 4.0]]],
    ...     feature_names=["size", "time"],
    ... )
    >>> sizes.mean.tolist()
    [1.0, 2.0]
    >>> sizes.marginal(["time"]).means.tolist()
    [[0.0], [8.0]]
    >>> given = sizes.conditional({"size": 4.0})
    >>> given.weights.round(3).tolist(), given.means.tolist()
    ([0.001, 0.999], [[2.0], [8.0]])
    >>> sizes.expect([[4.0, float("nan")]]).mean.round(2).tolist()
    [[4.0, 7.99]]
    """

    weights: Array
    means: Array
    covariances: Array
    feature_names: tuple[Hashable, ...] = ()
    component_names: tuple[Hashable, ...] = ()

    def __init__(
        self,
        weights: ArrayLike,
        means: ArrayLike,
        covariances: ArrayLike,
        feature_names: Sequence[Hashable] | None = None,
        component_names: Sequence[Hashable] | None = None,
    ) -> None:
        w, mu, sigma = (numbers(*one) for one in (
            ("weights", weights), ("means", means), ("covariances", covariances),
        ))  # fmt: skip
        if mu.ndim != 2 or 0 in mu.shape:
            raise ValueError(f"means have shape {mu.shape}; (K, d) is needed, a row a component")
        K, d = mu.shape
        for name, array, due in (("weights", w, (K,)), ("covariances", sigma, (K, d, d))):
            if array.shape != due:
                raise ValueError(
                    f"{name} have shape {array.shape}; {due} is needed, as means are {mu.shape}"
                )
        if (w < 0.0).any() or abs(w.sum() - 1.0) > ROUNDING:
            raise ValueError(
                f"weights are {w.tolist()!r:.80} and sum to {w.sum():.6g}; they must not be "
                "negative and sum to 1: divide them by their sum"
            )
        components = names_of("component_names", component_names, K)
        check_covariances(sigma, components)
        for name, array in (("weights", w), ("means", mu), ("covariances", sigma)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "feature_names", names_of("feature_names", feature_names, d))
        object.__setattr__(self, "component_names", components)

    # ---- the value -----------------------------------------------------------------------

    @property
    def n_components(self) -> int:
        """The number K of components."""
        return len(self.weights)

    @property
    def n_features(self) -> int:
        """The number d of features."""
        return int(self.means.shape[1])

    @property
    def mean(self) -> Array:
        """E[x] (d,) of the whole."""
        return np.asarray(self.weights @ self.means)

    @property
    def covariance(self) -> Array:
        """Cov[x] (d, d) of the whole: within the components and between them."""
        off = self.means - self.mean
        within = np.einsum("k,kij->ij", self.weights, self.covariances)
        return np.asarray(within + np.einsum("k,ki,kj->ij", self.weights, off, off))

    def to_dict(self) -> dict[str, Any]:
        """Return lists of plain numbers and names, from which `Mixture(**...)` makes its equal."""
        return {
            "weights": self.weights.tolist(),
            "means": self.means.tolist(),
            "covariances": self.covariances.tolist(),
            "feature_names": list(self.feature_names),
            "component_names": list(self.component_names),
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mixture):
            return NotImplemented
        return (
            self.feature_names == other.feature_names
            and self.component_names == other.component_names
            and all(
                np.array_equal(getattr(self, name), getattr(other, name))
                for name in ("weights", "means", "covariances")
            )
        )

    def __hash__(self) -> int:
        return hash((self.feature_names, self.component_names, tuple(self.weights.tolist())))

    def __repr__(self) -> str:
        names = [str(name) for name in self.feature_names]
        several = "component" if self.n_components == 1 else "components"
        return f"<Mixture of {self.n_components} {several} over {', '.join(names)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.weights, self.means, self.covariances)
        return type(self), (*parts, self.feature_names, self.component_names)

    # ---- the density ---------------------------------------------------------------------

    def logpdf(self, X: Any) -> Array:
        """Return log p(x) (n,), in nats, of rows X (n, d); 0 where nothing is observed.

        A row that lacks values has the density of those it has (the marginal): densities over
        different features have different units, and cannot be compared. From some 1e30 spreads
        on it hardly falls any further.

        Parameters
        ----------
        X
            Rows (n, d), columns as in `feature_names`, NaN = missing; or a data frame of pandas or
            Polars, whose columns are features by name.

        Raises
        ------
        TypeError
            If it does not hold numbers.
        ValueError
            If it has another shape, lacks a feature's column, or a value is infinite.
        """
        return self._kernels.expect(self._rows(X))[0]

    def pdf(self, X: Any) -> Array:
        """Return p(x) (n,) of rows X (n, d), as `logpdf` does; far out it is 0."""
        return np.exp(self.logpdf(X))

    def responsibilities(self, X: Any) -> Array:
        """Return P(k | x) (n, K) for rows X (n, d); the weights where nothing is observed."""
        return self._kernels.expect(self._rows(X))[1]

    def expect(self, X: Any) -> Expectation:
        """Return what is missing in rows X (n, d) given what is there: its mean and spread.

        Regression by conditioning, in any direction (Ghahramani & Jordan 1994): with
        responsibilities r_k from what is observed, E[x_m | x_o] = sum_k r_k e_k and
        Var[x_m | x_o] = sum_k r_k (v_k + (e_k - E)^2), e_k and v_k the conditional mean and
        variance of component k.
        """
        rows = self._rows(X)
        mean, spread = rows.copy(), np.zeros(rows.shape)
        responsibilities = self._kernels.expect(rows)[1]
        for at, observed, missing in by_what_is_missing(rows):
            if not len(missing):
                continue
            given = Conditioning(self.means, self._factors, observed, missing)
            expected, r = given.expected(rows[at]), responsibilities[at]
            centre = np.einsum("nk,kni->ni", r, expected)
            within = r @ np.einsum("kii->ki", given.covariances)
            between = np.einsum("nk,kni->ni", r, (expected - centre) ** 2)
            mean[np.ix_(at, missing)] = centre
            spread[np.ix_(at, missing)] = np.sqrt(within + between)
        return Expectation(mean, spread)

    def sample(self, n: int, rng: np.random.Generator | int) -> tuple[Array, NDArray[np.int64]]:
        """Draw rows.

        Parameters
        ----------
        n
            How many.
        rng
            A generator, or a seed: equal seeds give equal rows.

        Returns
        -------
        tuple
            Rows (n, d), and the numbers (n,) of the components they came from.
        """
        check_whole("n", n, 0)
        generator = generator_of("rng", rng)
        weights = self.weights / self.weights.sum()
        return draw(n, weights, self.means, self._factors, generator)

    # ---- mixtures from it ----------------------------------------------------------------

    def marginal(self, features: Sequence[Hashable]) -> Self:
        """Return the mixture of some features, in the order given, whatever the others are.

        Parameters
        ----------
        features
            Names, or column numbers where no feature has such a name.
        """
        if isinstance(features, str) or not isinstance(features, Sequence):
            raise TypeError(f"features are {features!r:.80}; give a list of them")
        columns = [self.column(feature) for feature in features]
        if not columns or len(set(columns)) < len(columns):
            raise ValueError(
                f"features are {list(features)!r:.80}; give at least one, and each but once"
            )
        return self._over(
            columns,
            self.weights,
            self.means[:, columns],
            self.covariances[np.ix_(range(self.n_components), columns, columns)],
        )

    def conditional(self, given: Mapping[Any, float]) -> Self:
        """Return the mixture of the other features where some have the values given.

        w_k becomes w_k N(x_o; mu_k, Sigma_k) / p(x_o), mu_k and Sigma_k those of x_m given x_o.

        Parameters
        ----------
        given
            Values by feature: names, or column numbers where no feature has such a name.

        Raises
        ------
        TypeError
            If it is no mapping.
        ValueError
            If there is no such feature, no other is left, or a value is no finite number.
        """
        if not isinstance(given, Mapping):
            raise TypeError(f"given is {given!r:.80}; give values by feature, as a dictionary")
        row = np.full((1, self.n_features), np.nan)
        for feature, value in given.items():
            column = self.column(feature)
            if not is_number(value) or not np.isfinite(value):
                raise ValueError(
                    f"feature {feature!r} is given as {value!r:.80}; give a finite number, and "
                    "leave out what is not known"
                )
            if not np.isnan(row[0, column]):
                raise ValueError(f"feature {self.feature_names[column]!r} is given twice")
            row[0, column] = value
        observed, missing = np.flatnonzero(~np.isnan(row[0])), np.flatnonzero(np.isnan(row[0]))
        if not len(missing):
            raise ValueError("all features are given; leave out those to know the mixture of")
        conditioning = Conditioning(self.means, self._factors, observed, missing)
        weights, means = self.responsibilities(row)[0], conditioning.expected(row)[:, 0]
        return self._over(missing.tolist(), weights, means, conditioning.covariances)

    def column(self, feature: Hashable) -> int:
        """Return the number of a feature's column, from its name or from that number itself."""
        if feature in self.feature_names:
            return self.feature_names.index(feature)
        if is_whole(feature) and 0 <= feature < self.n_features:
            return feature
        raise ValueError(
            f"there is no feature {feature!r:.80}; the mixture has {list(self.feature_names)}, "
            f"or 0 to {self.n_features - 1}"
        )

    # ---- inside --------------------------------------------------------------------------

    def _over(self, columns: list[int], weights: Array, means: Array, covariances: Array) -> Self:
        names = [self.feature_names[i] for i in columns]
        return type(self)(weights, means, covariances, names, self.component_names)

    def _rows(self, X: Any) -> Array:
        return np.ascontiguousarray(rows_of(X, self.feature_names))

    @cached_property
    def _factors(self) -> Array:
        """Lower Cholesky factors (K, d, d) of the covariances."""
        return cholesky(self.covariances)

    @cached_property
    def _kernels(self) -> OnlineMixture:
        """The compiled arithmetic over these parameters; made when it is first asked."""
        given = Gaussians(self.weights, self.means, self.covariances)
        return mixture_of(given, plain("full"))
