"""A mixture at a glance: a row a component, a column a feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamgmm.plots.axes import axes_or_new
from streamgmm.plots.style import INK, QUIET, Model, by_weight, colour_of, label_of, mixture_of
from streamgmm.words import number

if TYPE_CHECKING:
    from streamgmm.mixture import Mixture
    from streamgmm.plots.axes import Axes

_WIDTH = 1.6448536269514722  # standard deviations that hold 90% of a Gaussian
_MARGIN = 0.06  # of a column, on both sides


def plot_summary(model: Model, *, most: int = 8, ax: Axes | None = None) -> Axes:
    """Draw where each component has each feature: its mean, and the range of 90% of its events.

    Each feature has a column with a scale of its own, from the lowest to the highest of these
    ranges.

    Parameters
    ----------
    model
        A `Mixture`, or a model that has one: `OnlineGMM`, `GaussianMixture`.
    most
        How many components to show, largest first.
    ax
        Where to draw; None: a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from streamgmm import Mixture
    >>> from streamgmm.plots import plot_summary
    >>> shape = [[1.0]]
    >>> mixture = Mixture([0.3, 0.7], [[0.0], [9.0]], [shape, shape], ["size"], ["day", "night"])
    >>> [label.get_text() for label in plot_summary(mixture).get_yticklabels()]
    ['night, 70%', 'day, 30%']
    """
    mixture = mixture_of(model)
    order = by_weight(mixture)[:most]
    spread = np.sqrt(np.einsum("kii->ki", mixture.covariances))
    low, high = mixture.means - _WIDTH * spread, mixture.means + _WIDTH * spread
    least, reach = low[order].min(axis=0), np.ptp([*low[order], *high[order]], axis=0)
    ax = axes_or_new(ax)
    for i, name in enumerate(mixture.feature_names):
        if i % 2 == 0:
            ax.axvspan(i, i + 1, color=INK, alpha=0.04, linewidth=0, zorder=0)
        ax.annotate(
            str(name), (i + 0.5, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 6),
            textcoords="offset points", ha="center", color=INK,
        )  # fmt: skip
        for rank, k in enumerate(order):
            left, centre, right = (
                i + _MARGIN + (1.0 - 2.0 * _MARGIN) * (float(value) - least[i]) / reach[i]
                for value in (low[k, i], mixture.means[k, i], high[k, i])
            )
            colour = colour_of(rank)
            ax.plot(
                [left, right], [rank, rank], color=colour, linewidth=7, alpha=0.45,
                solid_capstyle="butt",
            )  # fmt: skip
            ax.plot([centre], [rank], "o", color=colour, markersize=6, markeredgecolor="white")
    _finish(ax, mixture, order, [(least[i], least[i] + reach[i]) for i in range(len(least))])
    return ax


def _finish(ax: Axes, mixture: Mixture, order: list[int], ends: list[tuple[float, float]]) -> None:
    """Write components at the left, and the ends of each feature's scale below its column."""
    labels = [f"{label_of(mixture.component_names[k])}, {mixture.weights[k]:.0%}" for k in order]
    ax.set_yticks(range(len(order)), labels)
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.set_xlim(0.0, mixture.n_features)
    ax.set_xticks([])
    for i, (low, high) in enumerate(ends):
        for value, place, side in ((low, i + _MARGIN, "left"), (high, i + 1 - _MARGIN, "right")):
            ax.annotate(
                number(value), (place, 0.0), xycoords=("data", "axes fraction"), xytext=(0, -5),
                textcoords="offset points", ha=side, va="top", color=QUIET, fontsize="small",
            )  # fmt: skip
    for side in ("top", "right", "left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0, labelcolor=INK)
