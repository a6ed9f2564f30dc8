"""EM to the maximum of the likelihood, with every rule of the stream off: a Gaussian mixture.

What differs from :mod:`.batch` is the frame, which is linear as far as numbers go, so that the
likelihood is that of the Gaussians and nothing else; the start, which may be given; and what is
kept of the way: the likelihood before each step, which never falls.

With ``shrinkage`` it is the penalised likelihood

    L / N - (b / 2) sum_k [tr(T Sigma_k^-1) + log|Sigma_k|],    b = kappa d / N,

with T the scatter that the components have in common at the start, held from there on: the M step
is Sigma_k = (w_k S_k + b T) / (w_k + b), which maximises it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from .batch import rounds
from .forgetting import Stationary
from .frame import Frame
from .online import OnlineMixture
from .rules import Rules
from .seeding import moved

Array = NDArray[np.float64]

# By how much the frame is wider than what it is to hold. A power of two, so that no digit is lost:
# what lies less than 5 x 2^100 spreads from the middle is where the frame is linear.
_WIDE = 2.0**100
# Events a feature in which the common shape is believed, where a cluster is made a component: a
# cluster of one event has no shape.
_BELIEF = 1.0
# Of a mean, relative to its distance from the middle.
_ROUNDING = 1e-15


class DegenerateError(ValueError):
    """A component has collapsed: its covariance has no inverse."""


@dataclass(frozen=True, slots=True)
class Gaussians:
    """Weights (K,), means (K, d) and covariances (K, d, d) in the user's units."""

    weights: Array
    means: Array
    covariances: Array

    def by_weight(self) -> Gaussians:
        """Return them in the order of their weights, the largest first."""
        order = np.argsort(-self.weights, kind="stable")
        return Gaussians(self.weights[order], self.means[order], self.covariances[order])


@dataclass(frozen=True, slots=True)
class Climb:
    """What EM came to.

    Parameters
    ----------
    found
        The mixture.
    bounds
        Mean (penalised) log-likelihood of an event before each step, in the user's units.
    converged
        Whether the last step changed it by less than ``tol``.
    """

    found: Gaussians
    bounds: list[float]
    converged: bool


def plain(covariance: str, *, shrinkage: float = 0.0, score: str = "nll_full") -> Rules:
    """Return the rules of a mixture that is nothing but Gaussians."""
    return Rules(
        covariance=covariance,
        forgetting=Stationary(),
        score=score,
        established=None,
        shrinkage=shrinkage,
        correlation_shrinkage=0.0,
        influence=np.inf,
        resolution=False,
        tolerance=0.0,
        weight_floor=0.0,
    )


def linear_frame(location: Array, spread: Array, *, ridge: float, common: bool) -> Frame:
    """Return a frame that is linear for all that is of any likelihood.

    Parameters
    ----------
    location, spread
        (d,) middle and standard deviation of each feature; one of 0 counts as 1.
    ridge
        Least variance, in the user's units.
    common
        Whether all features have one scale, the root of their mean variance.

    Raises
    ------
    ValueError
        If a spread is so large or small that sums of squares are no numbers.
    """
    if common:
        spread = np.full(len(spread), np.sqrt(np.mean(spread**2)))
    scale = np.where(spread > 0.0, spread, 1.0)
    with np.errstate(over="ignore", under="ignore"):
        fits = np.isfinite((scale * _WIDE) ** 2) & (scale**2 > 0.0)
    if not fits.all():
        j = int(np.argmin(fits))
        raise ValueError(
            f"feature {j} has a spread of {spread[j]:g}; for sums of squares to be numbers it must "
            "be from 1e-161 to 1e124: give it in another unit"
        )
    scale = scale * _WIDE
    return Frame(location, scale, ridge / scale**2)


def frame_of(X: Array, weight: Array, *, ridge: float, common: bool) -> Frame:
    """Return the linear frame about X (n, d), NaN = missing, by means and standard deviations."""
    there = ~np.isnan(X)
    complete = bool(there.all())
    total = weight.sum() if complete else np.einsum("n,nd->d", weight, there)
    with np.errstate(over="ignore", invalid="ignore"):
        filled = X if complete else np.where(there, X, 0.0)
        location = np.einsum("n,nd->d", weight, filled) / total
        centred = X - location if complete else np.where(there, X - location, 0.0)
        spread = np.sqrt(np.einsum("n,nd,nd->d", weight, centred, centred) / total)
    return linear_frame(location, spread, ridge=ridge, common=common)


def mixture_of(
    given: Gaussians, rules: Rules, *, frame: Frame | None = None, mass: float = 1.0
) -> OnlineMixture:
    """Return the mixture that has these Gaussians in force, if the rules leave them as they are.

    ``frame`` must be linear about all of them; None: one that is, and adds no ridge.
    """
    if frame is None:
        variances = np.einsum("kii->ki", given.covariances)
        location = given.weights @ given.means
        second = given.weights @ (variances + (given.means - location) ** 2)
        common = rules.covariance == "spherical"
        frame = linear_frame(location, np.sqrt(second), ridge=0.0, common=common)
    mixture = OnlineMixture(frame, len(given.weights), rules)
    scatters = given.covariances / (frame.scale[:, None] * frame.scale)
    np.einsum("kii->ki", scatters)[...] -= frame.ridge
    mixture.set_statistics(
        mass=mass,
        weights=given.weights,
        counts=mass * given.weights,
        means=(given.means - frame.location) / frame.scale,
        scatters=scatters,
    )
    return mixture


def gaussians_of(mixture: OnlineMixture) -> Gaussians:
    """Return the Gaussians that a mixture has in force."""
    return Gaussians(mixture.weights, mixture.means, mixture.covariances)


def gaussians_from(
    labels: NDArray[np.int64], components: int, X: Array, weight: Array, frame: Frame, rules: Rules
) -> Gaussians:
    """Return the Gaussians of X (n, d) in clusters: labels (n,) from 0 to K - 1, each taken.

    A cluster's own shape weighs against that of all as by :class:`.rules.Rules` with a
    ``shrinkage`` of at least 1, so that one of few events has a shape too. Weights count in units
    of their mean here: where EM starts does not depend on what they sum to.
    """
    weight = weight * (len(weight) / weight.sum())
    d = X.shape[1]
    believing = replace(rules, shrinkage=max(rules.shrinkage, _BELIEF))
    mixture = OnlineMixture(frame, components, believing)
    means = moved(frame.to_frame(X), labels, np.zeros((components, d)), weight)
    mixture.set_statistics(
        mass=1.0,
        weights=np.full(components, 1.0 / components),
        counts=np.full(components, 1.0 / components),
        means=means,
        scatters=np.tile(np.eye(d) / _WIDE**2, (components, 1, 1)),
    )
    assigned = np.zeros((len(X), components))
    assigned[np.arange(len(X)), labels] = 1.0
    mixture.engine.expectation_maximisation(X, weight, assigned)
    return gaussians_of(mixture)


def pooled(mixture: OnlineMixture) -> Array:
    """Return T, packed, the scatter that the components have in common: what is shrunk to."""
    return mixture.components.pooled()


def climb(
    mixture: OnlineMixture,
    X: Array,
    weight: Array,
    *,
    tol: float,
    max_iter: int,
    towards: Array | None = None,
) -> Climb:
    """Take steps of EM over X (n, d), NaN = missing, until one changes the bound by less than tol.

    Parameters
    ----------
    mixture
        The start; it is written to.
    weight
        (n,) how often each event counts.
    tol, max_iter
        In nats an event; and steps, at most.
    towards
        T, packed, if the mixture's rules shrink; a shape that all share is shrunk to none.

    Raises
    ------
    DegenerateError
        If a component has collapsed.
    """
    held = None if mixture.covariance.shared or not mixture.rules.shrinkage else towards
    missing = np.isnan(X) @ np.log(mixture.frame.scale)
    owed = float((weight * missing).sum() / weight.sum())
    bounds: list[float] = []
    # taken before each step, after which the covariances are others
    penalties = [0.0 if held is None else _penalty(mixture, held)]
    converged = False
    for likelihood in islice(rounds(mixture, X, weight, pooled=held), max_iter):
        bounds.append(likelihood + owed - penalties[-1])
        _refuse_collapse(mixture, bounds[-1])
        penalties.append(0.0 if held is None else _penalty(mixture, held))
        if len(bounds) > 1 and abs(bounds[-1] - bounds[-2]) < tol:
            converged = True
            break
    return Climb(gaussians_of(mixture), bounds, converged)


def _refuse_collapse(mixture: OnlineMixture, bound: float) -> None:
    """Raise DegenerateError if a component has no more spread than its mean has rounding."""
    occupied = mixture.weights > 0.0
    precise, means = mixture.factor_diagonals[occupied], mixture.components.means[occupied]
    with np.errstate(invalid="ignore"):
        spread_in_roundings = 1.0 / (np.abs(means) * precise * _ROUNDING + 1e-300)
    if not np.isfinite(bound) or not (spread_in_roundings > 1.0).all():
        raise DegenerateError("a component has collapsed: it has no spread left")


def _penalty(mixture: OnlineMixture, packed: Array) -> float:
    """Return (b / 2) sum_k [tr(T Sigma_k^-1) + log|Sigma_k|], log|Sigma_k| in the user's units."""
    T = mixture.covariance.unpack(packed, mixture.d)
    W = mixture.factors
    traces = (np.einsum("kij,jl->kil", W, T) * W).sum(axis=(1, 2))
    log_dets = mixture.log_determinants + 2.0 * mixture.frame.log_scale
    return 0.5 * mixture.belief * float((traces + log_dets).sum())
