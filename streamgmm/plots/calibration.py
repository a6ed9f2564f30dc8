"""Whether p-values keep their word: how many events came below each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamgmm.plots.axes import axes_or_new
from streamgmm.plots.style import COLOURS, INK, OTHERS, quiet

if TYPE_CHECKING:
    from streamgmm.plots.axes import Axes

Array = NDArray[np.float64]

_POINTS = 200


def plot_calibration(p_values: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Draw which share of ordinary events had each p-value or less, against what it promised.

    On the diagonal a p-value of 0.001 came as often as once in a thousand events; above it more
    often, and so do false alarms. The band holds what independent events give 95 times in 100.

    Parameters
    ----------
    p_values
        (n,) of events among which nothing is unusual; NaN (not ready) is left out.
    ax
        Where to draw; None: a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there are none, or some are not in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from streamgmm.plots import plot_calibration
    >>> ax = plot_calibration(np.random.default_rng(0).uniform(size=10_000))
    >>> ax.get_xscale(), ax.get_yscale()
    ('log', 'log')
    """
    found = np.asarray(p_values, dtype=np.float64).reshape(-1)
    found = np.sort(found[~np.isnan(found)])
    if not len(found) or found[0] < 0.0 or found[-1] > 1.0:
        raise ValueError("p_values hold none, or some outside [0, 1]; give those of events")
    from scipy.stats import binom  # a sixth of a second, that only this picture needs

    n = len(found)
    nominal = np.geomspace(0.5 / n, 1.0, _POINTS)
    observed: Array = np.searchsorted(found, nominal, side="right") / n
    least = 0.5 / n  # where no event came that low
    low, high = (np.maximum(binom.ppf(q, n, nominal) / n, least) for q in (0.025, 0.975))
    ax = axes_or_new(ax)
    ax.fill_between(
        nominal, low, high, color=OTHERS, alpha=0.3, linewidth=0, label="by chance, 95 in 100"
    )
    ax.plot(nominal, nominal, color=INK, linewidth=1.0, linestyle="--", label="as promised")
    ax.plot(
        nominal, np.where(observed > 0.0, observed, np.nan), color=COLOURS[0], linewidth=1.8,
        drawstyle="steps-post", label=f"observed in {n:,} events",
    )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(nominal[0], 1.0)
    ax.set_ylim(least, 1.0)
    ax.set_xlabel("p-value", color=INK)
    ax.set_ylabel("share of events with that or less", color=INK)
    ax.legend(loc="upper left", frameon=False, labelcolor=INK)
    quiet(ax)
    return ax
