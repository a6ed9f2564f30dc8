"""What an operator looks at: four dashboards, from whether all is well to where it is not.

Each asks Prometheus for the metrics themselves, so that they work without the recording rules.
Thresholds are those of the alert rules (deploy/prometheus).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from deploy.grafana.panels import (
    GREEN,
    RED,
    SOURCE,
    YELLOW,
    lines,
    number,
    spread,
    states,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.cog.builder import Builder

TAG = "streamgmm"
_NATS, _SIGMA, _TIMES = "suffix: nats", "suffix: sigma", "suffix: x"  # Grafana's way with own units
_WORKER = '{job=~"$job",instance=~"$instance"}'
_STREAM = '{job=~"$job",instance=~"$instance",partition=~"$partition"}'


def overview() -> models.Dashboard:
    """Say whether all is well: for whoever was just woken, and for a screen on the wall."""
    return _dashboard(
        "overview",
        "Overview",
        "Whether streamgmm does its work, and how much of it there is.",
        [
            number(
                "Ready",
                "Share of the workers whose /readyz says yes: every model alerts, brokers answer.",
                f"sum(streamgmm_service_ready{_WORKER}) / count(streamgmm_service_ready{_WORKER})",
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
                f"sum(rate(streamgmm_events_total{_STREAM}[$__rate_interval]))",
                "eps",
            ),
            number(
                "Alerts against budget",
                "Alerts of 6 hours, in multiples of what the budget allows for: about 1 where "
                "nothing happens.",
                _over_budget("6h"),
                _TIMES,
                ((1.5, YELLOW), (3.0, RED)),
            ),
            number(
                "Waiting",
                "Events that wait in the partitions.",
                f"sum(streamgmm_lag_events{_STREAM})",
                "short",
            ),
            number(
                "Oldest checkpoint",
                "Time since a worker last wrote one; it ages where no events come.",
                f"max(streamgmm_checkpoint_age_seconds{_WORKER})",
                "s",
                ((360.0, YELLOW), (1800.0, RED)),
            ),
            lines(
                "Events by partition",
                "Events scored a second.",
                {
                    "{{partition}}": "sum by (partition) "
                    f"(rate(streamgmm_events_total{_STREAM}[$__rate_interval]))"
                },
                "eps",
            ),
            lines(
                "Alerts and budget",
                "Alerts of an hour, and as many as the budget allows for.",
                _alerts_and_budget("1h"),
                "short",
            ),
            lines(
                "Dead letters",
                "Events a second that could not be decoded or encoded, by reason.",
                {
                    "{{reason}}": "sum by (reason) "
                    f"(rate(streamgmm_dead_letters_total{_WORKER}[$__rate_interval])) > 0"
                },
                "eps",
                none="none",
            ),
            lines("Delay", _DELAY, _quantiles("streamgmm_event_latency_seconds"), "s"),
        ],
    )


def detection() -> models.Dashboard:
    """Show what is found, how strange it is, and whether the calibration holds."""
    return _dashboard(
        "detection",
        "Detection",
        "Scores, alerts against the budget, incidents, and what was missing from the events.",
        [
            lines(
                "Scores and thresholds",
                "Quantiles of the scores, and between which scores the partitions' thresholds lie. "
                "Higher is stranger.",
                {
                    **_quantiles("streamgmm_score_nats", (0.5, 0.99, 0.999)),
                    "lowest threshold": f"min(streamgmm_threshold_nats{_STREAM} < +Inf)",
                    "highest threshold": f"max(streamgmm_threshold_nats{_STREAM} < +Inf)",
                },
                _NATS,
                least=None,
            ),
            spread(
                "Scores",
                "How many events had which score, in nats. A change of what is normal moves the "
                "whole band, an attack adds one above it.",
                f"sum by (le) (increase(streamgmm_score_nats_bucket{_WORKER}[$__rate_interval]))",
                _NATS,
            ),
            lines(
                "Alerts and budget",
                "Alerts of an hour, and as many as the budget allows for.",
                _alerts_and_budget("1h"),
                "short",
            ),
            lines(
                "Alerts against budget, by partition",
                "Alerts of 6 hours in multiples of the budget; StreamgmmBudgetExceeded looks at 3.",
                {"{{partition}}": _over_budget("6h", by="by (partition) ")},
                _TIMES,
                steps=((3.0, RED),),
            ),
            lines(
                "Open incidents",
                "New behaviours whose events still come and alert: accept or mute them on the "
                "live page.",
                {"{{partition}}": f"streamgmm_open_incidents{_STREAM}"},
                "short",
            ),
            lines(
                "Incidents and muted events",
                "Incidents opened within an hour, and events of muted ones, which are no alerts.",
                {
                    "opened": f"sum(increase(streamgmm_incidents_total{_STREAM}[1h]))",
                    "muted events": f"sum(increase(streamgmm_muted_events_total{_STREAM}[1h]))",
                },
                "short",
            ),
            lines(
                "Missing values",
                "Share of the events without a value, by feature.",
                {
                    "{{feature}}": "sum by (feature) "
                    f"(rate(streamgmm_missing_values_total{_WORKER}[$__rate_interval]))"
                    " / on () group_left () "
                    f"sum(rate(streamgmm_events_total{_WORKER}[$__rate_interval]))"
                },
                "percentunit",
            ),
            lines(
                "Input that says nothing",
                "Share of the events without a single feature, and fields outside the schema in an "
                "event (looked at in one of 256).",
                {
                    "unscored": _share("streamgmm_unscored_events_total"),
                    "unknown fields": f"256 * {_share('streamgmm_sampled_unknown_fields_total')}",
                },
                "none",
            ),
        ],
    )


def model() -> models.Dashboard:
    """Show how the models are: warmed up, made of what, and on the way to where."""
    return _dashboard(
        "model",
        "Model and drift",
        "Warm-up, the components' shares of the traffic, and the two signals of drift.",
        [
            states(
                "Ready",
                "Whether a model has warmed up and alerts.",
                {"{{partition}}": f"streamgmm_ready{_STREAM}"},
                (("warming up", YELLOW), ("alerts", GREEN)),
            ),
            states(
                "Frozen",
                "Whether a model learns nothing, as an operator asked.",
                {"{{partition}}": f"streamgmm_frozen{_STREAM}"},
                (("learns", GREEN), ("frozen", "blue")),
            ),
            lines(
                "Misfit",
                "How badly the latest 500 events fit the model, against its own long run, in "
                "standard deviations. Day and night move it, too: compare it with the day before.",
                {"{{partition}}": f"streamgmm_drift_misfit_sigma{_STREAM}"},
                _SIGMA,
                steps=((12.0, RED),),
                least=None,
            ),
            lines(
                "Moved",
                "How far the model is from what it was some 10,000 events ago: 0 the same, 1 "
                "another one. A slow drift shows here; compare it with the day before.",
                {"{{partition}}": f"streamgmm_drift_moved_ratio{_STREAM}"},
                "percentunit",
                steps=((0.5, RED),),
            ),
            lines(
                "Components",
                "Each component's share of the traffic. Choose one partition: the others' "
                "components are others.",
                {"{{partition}} {{component}}": f"streamgmm_component_weight_ratio{_STREAM}"},
                "percentunit",
                span=24,
                stacked=True,
            ),
            lines(
                "Events learned",
                "Events that the model has seen.",
                {"{{partition}}": f"streamgmm_model_events{_STREAM}"},
                "short",
            ),
            lines(
                "Threshold",
                "Score in nats from which an event is an anomaly; none in warm-up.",
                {"{{partition}}": f"streamgmm_threshold_nats{_STREAM} < +Inf"},
                _NATS,
                least=None,
            ),
        ],
        models_first=True,
    )


def runtime() -> models.Dashboard:
    """Show Kafka, checkpoints and the process: what takes time, and what is waited for."""
    return _dashboard(
        "runtime",
        "Kafka and runtime",
        "Lag, delays, the sink, checkpoints and recovery, processor and memory.",
        [
            *_kafka(),
            *_checkpoints(),
            lines(
                "Processor",
                "Cores in use; a worker's loop has one at most.",
                {"{{instance}}": f"rate(process_cpu_seconds_total{_WORKER}[$__rate_interval])"},
                "none",
                span=8,
            ),
            lines(
                "Memory",
                "Resident memory of the process.",
                {"{{instance}}": f"process_resident_memory_bytes{_WORKER}"},
                "bytes",
                span=8,
            ),
            lines(
                "Open files",
                "Share of the file descriptors that the process may open.",
                {"{{instance}}": f"process_open_fds{_WORKER} / process_max_fds{_WORKER}"},
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
            {"{{instance}}": f"streamgmm_service_ready{_WORKER}"},
            (("not ready", RED), ("ready", GREEN)),
        ),
        states(
            "Source",
            "Whether the brokers of the input can be reached.",
            {"{{instance}}": f"streamgmm_source_connected{_WORKER}"},
            (("away", RED), ("connected", GREEN)),
        ),
        lines(
            "Lag",
            "Events that wait in a partition.",
            {"{{partition}}": f"streamgmm_lag_events{_STREAM}"},
            "short",
        ),
        lines("Delay", _DELAY, _quantiles("streamgmm_event_latency_seconds"), "s"),
        lines(
            "Blocks",
            "Time to decode, score and learn one block of events.",
            _quantiles("streamgmm_batch_duration_seconds"),
            "s",
        ),
        lines(
            "Events in a block",
            "In the mean. Large blocks are the sign of much to do.",
            {
                "{{instance}}": "sum by (instance) "
                f"(rate(streamgmm_batch_events_sum{_WORKER}[$__rate_interval]))"
                " / sum by (instance) "
                f"(rate(streamgmm_batch_events_count{_WORKER}[$__rate_interval]))"
            },
            "short",
        ),
        lines(
            "Outputs that wait",
            "Outputs that the sink has not confirmed yet. Partitions pause when they are many.",
            {"{{instance}}": f"streamgmm_sink_waiting_outputs{_WORKER}"},
            "short",
            span=8,
        ),
        lines(
            "Bytes that wait",
            "What these outputs come to.",
            {"{{instance}}": f"streamgmm_sink_waiting_bytes{_WORKER}"},
            "bytes",
            span=8,
        ),
        lines(
            "Faults",
            "Within an hour: outputs sent again, shortened or dropped, transactions given up, "
            "events lost to retention, checkpoints that could not be written.",
            {
                "retries": _hourly("streamgmm_sink_retries_total"),
                "shortened": _hourly("streamgmm_shortened_outputs_total"),
                "dropped": _hourly("streamgmm_dropped_outputs_total"),
                "transactions": _hourly("streamgmm_transactions_lost_total"),
                "events lost": _hourly("streamgmm_lost_events_total"),
                "checkpoints": _hourly("streamgmm_checkpoint_failures_total"),
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
                "{{instance}}": f"streamgmm_checkpoint_age_seconds{_WORKER}",
                "interval": f"max(streamgmm_checkpoint_interval_seconds{_WORKER})",
            },
            "s",
            span=8,
        ),
        lines(
            "Writing of checkpoints",
            "Time to write one to stable storage.",
            _quantiles("streamgmm_checkpoint_duration_seconds"),
            "s",
            span=8,
        ),
        lines(
            "Size of checkpoints",
            "Of each model's last one.",
            {"{{partition}}": f"streamgmm_checkpoint_size_bytes{_STREAM}"},
            "bytes",
            span=8,
        ),
        lines(
            "Recovery",
            "Events still to be learned again before anything is put out, and how many are, a "
            "second.",
            {
                "still to learn, {{partition}}": f"streamgmm_recovery_events{_STREAM}",
                "learned again": "sum"
                f"(rate(streamgmm_relearned_events_total{_STREAM}[$__rate_interval]))",
            },
            "short",
            span=24,
        ),
    ]


ALL = (overview, detection, model, runtime)

_DELAY = "From an event's timestamp in Kafka to its outputs being handed to the sink."


def _quantiles(histogram: str, shares: Sequence[float] = (0.5, 0.99)) -> dict[str, str]:
    buckets = f"sum by (le) (rate({histogram}_bucket{_WORKER}[$__rate_interval]))"
    return {f"{100 * q:g}%": f"histogram_quantile({q:g}, {buckets})" for q in shares}


def _alerts_and_budget(span: str) -> dict[str, str]:
    return {
        "alerts": f"sum(increase(streamgmm_alerts_total{_STREAM}[{span}]))",
        "budget": f"sum(increase(streamgmm_budgeted_alerts_total{_STREAM}[{span}]))",
    }


def _over_budget(span: str, by: str = "") -> str:
    alerts, budget = _alerts_and_budget(span).values()
    return f"{alerts} / {budget}".replace("sum(", f"sum {by}(") if by else f"{alerts} / {budget}"


def _share(counter: str) -> str:
    return (
        f"sum(rate({counter}{_STREAM}[$__rate_interval]))"
        f" / sum(rate(streamgmm_events_total{_STREAM}[$__rate_interval]))"
    )


def _hourly(counter: str) -> str:
    return f"sum(increase({counter}{_WORKER}[1h]))"


def _dashboard(
    name: str,
    title: str,
    about: str,
    panels: Sequence[Builder[models.Panel]],
    *,
    models_first: bool = False,
) -> models.Dashboard:
    """Put panels together; `models_first` lets one choose among models, not partitions.

    They are the same but for jobs with one model for a whole topic.
    """
    listed = "streamgmm_model_events" if models_first else "streamgmm_events_total"
    made = (
        builders.Dashboard(f"streamgmm / {title}")
        .uid(f"streamgmm-{name}")
        .description(about)
        .tags([TAG])
        .editable()
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(
            builders.DatasourceVariable("datasource").label("Data source").type("prometheus")
        )
        .with_variable(_variable("job", "Job", "label_values(streamgmm_build_info, job)"))
        .with_variable(
            _variable(
                "instance", "Worker", 'label_values(streamgmm_build_info{job=~"$job"}, instance)'
            )
        )
        .with_variable(
            _variable(
                "partition",
                "Model" if models_first else "Partition",
                f"label_values({listed}{_WORKER}, partition)",
            )
        )
        .link(
            builders.DashboardLink("streamgmm")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
    )
    for number_of, panel in enumerate(panels, 1):
        made = made.with_panel(panel.id(number_of))
    return made.build()


def _variable(name: str, label: str, asked: str) -> builders.QueryVariable:
    return (
        builders.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(asked)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
