"""Where EM starts: from clusters that a seed draws, or from what the user gives."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import Frame, Gaussians, Rules
from streamgmm.mixture.likelihood import gaussians_from, mixture_of, plain
from streamgmm.mixture.seeding import kmeans_plus_plus, lloyd, uniform

Array: TypeAlias = NDArray[np.float64]

_LLOYD_ROUNDS = 100


def seeded(
    init: str,
    X: Array,
    weight: Array,
    components: int,
    *,
    frame: Frame,
    rules: Rules,
    rng: np.random.Generator,
) -> Gaussians:
    """Return a start in X, distinct rows (n, d), NaN = missing, with weights (n,).

    Parameters
    ----------
    init
        "kmeans++": the rows about centres by k-means++; "kmeans": the same after k-means; "random":
        about centres drawn evenly.
    components
        K, at most n.
    frame
        Distances are taken in it: its scales are the features' spreads, but for one factor.
    """
    if components == 1:
        labels = np.zeros(len(X), dtype=np.int64)
    else:
        Z = frame.to_frame(X)
        draw = uniform if init == "random" else kmeans_plus_plus
        centres = draw(Z, components, rng, weight)
        if init == "kmeans":
            labels = lloyd(Z, centres, _LLOYD_ROUNDS, weight=weight, assign=spheres)
        else:
            labels = spheres(Z, centres)
        labels = occupied(labels, components, Z, centres)
    return gaussians_from(labels, components, X, weight, frame, rules)


def spheres(Z: Array, centres: Array) -> NDArray[np.int64]:
    """Return the nearest of centres (K, d) for each row (n,) of Z (n, d), NaN = missing.

    By the kernels, as a mixture of spheres of one size and weight has it.
    """
    K, d = centres.shape
    size = np.einsum("kd,kd->", centres, centres) / (K * d)
    unit = np.tile(np.eye(d) * (size if size > 0.0 else 1.0), (K, 1, 1))
    mixture = mixture_of(Gaussians(np.full(K, 1.0 / K), centres, unit), plain("spherical"))
    labels: NDArray[np.int64] = mixture.expect(Z)[1].argmax(axis=1)
    return labels


def occupied(
    labels: NDArray[np.int64], components: int, Z: Array, centres: Array
) -> NDArray[np.int64]:
    """Return labels (n,) of which each has a row: one without gets the farthest from its centre.

    That is of the rows that share their label with others; there are n rows Z (n, d), K or more.
    """
    counts = np.bincount(labels, minlength=components)
    if (counts > 0).all():
        return labels
    labels = labels.copy()
    squared = np.nan_to_num((Z - centres[labels]) ** 2).sum(axis=1)
    for row in np.argsort(-squared, kind="stable").tolist():
        if (counts > 0).all():
            break
        if counts[labels[row]] > 1:
            counts[labels[row]] -= 1
            labels[row] = int(np.argmin(counts))
            counts[labels[row]] += 1
    return labels
