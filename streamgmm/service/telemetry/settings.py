"""What is sent and where to: as the job says, or else as OpenTelemetry's own variables do.

What the job gives goes first; what it leaves out comes from the environment, under the names that
the specification has for X
"""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamgmm
from streamgmm.config import KafkaInput, rules
from streamgmm.config.messages import shown
from streamgmm.config.telemetry import pairs_of
from streamgmm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamgmm.config import Config

__all__ = ["Settings", "settings_of"]

_ENDPOINT: Final = "http://localhost:4318"
_PROTOCOL: Final = "http/protobuf"
# A cycle may be as short as 20 ms.
_RATIO: Final = 0.1
_SAMPLERS: Final = {"always_on": 1.0, "always_off": 0.0, "traceidratio": None}
_COMPRESSIONS: Final = ("none", "gzip", "deflate")
_CERTIFICATES: Final = ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")
# Milliseconds or pieces, of which OpenTelemetry's other SDKs have as many bits.
_LARGEST: Final = 2**31 - 1
_NAMES_THE_PROTOCOL: Final = ("OTEL_EXPORTER_OTLP_{}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is sent, where to, and how often.

    Attributes
    ----------
    endpoints
        By signal, the whole address.
    headers
        The job's; the exporters add the environment's.
    resource
        What is said of this worker, the job's and what follows from it.
    ratio
        The share of cycles that are traced.
    trace_delay, metric_interval
        Seconds between two requests at most.
    most_waiting, most_at_once
        Spans that wait, and spans in one request.
    """

    endpoints: Mapping[str, str]
    headers: Mapping[str, str]
    resource: Mapping[str, str]
    ratio: float
    trace_delay: float
    metric_interval: float
    most_waiting: int
    most_at_once: int


def settings_of(config: Config, env: Mapping[str, str]) -> Settings | None:
    """Give what a job and its environment ask for; None for nothing.

    Raises
    ------
    ConfigError
        If a variable cannot be used, or the file with the headers.
    """
    asked = config.telemetry
    signals = [one for one in asked.export if _word(env, f"OTEL_{one.upper()}_EXPORTER") != "none"]
    if not signals or _word(env, "OTEL_SDK_DISABLED") == "true":
        return None
    for scope in ("", *(f"{one.upper()}_" for one in signals)):
        _look_at_what_exporters_read(env, f"OTEL_EXPORTER_OTLP_{scope}")
    most = _number(env, "OTEL_BSP_MAX_QUEUE_SIZE", 2048)
    ratio = asked.sampling_ratio
    return Settings(
        endpoints={one: _endpoint(one, asked.endpoint, env) for one in signals},
        headers=pairs_of(asked.shown_headers.reveal()),
        resource=_resource(config, env),
        ratio=_sampled(env) if isinstance(ratio, str) else ratio,
        trace_delay=_number(env, "OTEL_BSP_SCHEDULE_DELAY", 5_000) / 1000,
        metric_interval=_number(env, "OTEL_METRIC_EXPORT_INTERVAL", 60_000) / 1000,
        most_waiting=int(most),
        most_at_once=int(min(most, _number(env, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512))),
    )


def _endpoint(signal: str, given: str, env: Mapping[str, str]) -> str:
    if given:
        return f"{given}/v1/{signal}"
    for name in _NAMES_THE_PROTOCOL:
        variable = name.format(signal.upper())
        protocol = env.get(variable, "").strip()
        if protocol and protocol != _PROTOCOL:
            raise ConfigError(
                f"environment {variable} is {shown(protocol)}; what is spoken here is "
                f'"{_PROTOCOL}", which collectors take on port 4318: give it as [telemetry] '
                "endpoint, which goes before the environment, or set the variable to it"
            )
        if protocol:
            break
    whole, base = f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
    if env.get(whole):
        return _url(whole, env)
    return f"{_url(base, env) if env.get(base) else _ENDPOINT}/v1/{signal}"


def _url(variable: str, env: Mapping[str, str]) -> str:
    try:
        return rules.url(env[variable].strip())
    except ValueError:
        raise ConfigError(
            f"environment {variable} is {shown(env[variable])}; allowed is "
            '"http://host:port" or "https://host:port", perhaps with a path'
        ) from None


def _resource(config: Config, env: Mapping[str, str]) -> dict[str, str]:
    """Say who this is; the environment's attributes go before what only follows from the job."""
    source = config.source
    instance = source.instance if isinstance(source, KafkaInput) else ""
    by_default = {
        "service.name": "streamgmm",
        "service.version": streamgmm.__version__,
        "service.instance.id": instance or str(uuid.uuid4()),
    }
    there = pairs_of(env.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    if env.get("OTEL_SERVICE_NAME"):
        there["service.name"] = env["OTEL_SERVICE_NAME"]
    given = pairs_of(",".join(config.telemetry.resource))
    if config.telemetry.service_name:
        given["service.name"] = config.telemetry.service_name
    return {**by_default, **there, **given}


def _sampled(env: Mapping[str, str]) -> float:
    """Give the share that the environment's sampler lets through; a cycle has no parent."""
    named = env.get("OTEL_TRACES_SAMPLER", "").strip()
    if not named:
        return _RATIO
    sampler = named.removeprefix("parentbased_")
    if sampler not in _SAMPLERS:
        raise ConfigError(
            f"environment OTEL_TRACES_SAMPLER is {shown(named)}; allowed are "
            f"{', '.join(_SAMPLERS)}, also with parentbased_ before it. Or give [telemetry] "
            "sampling_ratio, which goes before it"
        )
    ratio = _SAMPLERS[sampler]
    if ratio is not None:
        return ratio
    argument = env.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    if not argument:
        return 1.0
    try:
        return float(rules.ratio_or_empty(float(argument)))
    except ValueError:
        raise ConfigError(
            f"environment OTEL_TRACES_SAMPLER_ARG is {shown(argument)}; allowed is a number from "
            "0 to 1"
        ) from None


def _look_at_what_exporters_read(env: Mapping[str, str], prefix: str) -> None:
    _number(env, f"{prefix}TIMEOUT", 10, least=0.001)
    if _word(env, f"{prefix}COMPRESSION") not in ("", *_COMPRESSIONS):
        raise ConfigError(
            f"environment {prefix}COMPRESSION is {shown(env[f'{prefix}COMPRESSION'])}; allowed are "
            f"{', '.join(_COMPRESSIONS)}"
        )
    try:
        rules.secret_pairs(env.get(f"{prefix}HEADERS", "").strip().rstrip(","))
    except ValueError:
        raise ConfigError(
            f"environment {prefix}HEADERS is a value that is not shown; allowed is text such as "
            '"authorization=Bearer%20abc,x-scope=one"'
        ) from None
    for what in _CERTIFICATES:
        path = env.get(f"{prefix}{what}")
        if path and not _is_readable(path):
            raise ConfigError(
                f"environment {prefix}{what} is {shown(path)}, but there is no such file that this "
                "user may read; name a PEM file"
            )


def _is_readable(path: str) -> bool:
    try:
        Path(path).open("rb").close()
    except OSError:
        return False
    return True


def _word(env: Mapping[str, str], variable: str) -> str:
    """Give one of a few words; the specification wants no difference made by case."""
    return env.get(variable, "").strip().lower()


def _number(env: Mapping[str, str], variable: str, default: float, *, least: float = 1) -> float:
    text = env.get(variable, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= _LARGEST:
        raise ConfigError(
            f"environment {variable} is {shown(text)}; allowed is a number from {least} to "
            f"{_LARGEST}"
        )
    return value
