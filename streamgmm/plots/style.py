"""What pictures have in common: colours that colour-blind people tell apart, quiet axes, names."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from streamgmm.mixture import Mixture
from streamgmm.values import is_whole

if TYPE_CHECKING:
    from streamgmm.plots.axes import Axes

# Okabe & Ito (2008) and Tol's muted scheme; vermilion is left for what alerts.
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#332288", "#999933", "#882255",
)  # fmt: skip
OTHERS = "#9AA3AF"  # components beyond the colours there are
ALERT = "#D55E00"
INK, QUIET, GRID = "#172033", "#5B6473", "#E5E8EE"


class HasDensity(Protocol):
    """A model that gives itself as a mixture: `OnlineGMM`."""

    @property
    def density(self) -> Mixture:
        """All components."""


class HasMixture(Protocol):
    """An estimator that has fitted one: `GaussianMixture`, or `GMMOutlierDetector` by way of it."""

    @property
    def mixture_(self) -> Mixture | HasMixture:
        """The mixture, or the estimator that has it."""


Model: TypeAlias = Mixture | HasDensity | HasMixture


def mixture_of(model: Model) -> Mixture:
    """Return the mixture that a picture is of.

    Raises
    ------
    TypeError
        If it is neither a mixture nor a model that has one, or an estimator before its fit.
    """
    found: Any = model
    while not isinstance(found, Mixture):
        inner = getattr(found, "density", None)
        inner = getattr(found, "mixture_", None) if inner is None else inner
        if inner is None:
            raise TypeError(
                f"model is of type {type(model).__name__}; give a Mixture, an OnlineGMM, or a "
                "GaussianMixture or GMMOutlierDetector after its fit"
            )
        found = inner
    return found


def by_weight(mixture: Mixture) -> list[int]:
    """Return the components, largest first."""
    order: list[int] = (-mixture.weights).argsort(kind="stable").tolist()
    return order


def colour_of(rank: int) -> str:
    """Return the colour of the component that is so many-th by weight."""
    return COLOURS[rank] if rank < len(COLOURS) else OTHERS


def label_of(name: Hashable) -> str:
    """Return what to write for a component: its name, or its number."""
    return f"component {name}" if is_whole(name) else str(name)


def quiet(ax: Axes, *, grid: Literal["both", "x", "y"] | None = "both") -> None:
    """Leave of the axes what helps to read them."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(QUIET)
    ax.tick_params(colors=QUIET, labelcolor=INK)
    ax.set_axisbelow(True)
    if grid is not None:
        ax.grid(axis=grid, color=GRID, linewidth=0.8)
