"""``[telemetry]``: what a job tells an OpenTelemetry collector, and where that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import unquote

from streamgmm.config import rules
from streamgmm.config.rules import Rule, Secret, some_of, text
from streamgmm.config.secrets import secret_of

SIGNALS = ("metrics", "traces")


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """``[telemetry]``: metrics and traces to an OpenTelemetry collector."""

    export: Annotated[
        tuple[str, ...],
        some_of(*SIGNALS),
        "what goes to an OpenTelemetry collector; pip install 'streamgmm[otel]'",
    ] = ()
    endpoint: Annotated[
        str,
        Rule(
            '"http://host:port" or "https://host:port", perhaps with a path, without the '
            "/v1/traces and /v1/metrics that are added to it, or empty",
            rules.collector,
        ),
        "where it takes OTLP over HTTP; empty: OTEL_EXPORTER_OTLP_ENDPOINT, or else "
        "http://localhost:4318",
    ] = ""
    headers: Annotated[
        Secret,
        Rule(
            'text such as "authorization=Bearer%20abc,x-scope=one", or empty',
            rules.secret_pairs,
            secret=True,
        ),
        "sent with each request, beside OTEL_EXPORTER_OTLP_HEADERS. Better given as "
        "STREAMGMM__TELEMETRY__HEADERS than written in a file",
    ] = field(default_factory=lambda: Secret(""))
    headers_file: Annotated[
        str, text("a path, or empty"), "or else a file that holds them, on one line"
    ] = ""
    service_name: Annotated[
        str,
        text("text, or empty"),
        "under which it is found; empty: OTEL_SERVICE_NAME, or else streamgmm",
    ] = ""
    resource: Annotated[
        tuple[str, ...],
        Rule(
            'a list of texts such as "deployment.environment.name=production"',
            rules.pairs,
            empty=True,
        ),
        "what else is said of this worker, beside OTEL_RESOURCE_ATTRIBUTES",
    ] = ()
    sampling_ratio: Annotated[
        float | str,
        Rule("a number from 0 to 1, or empty", rules.ratio_or_empty),
        "the share of traces that are sent; those with alerts or errors are in any case. Empty: "
        "OTEL_TRACES_SAMPLER, or else 0.1",
    ] = ""

    @property
    def shown_headers(self) -> Secret:
        """The headers, read from their file where there is one; raises ConfigError."""
        return secret_of(self.headers, self.headers_file, "headers_file")

    def secrets(self) -> tuple[Secret, ...]:
        """Return all that no log may show: the headers, and what each of them says."""
        headers = self.shown_headers
        return (headers, *map(Secret, pairs_of(headers.reveal()).values()))


def pairs_of(listed: str) -> dict[str, str]:
    """Read "name=value,name=value", where values may be percent-encoded.

    Examples
    --------
    >>> pairs_of("authorization=Bearer%20abc, x-scope=one")
    {'authorization': 'Bearer abc', 'x-scope': 'one'}
    """
    items = (item.partition("=") for item in listed.split(",") if item.strip())
    return {name.strip(): unquote(value.strip()) for name, _, value in items}
