"""How the models are: warmed up, made of what, and on the way to where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.grafana.frame import NATS, SIGMA, STREAM, put_together
from deploy.grafana.panels import GREEN, RED, YELLOW, lines, states

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as models


def dashboard() -> models.Dashboard:
    """Show how the models are: warmed up, made of what, and on the way to where."""
    return put_together(
        "model",
        "Model and drift",
        "Warm-up, the components' shares of the traffic, and the two signals of drift.",
        [
            states(
                "Ready",
                "Whether a model has warmed up and alerts.",
                {"{{partition}}": f"streamgmm_ready{STREAM}"},
                (("warming up", YELLOW), ("alerts", GREEN)),
            ),
            states(
                "Frozen",
                "Whether a model learns nothing, as an operator asked.",
                {"{{partition}}": f"streamgmm_frozen{STREAM}"},
                (("learns", GREEN), ("frozen", "blue")),
            ),
            lines(
                "Misfit",
                "How badly the latest 500 events fit the model, against its own long run, in "
                "standard deviations. Day and night move it, too: compare it with the day before.",
                {"{{partition}}": f"streamgmm_drift_misfit_sigma{STREAM}"},
                SIGMA,
                steps=((12.0, RED),),
                least=None,
            ),
            lines(
                "Moved",
                "How far the model is from what it was some 10,000 events ago: 0 the same, 1 "
                "another one. A slow drift shows here; compare it with the day before.",
                {"{{partition}}": f"streamgmm_drift_moved_ratio{STREAM}"},
                "percentunit",
                steps=((0.5, RED),),
            ),
            lines(
                "Components",
                "Each component's share of the traffic. Choose one partition: the others' "
                "components are others.",
                {"{{partition}} {{component}}": f"streamgmm_component_weight_ratio{STREAM}"},
                "percentunit",
                span=24,
                stacked=True,
            ),
            lines(
                "Events learned",
                "Events that the model has seen.",
                {"{{partition}}": f"streamgmm_model_events{STREAM}"},
                "short",
            ),
            lines(
                "Threshold",
                "Score in nats from which an event is an anomaly; none in warm-up.",
                {"{{partition}}": f"streamgmm_threshold_nats{STREAM} < +Inf"},
                NATS,
                least=None,
            ),
        ],
        models_first=True,
    )
