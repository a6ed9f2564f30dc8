"""Metrics and traces for an OpenTelemetry collector, where a job asks for them.

Only the modules of this package import OpenTelemetry, and none of them is loaded before `telemetry`
is entered for a job that has `[telemetry] export`. So a job without it pays nothing, and needs
nothing installed.

`recording` listens to the job and keeps what is told, `spans` makes spans of it, `metrics` reads
the registry that `/metrics` shows, `shipping` brings both to the collector in the background.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from streamgmm.errors import ConfigError
from streamgmm.service.telemetry.settings import settings_of
from streamgmm.service.tracing import NOT_TRACED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamgmm.config import Config
    from streamgmm.service.metrics import Metrics
    from streamgmm.service.stop import Stop
    from streamgmm.service.telemetry.settings import Settings
    from streamgmm.service.tracing import Tracer

__all__ = ["require_telemetry", "telemetry"]


@contextmanager
def telemetry(config: Config, metrics: Metrics, stop: Stop) -> Iterator[Tracer]:
    """Within it, what the job asks for goes to its collector; gives whom to tell of the work.

    At the end what is left is sent, for as long as the stop has time, and some seconds at most.

    Raises
    ------
    ConfigError
        If the settings, the environment's too, cannot be used, or OpenTelemetry is not installed.
    """
    settings = require_telemetry(config)
    if settings is None:
        yield NOT_TRACED
        return
    from streamgmm.service.telemetry.shipping import Shipping

    with Shipping(settings, config, metrics, stop) as shipping:
        yield shipping.tracer


def require_telemetry(config: Config) -> Settings | None:
    """Give what a job sends and where to, None for nothing; see that it can be done.

    Raises
    ------
    ConfigError
        If it cannot.
    """
    settings = settings_of(config, os.environ)
    if settings is None:
        return None
    try:
        exporters = import_module("streamgmm.service.telemetry.exporters")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "opentelemetry":
            raise
        raise ConfigError(
            "telemetry.export asks for OpenTelemetry, which is not installed: pip install "
            "'streamgmm[otel]', or leave it out"
        ) from error
    except ValueError as error:  # limits of spans are read as the SDK is loaded
        raise ConfigError(
            f"what the environment's OTEL_... variables ask for cannot be used: {error}"
        ) from error
    exporters.silence()
    exporters.try_out(settings)
    return settings
