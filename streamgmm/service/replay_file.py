"""`streamgmm replay`: a file, perhaps without a configuration, with progress and a summary."""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final

from streamgmm.config import FileOutput, load, loads
from streamgmm.io.files import FileSource
from streamgmm.io.own_output import refuse_own_output
from streamgmm.service.infer import infer_schema
from streamgmm.service.progress import ReplayProgress
from streamgmm.service.replay import Findings, make_pipeline, replay
from streamgmm.service.report import html
from streamgmm.service.report.report import Report
from streamgmm.service.settings import detector_settings
from streamgmm.service.sinks import FileOutputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamgmm.config import Config
    from streamgmm.detection import Budget, Detector
    from streamgmm.events import Record, Records, Schema
    from streamgmm.service.pipeline import Outputs
    from streamgmm.service.stop import Stop

__all__ = ["ReplayFile", "ReportFile"]

# So many records are looked at to infer a schema.
_LOOK_AT: Final = 1000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReportFile:
    """Where to write a report, and how the kinds and episodes of anomalies are told apart.

    Attributes
    ----------
    kind
        The member of an event that names an anomaly's kind.
    episodes_by
        Of some kinds the member that an episode's events share; of the others that is the key.
    """

    path: str
    kind: str | None = None
    episodes_by: Mapping[str, str] = field(default_factory=dict)


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
    report
        Where to write a report, or None.
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
        report: ReportFile | None = None,
        stop: Stop,
    ) -> None:
        self._path = path
        self._config_path = config
        self._label = label
        self._output = FileOutput(alerts=alerts, scores=scores)
        self._report = report
        self._stop = stop

    def run(self) -> Findings:
        """Replay, and write the summary to standard output (or error, if that has the data)."""
        report_path = () if self._report is None else (self._report.path,)
        refuse_own_output(self._path, self._output.paths + report_path)
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
            report = self._begin_report(schema, pipeline.detector)
            with ReplayProgress() as progress:

                def see(outputs: Outputs, findings: Findings) -> bool:
                    sink.take(outputs)
                    if report is not None:
                        report.take(outputs)
                    progress.update(findings, source.fraction)
                    return True  # the records end when asked to stop

                findings = replay(records, pipeline, see)
            if report is not None:
                self._write(report, findings, settings.budget, source.origin, config)
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
        return schema, self._defaults(schema)

    def _defaults(self, schema: Schema) -> Config:
        """Return the configuration that comes to an inferred schema."""
        events = {
            "time": schema.time or "",
            "time_unit": schema.time_unit,
            "label": schema.label or "",
            "fields": {one.name: one.transform for one in schema.fields},
        }
        source = {"type": "file", "path": self._path}
        return loads("", name="defaults", env={}, changes={"source": source, "events": events})

    def _begin_report(self, schema: Schema, detector: Detector) -> Report | None:
        if self._report is None:
            return None
        html.check_writable(self._report.path)
        return Report(schema, detector, self._report.kind, self._report.episodes_by)

    def _write(
        self, report: Report, findings: Findings, budget: Budget, source: str, config: Config
    ) -> None:
        assert self._report is not None
        kind = self._report.kind
        if kind is not None and not report.kinds.named:
            _log.warning("no labelled anomaly after warm-up has a member %r to name its kind", kind)
        told = report.told(findings, budget, source=source, configuration=config.to_toml())
        html.write(self._report.path, told)
        _log.info("the report is %s", self._report.path)

    def _sum_up(self, findings: Findings, lines: list[tuple[str, str]]) -> None:
        if self._label is not None and not len(findings.rankings):
            _log.warning(
                "no event after warm-up has a usable label in %r: nothing to measure by",
                self._label,
            )
        data_on_stdout = "-" in (self._output.alerts, self._output.scores)
        stream = sys.stderr if data_on_stdout else sys.stdout
        width = max(len(name) for name, _ in lines)
        stream.writelines(f"{name:<{width}}  {value}\n" for name, value in lines)


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
