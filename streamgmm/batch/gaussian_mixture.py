"""The Gaussian mixture by batch EM, with scikit-learn's conventions."""

from __future__ import annotations

import warnings
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamgmm.batch.conventions import (
    ConvergenceWarning,
    rows_to_fit,
)
from streamgmm.batch.fitted import FittedMixture
from streamgmm.batch.settings import GivenStart, check_settings, given_start
from streamgmm.batch.starts import seeded
from streamgmm.mixture import DegenerateError
from streamgmm.mixture.covariance import covariance_of
from streamgmm.mixture.distinct import by_missing, distinct
from streamgmm.mixture.likelihood import Climb, climb, frame_of, mixture_of, plain, pooled

Array: TypeAlias = NDArray[np.float64]


class GaussianMixture(FittedMixture):
    """Gaussian mixture fitted by expectation-maximisation, also to incomplete data.

    Parameters
    ----------
    n_components
        K, number of Gaussians.
    covariance
        Shape of a component: "full" (correlations of its own), "tied" (one shape for all), "diag"
        (no correlations) or "spherical" (one variance for all features).
    init
        Where EM starts: "kmeans++" makes components of the rows about centres that are drawn far
        from one another; "kmeans" of those that k-means comes to from there; "random" of those
        about rows drawn evenly.
    n_init
        Starts, of which the one with the highest bound is kept.
    tol
        EM ends when a step changes the mean log-likelihood of a row by less, in nats.
    max_iter
        Steps of EM, at most.
    reg_covar
        Added to every variance, in the units of the data, squared.
    shrinkage
        How many rows a feature it takes until a component's shape is half its own, and half the
        one that all have in common at the start; 0: a component's shape is its own. The likelihood
        is penalised then (see Notes).
    weights_init, means_init, precisions_init
        The start, as far as it is given: (K,), (K, d), and inverse covariances in the form of
        ``covariances_``.
    seed
        Of the starts, a whole number; None is 0: equal data give equal fits.

    Attributes
    ----------
    weights_ : (K,) shares of the components; they sum to 1
    means_ : (K, d)
    covariances_ : (K, d, d) if full, (d, d) if tied, (K, d) if diag, (K,) if spherical
    mixture_ : the mixture as a `streamgmm.Mixture`
    precisions_, precisions_cholesky_ : inverses of them, and factors of these, in the same form
    converged_ : whether EM ended before ``max_iter``
    n_iter_ : steps taken from the start that was kept
    lower_bounds_ : mean (penalised) log-likelihood of a row before each of them
    lower_bound_ : the last of these
    n_features_in_, feature_names_in_ : of the data, the latter if their names are strings

    See Also
    --------
    streamgmm.OnlineGMM.from_mixture : goes on with it on a stream.

    Notes
    -----
    Rows in which a value is missing (NaN) count with what they have, by EM over what is missing
    (Ghahramani & Jordan 1994); nothing is filled in. Rows without any value say nothing and are
    left out.

    Components are in the order of their weights, the largest first; if something of the start was
    given, in its order.

    The fit does not depend on the order of the rows, and a row of weight 2 counts as two: distinct
    rows are taken in one order, and starts are drawn among these.

    With ``shrinkage`` = kappa it is penalised EM, of L / N - (b / 2) sum_k [tr(T Sigma_k^-1) +
    log|Sigma_k|] with b = kappa d / N and T the scatter within the components at the start. Neither
    that nor the likelihood falls from one step to the next, but for what ``reg_covar`` adds.

    Examples
    --------
    >>> import numpy as np
    >>> from streamgmm import GaussianMixture
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(1, 1, (200, 2)), rng.normal(8, 1, (100, 2))])
    >>> X[::10, 0] = np.nan
    >>> gm = GaussianMixture(2).fit(X)
    >>> gm.weights_.round(2)
    array([0.67, 0.33])
    >>> gm.means_.round()
    array([[1., 1.],
           [8., 8.]])
    >>> gm.predict([[7.5, np.nan]])
    array([1])
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance: str = "full",
        init: str = "kmeans++",
        n_init: int = 1,
        tol: float = 1e-3,
        max_iter: int = 100,
        reg_covar: float = 1e-6,
        shrinkage: float = 0.0,
        means_init: ArrayLike | None = None,
        weights_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        seed: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance = covariance
        self.init = init
        self.n_init = n_init
        self.tol = tol
        self.max_iter = max_iter
        self.reg_covar = reg_covar
        self.shrinkage = shrinkage
        self.means_init = means_init
        self.weights_init = weights_init
        self.precisions_init = precisions_init
        self.seed = seed

    # ---- fit -----------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Fit the mixture to X.

        Parameters
        ----------
        X
            (n, d) numbers, NaN where one is missing.
        y
            Ignored.
        sample_weight
            (n,) how often each row counts; 0 is as if it were not there.

        Raises
        ------
        ValueError
            If a parameter is not allowed, X is no such table, it has fewer distinct rows than
            components or a feature without a value, or a component collapses.
        """
        settings = self.get_params(deep=False)
        shape = check_settings(settings)
        rows, weight = rows_to_fit(self, X, sample_weight)
        given = given_start(settings, shape, rows.shape[1])
        rows, weight = by_missing(*distinct(rows, weight))
        self._check_enough(rows)
        best = self._best(rows, weight, given)
        if not best.converged:
            warnings.warn(
                f"EM did not converge in max_iter={self.max_iter} steps: raise max_iter or tol, "
                "take other starts (init, n_init), or fewer components",
                ConvergenceWarning,
                stacklevel=2,
            )
        found = best.found if given.says_something else best.found.by_weight()
        self.weights_, self.means_ = found.weights, found.means
        self.covariances_ = shape.concise(found.covariances)
        self.converged_, self.n_iter_ = best.converged, len(best.bounds)
        self.lower_bounds_, self.lower_bound_ = best.bounds, best.bounds[-1]
        return self

    def _check_enough(self, rows: Array) -> None:
        if len(rows) < self.n_components:
            raise ValueError(
                f"X has {len(rows)} distinct rows with a value and a weight, n_components is "
                f"{self.n_components}; take as many rows at least, or fewer components"
            )
        empty = np.isnan(rows).all(axis=0)
        if empty.any():
            raise ValueError(
                f"feature {int(np.argmax(empty))} has no value in any row; leave it out"
            )

    def _best(self, rows: Array, weight: Array, given: GivenStart) -> Climb:
        """Return the climb to the highest bound, of ``n_init`` starts."""
        rules = plain(self.covariance, shrinkage=self.shrinkage)
        common = self.covariance == "spherical"
        frame = frame_of(rows, weight, ridge=self.reg_covar, common=common)
        rng = np.random.default_rng(0 if self.seed is None else self.seed)
        alone = given.alone()
        best, towards = None, None
        for _ in range(1 if alone is not None else self.n_init):
            try:
                start = alone or given.over(
                    seeded(
                        self.init,
                        rows,
                        weight,
                        self.n_components,
                        frame=frame,
                        rules=rules,
                        rng=rng,
                    )
                )
                mixture = mixture_of(start, rules, frame=frame, mass=weight.sum())
                # all starts are held to one scatter: their bounds are to be compared
                towards = pooled(mixture) if towards is None else towards
                found = climb(
                    mixture, rows, weight, tol=self.tol, max_iter=self.max_iter, towards=towards
                )
            except DegenerateError as error:
                raise ValueError(
                    f"{error}. Raise reg_covar (it is {self.reg_covar:g}), give a shrinkage, or "
                    "take fewer components"
                ) from None
            if best is None or found.bounds[-1] > best.bounds[-1]:
                best = found
        assert best is not None
        return best

    @classmethod
    def from_online(cls, model: Any, **parameters: Any) -> Self:
        """Return what an `OnlineGMM` has learned so far, as a fitted mixture.

        It has the components and covariances in force at the moment (`OnlineGMM.density` tells
        where the two differ), none of the empty slots, no names of components (`density` has
        them), and nothing of the way it came about: ``n_iter_``, ``converged_`` and bounds are
        those of a fit.

        Parameters
        ----------
        model
            After two events at least.
        parameters
            Of the mixture, for a later fit; ``covariance`` is the model's.

        Raises
        ------
        TypeError
            If it is no such model.
        ValueError
            If nothing has been learned yet, or another covariance type is asked for.
        """
        value = getattr(model, "density", None)
        if value is None:
            raise TypeError(f"model is of type {type(model).__name__}; give an OnlineGMM")
        shape = model.mixture.rules.covariance
        K, d = value.means.shape
        kind = covariance_of(shape)
        concise = kind.concise(value.covariances)
        if not np.allclose(kind.matrices(concise, K, d), value.covariances, rtol=1e-9, atol=0.0):
            # one shape, or one spread, for all is meant in the scales of its frame
            shape = "full" if shape == "tied" else "diag"
            concise = covariance_of(shape).concise(value.covariances)
        if parameters.get("covariance", shape) != shape:
            raise ValueError(
                f"covariance is {parameters['covariance']!r:.80}; what the model has learned is "
                f"{shape!r}: leave it out here, and set it for another fit"
            )
        made = cls(**{"n_components": K, "covariance": shape, **parameters})
        found = (value.weights, value.means, concise)  # which cannot be written to
        made.weights_, made.means_, made.covariances_ = (part.copy() for part in found)
        made.n_features_in_ = d
        if all(isinstance(name, str) for name in value.feature_names):
            made.feature_names_in_ = np.array(value.feature_names, dtype=object)
        return made

    def fit_predict(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.int64]:
        """Fit the mixture to X and return the most likely component (n,) of each row."""
        return self.fit(X, y, sample_weight).predict(X)
