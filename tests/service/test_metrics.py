from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from streamgmm.detection import Drift
from streamgmm.service.histogram import ArrayHistogram
from streamgmm.service.metrics import Metrics


def samples(metrics: Metrics) -> dict[str, float]:
    return {
        sample.name + str(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_every_metric_of_the_registry_is_listed() -> None:
    shown = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in Metrics("").registry.collect()
    }
    listed = {name for name, *_ in Metrics("").rows()}
    assert {name for name in shown if name.startswith("streamgmm_")} == listed


def test_no_metric_is_global() -> None:
    one, other = Metrics("1"), Metrics("1")
    one.alerts.labels("p").inc()
    assert one.alerts.labels("p")._value.get() == 1
    assert other.alerts.labels("p")._value.get() == 0


def test_an_array_histogram_counts_like_one_by_one() -> None:
    registry = CollectorRegistry()
    histogram = ArrayHistogram("h", "doc", (0, 1, 10), registry)
    histogram.observe(np.array([-5.0, 0.0, 0.5, 1.0, 7.0, 99.0, np.nan, np.inf]))
    histogram.observe(2.0)
    assert [registry.get_sample_value("h_bucket", {"le": b}) for b in ("0", "1", "10", "+Inf")] == [
        2,
        4,
        6,
        8,
    ]
    assert registry.get_sample_value("h_count") == 8
    assert registry.get_sample_value("h_sum") == np.inf


def test_a_model_is_shown_and_forgotten() -> None:
    metrics = Metrics("")
    metrics.observe_model(
        "flows-0",
        threshold=12.5,
        weights=np.array([0.75, 0.25]),
        drift=Drift(moved=0.125, misfit=-2.5, latest=1.0),
        seen=9,
        ready=True,
    )
    metrics.observe_model(
        "flows-1",
        threshold=np.inf,
        weights=np.array([1.0]),
        drift=Drift(moved=0.0, misfit=0.0, latest=0.0),
        seen=1,
        ready=False,
    )
    shown = samples(metrics)
    assert shown["streamgmm_threshold_nats[('partition', 'flows-0')]"] == 12.5
    assert (
        shown["streamgmm_component_weight_ratio[('component', '1'), ('partition', 'flows-0')]"]
        == 0.25
    )
    assert shown["streamgmm_drift_moved_ratio[('partition', 'flows-0')]"] == 0.125
    assert shown["streamgmm_drift_misfit_sigma[('partition', 'flows-0')]"] == -2.5
    assert shown["streamgmm_ready[('partition', 'flows-1')]"] == 0
    metrics.forget_partition("flows-0")
    left = samples(metrics)
    assert not [name for name in left if "flows-0" in name]
    assert "streamgmm_threshold_nats[('partition', 'flows-1')]" in left


def test_the_checkpoint_s_age_is_unknown_before_the_first_one() -> None:
    metrics = Metrics("")
    assert np.isnan(samples(metrics)["streamgmm_checkpoint_age_seconds[]"])
    metrics.checkpoint_written("flows-0", 1000, 0.01)
    shown = samples(metrics)
    assert shown["streamgmm_checkpoint_age_seconds[]"] == pytest.approx(0, abs=5)
    assert shown["streamgmm_checkpoint_size_bytes[('partition', 'flows-0')]"] == 1000


def test_a_checkpoint_ages_by_the_clock() -> None:
    now = 1000.0
    metrics = Metrics("", clock=lambda: now)
    metrics.checkpoint_written("flows-0", 1000, 0.01)
    now = 1090.0
    assert samples(metrics)["streamgmm_checkpoint_age_seconds[]"] == 90


def test_counters_begin_at_0_so_that_the_first_of_anything_is_an_increase() -> None:
    metrics = Metrics("")
    metrics.begin_partition("flows-0")
    shown = samples(metrics)
    for name in ("events", "alerts", "budgeted_alerts", "lost_events", "incidents"):
        assert shown[f"streamgmm_{name}_total[('partition', 'flows-0')]"] == 0
    assert shown["streamgmm_dead_letters_total[('reason', 'not_json')]"] == 0
