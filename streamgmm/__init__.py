"""streamgmm finds unusual events in streams with an online Gaussian mixture."""

from __future__ import annotations

from streamgmm.estimators import OnlineGMM
from streamgmm.mixture import HalfLife, PowerLaw, Stationary

__version__ = "0.1.0"

__all__ = ["HalfLife", "OnlineGMM", "PowerLaw", "Stationary", "__version__"]
