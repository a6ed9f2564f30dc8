"""The rules a mixture lives by: one frozen record, each rule with a value that switches it off."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from streamgmm.values import check_number, check_truth, is_number

from .covariance import AUTO, COVARIANCES, covariance_of, decide
from .forgetting import Forgetting, HalfLife
from .kernels import THRESHOLDS

# By name, with the kernels' number of each (model.h); "nll_full" differs in its thresholds.
SCORES = {"nll": 0, "nll_full": 0, "tail": 1, "nll_observed": 2}

# Support at which a component counts as established: the traffic in its vicinity, relative to the
# busiest, ...
GRADES = np.geomspace(0.2, 0.5, THRESHOLDS)
# ... or, whatever the traffic, the events explained there, relative to this many ...
TENURE = 3_600.0
# ... of the latest 144,270: a half-life of 100,000. Laws that forget nothing keep them all.
TENURE_MEMORY = 144_270.0

# From 0 on: up to where, and what that means.
_RANGES = (
    ("shrinkage", math.inf, "10 is ten events a feature, 0 is off"),
    ("correlation_shrinkage", 1.0, "0 is off"),
    ("tolerance", math.inf, "0 renews every factor at every event"),
    ("weight_floor", 0.5, "0 is off"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a mixture learns and scores.

    Parameters
    ----------
    covariance
        "full", "tied", "diag" or "spherical" (`streamgmm.mixture.covariance`); "auto" leaves
        it to the end of warm-up, see :meth:`decided`.
    forgetting
        Law of the step sizes (`streamgmm.mixture.forgetting`).
    score
        "nll": negative log-likelihood under established behaviour; "nll_full": under all of it;
        "tail": -log of the probability, under established behaviour, of being this far out;
        "nll_observed": as "nll", but of an event's observed fields alone: levels depend on which.
    established
        "graded": mean over eight thresholds, from 0.2 to 0.5 of the busiest vicinity's traffic; a
        number c in [0, 1]: that one threshold; None: every component counts. Whatever the traffic,
        c is reached once 3,600 c events have been explained in the vicinity: 720 for the lowest of
        the eight, 1,800 for all.
    shrinkage
        kappa: the pooled shape weighs as much as kappa d events of a component's own; 0: off.
    correlation_shrinkage
        rho: off-diagonals are multiplied by 1 - rho; 0: off.
    influence
        nu of min(1, (nu + d) / (nu + m^2)), which bounds one event's pull; ``math.inf``: off.
    resolution
        Whether a feature's variance is kept above its resolution (see `frame`).
    tolerance
        Relative change of a covariance at which its factor is renewed, if that is not within the
        covariance's own uncertainty; 0: every event, and vicinities with it.
    weight_floor
        Share of every step of the weights that is spread evenly; 0: off.
    """

    covariance: str = "full"
    forgetting: Forgetting = HalfLife(events=10_000)
    score: str = "nll"
    established: str | float | None = "graded"
    shrinkage: float = 10.0
    correlation_shrinkage: float = 0.2
    influence: float = 30.0
    resolution: bool = True
    tolerance: float = 0.02
    weight_floor: float = 1e-4

    def __post_init__(self) -> None:
        if self.covariance not in (AUTO, *COVARIANCES):
            allowed = ", ".join(f'"{name}"' for name in (AUTO, *COVARIANCES))
            raise ValueError(f"covariance is {self.covariance!r}; allowed are {allowed}")
        if self.score not in tuple(SCORES):
            raise ValueError(f"score is {self.score!r}; allowed are {', '.join(map(repr, SCORES))}")
        if not isinstance(self.forgetting, Forgetting):
            raise TypeError(
                f"forgetting is {self.forgetting!r}; allowed are Stationary(), PowerLaw(alpha) and "
                "HalfLife(...)"
            )
        thresholds(self)
        for name, high, hint in _RANGES:
            check_number(name, getattr(self, name), 0.0, high, hint)
        check_truth("resolution", self.resolution, "False lets variances fall below it")
        if not is_number(self.influence) or not self.influence > 0:
            raise ValueError(f"influence is {self.influence!r}; it must be positive (inf is off)")

    def decided(self, d: int, events: int) -> Rules:
        """Return the rules with "auto" made a type that so many events of d features can carry."""
        return replace(self, covariance=decide(d, events)) if self.covariance == AUTO else self

    def constants(self) -> dict[str, int | float | list[float]]:
        """Return the rules as the scalars of ``model_t``."""
        decay, rate, alpha = self.forgetting.constants()
        return {
            "covariance": covariance_of(self.covariance).kind,
            "decay": decay,
            "rate": rate,
            "alpha": alpha,
            "score": SCORES[self.score],
            "kappa": self.shrinkage,
            "rho": self.correlation_shrinkage,
            "nu": min(self.influence, 1e300),
            "tolerance": self.tolerance,
            "weight_floor": self.weight_floor,
            "thresholds": thresholds(self),
            "tenure_worth": 1.0 / TENURE,
            "tenure_kept": 1.0 - 1.0 / TENURE_MEMORY if rate > 0.0 else 1.0,
        }


def thresholds(rules: Rules) -> list[float]:
    """Return the eight thresholds of established behaviour: shares of the busiest vicinity."""
    if rules.score == "nll_full" or rules.established is None:
        return [0.0] * THRESHOLDS
    if rules.established == "graded":
        grades: list[float] = GRADES.tolist()
        return grades
    if not is_number(rules.established) or not 0.0 <= float(rules.established) <= 1.0:
        raise ValueError(
            f'established is {rules.established!r}; allowed are "graded", a share of the busiest '
            "vicinity's traffic in [0, 1], or None for every component"
        )
    return [float(rules.established)] * THRESHOLDS
