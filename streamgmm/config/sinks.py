"""The types of ``[sink]``: where scores, alerts and dead letters go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from streamgmm.config.rules import choice, duration, duration_between, text, texts
from streamgmm.config.security import Security

_TOPIC = text("a topic's name, or empty for none")
_FILE_OUT = text('a path, "-" for standard output, or empty for none')


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutput:
    """``[sink] type = "file"``: JSON lines."""

    TYPE: ClassVar[str] = "file"

    scores: Annotated[str, _FILE_OUT, "every event's score"] = ""
    alerts: Annotated[str, _FILE_OUT, "anomalies, with the event and the reasons"] = "-"
    dead_letters: Annotated[str, _FILE_OUT, "events that could not be used, and why"] = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Where anything is written at all."""
        return tuple(path for path in (self.scores, self.alerts, self.dead_letters) if path)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaOutput(Security):
    """``[sink] type = "kafka"``: one topic for each kind of record."""

    TYPE: ClassVar[str] = "kafka"

    brokers: Annotated[
        tuple[str, ...],
        texts('a list of "host:port", or one text with commas'),
        "without it the source's brokers and its security",
    ] = ()
    scores: Annotated[str, _TOPIC, "every event's score"] = ""
    alerts: Annotated[str, _TOPIC, "anomalies, with the event and the reasons"] = ""
    dead_letters: Annotated[
        str, _TOPIC, "events that could not be used, and why", "Reason and origin are headers."
    ] = ""
    delivery: Annotated[
        str,
        choice("auto", "exactly_once", "at_least_once"),
        "auto: exactly once where source and sink are one cluster, else at least once",
    ] = "auto"
    commit_interval: Annotated[
        float,
        duration(),
        "exactly once: outputs are committed, and so can be read, after so long or sooner",
        "While more events wait to be read than fit into one batch, fewer outputs than one has "
        "events wait for 250 ms.",
    ] = 0.02
    transaction_timeout: Annotated[
        float,
        duration_between(1, 900, '1 second to 15 minutes, such as 30 or "30s"'),
        "exactly once: what a crashed worker left open is given up after so long, and until "
        "then keeps readers waiting; with source.instance it is at its restart",
    ] = 30.0
