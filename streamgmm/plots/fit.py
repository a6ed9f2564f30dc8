"""How a fit went: the likelihood that its rounds came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.plots.axes import axes_or_new
from streamgmm.plots.style import COLOURS, INK, quiet

if TYPE_CHECKING:
    from streamgmm.plots.axes import Axes


def plot_convergence(fit: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the log-likelihood of an event over the rounds of batch EM.

    Parameters
    ----------
    fit
        A fitted `GaussianMixture` (its ``lower_bounds_``), or the numbers themselves, in nats an
        event.
    ax
        Where to draw; None: a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there are none.

    Examples
    --------
    >>> from streamgmm.plots import plot_convergence
    >>> ax = plot_convergence([-9.0, -7.5, -7.1, -7.0])
    >>> ax.lines[0].get_xdata().tolist()
    [1, 2, 3, 4]
    """
    found = getattr(fit, "lower_bounds_", fit)
    shape = np.shape(found)
    if len(shape) != 1 or not shape[0]:
        raise ValueError(
            f"the bounds have shape {shape}; give a fitted GaussianMixture, or one number a round"
        )
    bounds = np.asarray(found, dtype=np.float64)
    rounds = np.arange(1, len(bounds) + 1)
    ax = axes_or_new(ax)
    ax.plot(rounds, bounds, "-o", color=COLOURS[0], markersize=3.5, linewidth=1.4)
    ax.axhline(bounds[-1], color=INK, linewidth=0.8, linestyle="--", zorder=1)
    ax.annotate(
        f"{bounds[-1]:.4g} after {len(bounds)} round{'' if len(bounds) == 1 else 's'}",
        (rounds[-1], bounds[-1]), xytext=(0, 5), textcoords="offset points",
        ha="right", va="bottom", color=INK,
    )  # fmt: skip
    ax.margins(y=0.14)  # room for the text above
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("round of EM", color=INK)
    ax.set_ylabel("log-likelihood (nats an event)", color=INK)
    quiet(ax)
    return ax
