"""The sections of a job's configuration, each a frozen dataclass.

Every key carries its rule and, in words, what it does; the loader, the error messages and
the commented listing of ``streamgmm check`` all read them from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Annotated, ClassVar

from streamgmm.config import rules
from streamgmm.config.rules import (
    Rule,
    Secret,
    choice,
    duration,
    seconds,
    secret,
    some_of,
    text,
    texts,
    whole,
)
from streamgmm.events.schema import EVENT_TIME, TIME_UNITS, Field, Schema, TimeUnit, TransformName

_BATCH = whole(1, 100_000)
_TOPIC = text("a topic's name, or empty for none")
_FILE_OUT = text('a path, "-" for standard output, or empty for none')
_CYCLES: dict[str, TransformName] = {"day": "time_of_day", "week": "time_of_week"}
_FIELD_NAME = text("the name of a field, or empty for none")


def _session(value: object) -> float:
    length = seconds(value)
    if not 1 <= length <= 1800:
        raise ValueError
    return length


def _transaction(value: object) -> float:
    length = seconds(value)
    if not 1 <= length <= 900:
        raise ValueError
    return length


_SESSION = Rule('1 second to 30 minutes, such as 45 or "45s"', _session)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInput:
    """``[source] type = "file"``: JSON lines or CSV, plain or gzip."""

    TYPE: ClassVar[str] = "file"

    path: Annotated[
        str,
        text('a path, or "-" for standard input', empty=False),
        "the file to read; relative to the directory the job is started in",
    ]
    format: Annotated[
        str,
        choice("auto", "jsonl", "csv"),
        "auto goes by the file's name and its first character",
    ] = "auto"
    batch_size: Annotated[int, _BATCH, "most events handled at a time"] = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """How to connect to a broker; shared by the Kafka source and the Kafka sink."""

    security: Annotated[
        str,
        choice("plaintext", "ssl", "sasl_plaintext", "sasl_ssl"),
        "protocol towards the brokers",
    ] = "plaintext"
    sasl_mechanism: Annotated[
        str, choice("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"), "with a sasl protocol"
    ] = "PLAIN"
    sasl_username: Annotated[str, text("text"), "with a sasl protocol"] = ""
    sasl_password: Annotated[
        Secret,
        secret("text"),
        "better given as STREAMGMM__SOURCE__SASL_PASSWORD than written in a file",
    ] = field(default_factory=lambda: Secret(""))
    ssl_cafile: Annotated[str, text("a path, or empty"), "authorities trusted (PEM)"] = ""
    ssl_certfile: Annotated[str, text("a path, or empty"), "our own certificate (PEM)"] = ""
    ssl_keyfile: Annotated[str, text("a path, or empty"), "its private key (PEM)"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaInput(Security):
    """``[source] type = "kafka"``: one or more topics, read in a consumer group."""

    TYPE: ClassVar[str] = "kafka"

    brokers: Annotated[
        tuple[str, ...],
        texts('a list of "host:port", or one text with commas'),
        "some brokers of the cluster; the others are found through them",
    ]
    topics: Annotated[
        tuple[str, ...],
        texts("a list of topics, or one text with commas"),
        'what is read; `topic = "name"` is short for one',
    ]
    format: Annotated[
        str, choice("json", "avro", "protobuf"), "of the events; but for json a schema is needed"
    ] = "json"
    schema: Annotated[
        str,
        text("a path, or empty"),
        "the file with the Avro schema (JSON) or the Protobuf descriptor set",
    ] = ""
    message: Annotated[str, text("a name, or empty"), "the Protobuf message, with its package"] = ""
    framing: Annotated[
        str,
        choice("none", "confluent"),
        "confluent: a binary event begins with the header of a schema registry",
    ] = "none"
    group: Annotated[
        str,
        text("text, not empty", empty=False),
        "the consumer group: workers with the same one share the partitions",
    ] = "streamgmm"
    start: Annotated[
        str, choice("earliest", "latest"), "where to begin when the group has no offset yet"
    ] = "earliest"
    start_timeout: Annotated[
        float, duration(), "how long to look for a broker at the start before giving up"
    ] = 30.0
    instance: Annotated[
        str,
        text("text, or empty"),
        "a name of this worker alone, kept over restarts: it gets its partitions back at once",
    ] = ""
    session_timeout: Annotated[
        float, _SESSION, "after so long without a sign of life a worker's partitions go to others"
    ] = 45.0
    lost_events: Annotated[
        str,
        choice("stop", "skip"),
        "where retention took events before they were read: stop, or count them and go on",
    ] = "stop"
    batch_size: Annotated[int, _BATCH, "most events of one partition handled at a time"] = 1000
    batch_wait: Annotated[float, duration(), "how long to wait for the first event of a batch"] = (
        0.1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """``[events]``: what an event looks like."""

    fields: tuple[Field, ...]  # read by the loader: a table, not a single value
    key: Annotated[
        str,
        _FIELD_NAME,
        "whom an event is about (a host, an account); without it the Kafka record's key",
    ] = ""
    time: Annotated[
        str, _FIELD_NAME, "when it happened; without it the Kafka record's timestamp"
    ] = ""
    time_unit: Annotated[
        TimeUnit, choice(*TIME_UNITS), "of numbers in the time field; ISO 8601 text has none"
    ] = "s"
    max_ahead: Annotated[
        float,
        duration(),
        "an event dated further than this after its partition's latest is a dead letter",
    ] = 86_400.0
    label: Annotated[
        str, _FIELD_NAME, "the truth (1 anomaly, 0 normal), to measure with; never a feature"
    ] = ""
    cycles: Annotated[
        tuple[str, ...],
        some_of(*_CYCLES),
        "the event time as a feature: its time of day, its time of week, or both",
    ] = ()
    time_zone: Annotated[
        str,
        Rule(
            '"UTC", an offset such as "+05:30", or a name such as "Europe/Zurich"',
            rules.time_zone,
        ),
        "in which times of day and week are told",
    ] = "UTC"

    def schema(self) -> Schema:
        """Return the schema, its fields sorted by name.

        Sorted, so that moving a line of the file does not change the model's columns, and
        with them the meaning of saved state.
        """
        cycles = [_CYCLES[name] for name in self.cycles]
        fields = [*self.fields, *(Field(name, name, source=EVENT_TIME) for name in cycles)]
        return Schema(
            fields=tuple(sorted(fields, key=attrgetter("name"))),
            key=self.key or None,
            time=self.time or None,
            time_unit=self.time_unit,
            label=self.label or None,
            time_zone=self.time_zone,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """``[model]``: the mixture and its learning."""

    n_components: Annotated[int, whole(1, 1024), "Gaussians in the mixture"] = 16
    covariance: Annotated[
        str, choice("auto", "full", "tied", "diag", "spherical"), "which shapes components may have"
    ] = "auto"
    half_life: Annotated[
        float | str,
        Rule('a number of events above 0, a time such as "7d", or "stationary"', rules.half_life),
        "after so much, what was learned counts half; stationary forgets nothing",
    ] = 10_000.0
    score: Annotated[
        str,
        choice("nll", "nll_full", "tail", "nll_observed"),
        "nll: against established behaviour; nll_full: plain; tail: free of volume; "
        "nll_observed: of the fields that are there",
    ] = "nll"
    established: Annotated[
        float | str,
        Rule('"graded", "off", or a number above 0 and up to 1', rules.established),
        "what counts as normal: where there is this share of the busiest vicinity's traffic",
    ] = "graded"
    shrinkage: Annotated[
        float,
        rules.number(0, 1000),
        "events a feature after which a component's shape is half its own, half the pooled one",
    ] = 10.0
    gate: Annotated[
        float | str,
        Rule('a quantile between 0 and 1 (exclusive), or "off"', rules.quantile_or_off),
        "events stranger than this quantile teach the model less",
    ] = 0.98
    structure: Annotated[
        bool,
        rules.flag(),
        "whether new components are born of strange events that agree",
    ] = True
    warmup: Annotated[int, whole(10, 1_000_000), "events gathered before the model starts"] = 500
    window: Annotated[int, whole(1000, 10_000_000), "events over which scores become p-values"] = (
        100_000
    )
    seed: Annotated[int, whole(0, 2**63 - 1), "of the random starts in warm-up"] = 0
    scope: Annotated[
        str, choice("partition", "topic"), "one model for each partition, or one for the topic"
    ] = "partition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """``[alerts]``: how many false alarms are affordable."""

    budget: Annotated[
        float | str,
        Rule('a probability between 0 and 1 (exclusive), or text like "5/day"', rules.budget),
        'false alarms: a share of all events, or so many a day (needs the "time" field)',
    ] = 1e-3


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
    dead_letters: Annotated[str, _TOPIC, "events that could not be used, and why"] = ""
    delivery: Annotated[
        str,
        choice("auto", "exactly_once", "at_least_once"),
        "auto: exactly once where source and sink are one cluster, else at least once",
    ] = "auto"
    commit_interval: Annotated[
        float,
        duration(),
        "exactly once: outputs are committed, and so can be read, after so long or sooner",
    ] = 0.02
    transaction_timeout: Annotated[
        float,
        Rule('1 second to 15 minutes, such as 30 or "30s"', _transaction),
        "exactly once: what a crashed worker left open is given up after so long, and until "
        "then keeps readers waiting; with source.instance it is at its restart",
    ] = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """``[service]``: everything around the stream."""

    http: Annotated[
        str,
        Rule('"host:port", or empty for none', rules.address),
        "where /metrics, /healthz, /readyz and /incidents are served",
    ] = "127.0.0.1:9464"
    checkpoint: Annotated[
        str, text("a directory, or empty for none"), "where state is kept to resume from"
    ] = ""
    checkpoint_interval: Annotated[float, duration(), "between two checkpoints"] = 60.0
    keep_hourly: Annotated[
        int, whole(0, 1000), "checkpoints to go back to: the last one of each of so many hours"
    ] = 24
    keep_daily: Annotated[int, whole(0, 1000), "and the last one of each of so many days, UTC"] = 7
    token: Annotated[
        Secret,
        secret("text, or empty"),
        "what commands over HTTP must show; without one they are refused. Better given as "
        "STREAMGMM__SERVICE__TOKEN than written in a file",
    ] = field(default_factory=lambda: Secret(""))
    log_level: Annotated[
        str, choice("debug", "info", "warning", "error"), "of the log on standard error"
    ] = "info"

    @property
    def host_port(self) -> tuple[str, int] | None:
        """Where to serve HTTP, or None."""
        if not self.http:
            return None
        host, _, port = self.http.rpartition(":")
        return host.strip("[]"), int(port)
