"""A stream of two behaviours through a real pipeline, recorded for the live page."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.detection import Budget, DetectorSettings
from streamgmm.events import Field, Record, Records, Schema
from streamgmm.service.http import HttpServer, Page
from streamgmm.service.metrics import Metrics
from streamgmm.service.page.recorder import Recorder
from streamgmm.service.replay import make_pipeline
from streamgmm.service.status import ModelStatus, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamgmm.service.http import Operators
    from streamgmm.service.pipeline import Outputs

SCHEMA = Schema(
    (Field("duration", "log1p", unit="s"), Field("sent", "log1p", unit="B"), Field("load")),
    key="host",
    time="ts",
)
START = 1_767_600_000.0


class Stream:
    """Feeds events and records what comes of them.

    Attributes
    ----------
    now
        The clock, seconds since the epoch.
    """

    def __init__(
        self,
        model: str = "flows-0",
        *,
        recorder: Recorder | None = None,
        schema: Schema = SCHEMA,
        rename: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.now = START
        self._rename = rename
        self.model = model
        self.metrics = Metrics("")
        self.status = Status()
        self.status.set_trouble(None)
        self.recorder = recorder or Recorder(schema, clock=lambda: self.now)
        self.pipeline = make_pipeline(
            schema,
            DetectorSettings(budget=Budget(probability=1e-4), n_components=4),
            origin=model,
            columns=None,
            metrics=self.metrics,
        )
        self._rng = np.random.default_rng(5)
        self._position = 0

    def serve(
        self,
        operators: Operators | None = None,
        *,
        port: int = 0,
        attacks: Mapping[str, Callable[[], None]] = MappingProxyType({}),
    ) -> HttpServer:
        """Give the server of its page."""
        page = Page(self.recorder, "1.2.3", attacks)
        return HttpServer("127.0.0.1", port, self.metrics, self.status, operators, page)

    def events(self, n: int) -> list[dict[str, Any]]:
        """Make n ordinary events: a short behaviour and a long one."""
        rng = self._rng
        long = rng.random(n) < 0.3
        duration = np.exp(rng.normal(np.where(long, 4.0, 0.0), 0.3))
        sent = np.exp(rng.normal(np.where(long, 12.0, 6.0), 0.5))
        load = rng.normal(np.where(long, 5.0, 1.0), 0.5)
        name = self._rename.get("load", "load")
        return [
            {"host": f"h{i % 7}", "ts": self.now, "duration": d, "sent": s, name: one}
            for i, (d, s, one) in enumerate(zip(duration, sent, load, strict=True))
        ]

    def records(self, events: list[dict[str, Any]]) -> Records:
        """Write events as the next records of the partition."""
        first = self._position
        self._position += len(events)
        return Records.of(
            Record(json.dumps(one).encode(), first + i) for i, one in enumerate(events)
        )

    def take(self, events: list[dict[str, Any]]) -> Outputs:
        """Take one block through the pipeline and record it."""
        outputs = self.pipeline.process(self.records(events))
        self.recorder.take(self.model, outputs, self.pipeline.detector)
        return outputs

    def feed(self, n: int, *, seconds: float) -> None:
        """Feed n ordinary events in blocks of 50, over so many seconds."""
        for _ in range(n // 50):
            self.now += seconds * 50 / n
            self.take(self.events(50))
            self.show()

    def show(self) -> None:
        """Do what a job does once a second."""
        detector = self.pipeline.detector
        self.recorder.show({self.model: detector})
        seen, needed = detector.n_seen, detector.warmup
        self.status.set_models({self.model: ModelStatus(detector.ready, seen, needed)})

    def attack(self, n: int = 1, **changed: Any) -> Outputs:
        """Send n events that differ from ordinary ones by what is given."""
        return self.take([{**event, **changed} for event in self.events(n)])
