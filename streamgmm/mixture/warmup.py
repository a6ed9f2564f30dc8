"""The first events: buffered for the fit, scored meanwhile by one running Gaussian."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .batch import Effort, fit
from .forgetting import Stationary
from .frame import estimate_frame
from .mergers import simplify
from .online import OnlineMixture
from .rules import Rules

Array = NDArray[np.float64]


class WarmUp:
    """Collects the first n0 events and scores them provisionally.

    The provisional model is a single Gaussian under the same rules: its frame is taken anew when
    the buffer has doubled, its covariance starts from a prior worth d events of unit variance.
    What n events say of a scale is uncertain, so scores follow Student's t with n degrees of
    freedom. The first two events, which no scale can be known for, score 0.

    Parameters
    ----------
    length
        n0, events to collect.
    d
        Number of features.
    rules
        Rules of the mixture to come.
    structure
        Whether components that the events do not tell apart merge when it is fitted.
    """

    def __init__(self, length: int, d: int, rules: Rules, *, structure: bool = False) -> None:
        self.length = length
        self.structure = structure
        self.rules = rules
        self._rows = np.empty((0, d))
        self._weights = np.empty(0)
        self._provisional: OnlineMixture | None = None
        self.latest = math.nan  # event time in s, NaN: none had one

    @property
    def n_seen(self) -> int:
        """Number of events collected."""
        return len(self._rows)

    @property
    def complete(self) -> bool:
        """Whether n0 events have been collected."""
        return self.n_seen >= self.length

    @property
    def rows(self) -> Array:
        """(n_seen, d) the events collected."""
        return self._rows

    @property
    def weights(self) -> Array:
        """(n_seen,) their weights."""
        return self._weights

    @property
    def provisional(self) -> OnlineMixture | None:
        """The single Gaussian that scores meanwhile; None before the second event."""
        return self._provisional

    def score(self, X: Array) -> Array:
        """Return provisional scores (n,) of X (n, d)."""
        gaussian = self._provisional
        if gaussian is None:
            return np.zeros(len(X))
        n = self.n_seen
        distance = gaussian.expect(X)[2][:, 0]
        observed = X.shape[1] - np.isnan(X).sum(axis=1)
        # Student's in the place of the Gaussian's m^2 / 2: never as a difference of the two, which
        # far out has no digits left
        surprise = 0.5 * (n + observed) * np.log1p(distance / n)
        if self.rules.score == "tail":  # has no density's constants to correct
            ratio = np.divide(
                surprise, 0.5 * distance, out=np.ones_like(distance), where=distance > 0.0
            )
            return np.asarray(gaussian.score(X) * ratio)
        if self.rules.score == "nll_observed":
            at_mean = gaussian.score(np.where(np.isnan(X), np.nan, gaussian.means[0]))
        else:  # what is missing costs what it would on average
            at_mean = gaussian.score(gaussian.means) + 0.5 * (X.shape[1] - observed)
        constant = [
            0.5 * d * math.log(n / 2) + math.lgamma(n / 2) - math.lgamma((n + d) / 2)
            for d in observed.tolist()
        ]
        stretch = gaussian.frame.stretch(X) - gaussian.frame.stretch(gaussian.means)
        return np.asarray(at_mean + surprise + np.array(constant) + stretch)

    def learn(self, x: Array, weight: float = 1.0, time: float = math.nan) -> None:
        """Collect one event x (d,) with its weight and its time in s (NaN: none)."""
        if not time <= self.latest and not math.isnan(time):
            self.latest = float(time)
        self._rows = np.concatenate([self._rows, x[None, :]])
        self._weights = np.append(self._weights, weight)
        n = self.n_seen
        if n >= 2 and n & (n - 1) == 0:
            self._provisional = self._gaussian()
        elif self._provisional is not None:
            self._provisional.learn(x[None, :], weight=self._weights[-1:])

    def widen(self, added: int) -> None:
        """Add columns, missing so far."""
        missing = np.full((self.n_seen, added), np.nan)
        self._rows = np.concatenate([self._rows, missing], axis=1)
        if self._provisional is not None:
            self._provisional = self._gaussian()

    def _gaussian(self) -> OnlineMixture:
        d = self._rows.shape[1]
        rules = Rules(
            covariance=self.rules.decided(d, self.length).covariance,
            forgetting=Stationary(),
            established=None,
            shrinkage=0.0,
            correlation_shrinkage=self.rules.correlation_shrinkage,
            influence=self.rules.influence,
            resolution=self.rules.resolution,
            score="nll_full" if self.rules.score == "nll" else self.rules.score,
        )
        frame = estimate_frame(self._rows, resolution=rules.resolution)
        gaussian = OnlineMixture(frame, 1, rules)
        gaussian.set_statistics(
            mass=d,
            weights=np.ones(1),
            counts=np.full(1, float(d)),
            means=np.zeros((1, d)),
            scatters=np.eye(d)[None],
        )
        gaussian.learn(np.ascontiguousarray(self._rows), weight=self._weights)
        return gaussian

    def _decided(self) -> Rules:
        return self.rules.decided(self._rows.shape[1], self.n_seen)

    def fit(self, components: int, rng: np.random.Generator) -> OnlineMixture:
        """Return the mixture that batch EM finds in the events collected, its clock at theirs."""
        mixture = self._fit(np.ones(self.n_seen, dtype=bool), components, rng, Effort())
        mixture.start_clock(self.latest)
        return mixture

    def held_out_scores(self, components: int, rng: np.random.Generator) -> Array:
        """Return what the events (n0,) score under fits that have not seen them.

        The fit's own events score lower than the stream's next ones will; whatever starts from
        the warm-up's scores would start too low. Three folds, each scored by a fit to the others.
        """
        scores = np.empty(self.n_seen)
        fold = np.arange(self.n_seen) % 3
        for f in range(3):
            held = fold == f
            mixture = self._fit(~held, components, rng, Effort(starts=1))
            scores[held] = mixture.score(np.ascontiguousarray(self._rows[held]))
        return scores

    def _fit(
        self,
        chosen: NDArray[np.bool_],
        components: int,
        rng: np.random.Generator,
        effort: Effort,
    ) -> OnlineMixture:
        """Fit the chosen (n_seen,) events, in the frame of all."""
        frame = estimate_frame(self._rows, resolution=self.rules.resolution)
        X, weight = self._rows[chosen], self._weights[chosen]
        mixture = fit(
            X, components, frame=frame, rules=self._decided(), rng=rng, weight=weight, effort=effort
        )
        if self.structure:
            simplify(mixture, X, weight)
        return mixture

    def state(self) -> dict[str, Any]:
        """Return the buffer and the provisional model as plain arrays."""
        provisional = None if self._provisional is None else self._provisional.state()
        return {
            "rows": self._rows.copy(),
            "weights": self._weights.copy(),
            "provisional": provisional,
            "latest": self.latest,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` returned."""
        self._rows = np.array(state["rows"])
        self._weights = np.array(state["weights"])
        self.latest = float(state["latest"])
        stored = state["provisional"]
        self._provisional = None if stored is None else OnlineMixture.from_state(stored)
