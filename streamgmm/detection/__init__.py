"""From score to decision: gate, tail, budget, reasons, and the detector that holds them."""

from __future__ import annotations

from .budget import Budget
from .detector import Detector
from .drift import Drift
from .incidents import Incident, Sighting, UnknownIncidentError
from .learner import Learner
from .reasons import Explanation, Reason, explain
from .rows import Rows
from .settings import DetectorSettings
from .verdicts import Verdicts

__all__ = [
    "Budget",
    "Detector",
    "DetectorSettings",
    "Drift",
    "Explanation",
    "Incident",
    "Learner",
    "Reason",
    "Rows",
    "Sighting",
    "UnknownIncidentError",
    "Verdicts",
    "explain",
]
