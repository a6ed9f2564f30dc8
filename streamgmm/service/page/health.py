"""The service's health in figures, read off its metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamgmm.service.metrics import Metrics
    from streamgmm.service.status import Status

__all__ = ["Health"]

_FRESH_SECONDS: Final = 1.0
# Figures that are single, and those that each partition has its own of.
_SINGLE: Final = {
    "streamgmm_checkpoint_age_seconds": "checkpoint_age",
    "streamgmm_checkpoint_failures_total": "checkpoint_failures",
    "streamgmm_source_connected": "connected",
    "process_resident_memory_bytes": "memory",
}
_BY_PARTITION: Final = {
    "streamgmm_events_total": "events",
    "streamgmm_alerts_total": "alerts",
    "streamgmm_lag_events": "lag",
    "streamgmm_drift_moved_ratio": "moved",
    "streamgmm_drift_misfit_sigma": "misfit",
    "streamgmm_frozen": "frozen",
}
_DEAD_LETTERS: Final = "streamgmm_dead_letters_total"


class Health:
    """A picture that is at most a second old, however many ask.

    Parameters
    ----------
    metrics, status
        What it is read from.
    clock
        Seconds, to tell how old the picture is.
    """

    def __init__(self, metrics: Metrics, status: Status, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._status = status
        self._clock = clock
        self._read_at = -math.inf
        self._picture: dict[str, Any] = {}

    def read(self) -> dict[str, Any]:
        """Give single figures, `partitions` with their own, `dead_letters`, `readiness`."""
        now = self._clock()
        if not 0.0 <= now - self._read_at < _FRESH_SECONDS:
            self._picture, self._read_at = self._look(), now
        return self._picture

    def _look(self) -> dict[str, Any]:
        picture: dict[str, Any] = dict.fromkeys(_SINGLE.values())
        partitions: dict[str, dict[str, float]] = {}
        letters: dict[str, float] = {}
        for family in self._metrics.registry.collect():
            for sample in family.samples:
                if not math.isfinite(sample.value):
                    continue
                if sample.name in _SINGLE:
                    picture[_SINGLE[sample.name]] = sample.value
                elif sample.name in _BY_PARTITION:
                    own = partitions.setdefault(sample.labels["partition"], {})
                    own[_BY_PARTITION[sample.name]] = sample.value
                elif sample.name == _DEAD_LETTERS and sample.value:
                    letters[sample.labels["reason"]] = sample.value
        return {
            **picture,
            "partitions": partitions,
            "dead_letters": letters,
            "readiness": self._status.read().to_json(),
        }
