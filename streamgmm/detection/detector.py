"""From events to decisions: learner, tail, budget and reasons as one state."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import NUMERICS, OnlineMixture
from streamgmm.snapshot import refusal
from streamgmm.values import check_whole

from .budget import EventClock, probability_of
from .drift import Drift
from .incidents import Incident, Incidents
from .quarantine import Birth
from .reasons import Explanation, explain
from .rows import Rows, rows_of
from .settings import DetectorSettings
from .tail import Tail
from .verdicts import Verdicts, severity_of, undecided

Array = NDArray[np.float64]

STATE_VERSION = 4


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
        check_whole("n_features", n_features, 1)
        settings = DetectorSettings() if settings is None else settings
        if not isinstance(settings, DetectorSettings):
            raise TypeError(
                f"settings is {settings!r:.80}; allowed are DetectorSettings(...), and None for "
                "the defaults"
            )
        self.n_features = n_features
        self.settings = settings
        self._learner = settings.learner(n_features)
        self._tail = Tail(settings.window)
        self._clock = EventClock()
        self._incidents = Incidents()
        self._threshold = float("inf")

    @property
    def n_seen(self) -> int:
        """Number of events processed while not frozen."""
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
    def births(self) -> list[Birth]:
        """The latest components born of strange events that agreed, oldest first; 64 at most."""
        return self._learner.births

    @property
    def threshold(self) -> float:
        """The score, in nats, from which an event is an anomaly; inf while not ready."""
        return self._threshold

    @property
    def alert_probability(self) -> float:
        """The p-value from which down an event is an anomaly; 0 while not ready, or rate unknown.

        So many of the scored events alert in the mean where nothing unusual happens.
        """
        return probability_of(self.settings.budget, self._clock) if self.ready else 0.0

    @property
    def gate_level(self) -> float:
        """The score, in nats, above which events teach the model less; inf without a gate."""
        return self._learner.gate.level

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

    @property
    def drift(self) -> Drift:
        """How far the model has moved, and how badly the data fit it; all 0 while not ready."""
        return self._learner.drift

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
            Weights (n,) with which the events are learned; 1 by default. One of weight 0 is treated
            as all are while frozen: scored, an alert perhaps, and nothing is learned from it.

        Raises
        ------
        ValueError
            If a shape does not fit, a value is infinite, or the budget is a rate and t is
            not given.
        """
        self._require_times(t)
        rows = rows_of(X, t, w, self.n_features)
        verdicts = undecided(rows)
        at = 0
        while at < len(rows):
            at = self._advance(rows, at, verdicts)
        verdicts.severity[:] = severity_of(verdicts.p_value)
        self._gather(verdicts, rows.time)
        return verdicts

    def _require_times(self, t: Array | None) -> None:
        # Whether a block's events all lack a time depends on how the stream was cut: no error.
        if self.settings.budget.per_day is not None and t is None:
            raise ValueError(
                "the budget is a rate a day, but the events have no times; give t, or a "
                "probability as the budget"
            )

    def _advance(self, rows: Rows, start: int, verdicts: Verdicts) -> int:
        """Score, decide and learn from ``start`` to where tail or warm-up change; returns where."""
        if self.frozen:
            at = self._watch(rows, verdicts.explanations)
        elif self.ready:
            at = self._run(rows, start, verdicts.explanations)
        else:
            return self._warm_up(rows, start)
        if self.ready:
            self._decide(rows, start, at, verdicts)
        if not self.frozen:
            self._account(rows, start, at, verdicts.unscored)
        return at

    def _decide(self, rows: Rows, start: int, stop: int, verdicts: Verdicts) -> None:
        """Decide on rows that were scored under the present tail and threshold."""
        part, scores = slice(start, stop), rows.score[start:stop]
        unscored = verdicts.unscored[part]
        verdicts.p_value[part] = np.where(unscored, np.nan, self._tail.p_value(scores))
        verdicts.is_anomaly[part] = (scores >= self._threshold) & ~unscored
        verdicts.ready[part] = True

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

    def _watch(self, rows: Rows, explanations: dict[int, Explanation]) -> int:
        """Score all rows by the model as it is, explaining anomalies; nothing is learned."""
        self._learner.watch(rows)
        if self.ready:
            assert self.mixture is not None
            for row in np.flatnonzero(rows.score >= self._threshold).tolist():
                if not np.isnan(rows.X[row]).all():
                    explanations[row] = explain(self.mixture, rows.X[row])
        return len(rows)

    def _gather(self, verdicts: Verdicts, times: Array) -> None:
        """Enter anomalies of new behaviours into their incidents; the muted are none any more."""
        incidents = self._incidents
        before = incidents.n_events + 1
        for row, explanation in list(verdicts.explanations.items()):
            behaviour = explanation.behaviour
            if behaviour is None:
                continue
            event, p_value = before + row, float(verdicts.p_value[row])
            seen = incidents.see(behaviour, event=event, time=float(times[row]), p_value=p_value)
            verdicts.incident[row] = incidents.id_of(behaviour)
            if seen is None:
                verdicts.is_anomaly[row] = False
                del verdicts.explanations[row]
            else:
                verdicts.sightings[row] = seen
        incidents.pass_by(times)

    def _warm_up(self, rows: Rows, start: int) -> int:
        """Run from ``start`` to the end of warm-up at most."""
        at, _ = self._learner.advance(rows, start, len(rows), np.inf)
        self._clock.see(rows.time[start:at][rows.weight[start:at] > 0.0])
        if self.ready:
            self._tail.start(self._learner.warmup_scores)
            self._decide_threshold()
        return at

    def _account(self, rows: Rows, start: int, stop: int, unscored: NDArray[np.bool_]) -> None:
        """Let times and scores of decided events that have a weight into clock and tail."""
        part = slice(start, stop)
        taught = rows.weight[part] > 0.0
        self._clock.see(rows.time[part][taught])
        if self._tail.add(rows.score[part][taught & ~unscored[part]]):
            self._decide_threshold()

    def _decide_threshold(self) -> None:
        self._clock.fold()
        self._apply_budget()

    def _apply_budget(self) -> None:
        probability = probability_of(self.settings.budget, self._clock)
        self._threshold = self._tail.threshold(probability)

    # ---- the operator ----------------------------------------------------------------------

    @property
    def incidents(self) -> list[Incident]:
        """The latest incidents as they stand now, oldest first; copies."""
        return self._incidents.all(self._behaviours())

    @property
    def open_incidents(self) -> int:
        """Number of incidents whose events still come and alert."""
        return self._incidents.n_open(self._behaviours())

    def _behaviours(self) -> set[int]:
        """Name the components that are in the model."""
        mixture = self.mixture
        return set() if mixture is None else set(mixture.ids[mixture.weights > 0.0].tolist())

    def accept(self, incident: int) -> None:
        """Take an incident's behaviour for normal from now on; there is no way back but a snapshot.

        Raises
        ------
        UnknownIncidentError
            If there is no such incident.
        ValueError
            If the component that explained it is no longer in the model.
        """
        behaviour, mixture = self._incidents.behaviour_of(incident), self.mixture
        slots = [] if mixture is None else np.flatnonzero(mixture.ids == behaviour).tolist()
        alive = [k for k in slots if mixture is not None and mixture.weights[k] > 0.0]
        if mixture is None or not alive:
            raise ValueError(
                f"the behaviour of incident {incident} is no longer in the model, so there is "
                "nothing to accept; if it comes back it will be another incident"
            )
        mixture.accept(alive[0])
        self._incidents.accept(incident)

    def mute(self, incident: int) -> None:
        """Let events of an incident's behaviour no longer alert; they are counted, and learned.

        Raises
        ------
        UnknownIncidentError
            If there is no such incident.
        ValueError
            If it was accepted, or its behaviour has come back as another incident.
        """
        self._incidents.mute(incident)

    def unmute(self, incident: int) -> None:
        """Let events of a muted incident alert again. UnknownIncidentError: there is none such."""
        self._incidents.unmute(incident)

    @property
    def frozen(self) -> bool:
        """Whether nothing is learned at present."""
        return self._learner.frozen

    def freeze(self) -> None:
        """Learn nothing until `unfreeze`: no statistics, gate, tail, frame or rate moves.

        Scores, p-values, alerts and incidents go on. In warm-up nothing is collected.
        """
        self._learner.frozen = True

    def unfreeze(self) -> None:
        """Go on learning, with the model as it was when it was frozen."""
        self._learner.frozen = False

    # ---- state ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return all that shapes what it will say, as plain arrays and scalars (copies)."""
        return {
            "version": STATE_VERSION,
            "numerics": NUMERICS,
            "n_features": self.n_features,
            "settings": self.settings.state(),
            "learner": self._learner.state(),
            "tail": self._tail.state(),
            "clock": self._clock.state.copy(),
            "incidents": self._incidents.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Detector:
        """Return the detector that gave ``state``; it goes on bit for bit as that one would.

        So it does in a build of the same numerics (`streamgmm.mixture.numerics`); in others,
        nearly so.

        Raises
        ------
        ValueError
            If the state is of another version.
        """
        if state.get("version") != STATE_VERSION:
            raise ValueError(refusal("the detector", state.get("version"), STATE_VERSION))
        detector = cls(int(state["n_features"]), DetectorSettings.from_state(state["settings"]))
        detector._learner.restore(state["learner"])
        detector._tail.restore(state["tail"])
        detector._clock.state[:] = state["clock"]
        detector._incidents.restore(state["incidents"])
        if detector.ready:
            detector._apply_budget()  # as it was, or the new one if the settings have changed it
        return detector

    def with_settings(self, settings: DetectorSettings) -> Detector:
        """Return a detector in this one's state that goes on under other settings.

        Budget, forgetting, what counts as established, the gate's quantile and structure may
        differ. All that was learned stays; threshold and factors are those of the new settings.

        Raises
        ------
        ValueError
            If others differ: the state would mean something else under them.
        """
        settings.require_successor(self.settings)
        state = self.state()
        changed = Detector.from_state({**state, "settings": settings.state()})
        changed._learner.take_over(
            state["learner"], structure=settings.structure, latest=float(self._clock.state[3])
        )
        return changed
