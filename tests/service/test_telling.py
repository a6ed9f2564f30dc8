"""The live page may fail; the work may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamgmm.events import BatchDecoder
from streamgmm.service.metrics import Metrics
from streamgmm.service.models import Models
from streamgmm.service.page.recorder import ALL, Recorder
from tests.service.test_models import job, scores, start, uninterrupted

if TYPE_CHECKING:
    from collections.abc import Callable


def failing(*_: object) -> None:
    raise ZeroDivisionError


def recorded(recorder: Recorder, metrics: Metrics) -> Models:
    config = job()
    return Models(
        config,
        store=None,
        metrics=metrics,
        decoder=lambda name: BatchDecoder(config.schema(), origin=name),
        want_scores=True,
        recorder=recorder,
    )


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("take", lambda models: None),
        ("show", Models.show),
        ("forget", lambda models: models.close({"t-0"}, park=False)),
        ("start_over", Models.start_over),
    ],
)
def test_whatever_fails_while_the_page_is_told_the_work_goes_on(
    name: str,
    act: Callable[[Models], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics = Metrics("")
    monkeypatch.setattr(Recorder, name, failing)
    models = recorded(Recorder(job().schema()), metrics)
    failures = 0
    for _ in range(2):
        models.open("t-0", {"t-0": start(fallback=0)})
        assert scores(models, "t-0", 0, 300) == uninterrupted()
        act(models)
        models.start_over()
        told = metrics.registry.get_sample_value("streamgmm_page_failures_total")
        assert told is not None
        assert told > failures
        failures = int(told)
    assert caplog.text.count("Traceback") == 1, "the first of its kind"
    assert caplog.text.count("the live page could not record something") == failures


def test_what_comes_again_after_a_lost_transaction_is_recorded_once() -> None:
    recorder = Recorder(job().schema(), clock=lambda: 1000.0)
    models = recorded(recorder, Metrics(""))

    def count() -> int:
        told = recorder.history(ALL, span=300.0, points=300, since=0.0)
        return sum(told["count"])

    models.open("t-0", {"t-0": start(fallback=0)})
    scores(models, "t-0", 0, 200)
    models.start_over()
    models.open("t-0", {"t-0": start(fallback=0)})
    scores(models, "t-0", 0, 120)
    assert count() == 200
    models.start_over()
    models.open("t-0", {"t-0": start(fallback=0)})
    scores(models, "t-0", 0, 120)
    scores(models, "t-0", 120, 250)
    assert count() == 250
    scores(models, "t-0", 250, 300)
    assert count() == 300
