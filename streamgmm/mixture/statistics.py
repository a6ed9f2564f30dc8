"""The arrays a mixture consists of, and the two laws that act on them as a whole: merge and move.

Layout (``model.h``): components innermost, in groups of ``LANES``; matrices packed. In centred
form: mass N (with the weights w), masses n_k (with the means mu_k and scatters S_k). The tenure of
a component is the number of events it has explained, whatever they were allowed to teach.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .covariance import Covariance, packed_outer
from .kernels import LANES

Array = NDArray[np.float64]
Arrays: TypeAlias = dict[str, Array]

STATISTICS = ("mass", "weight", "count", "tenure", "mean", "scatter")
FACTORS = ("factor", "log_det", "freedom", "traffic", "experience", "change")


def empty_arrays(components: int, d: int, covariance: Covariance) -> Arrays:
    """Return the arrays of a mixture that has seen nothing: even weights, no mass, no spread."""
    groups = -(-components // LANES)
    size = covariance.size(d)
    arrays = {
        "mass": _aligned((4,)),
        "weight": _aligned((groups, LANES)),
        "count": _aligned((groups, LANES)),
        "tenure": _aligned((groups, LANES)),
        "mean": _aligned((groups, d, LANES)),
        "scatter": _aligned((groups, size, LANES)),
        "factor": _aligned((1 if covariance.shared else groups, size, LANES)),
        "log_det": _aligned((groups, LANES)),
        "freedom": _aligned((groups, LANES)),
        "traffic": _aligned((groups, LANES)),
        "experience": _aligned((groups, LANES)),
        "change": _aligned((groups, LANES)),
    }
    arrays["mass"][2] = np.nan
    arrays["weight"].reshape(-1)[:components] = 1.0 / components
    arrays["log_det"].reshape(-1)[components:] = -1e300
    identity = covariance.pack(np.eye(d))
    arrays["factor"][...] = identity[None, :, None]
    return arrays


def by_component(array: Array, components: int) -> Array:
    """Return (groups, ..., LANES) as a copy of shape (components, ...)."""
    moved = array.transpose(0, -1, *range(1, array.ndim - 1))
    # A copy always: where the shapes already fit, it would be a view of a state that moves on.
    return moved.reshape(-1, *moved.shape[2:])[:components].copy()


def by_lane(values: Array, out: Array) -> None:
    """Write (components, ...) values into an array of shape (groups, ..., LANES)."""
    groups, lanes = out.shape[0], out.shape[-1]
    padded = np.zeros((groups * lanes, *values.shape[1:]))
    padded[: len(values)] = values
    out[...] = np.moveaxis(padded.reshape(groups, lanes, *values.shape[1:]), 1, -1)


def merge_statistics(a: Arrays, b: Arrays, components: int, covariance: Covariance) -> Arrays:
    """Return the statistics of both streams together, as if gathered under their responsibilities.

    Weights add by N, tenures as they are; means and scatters by n_k, the scatter with the means'
    difference:
    S = (n_a S_a + n_b S_b) / n + (n_a n_b / n^2) (mu_a - mu_b)(mu_a - mu_b)^T.
    """
    merged = {name: a[name].copy() for name in STATISTICS}
    mass_a, mass_b = a["mass"][0], b["mass"][0]
    total = mass_a + mass_b
    if total == 0.0:
        return merged
    merged["mass"][:3] = total, a["mass"][1] + b["mass"][1], np.fmax(a["mass"][2], b["mass"][2])
    merged["weight"][...] = (mass_a * a["weight"] + mass_b * b["weight"]) / total
    merged["tenure"][...] = a["tenure"] + b["tenure"]
    n_a, n_b = (by_component(s["count"], components)[:, None] for s in (a, b))
    n = n_a + n_b
    share_b = np.divide(n_b, n, out=np.zeros_like(n), where=n > 0)
    share_a = 1.0 - share_b
    mu_a, mu_b = (by_component(s["mean"], components) for s in (a, b))
    scatter_a, scatter_b = (by_component(s["scatter"], components) for s in (a, b))
    gap = mu_b - mu_a
    outer = packed_outer(covariance, gap)
    by_lane(n[:, 0], merged["count"])
    by_lane(mu_a + share_b * gap, merged["mean"])
    by_lane(
        share_a * scatter_a + share_b * scatter_b + share_a * share_b * outer, merged["scatter"]
    )
    return merged


def move_statistics(arrays: Arrays, covariance: Covariance, means: Array, slope: Array) -> None:
    """Rewrite statistics in place for new coordinates.

    ``means`` (K, d) are the means there, ``slope`` (K, d) how much longer a small step becomes.
    """
    by_lane(means, arrays["mean"])
    scatter = by_component(arrays["scatter"], len(means))
    by_lane(scatter * packed_outer(covariance, slope), arrays["scatter"])


def _aligned(shape: tuple[int, ...]) -> Array:
    """Return zeros that start on a cache line: one vector load then never touches two."""
    n = int(np.prod(shape))
    raw = np.zeros(n + 8)
    start = (-raw.ctypes.data % 64) // 8
    return raw[start : start + n].reshape(shape)
