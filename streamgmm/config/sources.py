"""The types of ``[source]``: where events come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from streamgmm.config.rules import choice, duration, duration_between, text, texts, whole
from streamgmm.config.security import Security

_BATCH = whole(1, 100_000)
_SESSION = duration_between(1, 1800, '1 second to 30 minutes, such as 45 or "45s"')


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInput:
    """``[source] type = "file"``: JSON lines or CSV, plain or gzip."""

    TYPE: ClassVar[str] = "file"

    path: Annotated[
        str,
        text('a path, or "-" for standard input', empty=False),
        "the file to read; relative to the directory the job is started in",
        "Gzip is recognised by itself.",
    ]
    format: Annotated[
        str,
        choice("auto", "jsonl", "csv"),
        "auto goes by the file's name and its first character",
        "jsonl has a JSON object on each line; csv has a header, and comma, semicolon, tab or bar "
        "between cells.",
    ] = "auto"
    batch_size: Annotated[int, _BATCH, "most events handled at a time", "It changes no result."] = (
        1000
    )


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
        "the file with the Avro schema (JSON, .avsc) or the Protobuf descriptor set",
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
        float,
        duration(),
        "how long to look for a broker at the start before giving up",
        "The exit code is 4 then.",
    ] = 30.0
    instance: Annotated[
        str,
        text("text, or empty"),
        "a name of this worker alone, kept over restarts: it gets its partitions back at once",
        "Kafka calls this static membership.",
    ] = ""
    session_timeout: Annotated[
        float, _SESSION, "after so long without a sign of life a worker's partitions go to others"
    ] = 45.0
    lost_events: Annotated[
        str,
        choice("stop", "skip"),
        "where retention took events before they were read, or the log was cut: stop, or count "
        "that and go on",
        "It holds too for events that a restored model has to learn again. To stop is exit code 5; "
        "what is skipped is counted by `streamgmm_lost_events_total` and "
        "`streamgmm_log_cuts_total`.",
    ] = "stop"
    batch_size: Annotated[
        int, _BATCH, "most events of one partition handled at a time", "It changes no result."
    ] = 1000
    batch_wait: Annotated[float, duration(), "how long to wait for the first event of a batch"] = (
        0.1
    )
