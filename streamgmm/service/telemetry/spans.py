"""From the steps of a cycle to spans, as OpenTelemetry's semantic conventions have them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

import streamgmm
from streamgmm.config import KafkaInput, KafkaOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

    from streamgmm.config import Config
    from streamgmm.service.telemetry.recording import Cycle, Origin, RecordedStep

__all__ = ["SpanMaker"]

# Of the semantic conventions for messaging: the type of an operation, and its kind of span.
_OPERATIONS: Final = {
    "poll": ("receive", SpanKind.CLIENT),
    "process": ("process", SpanKind.CONSUMER),
    "create": ("create", SpanKind.PRODUCER),
    "send": ("send", SpanKind.CLIENT),  # what readers follow is the alert's own `create`
    "commit": ("settle", SpanKind.CLIENT),
}
_ATTRIBUTES: Final = {
    "messages": "messaging.batch.message_count",
    "topic": "messaging.destination.name",
    "partition": "messaging.destination.partition.id",
}


class SpanMaker:
    """Makes spans with the SDK, whose limits for them (OTEL_SPAN_...) hold.

    Parameters
    ----------
    resource
        Whose spans they are.
    config
        The job: group and brokers are named in what concerns Kafka.
    hide
        Takes secrets out of the texts of errors.
    """

    def __init__(self, resource: Resource, config: Config, hide: Callable[[str], str]) -> None:
        self._hide = hide
        self._source, self._sink = _of_source(config), _of_sink(config)
        self._ids = _GivenIds()
        self._made = _Made()
        provider = TracerProvider(
            sampler=ALWAYS_ON,  # what comes here was chosen
            resource=resource,
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        provider.add_span_processor(self._made)
        self._tracer = provider.get_tracer("streamgmm", streamgmm.__version__)

    def spans(self, cycle: Cycle) -> list[ReadableSpan]:
        """Make the spans of a cycle."""
        contexts: dict[int, SpanContext] = {}
        if cycle.left_out:
            cycle.steps[0].note(steps_left_out=cycle.left_out)
        for step in cycle.steps:
            parent = None if step.parent is None else contexts.get(id(step.parent))
            contexts[id(step)] = self._span(step, cycle.trace_id, parent)
        return self._made.take()

    def _span(self, step: RecordedStep, trace_id: int, parent: SpanContext | None) -> SpanContext:
        self._ids.give(trace_id, step.span_id)
        above = None if parent is None else set_span_in_context(NonRecordingSpan(parent))
        operation, kind = _OPERATIONS.get(step.name, ("", SpanKind.INTERNAL))
        attributes: dict[str, Any] = {
            _ATTRIBUTES.get(name, f"streamgmm.{name}"): value for name, value in step.notes.items()
        }
        kafka = self._sink if operation in ("create", "send") else self._source
        if operation and kafka:
            named = {"messaging.operation.name": step.name, "messaging.operation.type": operation}
            attributes = {**kafka, **named, **attributes}
        topic = step.notes.get("topic", "")
        span = self._tracer.start_span(
            f"{step.name} {topic}".strip(),
            context=above,
            kind=kind,
            attributes=attributes,
            links=[Link(_context(origin)) for origin in step.links],
            start_time=step.begun,
        )
        if step.error is not None:
            name, text, trace = step.error
            span.set_attribute("error.type", name)
            span.set_status(Status(StatusCode.ERROR, self._hide(text)))
            described = {
                "exception.type": name,
                "exception.message": self._hide(text),
                "exception.stacktrace": self._hide(trace),
            }
            span.add_event("exception", described, timestamp=step.ended)
        span.end(end_time=step.ended)
        return span.get_span_context()


def _of_source(config: Config) -> dict[str, str | int]:
    source = config.source
    if not isinstance(source, KafkaInput):
        return {}
    return {**_cluster(source.brokers), "messaging.consumer.group.name": source.group}


def _of_sink(config: Config) -> dict[str, str | int]:
    source, sink = config.source, config.sink
    if not isinstance(sink, KafkaOutput):
        return {}
    of_source = source.brokers if isinstance(source, KafkaInput) else ()
    return _cluster(sink.brokers or of_source)


def _cluster(brokers: Sequence[str]) -> dict[str, str | int]:
    host, _, port = brokers[0].rpartition(":")
    return {
        "messaging.system": "kafka",
        "server.address": host.strip("[]"),
        "server.port": int(port),
    }


def _context(origin: Origin) -> SpanContext:
    return SpanContext(
        origin.trace_id,
        origin.span_id,
        is_remote=True,
        trace_flags=TraceFlags(origin.flags),
        trace_state=TraceState.from_header([origin.state]) if origin.state else None,
    )


class _GivenIds(IdGenerator):
    """Gives a span the numbers that are in an alert's header already."""

    def __init__(self) -> None:
        self._trace_id = self._span_id = 0

    def give(self, trace_id: int, span_id: int) -> None:
        self._trace_id, self._span_id = trace_id, span_id or secrets.randbits(64) or 1

    def generate_trace_id(self) -> int:
        return self._trace_id

    def generate_span_id(self) -> int:
        return self._span_id


class _Made(SpanProcessor):
    """Takes the spans as they end."""

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self._spans.append(span)

    def take(self) -> list[ReadableSpan]:
        taken, self._spans = self._spans, []
        return taken
