"""Changes of a mixture's structure: components merge, split, retire and are born.

Each is a function from components to components. Merge and split preserve the mixture's mass and
its first two moments.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .components import Components

Array = NDArray[np.float64]

# Distance from a Gaussian's mean to those of its two halves, in standard deviations.
_HALF_MEAN = math.sqrt(2.0 / math.pi)
_POWER_ROUNDS = 50


def merge(parts: Components, i: int, j: int) -> Components:
    """Return ``parts`` with i and j as one, in the slot and under the id of the heavier.

    With a and b = 1 - a their shares of the common weight, mu = a mu_i + b mu_j and
    S = a S_i + b S_j + a b (mu_i - mu_j)(mu_i - mu_j)^T; weights, counts and tenures add up.
    The mixture's mean and second moments stay as they are (Runnalls 2007, section II).
    """
    _check(parts, i, j)
    if parts.weights[j] > parts.weights[i]:
        i, j = j, i
    weight, mean, scatter = (part[0] for part in joined(parts, np.array([i]), np.array([j])))
    count, tenure = parts.counts[i] + parts.counts[j], parts.tenure[i] + parts.tenure[j]
    merged = _put(parts, i, parts.ids[i], weight, count, tenure, mean, scatter)
    return _clear(merged, j)


def joined(
    parts: Components, i: NDArray[np.int64], j: NDArray[np.int64]
) -> tuple[Array, Array, Array]:
    """Return weights (P,), means (P, d) and packed scatters (P, size) of pairs taken together."""
    weight = parts.weights[i] + parts.weights[j]
    b = (parts.weights[j] / weight)[:, None]
    gap = parts.means[j] - parts.means[i]
    own = (1.0 - b) * parts.scatters[i] + b * parts.scatters[j]
    return weight, parts.means[i] + b * gap, own + b * (1.0 - b) * parts.outer(gap)


def split(parts: Components, k: int, slot: int) -> Components:
    """Return ``parts`` with k in two halves along its principal axis, the second in ``slot``.

    They are the halves into which a plane across that axis cuts a Gaussian: with v the axis and
    delta = sqrt(2 / pi) S v / sqrt(v^T S v), means mu -+ delta and scatter S - delta delta^T, which
    is positive semi-definite. Weight, count and tenure are halved; the first half keeps the id.

    Raises
    ------
    ValueError
        If k is empty, or ``slot`` is not.
    """
    _check(parts, k)
    if parts.occupied[slot]:
        raise ValueError(f"slot {slot} holds a component; a half goes into an empty one")
    S = parts.covariance.unpack(parts.scatters[k], parts.d)
    Sv, variance = _principal(S)
    delta = _HALF_MEAN * Sv / math.sqrt(variance) if variance > 0.0 else np.zeros(parts.d)
    scatter = parts.scatters[k] - parts.outer(delta)
    half = 0.5 * parts.weights[k], 0.5 * parts.counts[k], 0.5 * parts.tenure[k]
    left, right = parts.means[k] - delta, parts.means[k] + delta
    first = _put(parts, k, parts.ids[k], *half, left, scatter)
    name = _identity(right, parts.scatters[k], int(parts.ids[k]))
    return _put(first, slot, name, *half, right, scatter)


def retire(parts: Components, k: int) -> Components:
    """Return ``parts`` without k; its weight is spread over the others by proportion.

    Raises
    ------
    ValueError
        If k is empty or the only component.
    """
    _check(parts, k)
    rest = parts.weights.sum() - parts.weights[k]
    if not rest > 0.0:
        raise ValueError(f"component {k} is the only one; a mixture keeps at least one")
    return _clear(replace(parts, weights=parts.weights / rest), k)


def birth(
    parts: Components,
    slot: int,
    *,
    weight: float,
    mass: float,
    mean: Array,
    scatter: Array,
) -> Components:
    """Return ``parts`` with a new component in an empty slot.

    ``weight`` is taken from the others by proportion; ``mass`` is its n_k and its tenure; ``mean``
    (d,) and ``scatter`` (d, d) are in frame units. Its id is a digest of what it is born with, and
    of the ids around it.

    Raises
    ------
    ValueError
        If the slot is not empty or the weight not in (0, 1).
    """
    if parts.occupied[slot]:
        raise ValueError(f"slot {slot} holds a component; retire or merge it first")
    if not 0.0 < weight < 1.0:
        raise ValueError(f"weight is {weight!r}; a birth takes a share in (0, 1) of the traffic")
    packed = parts.covariance.pack(scatter)
    lighter = replace(parts, weights=parts.weights * (1.0 - weight))
    name = _identity(mean, packed, *parts.ids.tolist())
    return _put(lighter, slot, name, weight, mass, mass, mean, packed)


# ---- slots -------------------------------------------------------------------------------


def compacted(parts: Components) -> Components:
    """Return ``parts`` with its components in the first slots, in the order they were in.

    An event costs what the slots up to the last component cost (``active`` in ``model.h``).
    """
    order = np.argsort(~parts.occupied, kind="stable")
    fields = ("ids", "weights", "counts", "tenure", "means", "scatters")
    return replace(parts, **{name: getattr(parts, name)[order] for name in fields})


def _check(parts: Components, *slots: int) -> None:
    for k in slots:
        if not 0 <= k < len(parts.weights) or not parts.occupied[k]:
            raise ValueError(
                f"there is no component {k}; components are the slots 0 to "
                f"{len(parts.weights) - 1} that have a weight"
            )
    if len(set(slots)) < len(slots):
        raise ValueError(f"component {slots[0]} cannot be merged with itself")


def _put(
    parts: Components,
    k: int,
    name: int | np.uint64,
    weight: float,
    count: float,
    tenure: float,
    mean: Array,
    scatter: Array,
) -> Components:
    values = {
        "ids": name, "weights": weight, "counts": count, "tenure": tenure, "means": mean,
        "scatters": scatter,
    }  # fmt: skip
    changed = {}
    for field, value in values.items():
        changed[field] = getattr(parts, field).copy()
        changed[field][k] = value
    return replace(parts, **changed)


def _clear(parts: Components, k: int) -> Components:
    nothing = np.zeros(parts.d), np.zeros(parts.scatters.shape[1])
    return _put(parts, k, 0, 0.0, 0.0, 0.0, *nothing)


def _principal(S: Array) -> tuple[Array, float]:
    """Return S v and v^T S v for a principal axis v of S (d, d), by power iteration.

    It starts from the largest variance. Whatever v it reaches, S - (S v)(S v)^T / (v^T S v) is
    positive semi-definite, so an axis that is only nearly principal does no harm.
    """
    v = np.zeros(len(S))
    v[int(np.diagonal(S).argmax())] = 1.0
    for _ in range(_POWER_ROUNDS):
        Sv = np.einsum("ij,j->i", S, v)
        length = math.sqrt(float((Sv * Sv).sum()))
        if length == 0.0:
            return np.zeros(len(S)), 0.0
        v = Sv / length
    Sv = np.einsum("ij,j->i", S, v)
    return Sv, float((Sv * v).sum())


def _identity(mean: Array, scatter: Array, *others: int) -> np.uint64:
    """Name a component after what it begins with: equal histories give equal names."""
    digest = hashlib.blake2b(mean.tobytes() + scatter.tobytes(), digest_size=8)
    digest.update(np.array(others, dtype=np.uint64).tobytes())
    return np.uint64(max(int.from_bytes(digest.digest()), 1))
