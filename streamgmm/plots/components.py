"""Components in the plane of two features: as ellipses, and by who answers for which event."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture.checked import rows_of
from streamgmm.plots.axes import axes_or_new
from streamgmm.plots.style import (
    COLOURS,
    INK,
    OTHERS,
    QUIET,
    Model,
    by_weight,
    colour_of,
    label_of,
    mixture_of,
    quiet,
)

if TYPE_CHECKING:
    from streamgmm.mixture import Mixture
    from streamgmm.plots.axes import Axes

Array = NDArray[np.float64]

_ROUND = np.linspace(0.0, 2.0 * np.pi, 181)


def plot_ellipses(
    model: Model,
    features: Sequence[Hashable] | None = None,
    *,
    X: Any = None,
    levels: Sequence[float] = (0.5, 0.95),
    ax: Axes | None = None,
) -> Axes:
    """Draw each component as the ellipses that hold some shares of its events.

    Whatever the other features are: the ellipse of the marginal of two of them.

    Parameters
    ----------
    model
        A `Mixture`, an `OnlineGMM`, or a fitted `GaussianMixture` or `GMMOutlierDetector`.
    features
        The two features, by name or number; None: the first two.
    X
        Events (n, d) to put behind them, columns as in the model; None: none.
    levels
        Shares of a component's events that its ellipses hold.
    ax
        Where to draw; None: a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no such feature, or a level is not between 0 and 1.

    Examples
    --------
    >>> from streamgmm import Mixture
    >>> from streamgmm.plots import plot_ellipses
    >>> mixture = Mixture([1.0], [[0.0, 0.0]], [[[1.0, 0.5], [0.5, 1.0]]], ["size", "time"])
    >>> plot_ellipses(mixture, ["size", "time"]).get_xlabel()
    'size'
    """
    whole = mixture_of(model)
    columns = _columns(whole, features)
    mixture = _plane(whole, columns)
    if not all(0.0 < level < 1.0 for level in levels):
        raise ValueError(f"levels are {list(levels)}; each is a share between 0 and 1")
    ax = axes_or_new(ax)
    if X is not None:
        x, y = rows_of(X, whole.feature_names)[:, columns].T
        ax.plot(x, y, ".", color=QUIET, alpha=0.35, markersize=3, markeredgewidth=0, zorder=1)
    for rank, k in enumerate(by_weight(mixture)):
        colour = colour_of(rank)
        for i, level in enumerate(sorted(levels)):
            x, y = ellipse(mixture.means[k], mixture.covariances[k], level).T
            label = f"{label_of(mixture.component_names[k])}, {mixture.weights[k]:.0%}"
            ax.fill(x, y, color=colour, alpha=0.18, linewidth=0, zorder=2)
            ax.plot(
                x, y, color=colour, linewidth=1.4, zorder=3,
                label=label if i == 0 and rank < len(COLOURS) else None,
            )  # fmt: skip
        ax.plot(*mixture.means[k], "o", color=colour, markeredgecolor="white", zorder=4)
    _finish(ax, mixture)
    return ax


def plot_responsibilities(
    model: Model,
    X: Any,
    features: Sequence[Hashable] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw events in the colours of the components that answer for them, mixed by how much.

    All features decide who does; two are shown.

    Parameters
    ----------
    model
        A `Mixture`, an `OnlineGMM`, or a fitted `GaussianMixture` or `GMMOutlierDetector`.
    X
        Events (n, d), columns as in the model.
    features
        The two features to show, by name or number; None: the first two.
    ax
        Where to draw; None: a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no such feature, or X has another shape.

    Examples
    --------
    >>> from streamgmm import Mixture
    >>> from streamgmm.plots import plot_responsibilities
    >>> eye = [[1.0, 0.0], [0.0, 1.0]]
    >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [4.0, 4.0]], [eye, eye])
    >>> ax = plot_responsibilities(mixture, mixture.sample(100, 0)[0])
    >>> len(ax.collections[0].get_offsets())
    100
    """
    mixture = mixture_of(model)
    columns = _columns(mixture, features)
    plane = _plane(mixture, columns)
    points = rows_of(X, mixture.feature_names)[:, columns]  # one without one of them is not drawn
    order = by_weight(mixture)
    palette = np.array([_rgb(colour_of(rank)) for rank in range(len(order))])
    mixed = mixture.responsibilities(X)[:, order] @ palette
    ax = axes_or_new(ax)
    x, y = points.T
    ax.scatter(x, y, c=np.clip(mixed, 0.0, 1.0), s=12, linewidths=0, alpha=0.8)
    for rank, k in enumerate(order[: len(COLOURS)]):
        label = label_of(mixture.component_names[k])
        ax.plot([], [], "o", color=colour_of(rank), markersize=5, label=label)
    _finish(ax, plane)
    return ax


def ellipse(mean: Array, covariance: Array, level: float) -> Array:
    """Return the points (181, 2) of the ellipse that holds ``level`` of a Gaussian's events.

    m^2 of two features is exponential with mean 2: m^2 = -2 log(1 - level).
    """
    radius = np.sqrt(-2.0 * np.log1p(-level))
    circle = np.column_stack([np.cos(_ROUND), np.sin(_ROUND)])
    return np.asarray(mean + radius * circle @ np.linalg.cholesky(covariance).T)


def _columns(mixture: Mixture, features: Sequence[Hashable] | None) -> list[int]:
    """Return the numbers of the two features' columns."""
    names = mixture.feature_names[:2] if features is None else features
    if len(names) != 2:
        raise ValueError(f"features are {list(names)!r:.80}; a plane has two: give their names")
    return [mixture.column(name) for name in names]


def _plane(mixture: Mixture, columns: list[int]) -> Mixture:
    """Return the mixture of two features."""
    return mixture.marginal([mixture.feature_names[i] for i in columns])


def _rgb(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]


def _finish(ax: Axes, mixture: Mixture) -> None:
    x, y = mixture.feature_names
    ax.set_xlabel(str(x), color=INK)
    ax.set_ylabel(str(y), color=INK)
    more = mixture.n_components - len(COLOURS)
    if more > 0:
        share = np.sort(mixture.weights)[:more].sum()
        ax.plot([], [], "o", color=OTHERS, label=f"{more} more, {share:.1%}")
    ax.legend(frameon=True, framealpha=0.85, edgecolor="none", labelcolor=INK, fontsize="small")
    quiet(ax)
