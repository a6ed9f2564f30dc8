"""Kafka, checkpoints and the process: what takes time, and what is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.grafana.frame import STREAM, WORKER, delay, hourly, put_together, quantiles
from deploy.grafana.panels import GREEN, RED, lines, states

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models import dashboard as models


def dashboard() -> models.Dashboard:
    """Show Kafka, checkpoints and the process: what takes time, and what is waited for."""
    return put_together(
        "runtime",
        "Kafka and runtime",
        "Lag, delays, the sink, checkpoints and recovery, processor and memory.",
        [
            *_kafka(),
            *_checkpoints(),
            lines(
                "Processor",
                "Cores in use; a worker's loop has one at most.",
                {"{{instance}}": f"rate(process_cpu_seconds_total{WORKER}[$__rate_interval])"},
                "none",
                span=8,
            ),
            lines(
                "Memory",
                "Resident memory of the process.",
                {"{{instance}}": f"process_resident_memory_bytes{WORKER}"},
                "bytes",
                span=8,
            ),
            lines(
                "Open files",
                "Share of the file descriptors that the process may open.",
                {"{{instance}}": f"process_open_fds{WORKER} / process_max_fds{WORKER}"},
                "percentunit",
                span=8,
            ),
        ],
    )


def _kafka() -> list[Builder[models.Panel]]:
    return [
        states(
            "Service",
            "What /readyz says.",
            {"{{instance}}": f"streamgmm_service_ready{WORKER}"},
            (("not ready", RED), ("ready", GREEN)),
        ),
        states(
            "Source",
            "Whether the brokers of the input can be reached.",
            {"{{instance}}": f"streamgmm_source_connected{WORKER}"},
            (("away", RED), ("connected", GREEN)),
        ),
        lines(
            "Lag",
            "Events that wait in a partition.",
            {"{{partition}}": f"streamgmm_lag_events{STREAM}"},
            "short",
        ),
        delay(),
        lines(
            "Blocks",
            "Time to decode, score and learn one block of events.",
            quantiles("streamgmm_batch_duration_seconds"),
            "s",
        ),
        lines(
            "Events in a block",
            "In the mean. Large blocks are the sign of much to do.",
            {
                "{{instance}}": "sum by (instance) "
                f"(rate(streamgmm_batch_events_sum{WORKER}[$__rate_interval]))"
                " / sum by (instance) "
                f"(rate(streamgmm_batch_events_count{WORKER}[$__rate_interval]))"
            },
            "short",
        ),
        lines(
            "Outputs that wait",
            "Outputs that the sink has not confirmed yet. Partitions pause when they are many.",
            {"{{instance}}": f"streamgmm_sink_waiting_outputs{WORKER}"},
            "short",
            span=8,
        ),
        lines(
            "Bytes that wait",
            "What these outputs come to.",
            {"{{instance}}": f"streamgmm_sink_waiting_bytes{WORKER}"},
            "bytes",
            span=8,
        ),
        lines(
            "Faults",
            "Within an hour: outputs sent again, shortened or dropped, transactions given up, "
            "events lost to retention, checkpoints that could not be written.",
            {
                "retries": hourly("streamgmm_sink_retries_total"),
                "shortened": hourly("streamgmm_shortened_outputs_total"),
                "dropped": hourly("streamgmm_dropped_outputs_total"),
                "transactions": hourly("streamgmm_transactions_lost_total"),
                "events lost": hourly("streamgmm_lost_events_total"),
                "checkpoints": hourly("streamgmm_checkpoint_failures_total"),
            },
            "short",
            span=8,
        ),
    ]


def _checkpoints() -> list[Builder[models.Panel]]:
    return [
        lines(
            "Age of checkpoints",
            "Time since the last one, and from one to the next as configured.",
            {
                "{{instance}}": f"streamgmm_checkpoint_age_seconds{WORKER}",
                "interval": f"max(streamgmm_checkpoint_interval_seconds{WORKER})",
            },
            "s",
            span=8,
        ),
        lines(
            "Writing of checkpoints",
            "Time to write one to stable storage.",
            quantiles("streamgmm_checkpoint_duration_seconds"),
            "s",
            span=8,
        ),
        lines(
            "Size of checkpoints",
            "Of each model's last one.",
            {"{{partition}}": f"streamgmm_checkpoint_size_bytes{STREAM}"},
            "bytes",
            span=8,
        ),
        lines(
            "Recovery",
            "Events still to be learned again before anything is put out, and how many are, a "
            "second.",
            {
                "still to learn, {{partition}}": f"streamgmm_recovery_events{STREAM}",
                "learned again": "sum"
                f"(rate(streamgmm_relearned_events_total{STREAM}[$__rate_interval]))",
            },
            "short",
            span=24,
        ),
    ]
