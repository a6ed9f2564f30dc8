"""The mixture as a river estimator: dictionaries in, scores out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from river import base

from streamgmm.detection.columns import Columns
from streamgmm.detection.learner import Learner
from streamgmm.detection.newcomers import Newcomers
from streamgmm.detection.reasons import Explanation, explain
from streamgmm.events.clock import EventClock
from streamgmm.inputs import Time, seconds_of, table_of, times_of, weight_of, weights_of
from streamgmm.mixture import Forgetting, HalfLife, Rules, parse_half_life
from streamgmm.mixture.naming import ComponentNames
from streamgmm.portable import Portable

Array: TypeAlias = NDArray[np.float64]
Event: TypeAlias = Mapping[Any, Any]

_HALF_LIFE = 10_000
_MAX_AHEAD = 86_400.0  # s; an event is no further ahead of its stream than that, or a half-life


class OnlineGMM(Portable, base.AnomalyDetector):
    """Anomaly detection with a Gaussian mixture that learns from every event.

    The score is the negative log-likelihood, in nats, of the event under the behaviour that is
    established in the stream so far: higher is stranger. Score first, then learn.

    Parameters
    ----------
    n_components
        Number of Gaussians, at most; 1,024 are allowed.
    covariance
        Shape of a component: "full" (correlations of its own), "tied" (one shape for all), "diag"
        (no correlations) or "spherical" (one spread for all features). "auto" becomes "full" at
        the end of warm-up, or "diag" where features are too many for that; ``mixture.rules`` says
        which.
    half_life
        When the past has lost half its weight: a number of events, a span of event time such as
        "7d" (then give ``t`` when learning), or None to forget nothing.
    forgetting
        A law of forgetting in the place of ``half_life``: ``Stationary()``, ``PowerLaw(alpha)`` or
        ``HalfLife(...)`` from `streamgmm`.
    score
        "nll"; "nll_full", which counts all components as normal; "tail", -log of the probability
        of an event this far out, which does not depend on volume; or "nll_observed", the "nll" of
        the fields that an event has.
    established
        What counts as normal: components in whose vicinity there is at least this share of the
        busiest one's traffic, or that have long been there; "graded" is the mean over shares from
        0.2 to 0.5, None every component.
    shrinkage
        How many events a feature it takes until a component's shape is half its own, and half the
        one that all have in common.
    gate
        Quantile of the scores above which an event is learned with a tenth of its weight; None
        learns everything in full.
    structure
        Whether components are born of events that nothing explains, and merge or retire to make
        room for them.
    warmup
        Events that are collected before the mixture is fitted, at most; until then a single
        Gaussian scores and `ready` is False.
    seed
        Of the fit after warm-up, a number: equal events give equal models.
    correlation_shrinkage, influence, resolution, tolerance, weight_floor
        Further rules, each explained in `streamgmm.mixture.Rules`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not allowed; the message names what is.

    Notes
    -----
    The parameters are for reading: one that is set later has an effect on clones alone. In warm-up
    each name gets a column at once, and an event costs as many steps as there are pairs of columns;
    later a new name joins after 100 values, and at most 64 new ones are watched at a time.

    Examples
    --------
    >>> import random
    >>> from streamgmm import OnlineGMM
    >>> rng = random.Random(1)
    >>> model = OnlineGMM(n_components=2)
    >>> for _ in range(1_000):
    ...     size = rng.gauss(3, 1)
    ...     model.learn_one({"size": size, "time": 2 * size + rng.gauss(0, 0.1)})
    >>> usual, odd = {"size": 3.0, "time": 6.0}, {"size": 3.0, "time": 9.0}
    >>> model.score_one(odd) - model.score_one(usual) > 3
    True
    >>> model.explain_one(odd).reasons[0].feature
    'time'
    """

    def __init__(
        self,
        n_components: int = 16,
        covariance: str = "auto",
        half_life: float | str | None = _HALF_LIFE,
        forgetting: Forgetting | None = None,
        score: str = "nll",
        established: str | float | None = "graded",
        shrinkage: float = 10.0,
        gate: float | None = 0.98,
        warmup: int = 500,
        seed: int = 0,
        *,
        correlation_shrinkage: float = 0.2,
        influence: float = 30.0,
        structure: bool = True,
        resolution: bool = True,
        tolerance: float = 0.02,
        weight_floor: float = 1e-4,
    ) -> None:
        if forgetting is not None and half_life != _HALF_LIFE:
            raise ValueError(
                f"both half_life={half_life!r} and forgetting={forgetting!r} are given; "
                "half_life is a shorthand for forgetting: give one of them"
            )
        self.n_components = n_components
        self.covariance = covariance
        self.half_life = half_life
        self.forgetting = forgetting
        self.score = score
        self.established = established
        self.shrinkage = shrinkage
        self.gate = gate
        self.structure = structure
        self.warmup = warmup
        self.seed = seed
        self.correlation_shrinkage = correlation_shrinkage
        self.influence = influence
        self.resolution = resolution
        self.tolerance = tolerance
        self.weight_floor = weight_floor
        self._columns = Columns()
        self._names = ComponentNames()
        self._newcomers = Newcomers(resolution=resolution)
        self._learner = self._new_learner()
        self._made_with = self._get_params()

    def _untimed(self) -> str:
        return (
            f"half_life is {self.forgetting or self.half_life!r}, a span of event time, and the "
            "event came without a time: give t (river's pipelines pass it on to filters such as "
            "anomaly.QuantileFilter, not to a bare detector at their end), or a half_life in events"
        )

    def _new_learner(self) -> Learner:
        law = self.forgetting
        rules = Rules(
            covariance=self.covariance,
            forgetting=parse_half_life(self.half_life) if law is None else law,
            score=self.score,
            established=self.established,
            shrinkage=self.shrinkage,
            correlation_shrinkage=self.correlation_shrinkage,
            influence=self.influence,
            resolution=self.resolution,
            tolerance=self.tolerance,
            weight_floor=self.weight_floor,
        )
        law = rules.forgetting
        seconds = law.seconds if isinstance(law, HalfLife) else None
        self._timed = seconds is not None
        self._clock = EventClock(max(_MAX_AHEAD, seconds or 0.0))
        return Learner(
            0,
            n_components=self.n_components,
            rules=rules,
            warmup=self.warmup,
            gate=self.gate,
            structure=self.structure,
            seed=self.seed,
        )

    # ---- one event -----------------------------------------------------------------------

    def score_one(self, x: Event) -> float:
        """Return the score of x in nats; 0.0 before anything is known.

        Parameters
        ----------
        x
            Features by name. Absent, None and NaN mean missing; features that were never learned
            are passed over.

        Raises
        ------
        TypeError
            If a value is not a number; it names the feature.
        ValueError
            If a value is infinite.
        """
        return self._score_one(x if type(x) is dict else dict(x))

    def learn_one(self, x: Event, *, w: float = 1.0, t: Time = None) -> None:
        """Learn x.

        Parameters
        ----------
        x
            Features by name; absent, None and NaN mean missing.
        w
            Weight of the event; one of 0 is scored and counted in `n_seen`, and changes nothing
            else.
        t
            Event time, a datetime (naive: UTC) or seconds since the epoch; needed where
            ``half_life`` is a span of time. NaN: not known. One that is late or not known lets no
            time pass; nor does one more than a day (or a half-life) ahead of the latest, until ten
            in a row agree.

        Raises
        ------
        TypeError, ValueError
            As `score_one`; nothing is learned from the event then.
        """
        self.score_learn_one(x, w=w, t=t)

    def score_learn_one(self, x: Event, *, w: float = 1.0, t: Time = None) -> float:
        """Return the score of x, then learn it, in one pass. Parameters as in `learn_one`."""
        x = x if type(x) is dict else dict(x)
        weight = 1.0 if w == 1.0 else weight_of(w)
        if t is None and self._timed:
            raise ValueError(self._untimed())
        time = math.nan if t is None else seconds_of(t)
        if self._learner.frozen or weight == 0.0:
            return self._pass_by(x)
        if not self._timed:
            return self._score_learn_one(x, weight, time)
        before = self._clock.state()
        try:
            return self._score_learn_one(
                x, weight, time if self._clock.admit_one(time) else math.nan
            )
        except (TypeError, ValueError):
            self._clock.restore(before)
            raise

    def explain_one(self, x: Event) -> Explanation:
        """Return why x is unlikely: each feature against what the others let expect.

        `Reason.feature` is the feature's name.

        Raises
        ------
        ValueError
            Before two events have been learned.
        """
        mixture = self._learner.mixture
        if mixture is None:
            raise ValueError("nothing has been learned yet; explain after the first events")
        found = explain(mixture, self._known(self._columns.row(dict(x)))[0])
        names = self.feature_names
        named = (replace(reason, feature=names[reason.feature]) for reason in found.reasons)
        name = self.component_names.get(found.component)
        return replace(found, reasons=tuple(named), name=name)

    def predict_one(self, x: Event) -> int:
        """Return the component that most likely produced x; 0 before ready."""
        return max(self.predict_proba_one(x).items(), key=lambda item: item[1])[0]

    def predict_proba_one(self, x: Event) -> dict[int, float]:
        """Return the responsibilities {component: probability} for x; {0: 1.0} before ready."""
        mixture = self._learner.mixture
        if mixture is None or not self.ready:
            return {0: 1.0}
        _, responsibilities, _ = mixture.expect(self._known(self._columns.row(dict(x))))
        return dict(enumerate(responsibilities[0].tolist()))

    # ---- many events ---------------------------------------------------------------------

    def score_many(self, X: Any) -> Array:
        """Return the scores (n,) of X; nothing is learned.

        Parameters
        ----------
        X
            An array (n, d) in the order of `feature_names`, or any data frame that narwhals knows
            (pandas, Polars, PyArrow ...), whose columns are features by name.
        """
        names, rows = table_of(X, self.feature_names)
        return self._learner.score(self._known(self._over_columns(names, rows)))

    def learn_many(self, X: Any, *, w: ArrayLike | None = None, t: ArrayLike | None = None) -> None:
        """Learn the rows of X in order. Parameters as in `score_learn_many`."""
        self.score_learn_many(X, w=w, t=t)

    def score_learn_many(
        self, X: Any, *, w: ArrayLike | None = None, t: ArrayLike | None = None
    ) -> Array:
        """Score each row of X, then learn it; returns the scores (n,).

        Exactly what `score_learn_one` gives row by row, faster.

        Parameters
        ----------
        X
            As in `score_many`; an array's columns are named 0 .. d-1 if nothing was learned yet.
        w
            Weights (n,) of the rows.
        t
            Event times (n,), in seconds since the epoch or as datetime64.

        Raises
        ------
        TypeError, ValueError
            If a shape does not fit, or a value is not a number or infinite; nothing is learned
            from any row then.
        """
        if t is None and self._timed:
            raise ValueError(self._untimed())
        names, rows = table_of(X, self.feature_names)
        weight, time = weights_of(w, len(rows)), times_of(t, len(rows))
        if not len(rows):
            return np.empty(0)
        taught = weight > 0.0
        if self._learner.frozen or not taught.any():
            return self._pass_by_many(names, rows)
        if not self.ready:
            first = int(taught.argmax())
            if first:  # what passes by before it gives no columns
                before = self._pass_by_many(names, rows[:first])
                rest = self._score_learn_rows(names, rows[first:], weight[first:], time[first:])
                return np.concatenate([before, rest])
        return self._score_learn_rows(names, rows, weight, time)
