"""Batch EM under the same rules as the stream: what a warm-up ends with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from .frame import Frame
from .online import OnlineMixture
from .rules import Rules
from .seeding import kmeans_plus_plus, lloyd

Array = NDArray[np.float64]

_FARTHEST = 1e100  # frame units to which the kernels hold an event, so that squares are numbers


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard batch EM tries.

    Parameters
    ----------
    starts
        Independent k-means++ seedings; the best log-likelihood wins.
    max_iter, tol
        EM stops after ``max_iter`` rounds or when a round changes the log-likelihood by less than
        ``tol`` nats an event (or that share of a hundredth of it, where it is large).
    lloyd_rounds
        Rounds of k-means before EM.
    """

    starts: int = 3
    max_iter: int = 100
    tol: float = 1e-3
    lloyd_rounds: int = 10


def fit(
    X: Array,
    components: int,
    *,
    frame: Frame,
    rules: Rules,
    rng: np.random.Generator,
    weight: Array | None = None,
    effort: Effort = Effort(),
) -> OnlineMixture:
    """Fit a mixture to X (n, d), NaN = missing, by EM from k-means++ (best of a few starts).

    ``weight`` (n,) counts each event that often. Components get the identities 0 .. K-1 where
    K is 1 and else ones that only this fit's descendants share.
    """
    X = np.ascontiguousarray(X, dtype=np.float64)
    with np.errstate(over="ignore"):
        Z = np.clip(frame.to_frame(X), -_FARTHEST, _FARTHEST)
    weight = np.ones(len(X)) if weight is None else weight
    best: OnlineMixture | None = None
    best_likelihood = -np.inf
    for _ in range(effort.starts if components > 1 else 1):
        centres = kmeans_plus_plus(Z, components, rng)
        labels = lloyd(Z, centres, effort.lloyd_rounds)
        mixture = OnlineMixture(frame, components, rules)
        likelihood = _climb(mixture, X, weight, labels, effort)
        if best is None or likelihood > best_likelihood:
            best, best_likelihood = mixture, likelihood
    assert best is not None
    best.settle()
    if components > 1:
        best.ids = identities(best)
    return best


def identities(mixture: OnlineMixture) -> NDArray[np.uint64]:
    """Name the components after the fit they come from: a digest of its means and weights."""
    digest = hashlib.blake2b(mixture.means.tobytes() + mixture.weights.tobytes(), digest_size=8)
    return np.uint64(int.from_bytes(digest.digest()) >> 16 << 16) + np.arange(
        mixture.n_components, dtype=np.uint64
    )


def _climb(
    mixture: OnlineMixture, X: Array, weight: Array, labels: NDArray[np.int64], effort: Effort
) -> float:
    """Run EM from hard assignments; returns the mean log-likelihood of an event."""
    assigned = np.zeros((len(X), mixture.n_components))
    assigned[np.arange(len(X)), labels] = 1.0
    mixture.engine.expectation_maximisation(X, weight, assigned)
    previous = -np.inf
    for likelihood in islice(rounds(mixture, X, weight), effort.max_iter):
        # With bounded influence it may fall on the way: an outlier is let go of.
        if abs(likelihood - previous) < effort.tol * max(1.0, abs(likelihood) / 100.0):
            break
        previous = likelihood
    return float(likelihood)


def rounds(
    mixture: OnlineMixture, X: Array, weight: Array, *, pooled: Array | None = None
) -> Iterator[float]:
    """Take one step of EM after the other over X (n, d) with weights (n,), without end.

    Yields the mean log-likelihood of an event before each, without what missing values owe of
    the scales. ``pooled``, packed, holds the scatter that shapes are shrunk to.
    """
    total = weight.sum()
    while True:
        yield mixture.engine.expectation_maximisation(X, weight, pooled=pooled) / total
