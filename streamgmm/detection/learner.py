"""A mixture from its first event on: warm-up, then the gated online mixture."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import Frame, OnlineMixture, Rules, WarmUp, place_constants
from streamgmm.values import check_truth, check_whole

from . import loop
from .columns import Columns
from .drift import LOOK, Drift, DriftMonitor
from .gate import Gate
from .quarantine import Birth, Quarantine
from .rows import Rows

Array = NDArray[np.float64]

MOST_COMPONENTS = 1024
"""Time and memory of an event grow with them; a job's configuration allows as many."""

# Events between two looks in passing at a quarantine with something new.
_PASSING = 1024


class Learner:
    """Scores each event, then learns it: provisionally in warm-up, with a gate after.

    Parameters
    ----------
    n_features
        d.
    n_components
        K, at most 1,024.
    rules
        Rules of the mixture.
    warmup
        Events to collect before the fit; fewer where K d is tiny (see `warmup_length`).
    gate
        Quantile above which an event is held back, or None.
    structure
        Whether components that nothing tells apart merge when the warm-up ends, and later ones are
        born and others merge or retire to make room.
    seed
        Of the warm-up's seeding: always a number, so that equal streams give equal models.
    """

    def __init__(
        self,
        n_features: int,
        *,
        n_components: int,
        rules: Rules,
        warmup: int,
        gate: float | None,
        seed: int,
        structure: bool = True,
    ) -> None:
        check_whole("n_components", n_components, 1, MOST_COMPONENTS)
        check_whole("warmup", warmup, 2)
        check_whole("seed", seed, 0)
        check_truth("structure", structure, "False keeps the components that warm-up has found")
        self.n_features = n_features
        self.n_components = n_components
        self.rules = rules
        self.seed = seed
        self.n_seen = 0
        # Those that taught something, having a weight and a value: they alone say when the model is
        # looked at, so that the others change nothing in it.
        self.n_learned = 0
        # Whether nothing is learned: events are scored by the model as it is, and pass.
        self.frozen = False
        self.gate = Gate(gate)
        self._monitor = DriftMonitor(n_features)
        self.quarantine = Quarantine(n_features, enabled=structure)
        self._longest = warmup
        # The short way for single events from dictionaries; None in warm-up.
        self.stepper: loop.Stepper | None = None
        self.length = warmup_length(warmup, n_components, n_features)
        self._warmup: WarmUp | None = WarmUp(self.length, n_features, rules, structure=structure)
        self._mixture: OnlineMixture | None = None
        # What the warm-up's events score under fits without them; there when it has just ended.
        self.warmup_scores: Array = np.empty(0)

    @property
    def ready(self) -> bool:
        """Whether the mixture has been fitted."""
        return self._mixture is not None

    @property
    def mixture(self) -> OnlineMixture | None:
        """The mixture in force: the provisional Gaussian in warm-up, None before two events."""
        if self._mixture is not None:
            return self._mixture
        assert self._warmup is not None
        return self._warmup.provisional

    @mixture.setter
    def mixture(self, mixture: OnlineMixture) -> None:
        if self._mixture is not None:
            self.quarantine.move(self._mixture.frame, mixture.frame)
        self._adopt(mixture)

    @property
    def warmup(self) -> WarmUp | None:
        """The warm-up while it lasts."""
        return self._warmup

    @property
    def drift(self) -> Drift:
        """How far the model has moved, and how badly the data fit it."""
        return self._monitor.value

    def score(self, X: Array) -> Array:
        """Return the scores (n,) of X (n, d); nothing is learned. 0 before two events."""
        if self._mixture is not None:
            return self._mixture.score(X)
        assert self._warmup is not None
        return self._warmup.score(X)

    def watch(self, rows: Rows) -> None:
        """Score all rows by the model as it is; nothing is learned."""
        if self._mixture is not None:
            rows.score[:], rows.component[:] = self._mixture.engine.score(rows.X)
        else:
            rows.score[:] = self.score(rows.X)

    def score_learn(self, rows: Rows) -> None:
        """Score and learn all rows, one after the other; while frozen, score them."""
        if self.frozen:
            self.watch(rows)
            return
        at = 0
        while at < len(rows):
            at, _ = self.advance(rows, at, len(rows), np.nan)  # no score reaches NaN

    def advance(
        self, rows: Rows, start: int, stop: int, threshold: float, *, known: bool = False
    ) -> tuple[int, bool]:
        """Score and learn rows from ``start`` on; returns the row reached, at most ``stop``.

        A row of weight 0 is scored and changes nothing.

        It stops early where the warm-up ends, where frame or quarantine are looked at, and (then
        the second value is True) at a row that scores ``threshold`` or more: that one is scored but
        not learned, so that it can be explained first; then go on from it with ``known=True``.
        """
        if self._mixture is None:
            return self._advance_warmup(rows, start, stop), False
        stop = min(stop, start + _PASSING - self.n_learned % _PASSING)
        gate, drift, quarantine = self.gate, self._monitor, self.quarantine
        before = quarantine.learned
        reached, at_threshold = loop.score_learn(
            self._mixture.engine, rows.X, rows.weight, rows.time, gate.state, gate.rule,
            drift.events, drift.rule, drift.probes, quarantine.ring, quarantine.counters,
            rows.score, rows.component, start, stop, threshold, known,
        )  # fmt: skip
        self.n_seen += reached - start
        learned = quarantine.learned - before
        if learned:
            self.n_learned += learned
            self._review()
        return reached, at_threshold

    def _advance_warmup(self, rows: Rows, start: int, stop: int) -> int:
        warmup = self._warmup
        assert warmup is not None
        for i in range(start, stop):
            x = rows.X[i]
            rows.score[i] = warmup.score(x[None, :])[0]
            self.n_seen += 1
            if rows.weight[i] > 0 and not np.isnan(x).all():
                warmup.learn(x, rows.weight[i], rows.time[i])
                self.n_learned += 1
            if warmup.complete:
                self._finish_warmup(warmup)
                return i + 1
        return stop

    # ---- one event, from a dictionary ----------------------------------------------------

    def step_one(
        self, columns: Columns, x: dict[Any, Any], weight: float, time: float
    ) -> float | None:
        """Score x, then learn it; None, with nothing learned, where the long way must be taken.

        That is in warm-up and while a feature has no place in the mixture; new features get their
        columns either way.
        """
        stepper = self.stepper
        if stepper is None:
            return None
        score = stepper.step(columns, x, weight, time)
        if score is not None:
            self.n_seen += 1
            if stepper.learned:
                self.n_learned += 1
                if stepper.due or self.n_learned % _PASSING == 0:
                    self._review()
        return score

    def _review(self) -> None:
        """Do what is due, which the events so far decide: look at quarantine, frame and drift."""
        mixture, quarantine, drift = self._mixture, self.quarantine, self._monitor
        assert mixture is not None
        at_check, at_look = self.n_learned % _PASSING == 0, self.n_learned % LOOK == 0
        if quarantine.due or (at_check and quarantine.fresh):
            quarantine.look(mixture)
        frame = mixture.frame
        if at_look:
            mixture.follow_frame()
            recent, resolution = drift.probes, self.rules.resolution
            mixture.move_frame(place_constants(mixture.frame, recent, resolution=resolution))
        if mixture.frame is not frame:
            quarantine.move(frame, mixture.frame)
            self._adopt(mixture)
        if at_look:
            drift.look(mixture)

    @property
    def births(self) -> list[Birth]:
        """The latest components that were born, oldest first; 64 at most."""
        return self.quarantine.births

    def _adopt(self, mixture: OnlineMixture) -> None:
        """Put a mixture in force, and the short way to it for single events."""
        self._mixture = mixture
        self._warmup = None
        gate, drift, quarantine = self.gate, self._monitor, self.quarantine
        self.stepper = loop.Stepper(
            mixture.engine,
            gate.state,
            gate.rule,
            drift.events,
            drift.rule,
            drift.probes,
            quarantine.ring,
            quarantine.counters,
        )

    def widen(self, frame: Frame) -> None:
        """Add features; ``frame`` places those of a mixture that is ready, in warm-up it waits."""
        added = len(frame.location)
        self.n_features += added
        self._monitor.widen(frame)
        self.quarantine.widen(added)
        if self._mixture is not None:
            self._adopt(self._mixture.with_features(frame))
            return
        assert self._warmup is not None
        self._warmup.widen(added)
        self.length = warmup_length(self._longest, self.n_components, self.n_features)
        self._warmup.length = self.length

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "stepper": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._mixture is not None:
            self._adopt(self._mixture)

    def _finish_warmup(self, warmup: WarmUp) -> None:
        rng = np.random.default_rng(self.seed)
        mixture = warmup.fit(self.n_components, rng)
        self.begin(mixture, warmup.held_out_scores(self.n_components, rng))

    def begin(self, mixture: OnlineMixture, scores: Array) -> None:
        """End the warm-up with a mixture, and scores (n,) of events that it was not fitted to."""
        self.warmup_scores = scores
        self.gate.start(scores)
        self._monitor.start(scores)
        self._adopt(mixture)

    # ---- state ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return all that shapes what it will say, as plain arrays and scalars."""
        return {
            "n_seen": self.n_seen,
            "n_learned": self.n_learned,
            "frozen": self.frozen,
            "gate": self.gate.state.copy(),
            "drift": self._monitor.state(),
            "quarantine": self.quarantine.state(),
            "warmup": None if self._warmup is None else self._warmup.state(),
            "mixture": None if self._mixture is None else self._mixture.state(),
        }

    def restore(self, state: dict[str, Any]) -> Self:
        """Put back what :meth:`state` of a learner with the same settings returned."""
        self.n_seen, self.n_learned = int(state["n_seen"]), int(state["n_learned"])
        self.frozen = bool(state["frozen"])
        self.gate.state[:] = state["gate"]
        self._monitor.restore(state["drift"])
        self.quarantine.restore(state["quarantine"])
        if state["mixture"] is not None:
            self._adopt(OnlineMixture.from_state(state["mixture"]))
        else:
            assert self._warmup is not None
            self._warmup.restore(state["warmup"])
        return self

    def take_over(self, state: dict[str, Any], *, structure: bool, latest: float) -> None:
        """Go on from the :meth:`state` of a learner that lived by other rules, under this one's.

        Those may differ in forgetting and what counts as established. ``structure`` is this
        learner's; ``latest`` is the time of the latest event, from which a half-life in seconds
        counts (NaN: none).
        """
        self.restore(state)
        self.quarantine.enable(enabled=structure)
        mixture = self._mixture
        if mixture is None:
            return
        ours = {name: getattr(self.rules, name) for name in ("forgetting", "established")}
        if any(getattr(mixture.rules, name) != rule for name, rule in ours.items()):
            mixture = mixture.with_rules(**ours)
            mixture.start_clock(latest)
        self._adopt(mixture)


def warmup_length(longest: int, n_components: int, n_features: int) -> int:
    """Return n0: ten events a component and feature, at least 100, at most ``longest``."""
    return min(longest, max(100, 10 * n_components * max(n_features, 1)))
