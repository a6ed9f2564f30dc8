"""How many components, and of which shape: the fit with the lowest criterion of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamgmm.batch.gaussian_mixture import GaussianMixture

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from streamgmm.plots.axes import Axes

_CRITERIA = ("bic", "aic")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One fit: its number of components, its covariance type, both criteria, and the mixture."""

    n_components: int
    covariance: str
    bic: float
    aic: float
    mixture: GaussianMixture


@dataclass(frozen=True, slots=True)
class Selection:
    """What `select_components` has found.

    Parameters
    ----------
    candidates
        All fits, in the order in which they were asked for.
    criterion
        "bic" or "aic": what decides.
    """

    candidates: tuple[Candidate, ...]
    criterion: str

    @property
    def best(self) -> Candidate:
        """The candidate with the lowest criterion; of equal ones the first."""
        return min(self.candidates, key=self._value)

    @property
    def mixture(self) -> GaussianMixture:
        """The best candidate's mixture, fitted."""
        return self.best.mixture

    def _value(self, candidate: Candidate) -> float:
        return candidate.bic if self.criterion == "bic" else candidate.aic

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the criterion over the number of components, on ``ax`` or a new figure.

        Raises
        ------
        ImportError
            If matplotlib (extra ``plots``) is not installed.
        """
        from streamgmm.plots import plot_selection

        values: dict[str, list[tuple[int, float]]] = {}
        for one in self.candidates:
            values.setdefault(one.covariance, []).append((one.n_components, self._value(one)))
        best = (self.best.covariance, self.best.n_components)
        return plot_selection(
            {name: sorted(points) for name, points in values.items()},
            best,
            criterion=self.criterion.upper(),
            ax=ax,
        )


def select_components(
    X: Any,
    candidates: Iterable[int] = range(1, 11),
    *,
    covariance: str | Sequence[str] = "full",
    criterion: str = "bic",
    sample_weight: ArrayLike | None = None,
    **parameters: Any,
) -> Selection:
    """Fit a mixture of each size and say which one tells most of X for what it takes to say.

    Parameters
    ----------
    X
        (n, d) numbers, NaN where one is missing.
    candidates
        Numbers of components.
    covariance
        One covariance type or several, of which each is fitted with each number.
    criterion
        "bic" or "aic".
    sample_weight
        (n,) how often each row counts.
    parameters
        Further ones of `GaussianMixture`.

    Raises
    ------
    TypeError
        If ``candidates`` is one number.
    ValueError
        If there is no candidate, or as `GaussianMixture.fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from streamgmm import select_components
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (200, 2)), rng.normal(8, 1, (100, 2))])
    >>> found = select_components(X, range(1, 5), covariance=["full", "spherical"])
    >>> found.best.n_components, found.best.covariance
    (2, 'spherical')
    """
    if criterion not in _CRITERIA:
        raise ValueError(f'criterion is {criterion!r}; allowed are "bic" and "aic"')
    if not isinstance(candidates, Iterable):
        raise TypeError(f"candidates is {candidates!r:.80}; give several numbers: range(1, 11)")
    shapes = [covariance] if isinstance(covariance, str) else list(covariance)
    sizes = list(candidates)
    if not shapes or not sizes:
        raise ValueError("there is nothing to choose from; give numbers of components and a shape")
    fits = []
    for shape in shapes:
        for size in sizes:
            model = GaussianMixture(size, covariance=shape, **parameters)
            try:
                model.fit(X, sample_weight=sample_weight)
            except ValueError as error:
                raise ValueError(f"{error} (n_components={size!r}, {shape!r})") from error
            bic, aic = model.bic(X, sample_weight), model.aic(X, sample_weight)
            fits.append(Candidate(size, shape, bic, aic, model))
    return Selection(tuple(fits), criterion)
