"""Results gathered: a detector over all sets and seeds, and a change against the default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .protocol import Result

Array = NDArray[np.float64]

METRICS = ("roc_auc", "average_precision")


@dataclass(frozen=True, slots=True)
class Summary:
    """One detector over all sets.

    Parameters
    ----------
    detector
        Its name.
    seeds
        With which it ran.
    by_set : {set: (2,)}
        ROC-AUC and average precision, means over the seeds.
    by_seed : (seeds, 2)
        Means over the sets.
    cost : {set: float}
        Microseconds an event, the median over the seeds.
    """

    detector: str
    seeds: tuple[int, ...]
    by_set: Mapping[str, Array]
    by_seed: Array
    cost: Mapping[str, float]

    @property
    def mean(self) -> Array:
        """ROC-AUC and average precision (2,), means over sets and seeds."""
        return np.asarray(self.by_seed.mean(axis=0))

    @property
    def spread(self) -> Array | None:
        """Standard deviation (2,) of the means over the sets between seeds; None for one seed."""
        return None if len(self.seeds) < 2 else np.asarray(self.by_seed.std(axis=0, ddof=1))


def summarise(results: Sequence[Result], detector: str) -> Summary:
    """Gather the results of one detector.

    Raises
    ------
    ValueError
        If a set lacks a seed that another has: means over different sets cannot be compared.
    """
    mine = {(r.name, r.seed): r for r in results if r.detector == detector}
    names = sorted({name for name, _ in mine})
    seeds = tuple(sorted({seed for _, seed in mine}))
    lacking = [f"{name}, seed {s}" for name in names for s in seeds if (name, s) not in mine]
    if lacking:
        raise ValueError(f"{detector} has no result for {'; '.join(lacking)}: run them first")
    quality = np.array(
        [[[getattr(mine[n, s], metric) for metric in METRICS] for s in seeds] for n in names]
    )
    cost = {
        n: float(np.median([mine[n, s].seconds / mine[n, s].events for s in seeds]) * 1e6)
        for n in names
    }
    by_set = dict(zip(names, quality.mean(axis=1), strict=True))
    return Summary(detector, seeds, by_set, quality.mean(axis=0), cost)


def differences(default: Summary, variant: Summary) -> tuple[Array, Array | None]:
    """Return mean and standard deviation (2,) over seeds of variant - default, paired by seed.

    Raises
    ------
    ValueError
        If the two did not run on the same sets with the same seeds.
    """
    if (default.seeds, [*default.by_set]) != (variant.seeds, [*variant.by_set]):
        raise ValueError(
            f"{variant.detector} ran on other sets or seeds than {default.detector}; "
            "run both with the same --seeds and --data"
        )
    paired = variant.by_seed - default.by_seed
    spread = paired.std(axis=0, ddof=1) if len(paired) > 1 else None
    return np.asarray(paired.mean(axis=0)), spread


def text(summary: Summary) -> Iterator[str]:
    """Yield the lines of one detector's table for the terminal."""
    yield f"\n{summary.detector} ({seeds_in_words(summary)})"
    yield f"  {'set':<26} ROC-AUC      AP  us/event"
    for name, (auc, precision) in summary.by_set.items():
        yield f"  {name:<26} {auc:7.3f} {precision:7.3f} {summary.cost[name]:9.1f}"
    auc, precision = summary.mean
    yield f"  {'mean of the sets':<26} {auc:7.3f} {precision:7.3f}"
    if summary.spread is not None:
        yield f"  {'spread between seeds (sd)':<26} {both(summary.spread, ' ', width=7)}"


def seeds_in_words(summary: Summary) -> str:
    """Return "seed 0" or "mean over seeds 0-4"."""
    first, last = summary.seeds[0], summary.seeds[-1]
    return f"seed {first}" if first == last else f"mean over seeds {first}-{last}"


def both(pair: Array, between: str = " / ", width: int = 5) -> str:
    """Return ROC-AUC and average precision to three digits."""
    return between.join(f"{value:{width}.3f}" for value in pair)
