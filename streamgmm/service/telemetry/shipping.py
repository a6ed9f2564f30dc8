"""Brings metrics and traces to the collector in the background, and never keeps the job waiting.

Each signal has a thread of its own. Spans wait in a queue of bounded length; what finds no room in
it, or was not taken in time, is dropped and counted. A collector that cannot be reached is told of
once, and again when it can. At the end so much time is left as the stop has, some seconds at most.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Self

from opentelemetry.sdk.metrics.export import MetricExportResult
from opentelemetry.sdk.trace.export import SpanExportResult

from streamgmm.service.secrecy import HidingFormatter
from streamgmm.service.telemetry.exporters import (
    Requests,
    metric_exporter,
    resource_of,
    span_exporter,
)
from streamgmm.service.telemetry.metrics import RegistryReader
from streamgmm.service.telemetry.recording import Recorder
from streamgmm.service.telemetry.spans import SpanMaker
from streamgmm.service.tracing import NOT_TRACED

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

    from streamgmm.config import Config
    from streamgmm.service.metrics import Metrics
    from streamgmm.service.stop import Stop
    from streamgmm.service.telemetry.recording import Cycle
    from streamgmm.service.telemetry.settings import Settings
    from streamgmm.service.tracing import Tracer

__all__ = ["Shipping"]

# After a request to stop outputs have up to 20 s; supervisors kill after 30.
_STOP_SECONDS: Final = 25.0
_FLUSH_SECONDS: Final = 3.0
_log = logging.getLogger(__name__)


class Shipping:
    """What goes to the collector, from entering it to leaving it.

    Parameters
    ----------
    settings
        What, where to and how often.
    config
        The job.
    metrics
        What is read, and where failures are counted.
    stop
        How much time is left at the end.

    Attributes
    ----------
    tracer : Tracer
        To be told of the work.
    """

    def __init__(self, settings: Settings, config: Config, metrics: Metrics, stop: Stop) -> None:
        self._stop = stop
        self._lines: list[Line] = []
        self._recorder: Recorder | None = None
        self.tracer: Tracer = NOT_TRACED
        resource = resource_of(settings)
        if "traces" in settings.endpoints:
            by = Requests()
            spans = span_exporter(settings, by)
            hide = HidingFormatter("", config.secrets()).hide
            queue = Queue(settings, SpanMaker(resource, config, hide), metrics)
            line = Line(
                "traces",
                settings.endpoints["traces"],
                every=settings.trace_delay,
                take=queue.take,
                send=lambda batch: spans.export(batch) is SpanExportResult.SUCCESS,
                hang_up=spans.shutdown,
                failed=lambda batch: metrics.telemetry_dropped.inc(len(batch)),
                by=by,
                metrics=metrics,
            )
            queue.full = line.wake
            self._lines.append(line)
            self.tracer = self._recorder = Recorder(queue.put, ratio=settings.ratio)
        if "metrics" in settings.endpoints:
            by = Requests()
            exporter = metric_exporter(settings, by)
            reader = RegistryReader(metrics.registry, resource)
            self._lines.append(
                Line(
                    "metrics",
                    settings.endpoints["metrics"],
                    every=settings.metric_interval,
                    take=lambda: iter([reader.read()]),
                    send=lambda data: exporter.export(data) is MetricExportResult.SUCCESS,
                    hang_up=exporter.shutdown,
                    failed=lambda _: None,  # the next ones say the same and more
                    by=by,
                    metrics=metrics,
                )
            )

    def __enter__(self) -> Self:
        for line in self._lines:
            line.start()
        return self

    def __exit__(self, _: object, raised: BaseException | None, __: object) -> None:
        if self._recorder is not None:
            self._recorder.end(raised if isinstance(raised, Exception) else None)
        left = self._stop.left(_STOP_SECONDS)
        deadline = time.monotonic() + max(1.0, min(_FLUSH_SECONDS, left))
        for line in self._lines:
            line.close()
        for line in self._lines:
            line.wait(deadline)


class Queue:
    """Cycles that wait to be sent, and the spans that are made of them."""

    def __init__(self, settings: Settings, maker: SpanMaker, metrics: Metrics) -> None:
        self._most, self._at_once = settings.most_waiting, settings.most_at_once
        self._maker = maker
        self._metrics = metrics
        self._cycles: deque[Cycle] = deque()
        self._waiting = 0
        self._lock = threading.Lock()
        self.full: Callable[[], None] = lambda: None

    def put(self, cycle: Cycle) -> None:
        """Let a cycle wait, or count it if there is no room."""
        count = len(cycle.steps)
        with self._lock:
            room = self._waiting + count <= self._most
            if room:
                self._cycles.append(cycle)
                self._waiting += count
            full = self._waiting >= self._at_once
        if not room:
            self._metrics.telemetry_dropped.inc(count)
        if full:
            self.full()

    def take(self) -> Any:
        """Give what waits, in batches of spans that are sent together."""
        batch: list[ReadableSpan] = []
        while True:
            with self._lock:
                cycle = self._cycles.popleft() if self._cycles else None
                self._waiting -= 0 if cycle is None else len(cycle.steps)
            batch += [] if cycle is None else self._maker.spans(cycle)
            while len(batch) >= self._at_once or (batch and cycle is None):
                yield batch[: self._at_once]
                batch = batch[self._at_once :]
            if cycle is None:
                return


class Line:
    """One signal's way to the collector, on a thread of its own.

    Parameters
    ----------
    signal, where
        For messages.
    every
        Seconds between two times at most.
    take
        Gives, one after the other, what is to be sent.
    send
        Sends it, and says whether it was taken.
    hang_up
        Ends a sending that waits to try again; nothing can be sent any more.
    failed
        Is told of what was not taken.
    by
        By what it is sent.
    metrics
        Where failures are counted.
    """

    def __init__(
        self,
        signal: str,
        where: str,
        *,
        every: float,
        take: Callable[[], Any],
        send: Callable[[Any], bool],
        hang_up: Callable[[], None],
        failed: Callable[[Any], None],
        by: Requests,
        metrics: Metrics,
    ) -> None:
        self._signal, self._where, self._every = signal, where, every
        self._take, self._send, self._hang_up, self._failed = take, send, hang_up, failed
        self._by = by
        self._failures = metrics.telemetry_failures.labels(signal)
        self._failing = 0
        self._woken = threading.Event()
        self._closing = self._told = False
        # Left behind if the collector keeps it waiting at the end.
        self._thread = threading.Thread(target=self._run, name=f"telemetry {signal}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Send now what there is."""
        self._woken.set()

    def close(self) -> None:
        """Ask it to send what is left, and to end; if the last time failed, to end."""
        self._closing = True
        self.wake()
        if self._failing:
            self._hang_up()

    def wait(self, deadline: float) -> None:
        """Wait for the end, until `deadline`; then let it be."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._tell_of_the_last()
            self._hang_up()
        elif not self._failing:
            self._hang_up()

    def _run(self) -> None:
        while True:
            self._woken.wait(self._every)
            self._woken.clear()
            last = self._closing
            try:
                for batch in self._take():
                    self._ship(batch)
            except Exception:  # noqa: BLE001 - the next time may succeed
                _log.exception(
                    "%s: this is a fault of this program: please report it", self._signal
                )
            if last:
                return

    def _ship(self, batch: Any) -> None:
        try:
            taken = self._send(batch) and not self._by.failure
        except Exception as error:  # noqa: BLE001 - whatever it is, the next time may succeed
            taken = False
            self._by.failure = f"{type(error).__name__}: {error}"
        if taken:
            if self._failing:
                _log.info("%s reach %s again", self._signal, self._where)
            self._failing = 0
            return
        self._failing += 1
        self._failures.inc()
        self._failed(batch)
        if self._closing:
            self._tell_of_the_last()
        elif self._failing == 1:
            _log.warning(
                "%s cannot be sent to %s (%s): the job goes on without, and tries again; "
                "streamgmm_telemetry_failures_total counts",
                self._signal,
                self._where,
                self._by.failure or "it was not taken",
            )

    def _tell_of_the_last(self) -> None:
        """Say at the end, once, what nobody will send any more; known trouble was told before."""
        if not self._told and not self._failing > 1:
            why = self._by.failure or "it was not taken"
            _log.warning("the last %s did not reach %s (%s)", self._signal, self._where, why)
        self._told = True
