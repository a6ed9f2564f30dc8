"""What speaks OTLP over HTTP, by OpenTelemetry's own exporters, and why that fails.

The exporters tell it to the log, at every attempt, and their callers only that it failed. So their
log is silent, and what a request came to is noted where it is made.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource

from streamgmm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamgmm.service.telemetry.settings import Settings

__all__ = ["Requests", "metric_exporter", "resource_of", "silence", "span_exporter", "try_out"]


class Requests(requests.Session):
    """What an exporter sends its requests by.

    Attributes
    ----------
    failure
        What the last one came to, empty if it was taken.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failure = ""

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """Send a request, and note what it comes to."""
        self.failure = "no answer in time"
        try:
            answer = super().request(*args, **options)
        except (requests.RequestException, OSError) as error:
            # What is wrapped says the same in fewer words.
            reason = getattr(error.args[0], "reason", None) if error.args else None
            self.failure = str(reason or error) or type(error).__name__
            raise
        # Exporters follow no redirection, and take one for a success.
        place = answer.headers.get("Location", "")
        moved = f", moved to {place}" if place else ""
        taken = answer.status_code < 300
        self.failure = "" if taken else f"{answer.status_code} {answer.reason}{moved}"
        return answer


def span_exporter(settings: Settings, by: Requests) -> OTLPSpanExporter:
    """Give what sends spans. ConfigError: the environment asks for what there is not."""
    with _environment():
        return OTLPSpanExporter(
            settings.endpoints["traces"], headers=dict(settings.headers), session=_own(by)
        )


def metric_exporter(settings: Settings, by: Requests) -> OTLPMetricExporter:
    """Give what sends metrics. ConfigError: the environment asks for what there is not."""
    with _environment():
        return OTLPMetricExporter(
            settings.endpoints["metrics"], headers=dict(settings.headers), session=_own(by)
        )


def try_out(settings: Settings) -> None:
    """Make what will send, and let it go unused. ConfigError: as when it is made to send."""
    if "traces" in settings.endpoints:
        span_exporter(settings, Requests())
    if "metrics" in settings.endpoints:
        metric_exporter(settings, Requests())


def _own(by: Requests) -> Requests | None:
    """Give none where the environment names a provider of credentials, which has one itself."""
    provider = "OTEL_PYTHON_EXPORTER_OTLP_HTTP_{}CREDENTIAL_PROVIDER"
    given = (os.environ.get(provider.format(which)) for which in ("", "TRACES_", "METRICS_"))
    return None if any(given) else by


@contextmanager
def _environment() -> Iterator[None]:
    try:
        yield
    except (ImportError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"what the environment's OTEL_... variables ask for cannot be used: {error}"
        ) from error


def silence() -> None:
    """Let OpenTelemetry's own log be silent, for good: exporters left behind speak on."""
    logger = logging.getLogger("opentelemetry")
    logger.handlers = [logging.NullHandler()]
    logger.propagate = False


def resource_of(settings: Settings) -> Resource:
    """Give what is said of this worker, with what OpenTelemetry finds out by itself."""
    return Resource.create(dict(settings.resource))
