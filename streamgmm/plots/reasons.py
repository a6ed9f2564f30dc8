"""Why an event is strange: each feature's part in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamgmm.mixture.naming import called
from streamgmm.plots.axes import axes_or_new
from streamgmm.plots.style import ALERT, INK, OTHERS, quiet
from streamgmm.values import check_whole
from streamgmm.words import number

if TYPE_CHECKING:
    from streamgmm.detection import Explanation
    from streamgmm.plots.axes import Axes

_HEIGHT = 0.4  # of a bar; what is left of its row has its words


def plot_reasons(explanation: Explanation, *, most: int = 6, ax: Axes | None = None) -> Axes:
    """Draw each feature's share of an event's distance, with its value and what was expected.

    Parameters
    ----------
    explanation
        What `OnlineGMM.explain_one` returned.
    most
        How many features to show, those with the largest share first.
    ax
        Where to draw; None: a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If nothing of the event was observed, or ``most`` is not 1 or more.

    Examples
    --------
    >>> import numpy as np
    >>> from streamgmm import OnlineGMM
    >>> from streamgmm.plots import plot_reasons
    >>> model = OnlineGMM(n_components=1)
    >>> model.learn_many(np.random.default_rng(0).normal(size=(1_000, 2)))
    >>> ax = plot_reasons(model.explain_one({0: 9.0, 1: 0.0}))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['0', '1']
    """
    check_whole("most", most, 1)
    shown = explanation.reasons[:most]
    if not shown:
        raise ValueError("the explanation has no reasons: nothing of the event was observed")
    ax = axes_or_new(ax)
    main = len(explanation.main)
    places = range(len(shown))
    shares = [reason.share for reason in shown]
    colours = [ALERT if i < main else OTHERS for i in places]
    ax.barh(places, shares, color=colours, height=_HEIGHT)
    for i, reason in enumerate(shown):
        words = str(reason).removeprefix(f"{reason.feature} ")
        ax.annotate(
            words, (0.0, i - _HEIGHT / 2), xytext=(2, 2), textcoords="offset points", va="bottom",
            color=INK, fontsize="small",
        )  # fmt: skip
    ax.set_yticks(places, [str(reason.feature) for reason in shown])
    ax.set_ylim(len(shown) - 0.5, -0.75)
    ax.set_xlim(0.0, 1.0)
    ax.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
    ax.set_xlabel("share of the squared distance", color=INK)
    nearest = called(explanation.component, explanation.name)
    ax.set_title(
        f"{number(explanation.distance)} standard deviations from {nearest}",
        loc="left", color=INK, fontsize="medium",
    )  # fmt: skip
    quiet(ax, grid="x")
    ax.tick_params(axis="y", length=0)
    return ax
