"""A stream in time: its scores with what alerts, and the components' shares of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamgmm.plots.axes import axes_or_new
from streamgmm.plots.style import ALERT, COLOURS, INK, OTHERS, QUIET, label_of, quiet

if TYPE_CHECKING:
    from streamgmm.plots.axes import Axes

Array = NDArray[np.float64]

_LINES = 10_000  # more than a picture has pixels side by side


def plot_scores(
    scores: ArrayLike,
    *,
    threshold: ArrayLike | None = None,
    alerts: ArrayLike | None = None,
    times: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw scores one after the other, the threshold, and what alerts.

    Parameters
    ----------
    scores
        (n,) in nats, as `score_learn_one` and `score_learn_many` return them.
    threshold
        One number, or (n,) as it was at each event; None: none.
    alerts
        (n,) which events alert; None: those that reach the threshold.
    times
        (n,) when they were, numbers or datetime64; None: the number of the event, from 1.
    ax
        Where to draw; None: a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> from streamgmm.plots import plot_scores
    >>> ax = plot_scores([1.0, 2.0, 9.0, 1.5], threshold=5.0)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['threshold', '1 alert of 4 events']
    """
    heights = np.asarray(scores, dtype=np.float64)
    if heights.ndim != 1:
        raise ValueError(f"scores have shape {heights.shape}; (n,) is needed, one an event")
    n = len(heights)
    at = np.arange(1, n + 1) if times is None else np.asarray(times)
    levels = None if threshold is None else np.asarray(threshold, dtype=np.float64)
    if levels is not None and levels.ndim == 0:
        levels = np.broadcast_to(levels, (n,))
    elif levels is not None and levels.shape != (n,):
        raise ValueError(
            f"threshold has shape {levels.shape}; one number is needed, or ({n},), one a score"
        )
    if alerts is None:
        strange = np.zeros(n, dtype=bool) if levels is None else heights >= levels
    else:
        strange = np.asarray(alerts, dtype=bool)
    for name, array in (("times", at), ("alerts", strange)):
        if array.shape != (n,):
            raise ValueError(f"{name} have shape {array.shape}; ({n},) is needed, one a score")
    ax = axes_or_new(ax)
    tall = _tallest(heights)
    ground = min(0.0, float(np.nanmin(heights, initial=0.0)))
    ax.vlines(at[tall], ground, heights[tall], color=COLOURS[0], linewidth=0.6)
    if levels is not None:
        ax.plot(at, levels, color=INK, linewidth=1.2, linestyle="--", label="threshold")
    if levels is not None or alerts is not None:
        count = int(strange.sum())
        text = f"{count:,} alert{'' if count == 1 else 's'} of {n:,} events"
        ax.plot(
            at[strange], heights[strange], "o", color=ALERT, markersize=4.5,
            markeredgecolor="white", markeredgewidth=0.5, label=text,
        )  # fmt: skip
        ax.legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, labelcolor=INK
        )
    ax.margins(x=0.01)
    ax.set_xlabel("event" if times is None else "time", color=INK)
    ax.set_ylabel("score (nats)", color=INK)
    quiet(ax, grid="y")
    return ax


def _tallest(heights: Array) -> NDArray[np.intp]:
    """Return the numbers of the lines to draw: where there are very many, the tallest of each few.

    The others would be hidden behind them.
    """
    few = -(-len(heights) // _LINES)
    if few <= 1:
        return np.arange(len(heights))
    filled = np.nan_to_num(heights, nan=-np.inf)
    padded = np.pad(filled, (0, -len(heights) % few), constant_values=-np.inf)
    tallest = padded.reshape(-1, few).argmax(axis=1)
    return np.asarray(np.arange(len(tallest)) * few + tallest)


def plot_weights(
    history: Sequence[Mapping[Any, float]],
    *,
    times: Any = None,
    names: Mapping[Any, Hashable] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the components' shares of the traffic over time, one above the other.

    Components come and go, and another may take the slot of one that is gone: they are told apart
    by what each look calls them, best their identities, ``model.mixture.ids``.

    Parameters
    ----------
    history
        Looks at the model, in order: each a mapping from component to its weight.
    times
        When they were, numbers or datetime64; None: their number, from 1.
    names
        What to call components in the legend; None, or not there: what the looks call them.
    ax
        Where to draw; None: a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no look or no weight in any, or not one time a look.

    Examples
    --------
    >>> from streamgmm.plots import plot_weights
    >>> ax = plot_weights([{"day": 1.0}, {"day": 0.7, "night": 0.3}], times=[0, 10])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['night', 'day']
    """
    if not len(history):
        raise ValueError("history is empty; give at least one look at the weights")
    at = np.arange(1, len(history) + 1) if times is None else np.asarray(times)
    if at.shape != (len(history),):
        raise ValueError(f"times have shape {at.shape}; ({len(history)},) is needed, one a look")
    total: dict[Any, float] = {}
    for look in history:
        for key, weight in look.items():
            total[key] = total.get(key, 0.0) + weight
    order = sorted((key for key in total if total[key] > 0.0), key=lambda key: -total[key])
    if not order:
        raise ValueError("no component has a weight at any look; begin when the model is ready")
    shares = np.array([[look.get(key, 0.0) for look in history] for key in order])
    labels = [label_of((names or {}).get(key, key)) for key in order]
    colours = list(COLOURS[: len(order)])
    more = len(order) - len(COLOURS)
    if more > 0:
        rest = shares[len(COLOURS) :].sum(axis=0, keepdims=True)
        shares = np.concatenate([shares[: len(COLOURS)], rest])
        labels = [*labels[: len(COLOURS)], f"{more} more"]
        colours.append(OTHERS)
    ax = axes_or_new(ax)
    bands = ax.stackplot(
        at, shares, colors=colours, labels=labels, alpha=0.85, edgecolor="white", linewidth=0.6
    )
    ax.set_ylim(0.0, 1.0)
    ax.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
    ax.margins(x=0.0)
    ax.set_xlabel("look" if times is None else "time", color=INK)
    ax.set_ylabel("share of the traffic", color=INK)
    ax.legend(
        bands[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False,
        labelcolor=INK, fontsize="small",
    )  # fmt: skip
    quiet(ax, grid=None)
    ax.spines["left"].set_color(QUIET)
    return ax
