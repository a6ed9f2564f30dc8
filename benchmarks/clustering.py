"""Clusters beside river's: KMeans, CluStream and DBSTREAM, on data that come with river.

    python -m benchmarks.clustering [--only Waveform] [--seeds 5]

Every event gets its cluster before it is learned; the first 500 are learned only. All are given
the same rows, standardised by the rows so far. A cell is the adjusted Rand index and the V-measure
(river's metrics) of the clusters against the classes of the set, which nobody is shown: means over
seeds, of which each stands for an order of the rows (or a generator's seed) and the clusterer's
seed. Costs are microseconds of processor time an event, for both steps.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import base, cluster, datasets, metrics
from river.datasets import synth

from benchmarks.comparison.preparation import standardise
from streamgmm import GMMClusterer

Labelled = tuple[NDArray[np.float64], list[Hashable]]

LEARNED_ONLY, DRAWN = 500, 5_000

# From the number of classes, of features, and a seed. Those that ask for the number of clusters are
# told; what is not said is the package's default. The halflife of KMeans, 0.5, moves a centre half
# the way to each event, and DBSTREAM's radius, 1, holds no two events of many features, whose
# distance grows with their root: for each a second row with another one.
CLUSTERERS: dict[str, Callable[[int, int, int], base.Clusterer]] = {
    "GMMClusterer": lambda _k, _d, seed: GMMClusterer(seed=seed),
    "GMMClusterer, told k": lambda k, _d, seed: GMMClusterer(k, structure=False, seed=seed),
    "KMeans": lambda k, _d, seed: cluster.KMeans(n_clusters=k, seed=seed),
    "KMeans, halflife 0.01": lambda k, _d, seed: cluster.KMeans(k, halflife=0.01, seed=seed),
    "CluStream": lambda k, _d, seed: cluster.CluStream(n_macro_clusters=k, seed=seed),
    "DBSTREAM": lambda _k, _d, _seed: cluster.DBSTREAM(),
    "DBSTREAM, radius sqrt(d)/2": lambda _k, d, _seed: cluster.DBSTREAM(math.sqrt(d) / 2),
}


def bundled(events: Iterable[tuple[dict[str, Any], Hashable]], seed: int) -> Labelled:
    """Return the rows of a data set in an order of their own."""
    X, y = rows_of(events)
    order = np.random.default_rng(seed).permutation(len(X))
    return X[order], [y[i] for i in order]


def rows_of(events: Iterable[tuple[dict[str, Any], Hashable]]) -> Labelled:
    x, y = zip(*events, strict=True)
    return np.array([[float(value) for value in one.values()] for one in x]), list(y)


def places(seed: int, *, speed: float) -> Labelled:
    """Return events about five places, wide and narrow, that overlap; a class each, as they move.

    Of 10,000 names for classes no two places draw the same.
    """
    sizes: dict[str, Any] = {"n_classes": 10_000, "n_features": 5, "n_centroids": 5}
    drift: dict[str, Any] = {"change_speed": speed, "n_drift_centroids": 5}
    stream = synth.RandomRBFDrift(seed_model=seed, seed_sample=seed, **sizes, **drift)
    return rows_of(stream.take(DRAWN))


SETS: dict[str, Callable[[int], Labelled]] = {
    "ImageSegments": lambda seed: bundled(datasets.ImageSegments(), seed),
    "Phishing": lambda seed: bundled(datasets.Phishing(), seed),
    "Bananas": lambda seed: bundled(datasets.Bananas(), seed),
    "Waveform": lambda seed: rows_of(synth.Waveform(seed=seed).take(DRAWN)),
    "RandomRBF": lambda seed: places(seed, speed=0.0),
    "RandomRBFDrift": lambda seed: places(seed, speed=2e-4),
}


def assess(clusterer: base.Clusterer, X: NDArray[np.float64], y: list[Hashable]) -> list[float]:
    """Return adjusted Rand index, V-measure and microseconds an event: cluster, then learn."""
    rand, v_measure, spent = metrics.AdjustedRand(), metrics.VBeta(beta=1.0), 0.0
    numbers = {name: i for i, name in enumerate(dict.fromkeys(y))}
    for i, row in enumerate(X.tolist()):
        x = dict(enumerate(row))
        started = time.process_time()
        label = clusterer.predict_one(x) if i >= LEARNED_ONLY else None
        clusterer.learn_one(x)
        spent += time.process_time() - started
        if label is not None:
            rand.update(numbers[y[i]], label)
            v_measure.update(numbers[y[i]], label)
    return [rand.get(), v_measure.get(), 1e6 * spent / len(X)]


def table(names: list[str], seeds: int) -> Iterator[str]:
    """Yield the lines of a Markdown table; the best of a set is bold."""
    results: dict[str, NDArray[np.float64]] = {}
    for name in names:
        found = np.zeros((len(CLUSTERERS), seeds, 3))
        for seed in range(seeds):
            X, y = SETS[name](seed)
            Z, k = standardise(X), len(set(y))
            for row, make in enumerate(CLUSTERERS.values()):
                found[row, seed] = assess(make(k, X.shape[1], seed), Z, y)
        results[f"{name} ({len(X):,} x {X.shape[1]}, k = {k})"] = found.mean(axis=1)
    yield "| clusterer | " + " | ".join(results) + " | mean of the sets | us/event |"
    yield "|---" * (len(results) + 3) + "|"
    quality = np.array([found[:, :2] for found in results.values()])  # (sets, clusterers, 2)
    quality = np.round(np.concatenate([quality, quality.mean(axis=0)[None]]), 2)
    best = quality == quality.max(axis=1, keepdims=True)
    cost = np.mean([found[:, 2] for found in results.values()], axis=0)
    for row, name in enumerate(CLUSTERERS):
        cells = [
            " / ".join(f"**{v:.2f}**" if b else f"{v:.2f}" for v, b in zip(*pair, strict=True))
            for pair in zip(quality[:, row], best[:, row], strict=True)
        ]
        yield f"| {name} | " + " | ".join(cells) + f" | {cost[row]:,.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=list(SETS), help="one set")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    for line in table([options.only] if options.only else list(SETS), options.seeds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
