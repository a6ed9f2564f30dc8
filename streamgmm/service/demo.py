"""The demonstration: real network connections through the whole pipeline, at a visible pace."""

from __future__ import annotations

import time
from contextlib import ExitStack
from importlib.resources import as_file, files
from itertools import chain
from typing import TYPE_CHECKING, Final

from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

import streamgmm
from streamgmm.config import loads
from streamgmm.io.files import FileSource
from streamgmm.service.http import AddressInUseError, HttpServer
from streamgmm.service.metrics import Metrics
from streamgmm.service.replay import Findings, make_pipeline, replay
from streamgmm.service.settings import detector_settings
from streamgmm.service.status import ModelStatus, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from streamgmm.events import Record
    from streamgmm.service.pipeline import Outputs
    from streamgmm.service.records import AlertRecord
    from streamgmm.service.stop import Stop

__all__ = ["RATE", "Demo"]

RATE: Final = 1600.0
"""Connections a second: 25 seconds for the sample, time enough to read."""

_SAMPLE: Final = "http.csv.gz"
_JOB: Final = f"""
[source]
type = "file"
path = "{_SAMPLE}"

[events]
label = "label"

[events.fields]
duration = {{ transform = "log1p", unit = "s" }}
src_bytes = {{ transform = "log1p", unit = "B" }}
dst_bytes = {{ transform = "log1p", unit = "B" }}

[alerts]
budget = 1e-3
"""
# More alerts than one in this time nobody can read; the others are only counted.
_READING_SECONDS: Final = 0.4
_SHOW_SECONDS: Final = 0.5
_GRAVE: Final = 60.0


class Demo:
    """Shows the detector at work on the shipped sample.

    Parameters
    ----------
    console
        Where to show it.
    stop
        Ends it early.
    live
        Go round and round until `stop`, instead of once.
    rate
        Connections a second; 0 is as fast as it goes.
    """

    def __init__(self, console: Console, stop: Stop, *, live: bool, rate: float) -> None:
        self._console = console
        self._stop = stop
        self._live = live
        self._rate = rate
        self._config = loads(_JOB, name="demo", env={})
        self._settings = detector_settings(self._config)
        self._metrics = Metrics(streamgmm.__version__)
        self._status = Status()
        self._shown_at = 0.0
        self._alert_at = 0.0
        self._unshown = 0
        self._was_ready = False

    def run(self) -> None:
        """Run to the end of the sample, or until stopped, and sum up."""
        with ExitStack() as stack:
            sample = stack.enter_context(as_file(files("streamgmm.data").joinpath(_SAMPLE)))
            with FileSource(sample) as source:
                columns = source.columns
                records = list(chain.from_iterable(source))
            server = stack.enter_context(self._serve())
            self._introduce(len(records), server.url)
            self._pipeline = make_pipeline(
                self._config.schema(),
                self._settings,
                origin=_SAMPLE,
                columns=columns,
                metrics=self._metrics,
            )
            self._metrics.connected.set(1)
            self._status.set_trouble(None)
            self._rounds(records)

    def _rounds(self, records: list[Record]) -> None:
        self._round(records, 0)
        turn = 1
        while self._live and not self._stop.is_set():
            self._round(records, turn)
            turn += 1

    def _round(self, records: list[Record], turn: int) -> None:
        began = time.monotonic()
        with self._progress() as progress:
            task = progress.add_task("", total=len(records), alerts=0)

            def see(outputs: Outputs, findings: Findings) -> bool:
                self._see(outputs)
                progress.update(task, completed=findings.events, alerts=findings.alerts)
                return not self._stop.is_set()

            findings = replay(self._paced(records, turn), self._pipeline, see)
        self._conclude(findings, time.monotonic() - began)

    def _serve(self) -> HttpServer:
        address = self._config.service.host_port
        assert address is not None
        try:
            return HttpServer(*address, self._metrics, self._status)
        except AddressInUseError:
            host, port = address
            server = HttpServer(host, 0, self._metrics, self._status)
            self._console.print(f"Port {port} is taken; using a free one.", style="dim")
            return server

    def _introduce(self, count: int, url: str) -> None:
        show = self._console.print
        show(Text(f"streamgmm {streamgmm.__version__}", style="bold"))
        show(
            f"{count:,} real HTTP connections (KDD Cup 1999) pass by. Each is scored, then "
            "learned;\nlabels are only for counting at the end."
        )
        show(Text(f"metrics {url}/metrics   readiness {url}/readyz", style="dim"))
        show()

    def _progress(self) -> Progress:
        return Progress(
            BarColumn(bar_width=24, style="dim", complete_style="cyan", finished_style="cyan"),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} events", style="dim"),
            TextColumn("{task.fields[alerts]:,} alerts", style="dim"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    def _paced(self, records: list[Record], turn: int) -> Iterator[Sequence[Record]]:
        """Give the records in small blocks, in time; round after round with new numbers."""
        size = max(1, int(self._rate / 40)) if self._rate else 1000
        shift = turn * len(records)
        began = time.monotonic()
        for start in range(0, len(records), size):
            if self._rate and self._stop.wait(
                max(0.0, began + start / self._rate - time.monotonic())
            ):
                return
            block = records[start : start + size]
            if shift:
                block = [record._replace(position=record.position + shift) for record in block]
            yield block

    def _see(self, outputs: Outputs) -> None:
        if not self._was_ready and outputs.verdicts.ready.any():
            self._was_ready = True
            needed = self._pipeline.detector.warmup
            self._console.print(
                Text(f"{needed:>7}  the model is ready: alerts from here on", "cyan")
            )
        for row, record in outputs.alerts:
            now = time.monotonic()
            if now - self._alert_at < _READING_SECONDS:
                self._unshown += 1
                continue
            self._alert_at = now
            assert outputs.batch.labels is not None
            self._show_alert(record, attack=bool(outputs.batch.labels[row]))
        if time.monotonic() - self._shown_at >= _SHOW_SECONDS:
            self._shown_at = time.monotonic()
            self._show_model()

    def _show_alert(self, record: AlertRecord, *, attack: bool) -> None:
        severity = record.severity or 0.0
        line = Text(f"{int(record.id.rpartition('-')[2]):>7}  ")
        line.append(
            f"severity {severity:>3.0f}", style="bold red" if severity >= _GRAVE else "yellow"
        )
        line.append("  labelled attack  " if attack else "  labelled normal  ", style="dim")
        why = Text("; ".join(reason.text for reason in record.reasons[:2]))
        if self._unshown:
            why.append(f"  ({self._unshown} more before)", style="dim")
            self._unshown = 0
        if not self._console.is_terminal:  # one alert is one line, for grep and the like
            self._console.print(line + why, soft_wrap=True)
            return
        columns = Table.grid()
        columns.add_column(no_wrap=True)
        columns.add_column()
        columns.add_row(line, why)
        self._console.print(columns, soft_wrap=False)

    def _show_model(self) -> None:
        detector = self._pipeline.detector
        self._metrics.observe_model(
            _SAMPLE,
            threshold=detector.threshold,
            weights=detector.weights,
            drift=detector.drift,
            seen=detector.n_seen,
            ready=detector.ready,
        )
        self._status.set_models(
            {
                _SAMPLE: ModelStatus(
                    ready=detector.ready, seen=detector.n_seen, needed=detector.warmup
                )
            }
        )

    def _conclude(self, findings: Findings, seconds: float) -> None:
        self._show_model()
        self._unshown = 0
        self._console.print()
        for name, value in findings.summary(self._settings.budget):
            self._console.print(Text.assemble((f"{name:>18}  ", "dim"), value))
        self._console.print(
            Text(
                f"{'':>18}  The budget is for ordinary traffic; what lies grossly outside it "
                f"alerts\n{'':>18}  on top, also where the label says normal.",
                "dim",
            )
        )
        if self._rate:
            self._console.print(
                Text(f"{'':>18}  shown in {seconds:.0f} s, slowed down to be seen", "dim")
            )
        self._console.print()
