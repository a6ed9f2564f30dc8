"""What all dashboards share: whom they are about, what several of them ask, and what is around."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from deploy.grafana.panels import SOURCE, lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.builders import timeseries
    from grafana_foundation_sdk.cog.builder import Builder

WORKER = '{job=~"$job",instance=~"$instance"}'
STREAM = '{job=~"$job",instance=~"$instance",partition=~"$partition"}'
NATS, SIGMA, TIMES = "suffix: nats", "suffix: sigma", "suffix: x"  # Grafana's way with own units
_TAG = "streamgmm"


def delay() -> timeseries.Panel:
    """Show how long events take."""
    return lines(
        "Delay",
        "From an event's timestamp in Kafka to its outputs being handed to the sink.",
        quantiles("streamgmm_event_latency_seconds"),
        "s",
    )


def alerts_over_hour() -> timeseries.Panel:
    """Show alerts beside what the budget allows for."""
    return lines(
        "Alerts and budget",
        "Alerts of an hour, and as many as the budget allows for.",
        {"alerts": _alerts("1h"), "budget": _budget("1h")},
        "short",
    )


def over_budget(span: str, by: str = "") -> str:
    """Ask for alerts in multiples of the budget, in all or `by` a label."""
    grouped = f" by ({by}) " if by else ""
    return f"{_alerts(span, grouped)} / {_budget(span, grouped)}"


def quantiles(histogram: str, shares: Sequence[float] = (0.5, 0.99)) -> dict[str, str]:
    """Ask for quantiles of a histogram, over all workers."""
    buckets = f"sum by (le) (rate({histogram}_bucket{WORKER}[$__rate_interval]))"
    return {f"{100 * q:g}%": f"histogram_quantile({q:g}, {buckets})" for q in shares}


def share(counter: str) -> str:
    """Ask how many of something there are for one event."""
    return (
        f"sum(rate({counter}{STREAM}[$__rate_interval]))"
        f" / sum(rate(streamgmm_events_total{STREAM}[$__rate_interval]))"
    )


def hourly(counter: str) -> str:
    """Ask how many of something there were within an hour."""
    return f"sum(increase({counter}{WORKER}[1h]))"


def _alerts(span: str, grouped: str = "") -> str:
    return f"sum{grouped}(increase(streamgmm_alerts_total{STREAM}[{span}]))"


def _budget(span: str, grouped: str = "") -> str:
    return f"sum{grouped}(increase(streamgmm_budgeted_alerts_total{STREAM}[{span}]))"


def put_together(
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
        .tags([_TAG])
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
                f"label_values({listed}{WORKER}, partition)",
            )
        )
        .link(
            builders.DashboardLink("streamgmm")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([_TAG])
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
