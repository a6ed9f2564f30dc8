"""A collector on the loopback that speaks real OTLP over HTTP, and what came to it."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

KINDS = {
    ProtoSpan.SPAN_KIND_INTERNAL: "internal",
    ProtoSpan.SPAN_KIND_CLIENT: "client",
    ProtoSpan.SPAN_KIND_PRODUCER: "producer",
    ProtoSpan.SPAN_KIND_CONSUMER: "consumer",
}


@dataclass
class Span:
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    begun: int
    ended: int
    attributes: dict[str, Any]
    links: list[str]  # "trace-span"
    events: list[dict[str, Any]]
    error: str | None
    resource: dict[str, Any]


@dataclass
class Collector:
    """Receives, while entered; `answer` says how it answers: a status, "garbage" or "never"."""

    answer: int | str = 200
    spans: list[Span] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)  # the latest of each name
    exports: int = 0
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)
    port: int = 0

    def __post_init__(self) -> None:
        self._released = threading.Event()
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.requests.append((self.path, headers))
                if collector.answer == "never":
                    collector._released.wait()
                    self.close_connection = True
                    return
                garbage = collector.answer == "garbage"
                status = 200 if garbage else int(collector.answer)
                if status == 200:
                    collector.take(self.path, body)
                answer = b"\xff\x00<html>" if garbage else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, path: str, body: bytes) -> None:
        with self._lock:
            if path.endswith("/v1/traces"):
                self._take_spans(ExportTraceServiceRequest.FromString(body))
            else:
                self._take_metrics(ExportMetricsServiceRequest.FromString(body))

    def _take_spans(self, request: Any) -> None:
        for resource in request.resource_spans:
            of = attributes(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans += [span(one, of) for one in scope.spans]

    def _take_metrics(self, request: Any) -> None:
        self.exports += 1
        for resource in request.resource_metrics:
            self.resource = attributes(resource.resource.attributes)
            for scope in resource.scope_metrics:
                self.metrics |= {metric.name: metric for metric in scope.metrics}

    def named(self, name: str) -> list[Span]:
        return [one for one in list(self.spans) if one.name == name]

    def within(self, above: Span) -> list[Span]:
        """The spans right below one, in the order in which they began."""
        found = [s for s in list(self.spans) if s.trace == above.trace and s.parent == above.id]
        return sorted(found, key=lambda one: one.begun)


def attributes(found: Any) -> dict[str, Any]:
    return {one.key: value(one.value) for one in found}


def value(any_value: Any) -> Any:
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(one) for one in any_value.array_value.values]
    return getattr(any_value, kind)


def span(one: Any, resource: dict[str, Any]) -> Span:
    return Span(
        one.name,
        KINDS[one.kind],
        one.trace_id.hex(),
        one.span_id.hex(),
        one.parent_span_id.hex(),
        one.start_time_unix_nano,
        one.end_time_unix_nano,
        attributes(one.attributes),
        [f"{link.trace_id.hex()}-{link.span_id.hex()}" for link in one.links],
        [{"name": e.name, **attributes(e.attributes)} for e in one.events],
        one.status.message if one.status.code == 2 else None,
        resource,
    )
