"""Detection quality on labelled sets: ROC-AUC and average precision, prequentially.

Protocol: rows in a fixed order (a permutation drawn with seed 0, but the natural order for time
series), at most 20,000; every event is scored, then learned, by one default configuration for all
sets; the first min(500, 10%) are not judged. Labels are for measuring only.

    python benchmarks/quality.py --data FOLDER

FOLDER holds .npz files with X (n, d) and y (0 normal, 1 anomaly). Peers see inputs standardised
online, and scaled to [0, 1] online where they need that.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import anomaly, preprocessing

from streamgmm import OnlineGMM
from streamgmm.service.quality import average_precision, roc_auc

Array = NDArray[np.float64]
Scorer = Callable[[Array, int], Array]

MOST_EVENTS = 20_000
NATURAL_ORDER = ("nab_",)  # time series: their order is what there is to learn


def streamgmm_default(X: Array, seed: int) -> Array:
    """Score with the one default configuration."""
    return OnlineGMM(seed=seed).score_learn_many(X)


def half_space_trees(X: Array, seed: int) -> Array:
    """Score with river's HalfSpaceTrees, on inputs scaled to [0, 1]."""
    return _river(preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(seed=seed), X)


def loda(X: Array, seed: int) -> Array:
    """Score with river's LODA, on standardised inputs."""
    return _river(preprocessing.StandardScaler() | anomaly.LODA(seed=seed), X)


def _river(model: Any, X: Array) -> Array:
    scores = np.empty(len(X))
    for i, row in enumerate(X.tolist()):
        x = dict(enumerate(row))
        scores[i] = model.score_one(x)
        model.learn_one(x)
    return scores


DETECTORS: dict[str, Scorer] = {
    "streamgmm": streamgmm_default,
    "river HalfSpaceTrees": half_space_trees,
    "river LODA": loda,
}


@dataclass(frozen=True, slots=True)
class Result:
    """One detector on one set with one seed; ``seconds`` for the whole set."""

    detector: str
    name: str
    seed: int
    roc_auc: float
    average_precision: float
    events: int
    seconds: float


def load(path: Path) -> tuple[Array, NDArray[np.bool_]]:
    """Return X (n, d) and y (n,) of one set in the protocol's order."""
    with np.load(path) as stored:
        X, y = stored["X"].astype(np.float64), stored["y"] == 1
    if not path.stem.startswith(NATURAL_ORDER):
        order = np.random.default_rng(0).permutation(len(X))
        X, y = X[order], y[order]
    return np.ascontiguousarray(X[:MOST_EVENTS]), y[:MOST_EVENTS]


def measure(task: tuple[str, Path, int]) -> Result:
    """Run one detector over one set with one seed."""
    detector, path, seed = task
    X, y = load(path)
    start = time.perf_counter()
    scores = DETECTORS[detector](X, seed)
    seconds = time.perf_counter() - start
    judged = min(500, len(X) // 10)
    labels, judged_scores = y[judged:], scores[judged:]
    return Result(
        detector,
        path.stem,
        seed,
        roc_auc(labels, judged_scores),
        average_precision(labels, judged_scores),
        len(X),
        seconds,
    )


def report(results: list[Result]) -> Iterator[str]:
    """Yield the lines of the table: per set, then the means over sets with their spread."""
    names = sorted({r.name for r in results})
    for detector in dict.fromkeys(r.detector for r in results):
        mine = [r for r in results if r.detector == detector]
        seeds = sorted({r.seed for r in mine})
        yield f"\n{detector} (mean over seeds {seeds[0]}-{seeds[-1]})"
        yield f"  {'set':<26} ROC-AUC      AP  us/event"
        for name in names:
            of_set = [r for r in mine if r.name == name]
            auc, precision = _means(of_set)
            cost = np.median([r.seconds / r.events for r in of_set]) * 1e6
            yield f"  {name:<26} {auc:7.3f} {precision:7.3f} {cost:9.1f}"
        by_seed = np.array([_means([r for r in mine if r.seed == seed]) for seed in seeds])
        auc, precision = by_seed.mean(axis=0)
        yield f"  {'mean of the sets':<26} {auc:7.3f} {precision:7.3f}"
        spread = by_seed.std(axis=0, ddof=1) if len(seeds) > 1 else np.zeros(2)
        yield f"  {'spread between seeds (sd)':<26} {spread[0]:7.3f} {spread[1]:7.3f}"


def _means(results: list[Result]) -> tuple[float, float]:
    auc = float(np.mean([r.roc_auc for r in results]))
    return auc, float(np.mean([r.average_precision for r in results]))


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of .npz files")
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 .. N-1 (default 5)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument(
        "--only", nargs="+", choices=tuple(DETECTORS), default=tuple(DETECTORS), metavar="DETECTOR"
    )
    arguments = parser.parse_args()
    paths = sorted(arguments.data.glob("*.npz"))
    if not paths:
        parser.error(f"no .npz file in {arguments.data}; give the folder that holds the sets")
    tasks = list(product(arguments.only, paths, range(arguments.seeds)))
    with ProcessPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(measure, tasks))
    print("\n".join(report(results)).lstrip("\n"))


if __name__ == "__main__":
    main()
