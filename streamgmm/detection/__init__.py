"""From score to decision: gate, tail, budget, reasons, and the detector that holds them."""

from __future__ import annotations

from .budget import Budget
from .detector import Detector, Verdicts
from .learner import Learner, Rows
from .reasons import Explanation, Reason, explain
from .settings import DetectorSettings

__all__ = [
    "Budget",
    "Detector",
    "DetectorSettings",
    "Explanation",
    "Learner",
    "Reason",
    "Rows",
    "Verdicts",
    "explain",
]
