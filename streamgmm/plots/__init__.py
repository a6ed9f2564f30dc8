"""Pictures, with matplotlib (extra ``plots``): each takes axes and returns them.

They are given numbers and know no model. matplotlib is imported in `axes` alone, when the first
picture is asked for.
"""

from __future__ import annotations

from streamgmm.plots.selection import plot_selection

__all__ = ["plot_selection"]
