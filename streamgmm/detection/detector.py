"""From events to decisions: learner, tail, budget and reasons as one state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import OnlineMixture

from .budget import EventClock, probability_of
from .learner import Rows
from .reasons import Explanation, explain
from .settings import DetectorSettings
from .tail import Tail

Array = NDArray[np.float64]

STATE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was found about each of n events, in columns (n,).

    ``score`` in nats; ``p_value`` the probability of a score at least as high and ``severity``
    min(100, -10 log10 p), both NaN while not ready; ``component`` the most responsible one (0 while
    not ready); ``unscored``: nothing was observed. ``explanations`` by row, for the anomalies.
    """

    score: Array
    p_value: Array
    severity: Array
    is_anomaly: NDArray[np.bool_]
    ready: NDArray[np.bool_]
    unscored: NDArray[np.bool_]
    component: NDArray[np.int64]
    explanations: dict[int, Explanation]


class Detector:
    """Scores each event before learning it, and decides whether it is worth an alert.

    Parameters
    ----------
    n_features
        d, the number of columns.
    settings
        What it is made of; the defaults if None.
    """

    def __init__(self, n_features: int, settings: DetectorSettings | None = None) -> None:
        if n_features < 1:
            raise ValueError(f"n_features is {n_features!r}; at least one feature is needed")
        self.n_features = n_features
        self.settings = settings = settings or DetectorSettings()
        self._learner = settings.learner(n_features)
        self._tail = Tail(settings.window)
        self._clock = EventClock()
        self._threshold = float("inf")

    @property
    def n_seen(self) -> int:
        """Number of events processed."""
        return self._learner.n_seen

    @property
    def warmup(self) -> int:
        """Number of events that it takes to be ready."""
        return self._learner.length

    @property
    def ready(self) -> bool:
        """Whether warm-up is over; nothing alerts before."""
        return self._learner.ready

    @property
    def mixture(self) -> OnlineMixture | None:
        """The mixture in force (provisional before ready); None before two events."""
        return self._learner.mixture

    @property
    def threshold(self) -> float:
        """The score, in nats, from which an event is an anomaly; inf while not ready."""
        return self._threshold

    @property
    def weights(self) -> Array:
        """Shares (K,) of the components; one of 1 before ready."""
        mixture = self.mixture
        return np.ones(1) if mixture is None else mixture.weights

    @property
    def established(self) -> NDArray[np.bool_]:
        """Which components (K,) count as normal behaviour."""
        mixture = self.mixture
        return np.ones(1, dtype=bool) if mixture is None else mixture.established

    def explain(self, x: Array) -> Explanation:
        """Explain x (d,) by the model as it is now.

        Raises
        ------
        ValueError
            Before two events: there is nothing to compare with.
        """
        if self.mixture is None:
            raise ValueError("nothing has been learned yet; explain after the first events")
        return explain(self.mixture, np.asarray(x, dtype=np.float64))

    def process(self, X: Array, *, t: Array | None = None, w: Array | None = None) -> Verdicts:
        """Score, decide and learn the rows of X (n, d), strictly one after the other.

        Parameters
        ----------
        X
            Events, NaN = missing.
        t
            Event times (n,) in seconds, NaN = none.
        w
            Weights (n,) with which the events are learned; 1 by default.

        Raises
        ------
        ValueError
            If a shape does not fit, a value is infinite, or the budget is a rate and t is
            not given.
        """
        rows = self._rows(X, t, w)
        n = len(rows)
        p_value = np.full(n, np.nan)
        is_anomaly, ready = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
        unscored = np.asarray(np.isnan(rows.X).all(axis=1))
        explanations: dict[int, Explanation] = {}
        at = 0
        while at < n:
            start = at
            if self.ready:
                at = self._run(rows, start, explanations)
                scores = rows.score[start:at]
                p_value[start:at] = self._tail.p_value(scores)
                is_anomaly[start:at] = scores >= self._threshold
                ready[start:at] = True
                self._account(rows.time[start:at], scores[~unscored[start:at]])
            else:
                at = self._warm_up(rows, start)
        p_value[unscored] = np.nan
        is_anomaly &= ~unscored
        severity = np.minimum(-10.0 * np.log10(np.maximum(p_value, 1e-10)), 100.0)
        return Verdicts(
            rows.score, p_value, severity, is_anomaly, ready, unscored, rows.component, explanations
        )

    def _rows(self, X: Array, t: Array | None, w: Array | None) -> Rows:
        X = np.ascontiguousarray(X, dtype=np.float64)
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise ValueError(f"X has shape {X.shape}; (n, {self.n_features}) is needed")
        if np.isinf(X).any():
            row, column = np.argwhere(np.isinf(X))[0]
            raise ValueError(
                f"X[{row}, {column}] is infinite; give a finite value, or NaN where it is missing"
            )
        time = _per_row("t", t, len(X), np.nan)
        weight = _per_row("w", w, len(X), 1.0)
        for name, values, wrong, allowed in (
            ("t", time, np.isinf(time), "a finite time in s, or NaN where there is none"),
            ("w", weight, ~((weight >= 0.0) & (weight < np.inf)), "a finite weight of at least 0"),
        ):
            if wrong.any():
                row = int(wrong.argmax())
                raise ValueError(f"{name}[{row}] is {float(values[row])!r}; give {allowed}")
        # Whether a block's events all lack a time depends on how the stream was cut: no error.
        if self.settings.budget.per_day is not None and t is None:
            raise ValueError(
                "the budget is a rate a day, but the events have no times; give t, or a "
                "probability as the budget"
            )
        return Rows(X, weight, time)

    def _run(self, rows: Rows, start: int, explanations: dict[int, Explanation]) -> int:
        """Run from ``start`` to the next fit of the tail, explaining anomalies on the way."""
        stop = min(len(rows), start + max(self._tail.due, 1))
        at, alert = start, False
        while at < stop:
            at, alert = self._learner.advance(rows, at, stop, self._threshold, known=alert)
            if alert:
                assert self.mixture is not None
                explanations[at] = explain(self.mixture, rows.X[at])
        return stop

    def _warm_up(self, rows: Rows, start: int) -> int:
        """Run from ``start`` to the end of warm-up at most."""
        at, _ = self._learner.advance(rows, start, len(rows), np.inf)
        self._clock.see(rows.time[start:at])
        if self.ready:
            self._tail.start(self._learner.warmup_scores)
            self._decide_threshold()
        return at

    def _account(self, times: Array, scores: Array) -> None:
        """Let times and scores of decided events into clock and tail."""
        self._clock.see(times)
        if self._tail.add(scores):
            self._decide_threshold()

    def _decide_threshold(self) -> None:
        self._clock.fold()
        self._apply_budget()

    def _apply_budget(self) -> None:
        probability = probability_of(self.settings.budget, self._clock)
        self._threshold = self._tail.threshold(probability)

    # ---- state ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return all that shapes what it will say, as plain arrays and scalars (copies)."""
        return {
            "version": STATE_VERSION,
            "n_features": self.n_features,
            "settings": self.settings.state(),
            "learner": self._learner.state(),
            "tail": self._tail.state(),
            "clock": self._clock.state.copy(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Detector:
        """Return the detector that gave ``state``; it goes on bit for bit as that one would.

        Raises
        ------
        ValueError
            If the state is of another version.
        """
        if state.get("version") != STATE_VERSION:
            raise ValueError(
                f"detector state is of version {state.get('version')!r}; this build reads "
                f"version {STATE_VERSION}: use the release that wrote it"
            )
        detector = cls(int(state["n_features"]), DetectorSettings.from_state(state["settings"]))
        detector._learner.restore(state["learner"])
        detector._tail.restore(state["tail"])
        detector._clock.state[:] = state["clock"]
        if detector.ready:
            detector._apply_budget()  # as it was, or the new one if the settings have changed it
        return detector


def _per_row(name: str, values: Array | None, n: int, default: float) -> Array:
    """Return ``values`` as an array (n,), or ``default`` n times where None was given."""
    if values is None:
        return np.full(n, default)
    given = np.ascontiguousarray(values, dtype=np.float64)
    if given.shape != (n,):
        raise ValueError(f"{name} has shape {given.shape}; ({n},) is needed, one value a row of X")
    return given
