"""Incidents of a job's models by their names, and what an operator has done with them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.service.commands import Command, UnknownModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamgmm.detection import Detector, Incident

__all__ = ["carry_out", "described", "incident_name", "parse_incident"]

_DONE = {
    "accept": "its behaviour counts as normal from now on",
    "mute": "its events are counted, and no alerts any more",
    "unmute": "its events are alerts again",
}


def incident_name(model: str, number: int) -> str:
    """Name an incident of one of a job's models: ``flows-0:7``."""
    return f"{model}:{number}"


def parse_incident(name: str, models: Mapping[str, Any]) -> tuple[str, int]:
    """Return model and number of an incident; where there is one model its number will do.

    Raises
    ------
    UnknownModelError
        If there is no such model, or no number.
    """
    model, _, number = name.rpartition(":")
    if not model and len(models) == 1:
        model = next(iter(models))
    if model not in models or not number.isdecimal():
        known = ", ".join(sorted(models)) or "none"
        raise UnknownModelError(
            f"there is no incident {name!r}; its name is that of a model, a colon and a number, "
            f"such as flows-0:7, and the models here are: {known}"
        )
    return model, int(number)


def carry_out(command: Command, models: Mapping[str, Detector]) -> dict[str, Any]:
    """Do what an operator asks of models; returns what to answer.

    Raises
    ------
    UnknownModelError, UnknownIncidentError, ValueError
        If there is no such model or incident, or it cannot be done.
    """
    if command.action in {"freeze", "unfreeze"}:
        for detector in models.values():
            detector.freeze() if command.action == "freeze" else detector.unfreeze()
        return {"models": _standing(models)}
    if command.action == "list":
        return {
            "models": _standing(models),
            "incidents": [
                described(name, incident)
                for name, detector in sorted(models.items())
                for incident in detector.incidents
            ],
        }
    model, number = parse_incident(command.incident or "", models)
    getattr(models[model], command.action)(number)
    [incident] = [one for one in models[model].incidents if one.id == number]
    return {"incident": described(model, incident), "done": _DONE[command.action]}


def _standing(models: Mapping[str, Detector]) -> dict[str, Any]:
    return {
        name: {"frozen": detector.frozen, "ready": detector.ready}
        for name, detector in sorted(models.items())
    }


def described(model: str, incident: Incident) -> dict[str, Any]:
    """Describe an incident of a model, as JSON shows it."""
    return {
        "id": incident_name(model, incident.id),
        "standing": incident.standing,
        "text": incident.text,
        "alerts": incident.count,
        "muted_events": incident.muted,
        "severity": round(incident.severity, 1),
        "first_time": _iso(incident.first_time),
        "last_time": _iso(incident.last_time),
        "first_event": incident.first_event,
        "last_event": incident.last_event,
    }


def _iso(seconds: float) -> str | None:
    if math.isnan(seconds):
        return None
    return str(np.datetime_as_string(np.datetime64(round(seconds), "s"), timezone="UTC"))
