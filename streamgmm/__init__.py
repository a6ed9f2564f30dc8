"""streamgmm finds unusual events in streams with an online Gaussian mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamgmm.estimators import OnlineGMM
from streamgmm.mixture import HalfLife, Mixture, PowerLaw, Stationary

if TYPE_CHECKING:
    from streamgmm.transformers import CategoricalSurprise, CyclicTime, KeyHistory

__version__ = "0.1.0"

__all__ = [
    "CategoricalSurprise",
    "CyclicTime",
    "HalfLife",
    "KeyHistory",
    "Mixture",
    "OnlineGMM",
    "PowerLaw",
    "Stationary",
    "__version__",
]


def __getattr__(name: str) -> Any:
    # They come with the decoders of `events`, which a model alone has no use for.
    if name in ("CategoricalSurprise", "CyclicTime", "KeyHistory"):
        from streamgmm import transformers

        return getattr(transformers, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
