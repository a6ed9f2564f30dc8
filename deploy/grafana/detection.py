"""What is found, how strange it is, and whether the calibration holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.grafana.frame import (
    NATS,
    STREAM,
    TIMES,
    WORKER,
    alerts_over_hour,
    over_budget,
    put_together,
    quantiles,
    share,
)
from deploy.grafana.panels import RED, lines, spread

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as models


def dashboard() -> models.Dashboard:
    """Show what is found, how strange it is, and whether the calibration holds."""
    return put_together(
        "detection",
        "Detection",
        "Scores, alerts against the budget, incidents, and what was missing from the events.",
        [
            lines(
                "Scores and thresholds",
                "Quantiles of the scores, and between which scores the partitions' thresholds lie. "
                "Higher is stranger.",
                {
                    **quantiles("streamgmm_score_nats", (0.5, 0.99, 0.999)),
                    "lowest threshold": f"min(streamgmm_threshold_nats{STREAM} < +Inf)",
                    "highest threshold": f"max(streamgmm_threshold_nats{STREAM} < +Inf)",
                },
                NATS,
                least=None,
            ),
            spread(
                "Scores",
                "How many events had which score, in nats. A change of what is normal moves the "
                "whole band, an attack adds one above it.",
                f"sum by (le) (increase(streamgmm_score_nats_bucket{WORKER}[$__rate_interval]))",
                NATS,
            ),
            alerts_over_hour(),
            lines(
                "Alerts against budget, by partition",
                "Alerts of 6 hours in multiples of the budget; StreamgmmBudgetExceeded looks at 3.",
                {"{{partition}}": over_budget("6h", by="partition")},
                TIMES,
                steps=((3.0, RED),),
            ),
            lines(
                "Open incidents",
                "New behaviours whose events still come and alert: accept or mute them on the "
                "live page.",
                {"{{partition}}": f"streamgmm_open_incidents{STREAM}"},
                "short",
            ),
            lines(
                "Incidents and muted events",
                "Incidents opened within an hour, and events of muted ones, which are no alerts.",
                {
                    "opened": f"sum(increase(streamgmm_incidents_total{STREAM}[1h]))",
                    "muted events": f"sum(increase(streamgmm_muted_events_total{STREAM}[1h]))",
                },
                "short",
            ),
            lines(
                "Missing values",
                "Share of the events without a value, by feature.",
                {
                    "{{feature}}": "sum by (feature) "
                    f"(rate(streamgmm_missing_values_total{WORKER}[$__rate_interval]))"
                    " / on () group_left () "
                    f"sum(rate(streamgmm_events_total{WORKER}[$__rate_interval]))"
                },
                "percentunit",
            ),
            lines(
                "Input that says nothing",
                "Share of the events without a single feature, and fields outside the schema in an "
                "event (looked at in one of 256).",
                {
                    "unscored": share("streamgmm_unscored_events_total"),
                    "unknown fields": f"256 * {share('streamgmm_sampled_unknown_fields_total')}",
                },
                "none",
            ),
        ],
    )
