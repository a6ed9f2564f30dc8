"""The kinds of panels that the dashboards are made of: one look, and no default left to chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import (
    common as common_builders,
)
from grafana_foundation_sdk.builders import (
    dashboard as dashboard_builders,
)
from grafana_foundation_sdk.builders import (
    heatmap,
    prometheus,
    stat,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, YELLOW, RED = "green", "yellow", "red"
WIDTH = 24  # of a dashboard, in Grafana's grid

Steps = tuple[tuple[float, str], ...]
"""Values from which on a colour holds, rising; below the first one it is green."""


def query(
    expr: str, legend: str = "", *, ref: str = "A", instant: bool = False, buckets: bool = False
) -> prometheus.Dataquery:
    """Ask Prometheus; for the present value alone, or for the counts of a histogram's buckets."""
    made = prometheus.Dataquery().expr(expr).ref_id(ref).datasource(SOURCE)
    made = made.legend_format(legend or "__auto")
    made = made.instant() if instant else made.range()
    if buckets:
        made = made.format(PromQueryFormat.HEATMAP)
    return made


def queries(asked: Mapping[str, str]) -> list[prometheus.Dataquery]:
    """Ask several at once, by legend."""
    refs = "ABCDEFGH"[: len(asked)]
    return [query(e, k, ref=r) for r, (k, e) in zip(refs, asked.items(), strict=True)]


def number(
    title: str, about: str, expr: str, unit: str, steps: Steps = (), *, lowest: str = GREEN
) -> stat.Panel:
    """Show one figure of now, with its past behind it."""
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .span(4)
        .height(4)
        .thresholds(_thresholds(steps, lowest))
        .color_mode(common.BigValueColorMode.VALUE if steps else common.BigValueColorMode.NONE)
        .graph_mode(common.BigValueGraphMode.AREA)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(query(expr))
    )


def lines(
    title: str,
    about: str,
    asked: Mapping[str, str],
    unit: str,
    *,
    steps: Steps = (),
    span: int = 12,
    least: float | None = 0.0,
    stacked: bool = False,
    none: str = "",
) -> timeseries.Panel:
    """Show how figures went, by legend; `steps` are drawn as lines, `none` stands for no series."""
    legend = (
        common_builders.VizLegendOptions()
        .show_legend(True)
        .display_mode(common.LegendDisplayMode.TABLE)
        .placement(common.LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
    )
    tooltip = (
        common_builders.VizTooltipOptions()
        .mode(common.TooltipDisplayMode.MULTI)
        .sort(common.SortOrder.DESCENDING)
    )
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .span(span)
        .height(8)
        .line_width(1)
        .fill_opacity(40 if stacked else 8)
        .show_points(common.VisibilityMode.NEVER)
        .legend(legend)
        .tooltip(tooltip)
        .targets(queries(asked))
    )
    if least is not None:
        panel = panel.min(least)
    if stacked:
        panel = panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    if steps:
        style = common_builders.GraphThresholdsStyleConfig()
        panel = panel.thresholds(_thresholds(steps, GREEN)).thresholds_style(
            style.mode(common.GraphThresholdsStyleMode.DASHED)
        )
    return panel.no_value(none) if none else panel


def spread(title: str, about: str, expr: str, unit: str) -> heatmap.Panel:
    """Show a histogram over time, the colour by the logarithm of the counts."""
    colour = (
        heatmap.HeatmapColorOptions()
        .mode(heatmap_models.HeatmapColorMode.SCHEME)
        .scheme("Oranges")
        .scale(heatmap_models.HeatmapColorScale.EXPONENTIAL)
        .exponent(0.4)
    )
    return (
        heatmap.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .span(12)
        .height(8)
        .calculate(False)
        .color(colour)
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .cell_gap(0)
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .with_target(query(expr, "{{le}}", buckets=True))
    )


def states(
    title: str, about: str, asked: Mapping[str, str], names: Sequence[tuple[str, str]]
) -> statetimeline.Panel:
    """Show what held when: `names` are text and colour of 0, 1, ..."""
    mapped = {
        str(value): models.ValueMappingResult(text=text, color=colour, index=value)
        for value, (text, colour) in enumerate(names)
    }
    return (
        statetimeline.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .span(12)
        .height(6)
        .mappings([models.ValueMap(options=mapped)])
        .legend(
            common_builders.VizLegendOptions()
            .show_legend(False)
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
        )
        .show_value(common.VisibilityMode.AUTO)
        .targets(queries(asked))
    )


def _thresholds(steps: Steps, lowest: str) -> dashboard_builders.ThresholdsConfig:
    made = [models.Threshold(value=None, color=lowest)]
    made += [models.Threshold(value=value, color=colour) for value, colour in steps]
    return dashboard_builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(made)
