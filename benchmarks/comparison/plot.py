"""The picture of the results: both metrics set by set, and quality against cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .summary import Summary

OURS = "#c1121f"
# No red among the peers; 8 colours and 13 marks have no common factor: each pair comes once.
COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#17becf", "#7f7f7f",
)  # fmt: skip
MARKERS = "osv^D<>Pp*hXd"
MEAN = "mean of the sets"


def draw(summaries: Sequence[Summary], ours: str, path: Path) -> None:
    """Write the picture to ``path``; its ending says the format (.svg, .png).

    Raises
    ------
    ValueError
        If there is no result of ``ours``.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "streamgmm"  # the same picture, the same file
    from matplotlib import pyplot as plt

    if ours not in [s.detector for s in summaries]:
        raise ValueError(f"there is no result of {ours!r} to draw; run it first")
    styles = _styles(summaries, ours)
    figure, (auc, precision, cost) = plt.subplots(
        1, 3, figsize=(15, 7.5), width_ratios=(1, 1, 1.15), layout="constrained"
    )
    _by_set(auc, summaries, styles, 0, "ROC-AUC")
    _by_set(precision, summaries, styles, 1, "average precision")
    precision.tick_params(labelleft=False)
    _against_cost(cost, summaries, styles)
    handles, labels = auc.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _styles(summaries: Sequence[Summary], ours: str) -> dict[str, dict[str, Any]]:
    """Return how each detector is marked: ours large and red, behind the others."""
    peers = sorted((s for s in summaries if s.detector != ours), key=lambda s: -s.mean[0])
    styles = {
        s.detector: {
            "marker": MARKERS[i % len(MARKERS)],
            "color": COLOURS[i % len(COLOURS)],
            "s": 34,
            "alpha": 0.85,
            "linewidths": 0,
            "zorder": 3,
        }
        for i, s in enumerate(peers)
    }
    mine = {"marker": "o", "color": OURS, "s": 130, "zorder": 2, "linewidths": 0}
    return {ours: mine, **styles}


def _by_set(
    axes: Any, summaries: Sequence[Summary], styles: dict[str, Any], metric: int, title: str
) -> None:
    """Mark every detector on every set, the mean of the sets on top."""
    of = {s.detector: s for s in summaries}
    names = sorted(summaries[0].by_set, reverse=True)
    rows = [*range(len(names)), len(names) + 0.6]
    for detector, style in styles.items():
        summary = of[detector]
        values = [summary.by_set[name][metric] for name in names]
        axes.scatter([*values, summary.mean[metric]], rows, label=detector, **style)
    axes.set_yticks(rows, [*names, MEAN])
    axes.get_yticklabels()[-1].set_fontweight("bold")
    axes.axhline(len(names) - 0.2, color="0.6", linewidth=0.8)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(title)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _against_cost(axes: Any, summaries: Sequence[Summary], styles: dict[str, Any]) -> None:
    """Mark mean average precision against microseconds an event, from cheapest to dearest set."""
    for summary in summaries:
        style = styles[summary.detector]
        costs = np.array(list(summary.cost.values()))
        middle, height = float(np.median(costs)), float(summary.mean[1])
        axes.plot([costs.min(), costs.max()], [height] * 2, color=style["color"], alpha=0.35, lw=2)
        axes.scatter(middle, height, **style)
        axes.annotate(
            summary.detector, (middle, height), xytext=(0, 6),
            textcoords="offset points", ha="center", fontsize=7.5,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel(
        "microseconds an event, warm-up included\n(mark: the median set; line: all sets)"
    )
    axes.set_title("mean average precision against cost")
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
