"""The mathematics: an online Gaussian mixture over decaying sufficient statistics.

Reads in order: forgetting, covariance, rules, frame, statistics, parameters, following, saved,
online, seeding, batch, warmup; distinct and likelihood, for EM without the rules of the stream;
then engine.c, the arithmetic of one event; apart from these gaussians, checked and density, a
mixture as a plain value, and taking_on, such a one as the start of a stream. Knows numpy, its own
kernels and the package's checks of values, nothing else of it: time comes in with the event,
randomness with an explicit generator.
"""

from __future__ import annotations

from .batch import Effort, fit
from .density import Expectation, Mixture
from .forgetting import Forgetting, HalfLife, PowerLaw, Stationary, parse_half_life
from .frame import Frame, estimate_frame, place_constants
from .likelihood import DegenerateError, Gaussians
from .numerics import NUMERICS, numerics_of
from .online import OnlineMixture
from .rules import Rules
from .warmup import WarmUp

__all__ = [
    "NUMERICS",
    "DegenerateError",
    "Effort",
    "Expectation",
    "Forgetting",
    "Frame",
    "Gaussians",
    "HalfLife",
    "Mixture",
    "OnlineMixture",
    "PowerLaw",
    "Rules",
    "Stationary",
    "WarmUp",
    "estimate_frame",
    "fit",
    "numerics_of",
    "parse_half_life",
    "place_constants",
]
