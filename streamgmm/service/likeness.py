"""What a mixture says in the user's names and units: each component's standing and ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from streamgmm.detection.reasons import USUAL
from streamgmm.events.cycles import CYCLES, UsualTime, shown_range
from streamgmm.mixture.summary import by_weight
from streamgmm.service.why import percent, usual_shares
from streamgmm.words import digits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streamgmm.events import Encoder, Field, Schema
    from streamgmm.mixture import OnlineMixture

    Array = NDArray[np.float64]

__all__ = ["Component", "Likeness", "Range"]


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


@dataclass(frozen=True, slots=True)
class Likeness:
    """A mixture, with what its columns are and the way back to the user's units."""

    mixture: OnlineMixture
    schema: Schema
    encoder: Encoder

    def slots(self) -> list[int]:
        """Give the slots that hold a component, heaviest first."""
        return by_weight(self.mixture)

    def by_id(self) -> dict[int, int]:
        """Give the slots of the components by their identities, heaviest first."""
        return {int(self.mixture.ids[k]): k for k in self.slots()}

    def spreads(self) -> Array:
        """Return the standard deviations (K, d) of the components, in the model's units."""
        spreads: Array = np.sqrt(np.einsum("kii->ki", self.mixture.covariances))
        return spreads

    def components(self) -> Iterator[Component]:
        """Describe the components, heaviest first."""
        mixture = self.mixture
        means, spreads = mixture.means, self.spreads()
        for k in self.slots():
            yield Component(
                component=k,
                id=int(mixture.ids[k]),
                weight=float(mixture.weights[k]),
                n=float(mixture.counts[k]),
                standing=mixture.standing(k),
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
