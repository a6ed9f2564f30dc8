"""Changes of a mixture's structure: components merge, split, retire and are born.

Each is a function from components to components. Merge and split preserve the mixture's mass and
its first two moments; what a change costs is a number of nats an event, so that one can be weighed
against another.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .components import Components
from .forgetting import Stationary
from .kernels import Engine
from .online import OnlineMixture
from .rules import Rules
from .statistics import by_component, by_lane, empty_arrays

Array = NDArray[np.float64]

# Distance from a Gaussian's mean to those of its two halves, in standard deviations.
_HALF_MEAN = math.sqrt(2.0 / math.pi)
_POWER_ROUNDS = 50
# Pairs of which the exact cost of merging is computed: those nearest by their variances alone.
_PAIRS = 16
# What an event that is not explained can cost: beyond, unlikely is unlikely.
MOST_NATS = 30.0


def merge(parts: Components, i: int, j: int) -> Components:
    """Return ``parts`` with i and j as one, in the slot and under the id of the heavier.

    With a and b = 1 - a their shares of the common weight, mu = a mu_i + b mu_j and
    S = a S_i + b S_j + a b (mu_i - mu_j)(mu_i - mu_j)^T; weights, counts and tenures add up.
    The mixture's mean and second moments stay as they are (Runnalls 2007, section II).
    """
    _check(parts, i, j)
    if parts.weights[j] > parts.weights[i]:
        i, j = j, i
    weight = parts.weights[i] + parts.weights[j]
    b = parts.weights[j] / weight
    gap = parts.means[j] - parts.means[i]
    mean = parts.means[i] + b * gap
    scatter = (
        (1.0 - b) * parts.scatters[i] + b * parts.scatters[j] + b * (1.0 - b) * parts.outer(gap)
    )
    count, tenure = parts.counts[i] + parts.counts[j], parts.tenure[i] + parts.tenure[j]
    merged = _put(parts, i, parts.ids[i], weight, count, tenure, mean, scatter)
    return _clear(merged, j)


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


# ---- what it costs -----------------------------------------------------------------------


def merge_costs(mixture: OnlineMixture, pairs: list[tuple[int, int]]) -> Array:
    """Return what merging each of ``pairs`` costs at most, in nats an event.

    B(i, j) = 1/2 [(w_i + w_j) log|S_ij| - w_i log|S_i| - w_j log|S_j|], an upper bound of the
    Kullback-Leibler divergence of the merged mixture from the present one (Runnalls 2007,
    eq. 21), over the covariances in force.
    """
    parts = mixture.components
    forced = replace(parts, scatters=_in_force(mixture, parts))
    merged = [merge(forced, i, j) for i, j in pairs]
    heavier = [i if parts.weights[i] >= parts.weights[j] else j for i, j in pairs]
    joined = [m.scatters[k] for m, k in zip(merged, heavier, strict=True)]
    log_det = log_determinants(parts, np.array([*forced.scatters, *joined]))
    own, both = log_det[: len(parts.weights)], log_det[len(parts.weights) :]
    i, j = np.array(pairs).T
    w = parts.weights
    costs: Array = 0.5 * ((w[i] + w[j]) * both - w[i] * own[i] - w[j] * own[j])
    return np.maximum(costs, 0.0)


def cheapest_merge(mixture: OnlineMixture) -> tuple[float, int, int]:
    """Return the least cost of a merge in nats an event, and the pair; inf if there is none."""
    parts = mixture.components
    present = np.flatnonzero(parts.occupied)
    if len(present) < 2:
        return math.inf, -1, -1
    i, j = (present[side] for side in np.triu_indices(len(present), 1))
    # a first sorting by the variances alone, without determinants: log v <= v - 1
    variance = _diagonals(parts, _in_force(mixture, parts))
    w_i, w_j = parts.weights[i, None], parts.weights[j, None]
    a, b = w_i / (w_i + w_j), w_j / (w_i + w_j)
    gap = parts.means[i] - parts.means[j]
    both = a * variance[i] + b * variance[j] + a * b * gap * gap
    spread = (w_i + w_j) * (both * (a / variance[i] + b / variance[j]) - 1.0)
    nearest = np.argsort(spread.sum(axis=1), kind="stable")[:_PAIRS]
    pairs = [(int(i[p]), int(j[p])) for p in nearest]
    costs = merge_costs(mixture, pairs)
    best = int(costs.argmin())
    return float(costs[best]), *pairs[best]


def cheapest_retirement(mixture: OnlineMixture) -> tuple[float, int]:
    """Return the least cost of a retirement in nats an event, and the component; inf if none.

    A component's own events go to whichever of the others explains its mean best: its weight times
    the nats that they lose there, 30 at most. What was accepted by hand never retires.
    """
    parts = mixture.components
    present = parts.occupied
    if present.sum() < 2:
        return math.inf, -1
    half = 0.5 * mixture.expect(mixture.means)[2]
    log_det = mixture.log_determinants
    lost = half + 0.5 * (log_det[None, :] - log_det[:, None])
    lost[:, ~present] = math.inf
    np.fill_diagonal(lost, math.inf)
    cost = parts.weights * np.clip(lost.min(axis=1), 0.0, MOST_NATS)
    cost[~present | np.isinf(parts.tenure)] = math.inf
    k = int(cost.argmin())
    return float(cost[k]), k


def log_determinants(parts: Components, packed: Array) -> Array:
    """Return log|S| of packed matrices (P, size), by the kernels' own Cholesky and logarithm."""
    name = "diag" if packed.shape[1] == parts.d else "full"
    rules = Rules(
        covariance=name, forgetting=Stationary(), shrinkage=0.0, correlation_shrinkage=0.0
    )
    arrays = empty_arrays(len(packed), parts.d, parts.covariance)
    by_lane(packed, arrays["scatter"])
    frame = {
        "location": np.zeros(parts.d),
        "inverse_scale": np.ones(parts.d),
        "ridge": np.zeros(parts.d),
    }
    constants = {**rules.constants(), "log_scale": 0.0}
    Engine(len(packed), parts.d, packed.shape[1], constants, {**arrays, **frame}).factorise()
    return -2.0 * by_component(arrays["log_det"], len(packed))


def _in_force(mixture: OnlineMixture, parts: Components) -> Array:
    """Return the covariances in force, packed (K, size), as the rules make them now."""
    rules = mixture.rules
    w = parts.weights[:, None]
    own = w / np.maximum(w + rules.shrinkage, 1e-300)
    sigma = own * parts.scatters + (1.0 - own) * parts.pooled()
    diagonal = parts.covariance.pack(np.eye(parts.d))
    sigma *= diagonal + (1.0 - diagonal) * (1.0 - rules.correlation_shrinkage)
    forced: Array = sigma + parts.covariance.pack(np.diag(mixture.frame.ridge))
    return forced


def _diagonals(parts: Components, packed: Array) -> Array:
    """Return the diagonals (K, d) of packed matrices."""
    at = np.flatnonzero(parts.covariance.pack(np.eye(parts.d)))
    diagonals: Array = packed[:, at]
    return diagonals


# ---- slots -------------------------------------------------------------------------------


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
