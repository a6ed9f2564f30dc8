"""The table of `docs/metrics.md`: every metric of the service."""

from __future__ import annotations

from streamgmm.service.metrics import Metrics
from tools.references.tables import table

_UNITS = ("seconds", "bytes", "nats", "ratio", "sigma", "events", "outputs")


def blocks() -> dict[str, str]:
    """Write the table."""
    heads = ("name", "type", "unit", "labels", "meaning")
    rows = [
        (f"`{name}`", kind, _unit(name), labels, meaning)
        for name, kind, labels, meaning in Metrics("").rows()
    ]
    return {"metrics": table(heads, rows)}


def _unit(name: str) -> str:
    """Read the unit off the name, where it stands by Prometheus's conventions."""
    last = name.removesuffix("_total").rpartition("_")[2]
    return last if last in _UNITS else ""
