"""What a job's settings come to, in sentences: what each does, and what it means in effect.

Where that depends on how many events come, a rate is assumed, which the caller names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from streamgmm.config.features import explain_features
from streamgmm.config.sinks import KafkaOutput
from streamgmm.config.sources import KafkaInput
from streamgmm.spans import seconds_of
from streamgmm.words import number, quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamgmm.config.job import Config
    from streamgmm.config.sections import Model, Service
    from streamgmm.config.sinks import FileOutput
    from streamgmm.config.telemetry import Telemetry

    Lines: TypeAlias = Iterator[tuple[str, str]]

_DAY: Final = 86_400.0
# Above this many a day nobody looks at each.
_TOO_MANY: Final = 500


def explain(config: Config, rate: float) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return for each section what its settings come to, as pairs of a setting and a sentence.

    Parameters
    ----------
    rate
        Events a second that reach one model.
    """
    service = list(_service(config.service))
    if not config.service.checkpoint:
        service.append(("checkpoint", "None: what was learned is gone when the process ends."))
    return [
        ("source", list(_source(config))),
        ("events", list(_events(config))),
        ("events.fields", list(explain_features(config.schema()))),
        ("model", list(_model(config.model, rate, config.schema().width))),
        ("alerts", list(_alerts(config, rate))),
        ("sink", list(_sink(config))),
        ("service", service),
        ("telemetry", list(_telemetry(config.telemetry))),
    ]


def _source(config: Config) -> Lines:
    source = config.source
    if not isinstance(source, KafkaInput):
        what = "standard input, to its end" if source.path == "-" else f"{source.path}, to its end"
        yield "path", f"Events are read from {what}."
        return
    topics, brokers = ", ".join(source.topics), ", ".join(source.brokers)
    yield "topics", f"Events are read from {topics}; the cluster is found through {brokers}."
    yield (
        "group",
        (
            f"Workers of group {source.group} share the partitions; start more of them, up to one "
            "for each partition, to go faster."
        ),
    )
    where = "oldest" if source.start == "earliest" else "next"
    yield "start", f"A group that has not read before begins with the {where} event."
    if source.lost_events == "stop":
        yield (
            "lost_events",
            "Where retention took events before they were read, or the log was cut, the job stops.",
        )


def _events(config: Config) -> Lines:
    events = config.events
    whose = f"The member {events.key}" if events.key else "The record's own key"
    yield "key", f"{whose} says whom an event is about: alerts carry it."
    if events.time:
        yield (
            "time",
            (
                f"{events.time} says when it happened, as ISO 8601 or in {events.time_unit} since "
                f"1970; what is dated more than {_span(events.max_ahead)} ahead of its partition "
                "is a dead letter."
            ),
        )
    elif isinstance(config.source, KafkaInput):
        yield "time", "The record's timestamp counts as the time of the event."
    else:
        yield "time", "Nothing says when an event happened: everything counts by events."
    if events.cycles:
        yield "cycles", f"Times are told in {events.time_zone}."
    if events.label:
        yield "label", f"{events.label} is the truth, to measure with; the model never sees it."


def _model(model: Model, rate: float, width: int) -> Lines:
    yield (
        "n_components",
        f"Up to {model.n_components} kinds of usual behaviour in {width} columns.",
    )
    if model.half_life == "stationary":
        yield "half_life", "Nothing is forgotten: the model cannot follow a stream that changes."
    elif isinstance(model.half_life, str):
        span = seconds_of(model.half_life)
        yield (
            "half_life",
            (
                f"What was learned {_span(span)} ago counts half, however many events came since: "
                f"at {_rate(rate)} that is {number(span * rate)} events."
            ),
        )
    else:
        passed = model.half_life / rate
        yield (
            "half_life",
            (
                f"What was learned {number(model.half_life)} events ago counts half; of a kind of "
                f"behaviour so many of its own. At {_rate(rate)} that is {_span(passed)}."
            ),
        )
    yield (
        "warmup",
        (
            f"The first {number(model.warmup)} events are only learned from, at {_rate(rate)} "
            f"{_span(model.warmup / rate)}: no alerts until then."
        ),
    )
    yield (
        "window",
        (
            f"An event is held against the latest {number(model.window)} scores, at {_rate(rate)} "
            f"those of {_span(model.window / rate)}. Before there are as many, rare scores are "
            "estimated from fewer."
        ),
    )
    yield "established", _established(model.established)
    if model.gate == "off":
        yield "gate", "Every event teaches the model as much, an anomaly too."
    else:
        share = number(100.0 * (1.0 - float(model.gate)), 2)
        yield "gate", f"The strangest {share}% of events teach the model a tenth of what others do."
    if not model.structure:
        yield "structure", "A new behaviour gets no component of its own: it stays strange."
    yield (
        "scope",
        "Each partition has a model of its own, so events of one key should be in one partition."
        if model.scope == "partition"
        else "The partitions of a topic that a worker holds share one model.",
    )


def _established(established: float | str) -> str:
    if established == "off":
        return "Whatever has come before counts as normal, a handful of attacks as well."
    if established == "graded":
        return (
            "A behaviour counts as normal by and by, as its share of the traffic grows from a "
            "fifth to half of the busiest one's."
        )
    share = number(100.0 * float(established))
    return f"A behaviour counts as normal once it has {share}% of the busiest one's traffic."


def _alerts(config: Config, rate: float) -> Lines:
    budget = config.alerts.budget
    one = "for each partition" if config.model.scope == "partition" else "for each model"
    each = one if isinstance(config.source, KafkaInput) else "in all"
    if isinstance(budget, str):
        per_day = float(budget.removesuffix("/day"))
        share = per_day / _DAY / rate
        means = (
            f"1 event in {number(1.0 / share)}"
            if share < 1.0
            else "more than there are events: everything would be an alert"
        )
        yield (
            "budget",
            (
                f"{number(per_day)} false alarms a day {each}, one every {_span(_DAY / per_day)}: "
                f"at {_rate(rate)} {means}. Anomalies that are found come on top."
            ),
        )
    else:
        per_day = budget * rate * _DAY
        many = (
            "; that is more than anybody looks at: try a number a day, such as "
            f'budget = "20/day"{"" if config.events.time else " (needs time)"}'
        ) * (per_day > _TOO_MANY)
        yield (
            "budget",
            (
                f"1 false alarm in {number(1.0 / budget)} events {each}: at {_rate(rate)} "
                f"{number(per_day)} a day{many}."
            ),
        )


def _sink(config: Config) -> Lines:
    sink = config.sink
    for kind, words in (
        ("alerts", "Alerts, with event and reasons, go to"),
        ("scores", "The score of every event goes to"),
        ("dead_letters", "Events that cannot be used, and why, go to"),
    ):
        where = getattr(sink, kind)
        if where:
            yield kind, f"{words} {_place(sink, where)}."
        elif kind == "dead_letters":
            yield kind, "Events that cannot be used are counted, and kept nowhere."
    if isinstance(sink, KafkaOutput):
        yield (
            "delivery",
            f"Exactly once: outputs and positions are committed together, every "
            f"{_span(sink.commit_interval)}; readers need isolation.level = read_committed."
            if config.exactly_once
            else "At least once: after a crash outputs may come again.",
        )


def _place(sink: FileOutput | KafkaOutput, where: str) -> str:
    if isinstance(sink, KafkaOutput):
        return f"the topic {where}"
    return "standard output" if where == "-" else where


def _service(service: Service) -> Lines:
    if service.http:
        guarded = "" if service.guard == "commands" else ", to whom shows the token"
        yield "http", f"Metrics, health and the page are served at {service.http}{guarded}."
        yield (
            "token",
            "Operators who show the token may accept, mute and freeze."
            if service.token or service.token_file
            else "None: operators' commands are refused.",
        )
    else:
        yield "http", "Nothing is served: no metrics, no page, no commands."
    if service.checkpoint:
        yield (
            "checkpoint",
            (
                f"What was learned is kept in {service.checkpoint}, every "
                f"{_span(service.checkpoint_interval)}: after a crash so much is learned again."
            ),
        )
    yield "log_level", f"The log, as {service.log_format}, begins with {service.log_level}."


def _telemetry(telemetry: Telemetry) -> Lines:
    if not telemetry.export:
        yield "export", "Nothing goes to an OpenTelemetry collector."
        return
    where = telemetry.endpoint or "where OTEL_EXPORTER_OTLP_ENDPOINT says"
    yield "export", f"{' and '.join(telemetry.export).capitalize()} go to {where}."
    if "traces" in telemetry.export and telemetry.sampling_ratio != "":
        share = number(100.0 * float(telemetry.sampling_ratio))
        yield (
            "sampling_ratio",
            f"{share}% of the traces are sent, and those with alerts or errors.",
        )


def _rate(rate: float) -> str:
    return f"{number(rate)} events a second"


def _span(seconds: float) -> str:
    return quantity(seconds, "s", 2)
