"""streamgmm finds unusual events in streams with an online Gaussian mixture."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from streamgmm.estimators import OnlineGMM
from streamgmm.mixture import HalfLife, Mixture, PowerLaw, Stationary

if TYPE_CHECKING:
    from streamgmm.batch import GaussianMixture, GMMOutlierDetector, select_components
    from streamgmm.transformers import CategoricalSurprise, CyclicTime, KeyHistory

__version__ = "0.1.0"

__all__ = [
    "CategoricalSurprise",
    "CyclicTime",
    "GMMOutlierDetector",
    "GaussianMixture",
    "HalfLife",
    "KeyHistory",
    "Mixture",
    "OnlineGMM",
    "PowerLaw",
    "Stationary",
    "__version__",
    "select_components",
]

# What comes with packages that a model alone has no use for: the decoders of `events`, and
# scikit-learn.
_ELSEWHERE = {
    "CategoricalSurprise": "transformers",
    "CyclicTime": "transformers",
    "KeyHistory": "transformers",
    "GMMOutlierDetector": "batch",
    "GaussianMixture": "batch",
    "select_components": "batch",
}


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(import_module(f"streamgmm.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
