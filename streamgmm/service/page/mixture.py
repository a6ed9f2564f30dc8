"""A model's mixture for the page: as it is now, as it was an hour ago, its weights in between."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from streamgmm.events import Encoder
from streamgmm.service.learned_between import Gone, Moved, born, gone, moved
from streamgmm.service.likeness import Likeness
from streamgmm.service.page.cloud import Cloud

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streamgmm.detection import Detector
    from streamgmm.events import Schema
    from streamgmm.service.likeness import Component

    Array = NDArray[np.float64]

__all__ = ["MixtureHistory", "Sight", "best_pair", "shown", "told"]

_HOUR: Final = 3600.0
_SNAPSHOT_SECONDS: Final = 300.0
_SNAPSHOTS: Final = 14
_WEIGHTS: Final = ((10.0, 361), (240.0, 360))  # an hour and a day


class Sight(NamedTuple):
    """What is to be shown of a model; arrays and mixtures in it are changed by nobody.

    ``now`` and ``before`` come with their times, s since the epoch; ``weights`` are times with
    weights by the components' identities.
    """

    now: tuple[float, Likeness] | None
    before: tuple[float, Likeness] | None
    points: Array
    alerts: Array
    weights: list[tuple[float, dict[int, float]]]


class MixtureHistory:
    """What the loop keeps of one model's mixture; not thread-safe, its owner is.

    Parameters
    ----------
    schema
        What its columns are.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._encoder = Encoder(schema)
        self.cloud = Cloud()
        self._now: tuple[float, Likeness] | None = None
        self._before: deque[tuple[float, Likeness]] = deque(maxlen=_SNAPSHOTS)
        self._weights = {
            every: deque[tuple[float, dict[int, float]]](maxlen=kept) for every, kept in _WEIGHTS
        }

    def look(self, detector: Detector, now: float, *, watched: bool) -> None:
        """Note how the mixture stands; the whole of it where somebody is watching."""
        mixture = detector.mixture
        if mixture is None or not detector.ready:
            return
        for every, kept in self._weights.items():
            if not kept or now - kept[-1][0] >= every:
                occupied = np.flatnonzero(mixture.weights > 0.0)
                kept.append(
                    (
                        now,
                        dict(
                            zip(
                                mixture.ids[occupied].tolist(),
                                mixture.weights[occupied].tolist(),
                                strict=True,
                            )
                        ),
                    )
                )
        due = not self._before or now - self._before[-1][0] >= _SNAPSHOT_SECONDS
        if watched or due:
            self._now = (now, Likeness(mixture.copy(), self._schema, self._encoder))
        if due and self._now is not None:
            self._before.append(self._now)

    def sight(self, *, day: bool) -> Sight:
        """Give what is to be shown: over the last day, or the last hour."""
        now = None if self._now is None else self._now[0]
        within = [one for one in self._before if now is None or now - one[0] <= _HOUR + 60.0]
        every = _WEIGHTS[day][0]
        return Sight(
            now=self._now,
            before=within[0] if within else None,
            points=self.cloud.points(),
            alerts=self.cloud.alerts(),
            weights=list(self._weights[every]),
        )


def shown(sight: Sight, x: str | None, y: str | None) -> dict[str, Any]:
    """Write a sight as JSON shows it, in the plane of the columns `x` and `y`.

    Where they are not two of the model's columns, the two in which its components lie furthest
    apart are taken.
    """
    if sight.now is None:
        return {"components": []}
    time, likeness = sight.now
    names = likeness.schema.names
    plane = _plane(likeness, names, x, y)
    means, covariances = likeness.mixture.means, likeness.mixture.covariances
    components = []
    for component in likeness.components():
        k = component.component
        block = covariances[k][np.ix_(plane, plane)]
        components.append(
            {
                **told(component),
                "mean": means[k][plane].tolist(),
                "covariance": [float(block[i, j]) for i, j in ((0, 0), (0, 1), (1, 1))],
            }
        )
    return {
        "time": time,
        "columns": list(names),
        "plane": [names[i] for i in plane],
        "components": components,
        "points": _flat(sight.points, plane),
        "alerts": _flat(sight.alerts, plane),
        "weights": _weights(sight.weights, likeness.by_id()),
        "changes": _changes(sight),
    }


def _plane(likeness: Likeness, names: tuple[str, ...], x: str | None, y: str | None) -> list[int]:
    if x in names and y in names and x != y:
        return [names.index(str(x)), names.index(str(y))]
    return best_pair(likeness)


def best_pair(likeness: Likeness) -> list[int]:
    """Choose the two columns in which the components lie furthest apart for their width.

    Of all pairs among the 16 best single ones it takes the largest trace of W^-1 B, with W the
    mean covariance within components and B that of their means: Fisher's criterion.
    """
    mixture = likeness.mixture
    if mixture.d == 1:
        return [0, 0]
    w, means = mixture.weights, mixture.means
    within = np.einsum("k,kij->ij", w, mixture.covariances)
    centred = means - w @ means
    between = np.einsum("k,ki,kj->ij", w, centred, centred)
    ratio = np.diag(between) / np.diag(within)
    best = np.sort(np.argsort(-ratio, kind="stable")[:16]).tolist()
    pairs = [[i, j] for at, i in enumerate(best) for j in best[at + 1 :]]

    def worth(pair: list[int]) -> float:
        block = np.ix_(pair, pair)
        return float(np.trace(np.linalg.solve(within[block], between[block])))

    return max(pairs, key=worth)


def _flat(points: Array, plane: list[int]) -> list[list[float]]:
    """Give the points that have both columns, with the digits that a screen can show."""
    if not len(points):
        return []
    chosen = points[:, plane]
    chosen = chosen[np.isfinite(chosen).all(axis=1)]
    return [[float(f"{x:.5g}"), float(f"{y:.5g}")] for x, y in chosen.tolist()]


def told(component: Component) -> dict[str, Any]:
    """Write a component; its identity as text: JavaScript's numbers would round it."""
    return {**msgspec.to_builtins(component), "id": str(component.id)}


def _weights(
    weights: list[tuple[float, dict[int, float]]], slots: dict[int, int]
) -> dict[str, Any]:
    """Turn moments into one series a component, heaviest (over all moments) first.

    ``slots`` are those of the components that are there now; the others have None.
    """
    total: dict[int, float] = {}
    for _, shares in weights:
        for name, share in shares.items():
            total[name] = total.get(name, 0.0) + share
    order = sorted(total, key=lambda name: -total[name])
    return {
        "time": [round(at, 1) for at, _ in weights],
        "components": [slots.get(name) for name in order],
        "series": [
            [None if name not in shares else round(shares[name], 5) for _, shares in weights]
            for name in order
        ],
    }


def _changes(sight: Sight) -> dict[str, Any] | None:
    if sight.now is None or sight.before is None:
        return None
    (now, new), (then, old) = sight.now, sight.before
    return {
        "since": then,
        "seconds": now - then,
        "moved": [_without_id(one) for one in moved(old, new)],
        "born": born(old, new),
        "gone": [_without_id(one) for one in gone(old, new)],
    }


def _without_id(one: Moved | Gone) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(one)
    del told["id"]
    return told
