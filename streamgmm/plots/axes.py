"""Axes to draw on; the one place that imports matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
else:
    Axes = Any  # nothing of matplotlib is imported before a picture is drawn

__all__ = ["Axes", "axes_or_new"]


def axes_or_new(ax: Axes | None, *, height: float = 4.8) -> Axes:
    """Return the axes given, or those of a new figure, so many inches high.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError(
            "pictures need matplotlib; install it with `pip install 'streamgmm[plots]'`"
        ) from error
    _, new = plt.subplots(figsize=(6.4, height), layout="constrained")
    return new
