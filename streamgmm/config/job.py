"""A whole job: its sections, its fingerprint and its listing as TOML."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

from streamgmm.config.rules import Secret
from streamgmm.config.sections import Alerts, Events, Model, Service
from streamgmm.config.security import Security
from streamgmm.config.sinks import FileOutput, KafkaOutput
from streamgmm.config.sources import FileInput, KafkaInput
from streamgmm.config.telemetry import Telemetry
from streamgmm.config.toml import write_toml
from streamgmm.errors import ConfigError
from streamgmm.events.schema import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One job, complete and checked; made by `load`.

    Attributes
    ----------
    source, events, model, alerts, sink, service, telemetry
        The sections of the file.
    """

    source: FileInput | KafkaInput
    events: Events
    model: Model = field(default_factory=Model)
    alerts: Alerts = field(default_factory=Alerts)
    sink: FileOutput | KafkaOutput = field(default_factory=FileOutput)
    service: Service = field(default_factory=Service)
    telemetry: Telemetry = field(default_factory=Telemetry)

    def schema(self) -> Schema:
        """Return what an event looks like."""
        return self.events.schema()

    def fingerprint(self) -> str:
        """Return 32 hexadecimal digits that change when saved state would mean something else.

        They cover the features and their transforms, the event time and the whole model; not
        units, the key, the budget, max_ahead, where events come from and go to, nor the order
        of lines. A few parts of the model may change all the same (`service.terms`).
        """
        shape = {
            "version": 3,
            "fields": [feature.shape() for feature in self.schema().fields],
            "time": [self.events.time, self.events.time_unit, self.events.time_zone],
            "model": asdict(self.model),
        }
        if any(feature.owner is True for feature in self.events.fields):
            shape["key"] = self.events.key
        canonical = json.dumps(shape, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()

    @property
    def exactly_once(self) -> bool:
        """Whether outputs and the positions they came from are committed together."""
        source, sink = self.source, self.sink
        if not isinstance(source, KafkaInput) or not isinstance(sink, KafkaOutput):
            return False
        one_cluster = not sink.brokers or set(sink.brokers) == set(source.brokers)
        return sink.delivery == "exactly_once" or (sink.delivery == "auto" and one_cluster)

    def secrets(self) -> tuple[Secret, ...]:
        """Return all secrets of the job, those in files too.

        Raises
        ------
        ConfigError
            With every file that cannot be used.
        """
        found, problems = [], []
        sections = {
            "source": self.source,
            "sink": self.sink,
            "service": self.service,
            "telemetry": self.telemetry,
        }
        for name, section in sections.items():
            try:
                if isinstance(section, Security):
                    found.append(section.password)
                elif isinstance(section, Service):
                    found.append(section.shown_token)
                elif isinstance(section, Telemetry):
                    found += section.secrets()
            except ConfigError as error:
                problems += [f"[{name}] {problem}" for problem in error.problems]
        if problems:
            raise ConfigError(*problems)
        return tuple(secret for secret in found if secret)

    def to_toml(self, *, comments: bool = False) -> str:
        """Return the job as TOML that loads to the same job; secrets are left out.

        With `comments` every key is explained.
        """
        return write_toml(self, comments=comments)
