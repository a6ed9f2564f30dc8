"""streamgmm finds unusual events in streams with an online Gaussian mixture."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from streamgmm.estimators import OnlineGMM
from streamgmm.mixture import HalfLife, Mixture, PowerLaw, Stationary

if TYPE_CHECKING:
    from streamgmm.batch import GaussianMixture, GMMOutlierDetector, select_components
    from streamgmm.clustering import GMMClusterer
    from streamgmm.transformers import CategoricalSurprise, CyclicTime, KeyHistory

__version__ = "0.1.0"

__all__ = [
    "CategoricalSurprise",
    "CyclicTime",
    "GMMClusterer",
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

# What a model alone has no use for: what comes with the decoders of `events`, with scikit-learn,
# or for another purpose.
_ELSEWHERE = {
    "CategoricalSurprise": "transformers",
    "CyclicTime": "transformers",
    "KeyHistory": "transformers",
    "GMMClusterer": "clustering",
    "GMMOutlierDetector": "batch",
    "GaussianMixture": "batch",
    "select_components": "batch",
}


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(import_module(f"streamgmm.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
