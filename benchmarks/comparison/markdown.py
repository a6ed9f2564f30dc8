"""Results as Markdown: detectors side by side, set by set, and each rule's part in the default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from .summary import Array, Summary, both, differences


def document(
    default: Summary,
    peers: Sequence[Summary],
    variants: Sequence[Summary],
    absent: Mapping[str, str],
) -> Iterator[str]:
    """Yield the lines of the whole: what there are no results of is left out.

    Parameters
    ----------
    absent
        Detectors that were not run, and why.
    """
    yield "# Detection quality"
    yield ""
    yield f"{len(default.by_set)} sets; a cell is ROC-AUC / average precision, the highest bold."
    if peers:
        yield from ("", "## Detectors", "")
        yield from side_by_side([default, *peers])
        yield from ("", "## Set by set", "")
        yield from by_set([default, *peers])
    if absent:
        yield from ("", "## Not run", "")
        yield from (f"- {name}: {reason}" for name, reason in absent.items())
    if variants:
        yield from ("", "## Each rule off in turn", "")
        yield from ablation(default, variants)
        yield from ("", "## Each rule off in turn, set by set", "")
        yield from by_set([default, *variants])


def side_by_side(summaries: Sequence[Summary]) -> Iterator[str]:
    """Yield a Markdown table, a row a detector, best mean ROC-AUC first."""
    yield "| detector | ROC-AUC | AP | sd between seeds | best of the sets | us/event (range) |"
    yield "|---|---|---|---|---|---|"
    wins = _wins(summaries)
    for summary in sorted(summaries, key=lambda s: -s.mean[0]):
        auc, precision = summary.mean
        spread = "one run" if summary.spread is None else both(summary.spread)
        costs = sorted(summary.cost.values())
        cost = f"{_short(float(np.median(costs)))} ({_short(costs[0])}-{_short(costs[-1])})"
        best = " / ".join(str(count) for count in wins[summary.detector])
        yield f"| {summary.detector} | {auc:.3f} | {precision:.3f} | {spread} | {best} | {cost} |"


def by_set(summaries: Sequence[Summary]) -> Iterator[str]:
    """Yield a Markdown table, a row a set, a column a detector; the best of each metric is bold."""
    ordered = sorted(summaries, key=lambda s: -s.mean[0])
    yield "| set | " + " | ".join(s.detector for s in ordered) + " |"
    yield "|---" * (len(ordered) + 1) + "|"
    for name in ordered[0].by_set:
        yield _row(name, np.array([s.by_set[name] for s in ordered]))
    yield _row("mean of the sets", np.array([s.mean for s in ordered]))


def ablation(default: Summary, variants: Sequence[Summary]) -> Iterator[str]:
    """Yield a Markdown table of the variants and their differences to the default.

    The spread is that of the paired differences, seed by seed.
    """
    yield (
        "| configuration | ROC-AUC | AP | change of ROC-AUC (sd) | change of AP (sd) "
        "| sets with lower / higher AP |"
    )
    yield "|---|---|---|---|---|---|"
    yield f"| **{default.detector}** | {default.mean[0]:.3f} | {default.mean[1]:.3f} | | | |"
    for variant in variants:
        change, spread = differences(default, variant)
        parts = [
            f"{c:+.3f}" if s is None else f"{c:+.3f} ({s:.3f})"
            for c, s in zip(change, [None, None] if spread is None else spread, strict=True)
        ]
        gain = [variant.by_set[name][1] - default.by_set[name][1] for name in default.by_set]
        lower, higher = sum(g < -0.005 for g in gain), sum(g > 0.005 for g in gain)
        yield (
            f"| {variant.detector} | {variant.mean[0]:.3f} | {variant.mean[1]:.3f} "
            f"| {parts[0]} | {parts[1]} | {lower} / {higher} |"
        )


def _wins(summaries: Sequence[Summary]) -> dict[str, tuple[int, ...]]:
    """Count on how many sets each is best, by metric; to three digits, ties count for all."""
    table = np.round([[s.by_set[name] for name in summaries[0].by_set] for s in summaries], 3)
    counts = (table == table.max(axis=0)).sum(axis=1)
    return {
        s.detector: tuple(int(c) for c in row) for s, row in zip(summaries, counts, strict=True)
    }


def _row(name: str, values: Array) -> str:
    best = np.round(values, 3) == np.round(values, 3).max(axis=0)
    cells = [
        " / ".join(f"**{v:.3f}**" if b else f"{v:.3f}" for v, b in zip(row, which, strict=True))
        for row, which in zip(values, best, strict=True)
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def _short(cost: float) -> str:
    return f"{cost:.1f}" if cost < 10 else f"{cost:,.0f}"
