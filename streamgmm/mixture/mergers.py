"""What a change of structure costs, and which mergers cost next to nothing.

Costs are nats an event, so that mergers and retirements can be weighed against a birth.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .components import Components
from .forgetting import Stationary
from .frame import Frame
from .online import OnlineMixture
from .rules import Rules
from .structure import compacted, joined, merge

Array = NDArray[np.float64]

# Pairs of which the exact cost of merging is computed: those nearest by their variances alone.
_PAIRS = 16
# Nats an event of its own that a pair may lose by merging, and rounds of EM after it has.
_INDISTINCT = 0.3
_ROUNDS = 5
_TRIALS = 6
# What an event that is not explained can cost: beyond, unlikely is unlikely.
MOST_NATS = 30.0


def merge_costs(mixture: OnlineMixture, pairs: list[tuple[int, int]]) -> Array:
    """Return what merging each of ``pairs`` costs at most, in nats an event.

    B(i, j) = 1/2 [(w_i + w_j) log|S_ij| - w_i log|S_i| - w_j log|S_j|], an upper bound of the
    Kullback-Leibler divergence of the merged mixture from the present one (Runnalls 2007,
    eq. 21), over the covariances in force. Where those are tied or spherical the merged component
    is not free to be of the shape S_ij, and more is lost.
    """
    parts = mixture.components
    forced = replace(parts, scatters=_in_force(mixture, parts))
    i, j = np.array(pairs).T
    log_det = log_determinants(parts, np.concatenate([forced.scatters, joined(forced, i, j)[2]]))
    own, both = log_det[: len(parts.weights)], log_det[len(parts.weights) :]
    w = parts.weights
    costs: Array = 0.5 * ((w[i] + w[j]) * both - w[i] * own[i] - w[j] * own[j])
    return np.maximum(costs, 0.0)


def cheapest_merge(mixture: OnlineMixture) -> tuple[float, int, int]:
    """Return the least cost of a merge in nats an event, and the pair; inf if there is none."""
    pairs = _nearest_pairs(mixture, by_weight=True)
    if not pairs:
        return math.inf, -1, -1
    costs = merge_costs(mixture, pairs)
    best = int(costs.argmin())
    return float(costs[best]), *pairs[best]


def _nearest_pairs(mixture: OnlineMixture, *, by_weight: bool) -> list[tuple[int, int]]:
    """Return the pairs that look cheapest to merge, for an event or for one of their own.

    A first sorting by the variances alone, without determinants: log v <= v - 1.
    """
    parts = mixture.components
    present = np.flatnonzero(parts.occupied)
    i, j = (present[side] for side in np.triu_indices(len(present), 1))
    variance = _diagonals(parts, _in_force(mixture, parts))
    w_i, w_j = parts.weights[i, None], parts.weights[j, None]
    a, b = w_i / (w_i + w_j), w_j / (w_i + w_j)
    gap = parts.means[i] - parts.means[j]
    both = a * variance[i] + b * variance[j] + a * b * gap * gap
    spread = (both * (a / variance[i] + b / variance[j]) - 1.0).sum(axis=1)
    if by_weight:
        spread = (w_i + w_j)[:, 0] * spread
    nearest = np.argsort(spread, kind="stable")[:_PAIRS]
    return [(int(i[p]), int(j[p])) for p in nearest]


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
    d = parts.d
    frame = Frame(np.zeros(d), np.ones(d), np.zeros(d))
    gaussians = OnlineMixture(
        frame, len(packed), _plain("diag" if packed.shape[1] == d else "full")
    )
    gaussians.components = replace(gaussians.components, scatters=packed)
    return gaussians.log_determinants


def _plain(covariance: str) -> Rules:
    """Return rules under which a covariance in force is the scatter."""
    return Rules(
        covariance=covariance, forgetting=Stationary(), established=None, shrinkage=0.0,
        correlation_shrinkage=0.0,
    )  # fmt: skip


def _in_force(mixture: OnlineMixture, parts: Components) -> Array:
    """Return the covariances in force, packed (K, size), as the rules make them now."""
    own = _own_shares(mixture, parts.weights)
    by_itself = parts.counts / (parts.counts + parts.d)
    accepted = np.isinf(parts.tenure) & (mixture.rules.shrinkage > 0.0)
    own = np.where(accepted, np.maximum(own, by_itself), own)
    return _forced(mixture, own, parts.scatters, parts.pooled())


def _own_shares(mixture: OnlineMixture, weights: Array) -> Array:
    """Return what its own scatter counts in the covariance of each component of weights (P,)."""
    return np.asarray(weights / np.maximum(weights + mixture.belief, 1e-300))


def _forced(mixture: OnlineMixture, shares: Array, scatters: Array, pooled: Array) -> Array:
    """Return what the rules make of packed scatters (P, size), by their shares, and the pooled."""
    rules, covariance = mixture.rules, mixture.covariance
    own = np.zeros((len(shares), 1)) if covariance.shared else shares[:, None]
    sigma = own * scatters + (1.0 - own) * pooled
    if covariance.name == "spherical":
        sigma = np.broadcast_to(sigma.mean(axis=1, keepdims=True), sigma.shape).copy()
    diagonal = covariance.pack(np.eye(mixture.d))
    sigma *= diagonal + (1.0 - diagonal) * (1.0 - rules.correlation_shrinkage)
    forced: Array = sigma + covariance.pack(np.diag(mixture.frame.ridge))
    return forced


def _diagonals(parts: Components, packed: Array) -> Array:
    """Return the diagonals (K, d) of packed matrices."""
    at = np.flatnonzero(parts.covariance.pack(np.eye(parts.d)))
    diagonals: Array = packed[:, at]
    return diagonals


# ---- as few as it takes -------------------------------------------------------------------


def simplify(mixture: OnlineMixture, X: Array, weight: Array) -> None:
    """Merge components that events (n, d) with weights (n,) do not tell apart, in place.

    As long as there is a pair whose merger costs its own events less than 0.3 nats on average, the
    cheapest one merges and EM goes on from there. A behaviour that several components share is
    thus one component, whose share of the traffic says how established it is. Those that are left
    are in the first slots.
    """
    while pairs := _nearest_pairs(mixture, by_weight=False):
        merged = _indistinct(mixture, X, weight, pairs)
        if merged is None:
            break
        mixture.components = merged
        for _ in range(_ROUNDS):
            mixture.engine.expectation_maximisation(X, weight)
    if not mixture.components.occupied.all():
        mixture.components = compacted(mixture.components)


def _indistinct(
    mixture: OnlineMixture, X: Array, weight: Array, pairs: list[tuple[int, int]]
) -> Components | None:
    """Return the components after the cheapest merger that costs little enough; None: none does.

    What the pair's own events lose comes first; of the cheapest few then what all events do, whose
    components borrow from a pooled scatter that the merger widens.
    """
    parts = mixture.components
    lost = _lost_by_merging(mixture, X, weight, pairs)
    before = mixture.engine.expect(X)[0]
    trial = mixture.copy()
    for best in np.argsort(lost, kind="stable")[:_TRIALS]:
        if lost[best] >= _INDISTINCT:
            break
        i, j = pairs[best]
        merged = merge(parts, i, j)
        trial.components = merged
        worse = float((weight * (before - trial.engine.expect(X)[0])).sum() / weight.sum())
        if worse < _INDISTINCT * (parts.weights[i] + parts.weights[j]):
            return merged
    return None


def _lost_by_merging(
    mixture: OnlineMixture, X: Array, weight: Array, pairs: list[tuple[int, int]]
) -> Array:
    """Return the nats that each of ``pairs`` would lose per event of its own by merging.

    With p the density and r the responsibilities of an event, it has
    p (1 - r_i - r_j) + (w_i + w_j) N(x; ij) afterwards.
    """
    parts = mixture.components
    i, j = np.array(pairs).T
    w, means, scatters = joined(parts, i, j)
    # their distance goes from between components to within one, which all of them borrow from
    between = parts.outer(parts.means[i] - parts.means[j])
    pooled = parts.pooled() + (parts.weights[i] * parts.weights[j] / w)[:, None] * between
    shapes = _forced(mixture, _own_shares(mixture, w), scatters, pooled)
    density = _log_densities(mixture, means, shapes, X)
    likelihood, r, _ = mixture.engine.expect(X)
    with np.errstate(divide="ignore"):
        merged = np.log(w) + density - likelihood[:, None]
    rest = np.maximum(1.0 - r[:, i] - r[:, j], 0.0)
    # far out everything may be 0: nothing is unlikelier than that
    ratio = np.maximum(rest + np.exp(np.minimum(merged, 700.0)), 1e-300)
    lost: Array = -(weight[:, None] * np.log(ratio)).sum(axis=0) / weight.sum() / w
    return lost


def _log_densities(mixture: OnlineMixture, means: Array, shapes: Array, X: Array) -> Array:
    """Return log N(x_o) (n, P) of Gaussians with packed covariances, less the log scales."""
    P, d = means.shape
    rules = _plain("diag" if shapes.shape[1] == d else "full")
    frame = replace(mixture.frame, ridge=np.zeros(d))
    gaussians = OnlineMixture(frame, P, rules)
    parts = gaussians.components
    gaussians.components = replace(parts, means=means, scatters=shapes)
    likelihood, r, _ = gaussians.engine.expect(X)
    with np.errstate(divide="ignore"):
        density: Array = likelihood[:, None] + np.log(r * P)
    return density
