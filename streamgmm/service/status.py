"""Whether the service does its work, as `/readyz` says it: written by the loop, read by HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

__all__ = ["ModelStatus", "Readiness", "Status"]


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """How far one model is: `seen` of the `needed` warm-up events, `ready`, `behind` by events."""

    ready: bool
    seen: int
    needed: int
    behind: int = 0

    def reason(self) -> str | None:
        """Say why the model does not alert yet, or None when it does."""
        if self.behind:
            return f"learning {self.behind} events again, up to the committed position"
        if not self.ready:
            return f"warming up, {self.seen} of {self.needed} events"
        return None


@dataclass(frozen=True, slots=True)
class Readiness:
    """One consistent picture of the service."""

    ready: bool
    reason: str
    models: dict[str, ModelStatus] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the body of `/readyz`."""
        return {
            "ready": self.ready,
            "reason": self.reason,
            "partitions": {
                name: {
                    "ready": model.ready and not model.behind,
                    "seen": model.seen,
                    "needed": model.needed,
                    "behind": model.behind,
                    "reason": model.reason(),
                }
                for name, model in sorted(self.models.items())
            },
        }


class Status:
    """Thread-safe: the loop sets, HTTP reads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._models: dict[str, ModelStatus] = {}
        self._trouble: str | None = "starting"

    def set_models(self, models: dict[str, ModelStatus]) -> None:
        """Replace what is known of all models."""
        with self._lock:
            self._models = dict(models)

    def set_trouble(self, trouble: str | None) -> None:
        """Say what keeps the whole service from its work (None: nothing does)."""
        with self._lock:
            self._trouble = trouble

    def read(self) -> Readiness:
        """Judge: ready when there is no trouble and every model alerts."""
        with self._lock:
            models, trouble = self._models, self._trouble
        if trouble is not None:
            return Readiness(ready=False, reason=trouble, models=models)
        waiting = {
            name: reason for name, model in models.items() if (reason := model.reason()) is not None
        }
        if waiting:
            name, reason = min(waiting.items())
            more = f" (and {len(waiting) - 1} more)" if len(waiting) > 1 else ""
            return Readiness(ready=False, reason=f"{name}: {reason}{more}", models=models)
        return Readiness(
            ready=True,
            reason="ready" if models else "standby: no partition assigned",
            models=models,
        )
