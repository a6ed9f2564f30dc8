"""What a model has learned between two checkpoints of it.

Components are the same where their identities are. One that is gone has merged with another, whose
identity the two go on with, or has retired; the checkpoints do not say which, so the nearest of
those that are there now is named.
"""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from streamgmm.errors import StateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamgmm.service.likeness import Likeness
    from streamgmm.service.portrait import Portrait, Sitter

    Array = NDArray[np.float64]

__all__ = ["Between", "Gone", "Moved", "between", "born", "gone", "moved"]


class Moved(msgspec.Struct, frozen=True):
    """A component that both checkpoints have.

    Attributes
    ----------
    component, id
        Its slot and identity.
    weight, n
        Before and after.
    moved
        How far its mean is from where it was, in its earlier spreads: root mean square over the
        columns.
    feature, text
        The feature whose mean has moved furthest, from what to what.
    """

    component: int
    id: int
    weight: tuple[float, float]
    n: tuple[float, float]
    moved: float
    feature: str
    text: str


class Gone(msgspec.Struct, frozen=True):
    """A component that only the earlier one has; `nearest` is a slot of the later one."""

    component: int
    id: int
    weight: float
    nearest: int | None
    distance: float | None


class Between(msgspec.Struct, frozen=True):
    """From one checkpoint of a model to another; pairs are before and after."""

    model: str
    numbers: tuple[int, int]
    positions: dict[str, tuple[int | None, int | None]]
    events: int
    threshold: tuple[float | None, float | None]
    gate: tuple[float | None, float | None]
    incidents: tuple[int, int]
    configuration: list[str]
    components: list[Moved]
    born: list[int]
    gone: list[Gone]


def between(one: Sitter, other: Sitter) -> Between:
    """Compare two checkpoints, the earlier one first.

    Raises
    ------
    StateError
        If they have other features, so that nothing can be compared.
    """
    before, after = one.portrait(), other.portrait()
    fields = [[field.shape() for field in sitter.schema.fields] for sitter in (one, other)]
    if fields[0] != fields[1]:
        raise StateError(
            "the two checkpoints have other features:\n"
            + "\n".join(_changes(before, after))
            + "\ncompare two that were learned under the same [events.fields]"
        )
    names = sorted({*before.positions, *after.positions})
    old, new = one.likeness, other.likeness
    return Between(
        model=after.model if before.model == after.model else f"{before.model}, {after.model}",
        numbers=(before.number, after.number),
        positions={name: (before.positions.get(name), after.positions.get(name)) for name in names},
        events=after.events_seen - before.events_seen,
        threshold=(before.threshold, after.threshold),
        gate=(before.gate, after.gate),
        incidents=(len(before.incidents), len(after.incidents)),
        configuration=_changes(before, after),
        components=moved(old, new),
        born=born(old, new),
        gone=gone(old, new),
    )


def _changes(before: Portrait, after: Portrait) -> list[str]:
    lines = difflib.ndiff(before.configuration, after.configuration)
    return [line for line in lines if line.startswith(("- ", "+ "))]


def born(old: Likeness | None, new: Likeness | None) -> list[int]:
    """Give the slots of the components that only the later one has."""
    if new is None:
        return []
    known = {} if old is None else old.by_id()
    return [slot for name, slot in new.by_id().items() if name not in known]


def moved(old: Likeness | None, new: Likeness | None) -> list[Moved]:
    """Compare the components that both have, heaviest first."""
    if old is None or new is None:
        return []
    earlier = old.by_id()
    pairs = [(name, earlier[name], k) for name, k in new.by_id().items() if name in earlier]
    means, spreads = old.mixture.means, old.spreads()
    now, now_spreads = new.mixture.means, new.spreads()
    columns = [at for at, field in enumerate(old.schema.fields) for _ in field.columns]
    found = []
    for name, i, k in pairs:
        steps = np.abs(now[k] - means[i]) / spreads[i]
        field = columns[int(steps.argmax())]
        was = list(old.ranges(means[i], spreads[i]))[field]
        becomes = list(new.ranges(now[k], now_spreads[k]))[field]
        found.append(
            Moved(
                component=k,
                id=name,
                weight=(float(old.mixture.weights[i]), float(new.mixture.weights[k])),
                n=(float(old.mixture.counts[i]), float(new.mixture.counts[k])),
                moved=_rms(steps),
                feature=was.feature,
                text=f"{was.text} -> {becomes.text}",
            )
        )
    return found


def gone(old: Likeness | None, new: Likeness | None) -> list[Gone]:
    """Give the components that only the earlier one has."""
    if old is None:
        return []
    mixture = old.mixture
    found = []
    for i in born(new, old):
        nearest, distance = None, None
        if new is not None:
            slots, spreads = new.slots(), new.spreads()
            away = [_rms((new.mixture.means[k] - mixture.means[i]) / spreads[k]) for k in slots]
            nearest = slots[int(np.argmin(away))]
            distance = min(away)
        found.append(Gone(i, int(mixture.ids[i]), float(mixture.weights[i]), nearest, distance))
    return found


def _rms(steps: Array) -> float:
    return math.sqrt(float((steps**2).mean()))
