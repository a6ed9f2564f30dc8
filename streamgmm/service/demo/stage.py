"""A service as small as can be, for demonstrations: one model, its page, its alerts in words."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

import streamgmm
from streamgmm.config import Secret, loads
from streamgmm.service.commands import Commands
from streamgmm.service.http import AddressInUseError, HttpServer, Operators, Page
from streamgmm.service.incidents import carry_out
from streamgmm.service.metrics import Metrics
from streamgmm.service.page.recorder import Recorder
from streamgmm.service.replay import make_pipeline
from streamgmm.service.settings import detector_settings
from streamgmm.service.status import ModelStatus, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from streamgmm.service.pipeline import Outputs
    from streamgmm.service.records import AlertRecord

__all__ = ["Stage"]

# More alerts than one in this time nobody can read; the others are only counted.
_READING_SECONDS: Final = 0.4
_SHOW_SECONDS: Final = 0.5
_GRAVE: Final = 60.0


class Stage:
    """What a demonstration plays on.

    Parameters
    ----------
    console
        Where alerts are shown.
    job
        The configuration, of which the source does not count.
    origin
        Names the stream.
    columns
        The header of a CSV source, None for JSON.
    clock
        Seconds since the epoch, for the page: when events arrive.
    """

    def __init__(
        self,
        console: Console,
        job: str,
        *,
        origin: str,
        columns: tuple[str, ...] | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        config = loads(job, name="demo", env={})
        self.settings = detector_settings(config)
        self.metrics = Metrics(streamgmm.__version__)
        self.pipeline = make_pipeline(
            config.schema(), self.settings, origin=origin, columns=columns, metrics=self.metrics
        )
        self._console = console
        self._address = config.service.host_port
        self._origin = origin
        self._status = Status()
        self._recorder = Recorder(config.schema(), clock)
        self._commands = Commands()
        self._token = secrets.token_urlsafe(12)
        self._shown_at = 0.0
        self._alert_at = 0.0
        self._unshown = 0
        self._was_ready = False

    def serve(self, attacks: Mapping[str, Callable[[], None]]) -> HttpServer:
        """Give the server of its page, which can cause these attacks."""
        assert self._address is not None
        page = Page(self._recorder, streamgmm.__version__, attacks)
        operators = Operators(self._commands, Secret(self._token))
        host, port = self._address
        try:
            return HttpServer(host, port, self.metrics, self._status, operators, page)
        except AddressInUseError:
            server = HttpServer(host, 0, self.metrics, self._status, operators, page)
            self._console.print(f"Port {port} is taken; using a free one.", style="dim")
            return server

    def introduce(self, url: str, text: str) -> None:
        """Say what is shown, and where."""
        show = self._console.print
        show(Text(f"streamgmm {streamgmm.__version__}", style="bold"))
        show(text)
        # The token allows to accept and mute; behind the # it stays in the browser.
        show(Text.assemble("live page ", (f"{url}/#token={self._token}", "bold cyan")))
        show(Text(f"metrics {url}/metrics   readiness {url}/readyz", style="dim"))
        show()

    def begin(self) -> None:
        """Say that it works, from now on."""
        self.metrics.connected.set(1)
        self._status.set_trouble(None)

    def see(self, outputs: Outputs) -> None:
        """Show what came of a block; do what was asked for on the page meanwhile."""
        detector = self.pipeline.detector
        self._recorder.take(self._origin, outputs, detector)
        if not self._was_ready and outputs.verdicts.ready.any():
            self._was_ready = True
            self._console.print(
                Text(f"{detector.warmup:>7}  the model is ready: alerts from here on", "cyan")
            )
        for row, record in outputs.alerts:
            now = time.monotonic()
            if now - self._alert_at < _READING_SECONDS:
                self._unshown += 1
                continue
            self._alert_at = now
            assert outputs.batch.labels is not None
            self._show_alert(record, attack=bool(outputs.batch.labels[row]))
        self.obey()

    def obey(self) -> None:
        """Do what was asked for on the page, and bring it up to date."""
        asked = self._commands.carry_out(
            lambda command: carry_out(command, {self._origin: self.pipeline.detector})
        )
        if asked:
            self._commands.confirm(saved=False)
        if asked or time.monotonic() - self._shown_at >= _SHOW_SECONDS:
            self._shown_at = time.monotonic()
            self.show_model()

    def close(self) -> None:
        """Refuse what is asked for from now on."""
        self._commands.close()

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

    def show_model(self) -> None:
        """Bring metrics, readiness and page up to the model."""
        detector = self.pipeline.detector
        self.metrics.observe_model(
            self._origin,
            threshold=detector.threshold,
            weights=detector.weights,
            drift=detector.drift,
            seen=detector.n_seen,
            ready=detector.ready,
        )
        self._status.set_models(
            {
                self._origin: ModelStatus(
                    ready=detector.ready, seen=detector.n_seen, needed=detector.warmup
                )
            }
        )
        self._recorder.show({self._origin: detector})

    def conclude(self, lines: list[tuple[str, str]]) -> None:
        """Sum up in lines of name and value."""
        self.show_model()
        self._unshown = 0
        self._console.print()
        for name, value in lines:
            self._console.print(Text.assemble((f"{name:>18}  ", "dim"), value))
