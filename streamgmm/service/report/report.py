"""Collects what a replay's report tells; see `html.py` for the file itself."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import streamgmm
from streamgmm.events import Encoder
from streamgmm.service.likeness import Likeness
from streamgmm.service.page.fields import described_fields
from streamgmm.service.page.mixture import told as told_component
from streamgmm.service.report.alerts import Alerts
from streamgmm.service.report.calibration import Calibration
from streamgmm.service.report.curves import curves
from streamgmm.service.report.days import Days
from streamgmm.service.report.kinds import DEFAULT_KIND, Kinds
from streamgmm.service.report.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamgmm.detection import Budget, Detector
    from streamgmm.events import Schema
    from streamgmm.service.pipeline import Outputs
    from streamgmm.service.replay import Findings

__all__ = ["Report"]

# The sections of a configuration that say what a replay does.
_SHAPING: Final = ("[events", "[model", "[alerts")


class Report:
    """A report on a replay.

    Parameters
    ----------
    schema
        Of the events.
    detector
        The model that they go through.
    kind
        The member of an event that names its kind.
    episodes_by
        See `Kinds`.
    """

    def __init__(
        self,
        schema: Schema,
        detector: Detector,
        kind: str | None = None,
        episodes_by: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._schema = schema
        self._detector = detector
        self._timeline = Timeline(timed=schema.time is not None)
        self._alerts = Alerts(schema)
        self._calibration = Calibration()
        self._days = Days()
        self.kinds = Kinds(kind or DEFAULT_KIND, episodes_by)

    def take(self, outputs: Outputs) -> None:
        """Add what came of a block of events."""
        if not len(outputs.batch):
            return
        self._timeline.take(outputs, self._detector.threshold)
        self._calibration.take(outputs)
        self._days.take(outputs)
        self._alerts.take(outputs)
        self.kinds.take(outputs)

    def told(
        self, findings: Findings, budget: Budget, *, source: str, configuration: str
    ) -> dict[str, Any]:
        """Give all of it, as JSON shows it."""
        labelled = len(findings.rankings) > 0
        return {
            "version": streamgmm.__version__,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "source": source,
            "configuration": _shaping(configuration),
            "summary": findings.summary(budget),
            "figures": findings.figures(budget),
            "fields": described_fields(self._schema),
            "timeline": self._timeline.told(),
            "alerts": self._alerts.told(),
            "calibration": self._calibration.told() | {"labelled": labelled},
            "days": self._days.told(budget),
            "curves": curves(findings.rankings),
            "kinds": self.kinds.told(),
            "components": self._components(),
        }

    def _components(self) -> list[Any]:
        mixture = self._detector.mixture
        if mixture is None or not self._detector.ready:
            return []
        likeness = Likeness(mixture, self._schema, Encoder(self._schema))
        return list(map(told_component, likeness.components()))


def _shaping(configuration: str) -> str:
    sections = configuration.split("\n\n")
    return "\n\n".join(one.strip() for one in sections if one.lstrip().startswith(_SHAPING))
