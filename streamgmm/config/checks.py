"""What must hold between the keys of a configuration; each check yields sentences."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from streamgmm.config.messages import shown
from streamgmm.config.security import Security
from streamgmm.config.sinks import FileOutput, KafkaOutput
from streamgmm.config.sources import FileInput, KafkaInput
from streamgmm.events.members import READABLE, is_readable

if TYPE_CHECKING:
    from streamgmm.config.job import Config


_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")


def check_together(config: Config) -> list[str]:
    """Return everything that is wrong between keys that are right by themselves."""
    found = [_roles, _names, _time, _format, _model, _security, _token, _headers, _sink,
             _checkpoint]  # fmt: skip
    return [problem for check in found for problem in check(config)]


def _roles(config: Config) -> Iterator[str]:
    events = config.events
    names = {field.name for field in events.fields} | {"time_of_" + name for name in events.cycles}
    if len(names) < len(events.fields) + len(events.cycles):
        yield "[events] cycles and fields have a feature of the same name; rename the field's"
    if events.label and events.label in {
        name for field in events.fields for name in (field.member, field.owner)
    }:
        yield (
            f"[events] label {events.label!r} is also in fields, so the model would see the "
            f"truth; take it out of fields"
        )
    roles = Counter(filter(None, (events.key, events.time, events.label)))
    for name, count in roles.items():
        if count > 1:
            yield f"[events] {name!r} is more than one of key, time and label; keep one"


def _names(config: Config) -> Iterator[str]:
    events = config.events
    read = {name for field in events.fields for name in (field.member, field.owner)}
    read |= {events.key, events.time, events.label}
    for name in sorted(name for name in read if isinstance(name, str) and not is_readable(name)):
        yield f"[events] names a member {shown(name)}; what can be read is {READABLE}"


def _time(config: Config) -> Iterator[str]:
    if config.events.time:
        return
    if isinstance(config.alerts.budget, str):
        yield (
            f'[alerts] budget is "{config.alerts.budget}", which counts days, but [events] time '
            f"names no field; name it, or give the budget as a probability such as 0.001"
        )
    if config.events.cycles and isinstance(config.source, FileInput):
        yield (
            "[events] cycles is given, but time names no field and a file's records have no time "
            "of their own; name it"
        )
    timed = isinstance(config.model.half_life, str) and config.model.half_life != "stationary"
    if timed and isinstance(config.source, FileInput):
        yield (
            f'[model] half_life is "{config.model.half_life}", a length of time, but '
            f"[events] time names no field and a file's records have no time of their own; "
            f"name it, or give half_life as a number of events"
        )


def _format(config: Config) -> Iterator[str]:
    source = config.source
    if not isinstance(source, KafkaInput):
        return
    for key, needed in (
        ("schema", source.format != "json"),
        ("message", source.format == "protobuf"),
    ):
        given = getattr(source, key)
        if needed and not given:
            yield f'[source] format is "{source.format}", which needs {key}'
        if given and not needed:
            yield f'[source] has {key}, which format = "{source.format}" has no use for'
    if source.framing != "none" and source.format == "json":
        yield (
            f'[source] framing is "{source.framing}", which is for the formats "avro" and '
            f'"protobuf"; leave it out'
        )


def _model(config: Config) -> Iterator[str]:
    model = config.model
    if model.warmup < 2 * model.n_components:
        yield (
            f"[model] warmup is {model.warmup}, too few events to place {model.n_components} "
            f"components; allowed is twice n_components or more"
        )


def _security(config: Config) -> Iterator[str]:
    for section, value in (("source", config.source), ("sink", config.sink)):
        if not isinstance(value, Security):
            continue
        sasl = value.security.startswith("sasl")
        passwords = bool(value.sasl_password) + bool(value.sasl_password_file)
        if sasl and not (value.sasl_username and passwords):
            yield (
                f'[{section}] security is "{value.security}", which needs sasl_username and '
                f"sasl_password (the environment's STREAMGMM__{section.upper()}__SASL_PASSWORD) "
                "or sasl_password_file"
            )
        if not sasl and (value.sasl_username or passwords):
            yield (
                f"[{section}] has a sasl_username or sasl_password, which security = "
                f'"{value.security}" would not use; set it to "sasl_ssl" or "sasl_plaintext"'
            )
        if passwords > 1:
            yield f"[{section}] has both sasl_password and sasl_password_file; give one"
        if bool(value.ssl_certfile) != bool(value.ssl_keyfile):
            yield f"[{section}] needs both of ssl_certfile and ssl_keyfile, or neither"


def _token(config: Config) -> Iterator[str]:
    service = config.service
    if service.token and service.token_file:
        yield "[service] has both token and token_file; give one"
    if service.guard == "all" and not (service.token or service.token_file):
        yield '[service] guard is "all", which needs a token or token_file'


def _headers(config: Config) -> Iterator[str]:
    if config.telemetry.headers and config.telemetry.headers_file:
        yield "[telemetry] has both headers and headers_file; give one"


def _sink(config: Config) -> Iterator[str]:
    source, sink = config.source, config.sink
    outputs = [out for out in (sink.scores, sink.alerts, sink.dead_letters) if out]
    if isinstance(sink, FileOutput):
        for path in outputs:
            if isinstance(source, FileInput) and _same_path(source.path, path):
                yield (
                    f"[sink] writes to {path!r}, the file that [source] reads "
                    f"({source.path!r}); name another"
                )
        return
    if not sink.brokers and not isinstance(source, KafkaInput):
        yield "[sink] has no brokers, and the source is not Kafka; give brokers"
    if sink.delivery == "exactly_once" and not (
        isinstance(source, KafkaInput) and _same_cluster(source, sink)
    ):
        yield (
            '[sink] delivery is "exactly_once", which takes a source on the same Kafka cluster; '
            'leave brokers out of [sink], or set delivery to "at_least_once"'
        )
    if sink.commit_interval >= sink.transaction_timeout:
        yield (
            f"[sink] commit_interval is {sink.commit_interval:g} s, but brokers give a transaction "
            f"up after transaction_timeout, {sink.transaction_timeout:g} s; allowed is less, and "
            "should be much less"
        )
    if not outputs:
        yield "[sink] names no topic; name at least one of scores, alerts and dead_letters"
    if isinstance(source, KafkaInput) and _same_cluster(source, sink):
        for topic in set(outputs) & set(source.topics):
            yield (
                f"[sink] writes to topic {topic!r}, which [source] reads, so the job would feed "
                f"on its own output; name another"
            )


def _checkpoint(config: Config) -> Iterator[str]:
    topic = config.service.checkpoint_topic
    if topic is None:
        return
    if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
        yield (
            f"[service] checkpoint names the topic {topic!r}; allowed are 1 to 249 letters, "
            "digits, dots, underscores and hyphens. For a directory of that name write "
            '"./topic:..."'
        )
    source, sink = config.source, config.sink
    if not config.exactly_once:
        yield (
            "[service] checkpoint is a topic, which takes state in one transaction with outputs "
            "and positions: source and sink must be topics of one Kafka cluster; leave brokers out "
            'of [sink] and set [sink] delivery to "auto" or "exactly_once", or name a directory'
        )
    elif isinstance(source, KafkaInput) and isinstance(sink, KafkaOutput):
        others = {*source.topics, sink.scores, sink.alerts, sink.dead_letters}
        if topic in others:
            yield (
                f"[service] checkpoint is the topic {topic!r}, which [source] or [sink] uses; "
                "name one that is for state alone"
            )


def _same_path(one: str, other: str) -> bool:
    if "-" in (one, other):
        return False
    try:
        return os.path.realpath(one) == os.path.realpath(other)
    except ValueError:  # a null character; it will not be opened either
        return False


def _same_cluster(source: KafkaInput, sink: KafkaOutput) -> bool:
    return not sink.brokers or bool(set(sink.brokers) & set(source.brokers))
