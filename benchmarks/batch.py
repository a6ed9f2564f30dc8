"""Batch EM beside scikit-learn's: time and likelihood from one start, and what missing values cost.

    python -m benchmarks.batch [--repeats N] [--steps N] [--only N,D,K ...]

Both fit the same rows from the same start with the same number of steps. Ratios are taken pair by
pair in turns, and medians over the repeats: of the processor's time with the threads of BLAS and
OpenMP held to one, and of wall time as these are by default. Our own fit runs on one thread either
way. The last column is a step with 30% of the values missing, over a step with all of them;
scikit-learn's takes none that are missing.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import sklearn.mixture
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from streamgmm import GaussianMixture

Array = NDArray[np.float64]

COVARIANCES = ("full", "tied", "diag", "spherical")
MISSING = 0.3


class Size(NamedTuple):
    """Rows, features and components of a problem."""

    n: int
    d: int
    k: int


SIZES = (
    Size(1_000, 2, 3), Size(20_000, 5, 4), Size(20_000, 10, 8), Size(20_000, 10, 40),
    Size(10_000, 50, 8), Size(5_000, 100, 8),
)  # fmt: skip


class Row(NamedTuple):
    """What was measured of one problem."""

    step: float  # ms, ours
    one_thread: float  # scikit-learn's time over ours
    default_threads: float
    missing: float  # time of a step with values missing over one without
    apart: float  # nats a row between the two log-likelihoods


def rows(size: Size, seed: int = 0) -> Array:
    """Return rows of k correlated Gaussians that overlap."""
    rng = np.random.default_rng(seed)
    centres = 3.0 * rng.normal(size=(size.k, size.d))
    mixing = 0.5 * rng.normal(size=(size.k, size.d, size.d)) / np.sqrt(size.d) + np.eye(size.d)
    which = rng.integers(size.k, size=size.n)
    noise = rng.normal(size=(size.n, size.d))
    return centres[which] + np.einsum("nij,nj->ni", mixing[which], noise)


def start(X: Array, k: int, covariance: str) -> dict[str, Array]:
    """Return a start that needs no seeding: k rows, even weights, the variances of all."""
    variances = X.var(axis=0)
    precisions = {
        "full": np.tile(np.diag(1.0 / variances), (k, 1, 1)),
        "tied": np.diag(1.0 / variances),
        "diag": np.tile(1.0 / variances, (k, 1)),
        "spherical": np.full(k, 1.0 / variances.mean()),
    }[covariance]
    return {
        "means_init": X[:k], "weights_init": np.full(k, 1.0 / k), "precisions_init": precisions,
    }  # fmt: skip


def seconds(model: Any, X: Array, clock: Callable[[], float] = time.process_time) -> float:
    """Return how long a fit takes."""
    begun = clock()
    model.fit(X)
    return clock() - begun


def measure(size: Size, covariance: str, *, steps: int, repeats: int) -> Row:
    """Fit one problem with both, in turns."""
    X = rows(size)
    holed = np.where(np.random.default_rng(1).random(X.shape) < MISSING, np.nan, X)
    settings = {**start(X, size.k, covariance), "max_iter": steps, "tol": 0.0, "reg_covar": 1e-6}
    ours = GaussianMixture(size.k, covariance=covariance, **settings)
    incomplete = GaussianMixture(size.k, covariance=covariance, **settings)
    theirs = sklearn.mixture.GaussianMixture(size.k, covariance_type=covariance, **settings)
    own, one, default, missing = [], [], [], []
    for _ in range(repeats):
        with threadpool_limits(1):
            own.append(seconds(ours, X))
            one.append(seconds(theirs, X) / own[-1])
            missing.append(seconds(incomplete, holed) / own[-1])
        wall = time.perf_counter
        default.append(seconds(theirs, X, wall) / seconds(ours, X, wall))
    medians = (statistics.median(ratios) for ratios in (one, default, missing))
    return Row(1e3 * statistics.median(own) / steps, *medians, abs(ours.score(X) - theirs.score(X)))


def table(sizes: list[Size], *, steps: int, repeats: int) -> Iterator[str]:
    """Yield the lines of a table in Markdown, as they are measured."""
    yield (
        "| n, d, K | covariance | ms a step | scikit-learn / it, one thread | default threads "
        "| apart, nats a row | 30% missing / complete |"
    )
    yield "|---|---|---|---|---|---|---|"
    for size in sizes:
        for covariance in COVARIANCES:
            row = measure(size, covariance, steps=steps, repeats=repeats)
            yield (
                f"| {size.n:,}, {size.d}, {size.k} | {covariance} | {row.step:.2g} "
                f"| {row.one_thread:.1f} | {row.default_threads:.1f} | {row.apart:.0e} "
                f"| {row.missing:.1f} |"
            )


def size_of(text: str) -> Size:
    """Return N,D,K as a size."""
    return Size(*(int(part) for part in text.split(",")))


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="of EM, in each fit")
    parser.add_argument("--only", type=size_of, nargs="+", metavar="N,D,K", default=SIZES)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)  # the number of steps is what is set
    for line in table(arguments.only, steps=arguments.steps, repeats=arguments.repeats):
        print(line, flush=True)


if __name__ == "__main__":
    main()
