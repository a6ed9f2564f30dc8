"""How far two states of one mixture are apart, and a third that follows it slowly."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .online import OnlineMixture

Array = NDArray[np.float64]

_CERTAIN = 20.0  # tanh is 1 from there on, to double precision


def triangular_discrimination(p: OnlineMixture, q: OnlineMixture, X: Array) -> float:
    """Return how well events (n, d) drawn from p can be told from those of q: 0 not, 1 always.

    Half of Le Cam's triangular discrimination, which lies in [0, 1] and is symmetric,

        D(p, q) = 1/2 int (p - q)^2 / (p + q) = E_p[(p - q) / (p + q)] = E_p[tanh(log(p / q) / 2)]

    (Topsoe 2000): the second form, for p and q each have the integral 1, needs events of one of
    the two only, and no event counts for more than 1 / n. Of an event that may as likely be p's
    as q's, p's is recognised with the mean probability (1 + D) / 2, in any number of features.
    What is missing from an event is left out; one of which nothing is there does not count. An
    estimate from few events may fall a little below 0 and is then given as 0.
    """
    observed = np.ascontiguousarray(X[~np.isnan(X).all(axis=1)])
    if not len(observed):
        return 0.0
    ratio = p.expect(observed)[0] - q.expect(observed)[0]
    return max(0.0, math.fsum(_tanh(0.5 * ratio).tolist()) / len(observed))


def follow(reference: OnlineMixture, mixture: OnlineMixture, share: float) -> None:
    """Take the reference a share of the way on to the mixture, in place.

    Both are merged component by component, as the states of two streams are
    (:func:`.statistics.merge_statistics`), with masses 1 - share and share. A component that only
    the mixture has comes in with its share of the weight, one that only the reference has goes out.
    N goes as far: on it depends how much the components borrow of the pooled shape.

    Raises
    ------
    ValueError
        If they have not the same features and room for as many components.
    """
    if (reference.d, reference.n_components) != (mixture.d, mixture.n_components):
        raise ValueError(
            f"a reference of {reference.d} features and {reference.n_components} components cannot "
            f"follow a mixture of {mixture.d} and {mixture.n_components}; both must be equal"
        )
    reference.move_frame(mixture.frame)
    old, new = reference._arrays, mixture._arrays
    gone = np.zeros(old["weight"].size, dtype=bool)
    gone[: len(mixture.ids)] = reference.ids != mixture.ids
    kept = np.where(gone.reshape(old["weight"].shape), 0.0, (1.0 - share) * old["weight"])
    weight = kept + share * new["weight"]
    step = np.divide(share * new["weight"], weight, out=np.zeros_like(weight), where=weight > 0)
    step = step[:, None, :]
    gap = new["mean"] - old["mean"]
    rows, columns = mixture.covariance.entries(mixture.d)
    outer = gap[:, rows] * gap[:, columns]
    old["scatter"] += step * (new["scatter"] - old["scatter"] + (1.0 - step) * outer)
    old["mean"] += step * gap
    old["weight"][...] = weight / weight.sum()
    old["mass"][0] += share * (new["mass"][0] - old["mass"][0])
    reference.ids = mixture.ids.copy()
    reference.engine.factorise()


def _tanh(x: Array) -> Array:
    """Return tanh of x (n,) by Lambert's fraction and doubling: the same bits everywhere."""
    y = np.clip(x, -_CERTAIN, _CERTAIN) / 32.0
    square = y * y
    t = y * (945.0 + square * (105.0 + square)) / (945.0 + square * (420.0 + 15.0 * square))
    for _ in range(5):
        t = 2.0 * t / (1.0 + t * t)
    return np.asarray(t)
