"""Held-out likelihood beside scikit-learn's GaussianMixture and SciPy's gaussian_kde.

    python -m benchmarks.likelihood [--only wine] [--folds 5]

The mean log-likelihood, in nats, of an event that a density was not fitted to, over the folds of
data that ship with scikit-learn and river; higher is better. Features are standardised over the
whole set, for all alike. Sets whose features repeat values are left out: a density of those can be
made as high as one likes.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from river import datasets as river
from scipy.stats import gaussian_kde
from sklearn import datasets
from sklearn.mixture import GaussianMixture

from streamgmm import OnlineGMM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Array = NDArray[np.float64]
    Density = Callable[[Array], Array]

MOST_COMPONENTS = 8
# Nothing drawn together, held back or forgotten: what finds anomalies is not what fits best.
AS_A_DENSITY: dict[str, Any] = {
    "n_components": MOST_COMPONENTS,
    "half_life": None,
    "shrinkage": 2.0,
    "correlation_shrinkage": 0.0,
    "influence": float("inf"),
    "gate": None,
    "structure": False,
}


def one_gaussian(X: Array) -> Density:
    return GaussianMixture(1).fit(X).score_samples


def batch_by_bic(X: Array) -> Density:
    fits = (GaussianMixture(K, random_state=0).fit(X) for K in range(1, MOST_COMPONENTS + 1))
    return min(fits, key=lambda fit: fit.bic(X)).score_samples


def kernels(X: Array) -> Density:
    estimate = gaussian_kde(X.T)
    return lambda held_out: estimate.logpdf(held_out.T)


def online(*, missing: float = 0.0, **parameters: Any) -> Callable[[Array], Density]:
    """Fit a model in one pass, a share of the values it learns from being missing."""

    def fit(X: Array) -> Density:
        X = np.where(np.random.default_rng(1).random(X.shape) < missing, np.nan, X)
        model = OnlineGMM(warmup=min(500, len(X) // 2), **parameters)
        model.learn_many(X)
        return model.density.logpdf

    return fit


DENSITIES: dict[str, Callable[[Array], Density]] = {
    "one Gaussian": one_gaussian,
    "GaussianMixture, K by BIC": batch_by_bic,
    "gaussian_kde": kernels,
    "OnlineGMM, as a detector": online(),
    "OnlineGMM, as a density": online(**AS_A_DENSITY),
    "the same, 20% of the values missing": online(**AS_A_DENSITY, missing=0.2),
}


def sets() -> dict[str, Callable[[], Array]]:
    return {
        "iris": lambda: datasets.load_iris().data,
        # without sex and s4: of one and of s4's ratios many patients have the very same
        "diabetes": lambda: np.delete(datasets.load_diabetes().data, [1, 7], axis=1),
        "wine": lambda: datasets.load_wine().data,
        "breast_cancer": lambda: datasets.load_breast_cancer().data,
        "trump_approval": lambda: rows_of(river.TrumpApproval()),
        "bananas": lambda: rows_of(river.Bananas()),
    }


def rows_of(stream: Any) -> Array:
    return np.array([[float(value) for value in x.values()] for x, _ in stream])


def held_out(X: Array, fit: Callable[[Array], Density], folds: int) -> float:
    """Return the mean log-likelihood of an event not fitted to."""
    X = ((X - X.mean(axis=0)) / X.std(axis=0))[np.random.default_rng(0).permutation(len(X))]
    fold = np.arange(len(X)) % folds
    found = [fit(X[fold != i])(X[fold == i]) for i in range(folds)]
    return float(np.concatenate(found).mean())


def table(names: list[str], folds: int) -> Iterator[str]:
    yield "| set | n | d | " + " | ".join(DENSITIES) + " |"
    yield "|---|---|---|" + "---|" * len(DENSITIES)
    for name in names:
        X = sets()[name]()
        found = [held_out(X, fit, folds) for fit in DENSITIES.values()]
        cells = [f"**{v:.2f}**" if v == max(found) else f"{v:.2f}" for v in found]
        yield f"| {name} | {X.shape[0]} | {X.shape[1]} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=list(sets()), help="one set")
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    for line in table([options.only] if options.only else list(sets()), options.folds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
