"""A mixture at a glance: in a row for each feature, where each component has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from streamgmm.plots.axes import axes_or_new
from streamgmm.plots.style import INK, QUIET, Model, by_weight, colour_of, label_of, mixture_of
from streamgmm.values import check_whole
from streamgmm.words import digits_of, number

if TYPE_CHECKING:
    from streamgmm.plots.axes import Axes

Array = NDArray[np.float64]

_WIDTH = 1.6448536269514722  # standard deviations that hold 90% of a Gaussian
_FILLED = 0.8  # of a row's height, by its bars
_ROW, _BAR, _REST = 0.12, 0.17, 1.0  # inches, of a figure of its own


def plot_summary(model: Model, *, most: int = 8, ax: Axes | None = None) -> Axes:
    """Draw where each component has each feature: its mean, and the range of 90% of its events.

    Each feature has a row with a scale of its own, from the lowest to the highest of these ranges,
    which stand at its end.

    Parameters
    ----------
    model
        A `Mixture`, an `OnlineGMM`, or a fitted `GaussianMixture` or `GMMOutlierDetector`.
    most
        How many components to show, largest first.
    ax
        Where to draw; None: a new figure, as high as it takes.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If ``most`` is not 1 or more.

    Examples
    --------
    >>> from streamgmm import Mixture
    >>> from streamgmm.plots import plot_summary
    >>> shape = [[1.0]]
    >>> mixture = Mixture([0.3, 0.7], [[0.0], [9.0]], [shape, shape], ["size"], ["day", "night"])
    >>> [text.get_text() for text in plot_summary(mixture).get_legend().get_texts()]
    ['night, 70%', 'day, 30%']
    """
    check_whole("most", most, 1)
    mixture = mixture_of(model)
    order = by_weight(mixture)[:most]
    means = mixture.means[order]
    spread = np.sqrt(np.einsum("kii->ki", mixture.covariances))[order]
    low, high = means - _WIDTH * spread, means + _WIDTH * spread
    least, greatest = low.min(axis=0), high.max(axis=0)
    width = np.where(greatest > least, greatest - least, 1.0)  # a spread may be lost to rounding
    low, means, high = ((part - least) / width for part in (low, means, high))
    ax = axes_or_new(ax, height=_REST + mixture.n_features * (_ROW + _BAR * len(order)))
    step = _FILLED / len(order)
    for rank, k in enumerate(order):
        label = f"{label_of(mixture.component_names[k])}, {mixture.weights[k]:.0%}"
        at = np.arange(mixture.n_features) - 0.5 * _FILLED + (rank + 0.5) * step
        colour = colour_of(rank)
        ax.barh(
            at, (high - low)[rank], left=low[rank], height=0.7 * step, color=colour, alpha=0.5,
            label=label,
        )  # fmt: skip
        ax.plot(means[rank], at, "o", color=colour, markersize=5, markeredgecolor="white")
    names = [str(name) for name in mixture.feature_names]
    _finish(ax, names, least, greatest)
    return ax


def _range(low: float, high: float) -> str:
    """Write a range, in three digits or as many as tell its ends apart."""
    digits = max(3, *(digits_of(end, high - low) for end in (low, high)))
    return f"{number(low, digits)} to {number(high, digits)}"


def _finish(ax: Axes, names: list[str], least: Array, greatest: Array) -> None:
    """Write the features at the left of their rows, and the ends of their scales at the right."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(-0.02, 1.02)
    ax.set_xticks([])
    for i in range(len(names)):
        if i % 2 == 0:
            ax.axhspan(i - 0.5, i + 0.5, color=INK, alpha=0.04, linewidth=0, zorder=0)
        ax.annotate(
            _range(float(least[i]), float(greatest[i])), (1.0, i),
            xycoords=("axes fraction", "data"), xytext=(5, 0), textcoords="offset points",
            va="center", color=QUIET, fontsize="small",
        )  # fmt: skip
    ax.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False, labelcolor=INK,
        fontsize="small",
    )  # fmt: skip
    for side in ("top", "right", "left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0, labelcolor=INK)
