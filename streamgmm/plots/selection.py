"""How good mixtures of different sizes are: a criterion over the number of components."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamgmm.plots.axes import axes_or_new
from streamgmm.plots.style import INK, colour_of, quiet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamgmm.plots.axes import Axes


def plot_selection(
    values: Mapping[str, Sequence[tuple[int, float]]],
    best: tuple[str, int],
    *,
    criterion: str = "BIC",
    ax: Axes | None = None,
) -> Axes:
    """Draw a line of the criterion for each covariance type, and mark the best.

    Parameters
    ----------
    values
        (number of components, criterion) in order, by covariance type.
    best
        The type and the number that are marked.
    criterion
        Its name, for the axis.
    ax
        Where to draw; None: a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    ax = axes_or_new(ax)
    for rank, (name, points) in enumerate(values.items()):
        components, heights = zip(*points, strict=True)
        ax.plot(components, heights, "-o", color=colour_of(rank), markersize=4, label=name)
    shape, components_of_best = best
    height = dict(values[shape])[components_of_best]
    ax.plot(
        [components_of_best], [height], linestyle="none", marker="o", markersize=12,
        markerfacecolor="none", markeredgecolor=INK,
        label=f"lowest: {components_of_best}, {shape}",
    )  # fmt: skip
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("components", color=INK)
    ax.set_ylabel(f"{criterion} (lower is better)", color=INK)
    ax.legend(frameon=False, labelcolor=INK)
    quiet(ax)
    return ax
