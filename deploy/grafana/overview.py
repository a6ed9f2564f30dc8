"""Whether all is well: for whoever was just woken, and for a screen on the wall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.grafana.frame import (
    STREAM,
    TIMES,
    WORKER,
    alerts_over_hour,
    delay,
    over_budget,
    put_together,
)
from deploy.grafana.panels import GREEN, RED, YELLOW, lines, number

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as models


def dashboard() -> models.Dashboard:
    """Say whether all is well: for whoever was just woken, and for a screen on the wall."""
    return put_together(
        "overview",
        "Overview",
        "Whether streamgmm does its work, and how much of it there is.",
        [
            number(
                "Ready",
                "Share of the workers whose /readyz says yes: every model alerts, brokers answer.",
                f"sum(streamgmm_service_ready{WORKER}) / count(streamgmm_service_ready{WORKER})",
                "percentunit",
                ((1.0, GREEN),),
                lowest=RED,
            ),
            number(
                "Rules that fire",
                "Alerts of deploy/prometheus now; docs/runbook.md says what to do about each.",
                'count(ALERTS{alertname=~"Streamgmm.*",alertstate="firing",job=~"$job"})'
                " or vector(0)",
                "short",
                ((1.0, RED),),
            ),
            number(
                "Events",
                "Events scored a second.",
                f"sum(rate(streamgmm_events_total{STREAM}[$__rate_interval]))",
                "eps",
            ),
            number(
                "Alerts against budget",
                "Alerts of 6 hours, in multiples of what the budget allows for: about 1 where "
                "nothing happens.",
                over_budget("6h"),
                TIMES,
                ((1.5, YELLOW), (3.0, RED)),
            ),
            number(
                "Waiting",
                "Events that wait in the partitions.",
                f"sum(streamgmm_lag_events{STREAM})",
                "short",
            ),
            number(
                "Oldest checkpoint",
                "Time since a worker last wrote one; it ages where no events come.",
                f"max(streamgmm_checkpoint_age_seconds{WORKER})",
                "s",
                ((360.0, YELLOW), (1800.0, RED)),
            ),
            lines(
                "Events by partition",
                "Events scored a second.",
                {
                    "{{partition}}": "sum by (partition) "
                    f"(rate(streamgmm_events_total{STREAM}[$__rate_interval]))"
                },
                "eps",
            ),
            alerts_over_hour(),
            lines(
                "Dead letters",
                "Events a second that could not be decoded or encoded, by reason.",
                {
                    "{{reason}}": "sum by (reason) "
                    f"(rate(streamgmm_dead_letters_total{WORKER}[$__rate_interval])) > 0"
                },
                "eps",
                none="none",
            ),
            delay(),
        ],
    )
