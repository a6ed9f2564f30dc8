"""Features by name on their way into a learner, which knows columns: one event, or rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamgmm.detection.rows import Rows
from streamgmm.learned import Learned
from streamgmm.mixture import Frame

if TYPE_CHECKING:
    from streamgmm.detection.newcomers import Newcomers
    from streamgmm.events.clock import EventClock

Array: TypeAlias = NDArray[np.float64]


class ByName(Learned):
    """The part of an estimator that gives names their columns and judges times.

    A name gets a column when an event teaches it: in warm-up at once, later when `Newcomers` have
    seen enough of it. Where the half-life is a time (``_timed``) the clock judges what teaches.
    """

    _newcomers: Newcomers
    _clock: EventClock
    _timed: bool

    # ---- one event -----------------------------------------------------------------------

    def _score_one(self, x: dict[Any, Any]) -> float:
        """Return the score of an event; nothing is learned."""
        stepper = self._learner.stepper
        if stepper is not None:
            return stepper.score(self._columns, x)
        return float(self._learner.score(self._known(self._columns.row(x)))[0])

    def _pass_by(self, x: dict[Any, Any]) -> float:
        """Return the score of an event that teaches nothing."""
        score = self._score_one(x)
        if not self._learner.frozen:
            self._learner.n_seen += 1
        return score

    def _score_learn_one(self, x: dict[Any, Any], weight: float, time: float) -> float:
        score = self._learner.step_one(self._columns, x, weight, time)
        if score is not None:
            return score
        row = self._columns.row(x, grow=True)
        self._admit_in_warm_up()
        # those that the mixture does not have yet are not columns, so that they slow nothing down
        d = self._learner.n_features
        new = self._columns.shrink(d)
        rows = Rows(self._known(row), np.array([weight]), np.array([time]))
        return float(self._score_learn(rows, new, row[:, d:])[0])

    # ---- rows ----------------------------------------------------------------------------

    def _pass_by_many(self, names: list[Any], rows: Array) -> Array:
        """Return the scores of rows (n, m) that teach nothing."""
        if not self._learner.frozen:
            self._learner.n_seen += len(rows)
        return self._learner.score(self._known(self._over_columns(names, rows)))

    def _score_learn_rows(self, names: list[Any], rows: Array, weight: Array, time: Array) -> Array:
        """Score and learn rows (n, m) of the features ``names``; the first has a weight."""
        if not self.ready:
            self._columns.row(dict.fromkeys(names, math.nan), grow=True)
            self._admit_in_warm_up()
        known = set(self.feature_names)
        new = [i for i, name in enumerate(names) if name not in known]
        if self._timed:
            admitted = np.zeros(len(time), dtype=bool)
            admitted[weight > 0.0] = self._clock.admit(time[weight > 0.0])
            time = np.where(admitted, time, math.nan)
        block = Rows(self._over_columns(names, rows), weight, time)
        return self._score_learn(block, [names[i] for i in new], rows[:, new])

    # ---- columns -------------------------------------------------------------------------

    def _known(self, matrix: Array) -> Array:
        """Return the columns that the mixture has."""
        return np.ascontiguousarray(matrix[:, : self._learner.n_features])

    def _admit_in_warm_up(self) -> None:
        """Give columns that have just appeared their place in a warm-up."""
        added = len(self._columns) - self._learner.n_features
        if added and not self.ready:
            self._learner.widen(unplaced(added))

    def _score_learn(self, rows: Rows, new: list[Any], values: Array) -> Array:
        """Score and learn rows; ``values`` (n, p) are those of features that are ``new``."""
        learner = self._learner
        if not new:
            learner.score_learn(rows)
            return rows.score
        scores, values, start = np.empty(len(rows)), values.copy(), 0
        shown = (~np.isnan(values)).any(axis=1) & (rows.weight > 0)
        for stop in [*(np.flatnonzero(shown) + 1).tolist(), len(rows)]:
            part = Rows(rows.X[start:stop], rows.weight[start:stop], rows.time[start:stop])
            learner.score_learn(part)
            scores[start:stop] = part.score
            if stop > start and shown[stop - 1]:
                for name, frame in self._newcomers.watch(self.n_seen, new, values[stop - 1]):
                    at = new.index(name)
                    X = np.column_stack([rows.X, values[:, at]])
                    rows = Rows(np.ascontiguousarray(X), rows.weight, rows.time)
                    values[:, at] = np.nan
                    self._columns.row({name: math.nan}, grow=True)
                    learner.widen(frame)
            start = stop
        return scores

    def _over_columns(self, names: list[Any], rows: Array) -> Array:
        """Return rows over all columns in their order, NaN where a feature is not in ``names``."""
        if names == self._columns.names:
            return rows
        place = {name: i for i, name in enumerate(names)}
        matrix = np.full((len(rows), len(self._columns)), np.nan)
        for i, name in enumerate(self._columns.names):
            if name in place:
                matrix[:, i] = rows[:, place[name]]
        return matrix


def unplaced(d: int) -> Frame:
    """Return a frame for features that wait for the warm-up's end."""
    return Frame(np.zeros(d), np.ones(d), np.ones(d))
