"""The sections of a job's configuration, each a frozen dataclass; here those of no one type.

`[source]` and `[sink]`, which have a class for each type, are in `sources` and `sinks`.
Every key carries its rule and, in words, what it does, perhaps with a sentence more for
`docs/configuration.md`. The loader, the error messages, the commented listing of ``streamgmm
check`` and that page's tables all read them from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Annotated

from streamgmm.config import rules
from streamgmm.config.rules import Rule, Secret, choice, duration, secret, some_of, text, whole
from streamgmm.config.secrets import secret_of
from streamgmm.events.field import EVENT_TIME, Field, TransformName
from streamgmm.events.schema import TIME_UNITS, Schema, TimeUnit

_CYCLES: dict[str, TransformName] = {"day": "time_of_day", "week": "time_of_week"}
LOG_LEVELS = ("debug", "info", "warning", "error")
_FIELD_NAME = text("the name of a field, or empty for none")


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
        str,
        _FIELD_NAME,
        "when it happened; without it the Kafka record's timestamp",
    ] = ""
    time_unit: Annotated[
        TimeUnit,
        choice(*TIME_UNITS),
        "of numbers in the time field; ISO 8601 text has none",
        "Numbers count from the epoch; text without an offset is UTC.",
    ] = "s"
    max_ahead: Annotated[
        float,
        duration(),
        "an event dated further than this after its partition's latest is a dead letter",
        "Ten in a row that agree with one another move the clock: the stream was quiet.",
    ] = 86_400.0
    label: Annotated[
        str,
        _FIELD_NAME,
        "the truth (1 anomaly, 0 normal), to measure with; never a feature",
        "`streamgmm replay` measures by it.",
    ] = ""
    cycles: Annotated[
        tuple[str, ...],
        some_of(*_CYCLES),
        "the event time as a feature: its time of day, its time of week, or both",
        "The features are called `time_of_day` and `time_of_week`.",
    ] = ()
    time_zone: Annotated[
        str,
        Rule(
            '"UTC", an offset such as "+05:30", or a name such as "Europe/Zurich"',
            rules.time_zone,
        ),
        "in which times of day and week are told",
        "Names are those of the machine's time zone database.",
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

    n_components: Annotated[int, whole(1, 1024), "Gaussians in the mixture, at most"] = 16
    covariance: Annotated[
        str,
        choice("auto", "full", "tied", "diag", "spherical"),
        "which shapes components may have",
        "full: each its own, with correlations. tied: one for all, with correlations. diag: each "
        "its own without correlations, at a cost that is linear in the number of features. "
        "spherical: each one spread for all features. auto: full, or diag where features are more "
        "than 256, or than half the warm-up's events.",
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
        "The level of nll_observed depends on which fields those are.",
    ] = "nll"
    established: Annotated[
        float | str,
        Rule('"graded", "off", or a number above 0 and up to 1', rules.established),
        "what counts as normal: where there is this share of the busiest vicinity's traffic",
        "graded: a mean over shares from 0.2 to 0.5; off: everything is normal.",
    ] = "graded"
    shrinkage: Annotated[
        float,
        rules.number(0, 1000),
        "events a feature after which a component's shape is half its own, half the pooled one",
        "0: its own from the start.",
    ] = 10.0
    gate: Annotated[
        float | str,
        Rule('a quantile between 0 and 1 (exclusive), or "off"', rules.quantile_or_off),
        "events stranger than this quantile teach the model less",
        "They teach it a tenth.",
    ] = 0.98
    structure: Annotated[
        bool,
        rules.flag(),
        "whether new components are born of strange events that agree",
        "Others merge or retire to make room.",
    ] = True
    warmup: Annotated[
        int,
        whole(10, 1_000_000),
        "events gathered before the model starts",
        "At most so many; at least twice `n_components`.",
    ] = 500
    window: Annotated[int, whole(1000, 10_000_000), "events over which scores become p-values"] = (
        100_000
    )
    seed: Annotated[int, whole(0, 2**63 - 1), "of the random starts in warm-up"] = 0
    scope: Annotated[
        str,
        choice("partition", "topic"),
        "one model for each partition, or one for the topic",
        "The latter takes a group of one worker: a second one waits for `source.session_timeout`, "
        "should the first be gone, and ends with exit code 3. The order between partitions is not "
        "reproducible then, nor is what is learned in it.",
    ] = "partition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """``[alerts]``: how many false alarms are affordable."""

    budget: Annotated[
        float | str,
        Rule('a probability between 0 and 1 (exclusive), or text like "5/day"', rules.budget),
        'false alarms: a share of all events, or so many a day (needs the "time" field)',
        "An hour and a week may stand for the day.",
    ] = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """``[service]``: everything around the stream."""

    http: Annotated[
        str,
        Rule('"host:port", or empty for none', rules.address),
        "where the live page, /metrics, /healthz, /readyz and /incidents are served",
    ] = "127.0.0.1:9464"
    allowed_hosts: Annotated[
        tuple[str, ...],
        Rule(
            'a list of names or addresses without port, such as "flows.example.com" or '
            '"*.example.com"',
            rules.hosts,
            empty=True,
        ),
        "by which it is reached, beside its own address: through a proxy, a name of the network",
    ] = ()
    client: Annotated[
        str,
        choice("kafka-python", "confluent"),
        "the library that talks to Kafka; confluent (librdkafka) takes less of the processor, and "
        "pip install 'streamgmm[confluent]'",
    ] = "kafka-python"
    checkpoint: Annotated[
        str,
        text('a directory, "topic:" and the name of a compacted topic, or empty for none'),
        "where state is kept to resume from; a topic takes it together with outputs and positions",
    ] = ""
    checkpoint_interval: Annotated[float, duration(), "between two checkpoints"] = 60.0
    journal: Annotated[
        str,
        text("a directory of this machine, or empty"),
        "where it is noted which events are at work, to find one that kills the process; empty: "
        "with the checkpoints, where they are in a directory",
        "With checkpoints in a topic, or without any, name one that outlives the process.",
    ] = ""
    keep_hourly: Annotated[
        int,
        whole(0, 1000),
        "checkpoints to go back to: the last one of each of so many hours",
        "In a directory, beside the newest ones.",
    ] = 24
    keep_daily: Annotated[int, whole(0, 1000), "and the last one of each of so many days, UTC"] = 7
    token: Annotated[
        Secret,
        secret("text, or empty"),
        "what commands over HTTP must show; without one they are refused. Better given as "
        "STREAMGMM__SERVICE__TOKEN than written in a file",
    ] = field(default_factory=lambda: Secret(""))
    token_file: Annotated[
        str,
        text("a path, or empty"),
        "or else a file that holds it, on one line",
        "It is read at the start.",
    ] = ""
    guard: Annotated[
        str,
        choice("commands", "all"),
        "what asks for the token: commands, or what tells of events as well",
        "That is the live page, /metrics and /incidents.",
    ] = "commands"
    log_level: Annotated[str, choice(*LOG_LEVELS), "of the log on standard error"] = "info"
    log_format: Annotated[
        str, choice("text", "json"), "of the log: lines for people, or a JSON object a line"
    ] = "text"

    @property
    def shown_token(self) -> Secret:
        """The token, read from its file where there is one; raises ConfigError."""
        return secret_of(self.token, self.token_file, "token_file")

    @property
    def checkpoint_topic(self) -> str | None:
        """The topic in which state is kept, or None where it is a directory."""
        kind, colon, name = self.checkpoint.partition(":")
        return name if colon and kind == "topic" else None

    @property
    def journal_directory(self) -> str:
        """Where journals are kept; empty for none."""
        beside = self.checkpoint if self.checkpoint_topic is None else ""
        return self.journal or beside

    @property
    def host_port(self) -> tuple[str, int] | None:
        """Where to serve HTTP, or None."""
        if not self.http:
            return None
        host, _, port = self.http.rpartition(":")
        return host.strip("[]"), int(port)
