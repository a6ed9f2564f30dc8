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
from streamgmm.service.portrait import slots_by_weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamgmm.mixture import OnlineMixture
    from streamgmm.service.portrait import Portrait, Sitter

    Array = NDArray[np.float64]

__all__ = ["Between", "Gone", "Moved", "between"]


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
    old, new = one.mixture, other.mixture
    return Between(
        model=after.model if before.model == after.model else f"{before.model}, {after.model}",
        numbers=(before.number, after.number),
        positions={name: (before.positions.get(name), after.positions.get(name)) for name in names},
        events=after.events_seen - before.events_seen,
        threshold=(before.threshold, after.threshold),
        gate=(before.gate, after.gate),
        incidents=(len(before.incidents), len(after.incidents)),
        configuration=_changes(before, after),
        components=_moved(one, other),
        born=[] if new is None else _only_in(new, old),
        gone=_gone(one, other),
    )


def _changes(before: Portrait, after: Portrait) -> list[str]:
    lines = difflib.ndiff(before.configuration, after.configuration)
    return [line for line in lines if line.startswith(("- ", "+ "))]


def _by_id(mixture: OnlineMixture | None) -> dict[int, int]:
    if mixture is None:
        return {}
    return {int(mixture.ids[k]): k for k in slots_by_weight(mixture)}


def _only_in(mixture: OnlineMixture, other: OnlineMixture | None) -> list[int]:
    known = _by_id(other)
    return [slot for name, slot in _by_id(mixture).items() if name not in known]


def _moved(one: Sitter, other: Sitter) -> list[Moved]:
    old, new = one.mixture, other.mixture
    earlier = _by_id(old)
    pairs = [(name, earlier[name], k) for name, k in _by_id(new).items() if name in earlier]
    if old is None or new is None or not pairs:
        return []
    means, spreads, now, now_spreads = old.means, one.spreads(), new.means, other.spreads()
    columns = [at for at, field in enumerate(one.schema.fields) for _ in field.columns]
    found = []
    for name, i, k in pairs:
        steps = np.abs(now[k] - means[i]) / spreads[i]
        field = columns[int(steps.argmax())]
        was = list(one.ranges(means[i], spreads[i]))[field]
        becomes = list(other.ranges(now[k], now_spreads[k]))[field]
        found.append(
            Moved(
                component=k,
                id=name,
                weight=(float(old.weights[i]), float(new.weights[k])),
                n=(float(old.counts[i]), float(new.counts[k])),
                moved=_rms(steps),
                feature=was.feature,
                text=f"{was.text} -> {becomes.text}",
            )
        )
    return found


def _gone(one: Sitter, other: Sitter) -> list[Gone]:
    old, new = one.mixture, other.mixture
    if old is None:
        return []
    means = old.means
    found = []
    for i in _only_in(old, new):
        nearest, distance = None, None
        if new is not None:
            slots = slots_by_weight(new)
            away = [_rms((new.means[k] - means[i]) / other.spreads()[k]) for k in slots]
            nearest = slots[int(np.argmin(away))]
            distance = min(away)
        weight = float(old.weights[i])
        found.append(Gone(i, int(old.ids[i]), weight, nearest, distance))
    return found


def _rms(steps: Array) -> float:
    return math.sqrt(float((steps**2).mean()))
