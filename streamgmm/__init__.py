"""streamgmm finds unusual events in streams with an online Gaussian mixture."""

from __future__ import annotations

__version__ = "0.1.0"
