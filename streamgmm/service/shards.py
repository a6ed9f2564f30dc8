"""A model with the partitions that feed it, and where each of them may begin."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streamgmm.service.guard import Guard
from streamgmm.service.recovery import Progress
from streamgmm.service.status import ModelStatus

if TYPE_CHECKING:
    from streamgmm.detection import Detector
    from streamgmm.service.metrics import Metrics
    from streamgmm.service.pipeline import Pipeline
    from streamgmm.service.suspects import Suspects
    from streamgmm.service.terms import Terms

__all__ = ["Shard", "Start"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a partition may begin.

    Attributes
    ----------
    due
        Position from which outputs are due, None if nothing was ever put out.
    first, end
        Positions of the oldest event there is, and one past the newest (None: not known).
    fallback
        Where to begin if `due` is None and no checkpoint is there.
    cut_from
        What `due` was, where the source ended before that: checkpoints up to there count.
    """

    due: int | None
    first: int
    end: int | None
    fallback: int
    cut_from: int | None = None

    @property
    def latest(self) -> float:
        """The furthest position that a checkpoint may have."""
        if self.cut_from is not None:
            return self.cut_from
        if self.due is not None:
            return self.due
        return math.inf if self.end is None else self.end


@dataclass(slots=True)
class Shard:
    """A model, the partitions that feed it and where each of them is."""

    name: str
    detector: Detector
    terms: Terms
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    suspects: dict[str, Suspects] = field(default_factory=dict)
    mark: dict[str, Any] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    changed: bool = False
    saved: bool = False
    guard: Guard = field(init=False)

    def __post_init__(self) -> None:
        self.guard = Guard(self)

    def state(self) -> dict[str, Any]:
        """Give what shapes an output: the model's state, and that of each partition."""
        return {
            "detector": self.detector.state(),
            "partitions": {name: one.state() for name, one in self.pipelines.items()},
        }

    def take_over(self, detector: Detector) -> None:
        """Go on with another model."""
        self.detector = detector
        for pipeline in self.pipelines.values():
            pipeline.detector = detector

    def cut(self, partition: str, end: int) -> None:
        """Note that everything before `end` is out, and that no event after it was seen.

        What the model has learned by now stays.
        """
        self.positions[partition] = min(self.positions[partition], end)
        self.due[partition] = end
        self.changed, self.saved = True, False

    def tell_of_changes(self, terms: Terms) -> None:
        """Say in the log what differs in the terms that are to come, and from where they hold."""
        if terms == self.terms:
            return
        changes = ", ".join(
            f"{one.key} {one.then} -> {one.now}" for one in terms.changes(since=self.terms.text)
        )
        where = ", ".join(
            f"{at:,}" if len(self.due) == 1 else f"{at:,} of {name}"
            for name, at in self.due.items()
        )
        _log.info(
            "%s: the configuration has changed since the checkpoint (%s): takes effect from "
            "position %s",
            self.name,
            changes,
            where,
        )

    def go_on_under(self, terms: Terms) -> None:
        """Learn under other terms from here on."""
        self.take_over(self.detector.with_settings(terms.settings))
        for pipeline in self.pipelines.values():
            pipeline.max_ahead = terms.max_ahead
        self.terms = terms
        self.changed, self.saved = True, False
        self.guard.changed()

    @property
    def behind(self) -> int:
        """How many positions lie between where its partitions are and where outputs are due."""
        return sum(max(0, self.due[name] - at) for name, at in self.positions.items())

    def show(self, metrics: Metrics) -> ModelStatus:
        """Bring the model's metrics up to date and give its state."""
        detector = self.detector
        metrics.observe_model(
            self.name,
            threshold=detector.threshold,
            weights=detector.weights,
            drift=detector.drift,
            seen=detector.n_seen,
            ready=detector.ready,
        )
        metrics.behind.labels(self.name).set(self.behind)
        metrics.observe_incidents(self.name, detector.open_incidents, frozen=detector.frozen)
        return ModelStatus(
            ready=detector.ready,
            seen=detector.n_seen,
            needed=detector.warmup,
            behind=self.behind,
        )
