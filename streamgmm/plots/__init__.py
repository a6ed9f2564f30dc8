"""Pictures, with matplotlib (extra ``plots``): each takes axes, or makes some, and returns them.

They are of mixtures and of plain numbers, and know no estimator. matplotlib is imported in `axes`
alone, when the first picture is asked for.
"""

from __future__ import annotations

from streamgmm.plots.calibration import plot_calibration
from streamgmm.plots.components import plot_ellipses, plot_responsibilities
from streamgmm.plots.fit import plot_convergence
from streamgmm.plots.reasons import plot_reasons
from streamgmm.plots.selection import plot_selection
from streamgmm.plots.stream import plot_scores, plot_weights
from streamgmm.plots.summary import plot_summary

__all__ = [
    "plot_calibration",
    "plot_convergence",
    "plot_ellipses",
    "plot_reasons",
    "plot_responsibilities",
    "plot_scores",
    "plot_selection",
    "plot_summary",
    "plot_weights",
]
