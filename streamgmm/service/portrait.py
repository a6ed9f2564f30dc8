"""What a checkpoint holds, for a person: counts, levels, incidents, and each component's ranges.

A snapshot knows its fields and their transforms; only the units come from a job's configuration.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from streamgmm.detection import Detector
from streamgmm.errors import StateError
from streamgmm.events import Encoder, Field, Schema
from streamgmm.service.incidents import described
from streamgmm.service.likeness import Component, Likeness

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamgmm.service.checkpoint import Checkpoint, Entry

__all__ = ["Portrait", "Sitter"]


class Portrait(msgspec.Struct, frozen=True):
    """A checkpoint in figures; levels are in nats, None where there is none."""

    model: str
    number: int
    positions: dict[str, int]
    events_seen: int
    ready: bool
    frozen: bool
    went_back: bool
    fingerprint: str
    configuration: list[str]
    gate: float | None
    threshold: float | None
    drift_moved: float
    drift_misfit: float
    covariance: str
    components: list[Component]
    incidents: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Sitter:
    """A checkpoint that was read and understood.

    Attributes
    ----------
    number
        Of the checkpoint, 0 where it has none.
    schema, encoder
        What its columns are, and the way back to the user's units.
    """

    checkpoint: Checkpoint
    number: int
    detector: Detector
    schema: Schema
    encoder: Encoder

    @classmethod
    def of(cls, entry: Entry, units: Mapping[str, str]) -> Sitter:
        """Read a checkpoint; `units` are those of its fields, where known.

        Raises
        ------
        StateError
            If it is damaged or not understood.
        """
        checkpoint = entry.read()
        try:
            schema = Schema(fields=tuple(_fields(checkpoint.configuration, units)))
            detector = Detector.from_state(checkpoint.state["detector"])
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"{entry.label} is not understood: {error}") from error
        if schema.width != detector.n_features:
            raise StateError(
                f"{entry.label} is not understood: it has {detector.n_features} columns, and its "
                f"configuration {schema.width}"
            )
        return cls(checkpoint, entry.number, detector, schema, Encoder(schema))

    @property
    def likeness(self) -> Likeness | None:
        """The mixture in force; None before two events."""
        mixture = self.detector.mixture
        return None if mixture is None else Likeness(mixture, self.schema, self.encoder)

    def portrait(self) -> Portrait:
        """Say what it holds."""
        checkpoint, detector, likeness = self.checkpoint, self.detector, self.likeness
        return Portrait(
            model=checkpoint.name,
            number=self.number,
            positions=dict(checkpoint.positions),
            events_seen=detector.n_seen,
            ready=detector.ready,
            frozen=detector.frozen,
            went_back=checkpoint.skip,
            fingerprint=checkpoint.fingerprint,
            configuration=checkpoint.configuration.splitlines(),
            gate=_finite(detector.gate_level) if detector.ready else None,
            threshold=_finite(detector.threshold),
            drift_moved=detector.drift.moved,
            drift_misfit=detector.drift.misfit,
            covariance="" if likeness is None else likeness.mixture.rules.covariance,
            components=[] if likeness is None else list(likeness.components()),
            incidents=[described(checkpoint.name, one) for one in detector.incidents],
        )


def _fields(configuration: str, units: Mapping[str, str]) -> Iterator[Field]:
    """Read the features back from what `shaping_configuration` wrote, a line each."""
    start = "events.fields."
    for line in configuration.splitlines():
        if line.startswith(start):
            name, shape = _named_object(line.removeprefix(start))
            yield Field(**{**shape, "unit": units.get(name, "")})


def _named_object(line: str) -> tuple[str, dict[str, Any]]:
    """Part ``NAME = {...}``, whatever is in the name."""
    at = line.find(" = {")
    while at >= 0:
        try:
            return line[:at], json.loads(line[at + 3 :])
        except json.JSONDecodeError:
            at = line.find(" = {", at + 1)
    raise ValueError(f"{line!r} describes no field")


def _finite(level: float) -> float | None:
    return level if math.isfinite(level) else None
