"""When what was put out is due to be settled."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from streamgmm.service.settlement import Settlement


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr("streamgmm.service.settlement.time.monotonic", lambda: clock.now)
    return clock


def settlement(interval: float, sink: Any) -> Settlement:
    parts: Any = SimpleNamespace(models=None, sink=sink, house=None)
    delivery: Any = SimpleNamespace(interval=interval)
    return Settlement(delivery, parts, {})


@pytest.mark.parametrize(
    ("interval", "as_usual", "catching_up"), [(0.02, 0.02, 0.25), (0.5, 0.5, 0.5)]
)
def test_outputs_wait_longer_while_more_events_wait_to_be_read(
    clock: SimpleNamespace, interval: float, as_usual: float, catching_up: float
) -> None:
    sink = SimpleNamespace(unconfirmed=0, unconfirmed_bytes=0)
    for behind, longest in ((0, as_usual), (500, catching_up)):
        waiting = settlement(interval, sink)
        sink.unconfirmed = 0
        waiting.is_due()
        sink.unconfirmed = 3
        clock.now += longest - 0.001
        assert not waiting.is_due(behind=behind)
        clock.now += 0.002
        assert waiting.is_due(behind=behind)


@pytest.mark.parametrize(("outputs", "due"), [(99, False), (100, True)])
def test_as_many_outputs_as_events_wait_no_longer(
    clock: SimpleNamespace, outputs: int, *, due: bool
) -> None:
    sink = SimpleNamespace(unconfirmed=0, unconfirmed_bytes=0)
    waiting = settlement(0.02, sink)
    waiting.is_due()
    sink.unconfirmed = outputs
    clock.now += 0.03
    assert waiting.is_due(behind=100) is due
