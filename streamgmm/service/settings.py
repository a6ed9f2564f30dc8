"""From the configuration's sections to the detector's settings."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from streamgmm.config.rules import seconds
from streamgmm.detection import Budget, DetectorSettings
from streamgmm.mixture import HalfLife, Stationary

if TYPE_CHECKING:
    from streamgmm.config import Config
    from streamgmm.mixture import Forgetting

__all__ = ["detector_settings", "shaping_configuration"]


def detector_settings(config: Config) -> DetectorSettings:
    """Give the detector's settings for a job."""
    model = config.model
    return DetectorSettings(
        n_components=model.n_components,
        covariance=model.covariance,
        forgetting=_forgetting(model.half_life),
        score=model.score,
        established=None if model.established == "off" else model.established,
        shrinkage=model.shrinkage,
        gate=None if model.gate == "off" else float(model.gate),
        structure=model.structure,
        warmup=model.warmup,
        budget=Budget.parse(config.alerts.budget),
        window=model.window,
        seed=model.seed,
    )


def shaping_configuration(config: Config) -> str:
    """List what shapes a model's state, a line a key; see `terms` for what may change."""
    events = config.events
    keys = ["time", "time_unit", "time_zone", "max_ahead"]
    if any(field.owner is True for field in events.fields):
        keys.append("key")
    lines = [
        f"events.fields.{field.name} = {json.dumps(field.shape())}"
        for field in config.schema().fields
    ]
    lines += [f"events.{key} = {getattr(events, key)!r}" for key in keys]
    lines.append(f"alerts.budget = {config.alerts.budget!r}")
    lines += [f"model.{key} = {value!r}" for key, value in asdict(config.model).items()]
    return "\n".join(lines)


def _forgetting(half_life: float | str) -> Forgetting:
    if half_life == "stationary":
        return Stationary()
    if isinstance(half_life, str):
        return HalfLife(seconds=seconds(half_life))
    return HalfLife(events=half_life)
