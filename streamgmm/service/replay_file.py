"""`streamgmm replay`: a file, perhaps without a configuration, with progress and a summary."""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack
from itertools import chain
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from streamgmm.config import FileOutput, load, loads
from streamgmm.io.files import FileSource
from streamgmm.io.own_output import refuse_own_output
from streamgmm.service.infer import infer_schema
from streamgmm.service.replay import Findings, make_pipeline, replay
from streamgmm.service.settings import detector_settings
from streamgmm.service.sinks import FileOutputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamgmm.config import Config
    from streamgmm.events import Record, Records, Schema
    from streamgmm.service.pipeline import Outputs
    from streamgmm.service.stop import Stop

__all__ = ["ReplayFile"]

# So many records are looked at to infer a schema.
_LOOK_AT: Final = 1000
_log = logging.getLogger(__name__)


class ReplayFile:
    """One replay.

    Parameters
    ----------
    path
        The file, or ``"-"``.
    config
        The job's TOML file, for events, model and budget; None takes all numeric fields.
    label
        The field with the truth, or None.
    alerts, scores
        Where to write records; empty for nowhere.
    stop
        Ends it early.
    """

    def __init__(
        self,
        path: str,
        config: str | None,
        *,
        label: str | None,
        alerts: str,
        scores: str,
        stop: Stop,
    ) -> None:
        self._path = path
        self._config_path = config
        self._label = label
        self._output = FileOutput(alerts=alerts, scores=scores)
        self._stop = stop

    def run(self) -> Findings:
        """Replay, and write the summary to standard output (or error, if that has the data)."""
        refuse_own_output(self._path, self._output.paths)
        with ExitStack() as stack:
            config = None if self._config_path is None else self._load(self._config_path)
            source = stack.enter_context(self._open())
            looked_at, records = _look(source, self._stop)
            if self._stop.is_set() and not looked_at:
                return Findings()
            schema, config = self._schema(config, source, looked_at)
            settings = detector_settings(config)
            sink = FileOutputs(self._output, append=False)
            stack.callback(sink.close)
            pipeline = make_pipeline(
                schema,
                settings,
                origin=source.origin,
                columns=source.columns,
                delimiter=source.delimiter,
                max_ahead=config.events.max_ahead,
                want_scores=bool(self._output.scores),
            )
            with self._progress(source) as progress:
                task = progress.add_task("", total=1.0, speed="", alerts="")

                def see(outputs: Outputs, findings: Findings) -> bool:
                    sink.take(outputs)
                    progress.update(
                        task,
                        completed=source.fraction or 0.0,
                        speed=f"{findings.events / max(findings.seconds, 1e-9):,.0f} events/s",
                        alerts=f"{findings.alerts:,} alerts",
                    )
                    return True  # the records end when asked to stop

                findings = replay(records, pipeline, see)
        self._sum_up(findings, findings.summary(settings.budget))
        return findings

    def _load(self, path: str) -> Config:
        # The job's own input and output do not count, whatever they are.
        output = {"type": "file", "scores": "", "alerts": "", "dead_letters": ""}
        source = {"type": "file", "path": self._path, "format": "auto"}
        changes = {"source": source, "sink": output}
        if self._label is not None:
            changes["events"] = {"label": self._label}
        return load(path, changes=changes)

    def _open(self) -> FileSource:
        return FileSource(self._path, idle=0.25, stopped=self._stop.is_set)

    def _schema(
        self, config: Config | None, source: FileSource, looked_at: list[Record]
    ) -> tuple[Schema, Config]:
        if config is not None:
            return config.schema(), config
        schema = infer_schema(looked_at, source.columns, source.delimiter, self._label)
        fields = ", ".join(
            one.name if one.transform == "identity" else f"{one.name} ({one.transform})"
            for one in schema.fields
        )
        when = f"; {schema.time} is the event time" if schema.time else ""
        _log.info("no CONFIG, so all numeric fields are taken: %s%s", fields, when)
        return schema, loads(_DEFAULTS, name="defaults", env={})

    def _progress(self, source: FileSource) -> Progress:
        console = Console(stderr=True, highlight=False)
        known = source.fraction is not None
        return Progress(
            *([BarColumn(bar_width=30), TaskProgressColumn()] if known else []),
            TextColumn("{task.fields[speed]}"),
            TextColumn("{task.fields[alerts]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def _sum_up(self, findings: Findings, lines: list[tuple[str, str]]) -> None:
        if self._label is not None and not len(findings.truth()):
            _log.warning(
                "no event after warm-up has a usable label in %r: nothing to measure by",
                self._label,
            )
        data_on_stdout = "-" in (self._output.alerts, self._output.scores)
        stream = sys.stderr if data_on_stdout else sys.stdout
        width = max(len(name) for name, _ in lines)
        stream.writelines(f"{name:<{width}}  {value}\n" for name, value in lines)


# A schema stands in for [events]; only model and alerts are taken from here.
_DEFAULTS: Final = """
[source]
type = "file"
path = "-"
[events.fields]
x = "identity"
"""


def _look(source: FileSource, stop: Stop) -> tuple[list[Record], Iterator[Records]]:
    """Read the first records; give them, and all records from the first one on until `stop`."""
    blocks = iter(source)
    kept: list[Records] = []
    count = 0
    for block in blocks:
        kept.append(block)
        count += len(block)
        if count >= _LOOK_AT or stop.is_set():
            break
    return list(chain.from_iterable(kept)), _until(stop, kept, blocks)


def _until(stop: Stop, kept: list[Records], blocks: Iterator[Records]) -> Iterator[Records]:
    """Give what was read, and more for as long as nobody asks to stop; a pipe may be quiet."""
    yield from kept
    while not stop.is_set() and (block := next(blocks, None)) is not None:
        yield block
