"""What a checkpoint holds, for a person: counts, levels, incidents, and each component's ranges.

A snapshot knows its fields and their transforms; only the units come from a job's configuration.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streamgmm.detection import Detector
from streamgmm.detection.reasons import USUAL
from streamgmm.errors import StateError
from streamgmm.events import Encoder, Field, Schema
from streamgmm.events.cycles import CYCLES, UsualTime, shown_range
from streamgmm.service.incidents import described
from streamgmm.service.why import percent, usual_shares
from streamgmm.words import digits_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from streamgmm.mixture import OnlineMixture
    from streamgmm.service.checkpoint import Checkpoint, Entry

    Array = NDArray[np.float64]

__all__ = ["Component", "Portrait", "Range", "Sitter"]


class Range(msgspec.Struct, frozen=True):
    """Where a component has one feature: its mean, and two spreads below and above it.

    Numbers are in the user's units; of a category they are shares of the events, of a time of day
    or week clocks. None where any time is usual.
    """

    feature: str
    mean: float | str | None
    low: float | str | None
    high: float | str | None
    text: str


class Component(msgspec.Struct, frozen=True):
    """One component: its slot and identity, share of the traffic, events behind it, standing.

    `standing` is "normal", "partly" (under some threshold of what counts as established), "rare" or
    "accepted".
    """

    component: int
    id: int
    weight: float
    n: float
    standing: str
    features: list[Range]


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
    def mixture(self) -> OnlineMixture | None:
        """The mixture in force; None before two events."""
        return self.detector.mixture

    def spreads(self) -> Array:
        """Return the standard deviations (K, d) of the components, in the model's units."""
        assert self.mixture is not None
        spreads: Array = np.sqrt(np.einsum("kii->ki", self.mixture.covariances))
        return spreads

    def portrait(self) -> Portrait:
        """Say what it holds."""
        checkpoint, detector = self.checkpoint, self.detector
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
            covariance="" if self.mixture is None else self.mixture.rules.covariance,
            components=list(self._components()),
            incidents=[described(checkpoint.name, one) for one in detector.incidents],
        )

    def _components(self) -> Iterator[Component]:
        mixture = self.mixture
        if mixture is None:
            return
        means, spreads = mixture.means, self.spreads()
        for k in slots_by_weight(mixture):
            yield Component(
                component=k,
                id=int(mixture.ids[k]),
                weight=float(mixture.weights[k]),
                n=float(mixture.counts[k]),
                standing=_standing(mixture, k),
                features=list(self.ranges(means[k], spreads[k])),
            )

    def ranges(self, mean: Array, spread: Array) -> Iterator[Range]:
        """Give where a component with this mean (d,) and spread (d,) has each field."""
        for field, first in zip(self.schema.fields, self.schema.offsets, strict=True):
            centre, width = float(mean[first]), float(spread[first])
            if field.kind == "number":
                yield self._number(field, first, centre, width)
            elif field.kind == "category":
                yield _category(field, centre, width)
            else:
                yield _time(field, centre, float(mean[first + 1]))

    def _number(self, field: Field, column: int, centre: float, spread: float) -> Range:
        mean, low, high = (
            self.encoder.plain(column, one)
            for one in (centre, centre - USUAL * spread, centre + USUAL * spread)
        )
        width = high - low
        texts = [
            self.encoder.render(column, one, digits_of(one, width)) for one in (mean, low, high)
        ]
        return Range(field.name, mean, low, high, f"{texts[0]} ({texts[1]} to {texts[2]})")


def slots_by_weight(mixture: OnlineMixture) -> list[int]:
    """Give the slots that hold a component, heaviest first."""
    order = np.argsort(-mixture.weights, kind="stable")
    return [k for k in order.tolist() if mixture.weights[k] > 0.0]


def _standing(mixture: OnlineMixture, k: int) -> str:
    if math.isinf(mixture.tenure[k]):
        return "accepted"
    if mixture.fully_established[k]:
        return "normal"
    return "partly" if mixture.established[k] else "rare"


def _category(field: Field, centre: float, spread: float) -> Range:
    mean, low, high = usual_shares(centre, spread)
    text = f"{percent(mean)} of events ({percent(low)} to {percent(high)})"
    return Range(field.name, mean, low, high, text)


def _time(field: Field, sine: float, cosine: float) -> Range:
    cycle, usual = CYCLES[field.transform], UsualTime.of(sine, cosine)
    ends = shown_range(cycle, usual, USUAL)
    if ends is None:
        return Range(field.name, None, None, None, "any time")
    mean = cycle.clock(usual.centre)
    return Range(field.name, mean, *ends, f"{mean} ({ends[0]} to {ends[1]})")


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
