"""The demonstration: real network connections through the whole pipeline, at a visible pace."""

from __future__ import annotations

import time
from contextlib import ExitStack
from importlib.resources import as_file, files
from itertools import chain
from typing import TYPE_CHECKING, Final

from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from streamgmm.io.files import FileSource
from streamgmm.service.demo.stage import Stage
from streamgmm.service.replay import Findings, replay

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from streamgmm.events import Record
    from streamgmm.service.pipeline import Outputs
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


class Demo:
    """Shows the detector at work on the shipped sample.

    Parameters
    ----------
    console
        Where to show it.
    stop
        Ends it early.
    rate
        Connections a second; 0 is as fast as it goes.
    """

    def __init__(self, console: Console, stop: Stop, *, rate: float) -> None:
        self._console = console
        self._stop = stop
        self._rate = rate

    def run(self) -> None:
        """Run to the end of the sample, or until stopped, and sum up."""
        with ExitStack() as stack:
            sample = stack.enter_context(as_file(files("streamgmm.data").joinpath(_SAMPLE)))
            with FileSource(sample) as source:
                columns = source.columns
                records = list(chain.from_iterable(source))
            stage = Stage(self._console, _JOB, origin=_SAMPLE, columns=columns)
            server = stack.enter_context(stage.serve({}))
            stack.callback(stage.close)
            stage.introduce(
                server.url,
                f"{len(records):,} real HTTP connections (KDD Cup 1999) pass by. Each is scored, "
                "then learned;\nlabels are only for counting at the end.",
            )
            stage.begin()
            self._pass(records, stage)

    def _pass(self, records: list[Record], stage: Stage) -> None:
        began = time.monotonic()
        with self._progress() as progress:
            task = progress.add_task("", total=len(records), alerts=0)

            def see(outputs: Outputs, findings: Findings) -> bool:
                stage.see(outputs)
                progress.update(task, completed=findings.events, alerts=findings.alerts)
                return not self._stop.is_set()

            findings = replay(self._paced(records), stage.pipeline, see)
        stage.conclude(findings.summary(stage.settings.budget))
        self._remark(time.monotonic() - began)

    def _progress(self) -> Progress:
        return Progress(
            BarColumn(bar_width=24, style="dim", complete_style="cyan", finished_style="cyan"),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} events", style="dim"),
            TextColumn("{task.fields[alerts]:,} alerts", style="dim"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    def _paced(self, records: list[Record]) -> Iterator[Sequence[Record]]:
        """Give the records in small blocks, in time."""
        size = max(1, int(self._rate / 40)) if self._rate else 1000
        began = time.monotonic()
        for start in range(0, len(records), size):
            if self._rate and self._stop.wait(
                max(0.0, began + start / self._rate - time.monotonic())
            ):
                return
            yield records[start : start + size]

    def _remark(self, seconds: float) -> None:
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
