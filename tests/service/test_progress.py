"""What a long replay says of how far it is."""

from __future__ import annotations

import io
import logging

import pytest
from rich.console import Console

from streamgmm.service.progress import ReplayProgress
from streamgmm.service.replay import Findings


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def progress(*, terminal: bool) -> tuple[ReplayProgress, Clock, io.StringIO]:
    clock, shown = Clock(), io.StringIO()
    console = Console(file=shown, force_terminal=terminal, width=100)
    return ReplayProgress(console, clock), clock, shown


def test_without_a_terminal_it_is_a_line_every_half_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    one, clock, shown = progress(terminal=False)
    with one:
        for seconds in range(1, 100):
            clock.now = 1000.0 + seconds
            one.update(Findings(events=50_000 * seconds, alerts=seconds), seconds / 400)
    assert [record.message for record in caplog.records] == [
        "replayed 8%, 1,500,000 events, 50,000 events/s, 30 alerts, 6 min 10 s left",
        "replayed 15%, 3,000,000 events, 50,000 events/s, 60 alerts, 5 min 40 s left",
        "replayed 22%, 4,500,000 events, 50,000 events/s, 90 alerts, 5 min 10 s left",
    ]
    assert shown.getvalue() == ""


def test_of_a_pipe_nobody_knows_how_much_is_left(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    one, clock, _ = progress(terminal=False)
    with one:
        clock.now += 40.0
        one.update(Findings(events=4_000), None)
    assert caplog.messages == ["replayed 4,000 events, 100 events/s, 0 alerts"]


def test_on_a_terminal_it_is_a_bar_and_no_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    one, clock, shown = progress(terminal=True)
    with one:
        clock.now += 100.0
        one.update(Findings(events=1_000_000), 0.25)
    assert "25%" in shown.getvalue()
    assert "5 min left" in shown.getvalue()
    assert caplog.messages == []
