"""The mixture that learns from every event: statistics, factors and frame under one roof."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .components import Components
from .covariance import Covariance, covariance_of
from .following import frame_after
from .frame import Frame
from .kernels import Engine
from .parameters import Parameters
from .rules import Rules
from .saved import from_state, to_state
from .statistics import (
    Arrays,
    by_component,
    by_lane,
    empty_arrays,
    merge_statistics,
    move_statistics,
)

Array = NDArray[np.float64]


class OnlineMixture(Parameters):
    """A Gaussian mixture over a decaying past.

    Events are rows of C-contiguous float64 arrays, in the user's units, NaN = missing. Scores are
    in nats, in the user's units. Within a block rows are handled strictly one after the other.

    Parameters
    ----------
    frame
        Location, scale and resolution of the d features.
    components
        K, the number of components.
    rules
        How it learns and scores.
    ids
        (K,) identities of the components: two mixtures merge if theirs are equal.
    arrays
        Statistics and factors as :func:`.statistics.empty_arrays` lays them out; kept, not copied.
        None: a mixture that has seen nothing, its components at the frame's location.
    """

    __slots__ = ("_arrays", "_engine", "covariance", "d", "frame", "ids", "n_components", "rules")

    def __init__(
        self,
        frame: Frame,
        components: int,
        rules: Rules,
        *,
        ids: NDArray[np.uint64] | None = None,
        arrays: Arrays | None = None,
    ) -> None:
        self.rules = rules
        self.n_components = components
        self.d = len(frame.location)
        self.covariance: Covariance = covariance_of(rules.covariance)
        self.ids = np.arange(components, dtype=np.uint64) if ids is None else ids
        self._arrays = (
            empty_arrays(components, self.d, self.covariance) if arrays is None else arrays
        )
        self._set_frame(frame)
        if arrays is None:
            self._engine.factorise()

    def _set_frame(self, frame: Frame) -> None:
        self.frame = frame
        constants = {**self.rules.constants(), "log_scale": frame.log_scale}
        if self.rules.score == "tail":
            constants["log_scale"] = 0.0
        arrays = {
            **self._arrays,
            "location": frame.location,
            "inverse_scale": 1.0 / frame.scale,
            "ridge": frame.ridge,
        }
        size = self.covariance.size(self.d)
        self._engine = Engine(self.n_components, self.d, size, constants, arrays)

    # ---- events --------------------------------------------------------------------------

    @property
    def engine(self) -> Engine:
        """The kernels over this mixture's arrays, for the package's other compiled modules."""
        return self._engine

    def score(self, X: Array) -> Array:
        """Return the scores (n,) of X (n, d); nothing is learned."""
        scores: Array = self._engine.score(X)[0]
        return scores

    def expect(self, X: Array) -> tuple[Array, Array, Array]:
        """Return what the mixture makes of X (n, d); nothing is learned.

        Log-likelihoods (n,) of what is observed, in the user's units; responsibilities (n, K); and
        squared Mahalanobis distances (n, K) of what is observed.
        """
        likelihood, responsibilities, distances = self._engine.expect(X)
        return likelihood + self._log_scale_owed(X), responsibilities, distances

    def learn(self, X: Array, *, weight: Array | None = None, time: Array | None = None) -> None:
        """Learn X (n, d) row by row, with learning weights (n,) and event times (n,) in s."""
        self._engine.learn(X, *_per_row(len(X), weight, time))

    def score_learn(
        self, X: Array, *, weight: Array | None = None, time: Array | None = None
    ) -> Array:
        """Return the score of each row of X (n, d) before it was learned."""
        scores: Array = self._engine.score_learn(X, *_per_row(len(X), weight, time))
        return scores

    def _log_scale_owed(self, X: Array) -> Array:
        # Each observed feature takes its log scale off; the kernel took off those of all features,
        # or for "tail", which has no units, of none.
        missing: Array = (np.isnan(X) * np.log(self.frame.scale)).sum(axis=1)
        return missing - self.frame.log_scale if self.rules.score == "tail" else missing

    def accept(self, k: int) -> None:
        """Count component k as normal behaviour from now on, however rare it is.

        It has the shape that its own events show, hardly widened by the pooled one: what was
        accepted is that behaviour and not what lies around it.

        Raises
        ------
        ValueError
            If there is no component k.
        """
        self.check_component(k, "accept")
        tenure = self.tenure
        tenure[k] = np.inf
        by_lane(tenure, self._arrays["tenure"])
        self._engine.factorise()

    # ---- the mixture as a whole ----------------------------------------------------------

    def set_statistics(
        self,
        *,
        mass: float,
        weights: Array,
        counts: Array,
        means: Array,
        scatters: Array,
        tenure: Array | None = None,
    ) -> None:
        """Put statistics in force: N, w (K,), n (K,), mu (K, d) and S (K, d, d) in frame units.

        ``tenure`` (K,) are the events explained, n if not given.
        """
        arrays = self._arrays
        arrays["mass"][0] = mass
        by_lane(weights, arrays["weight"])
        by_lane(counts, arrays["count"])
        by_lane(counts if tenure is None else tenure, arrays["tenure"])
        by_lane(means, arrays["mean"])
        by_lane(self.covariance.pack(scatters), arrays["scatter"])
        self._engine.factorise()

    @property
    def components(self) -> Components:
        """The components as plain arrays in frame units (copies)."""
        packed = by_component(self._arrays["scatter"], self.n_components)
        means = by_component(self._arrays["mean"], self.n_components)
        return Components(
            self.covariance, self.ids.copy(), self.weights, self.counts, self.tenure, means, packed
        )

    @components.setter
    def components(self, parts: Components) -> None:
        arrays = self._arrays
        self.ids = parts.ids.copy()
        by_lane(parts.weights, arrays["weight"])
        by_lane(parts.counts, arrays["count"])
        by_lane(parts.tenure, arrays["tenure"])
        by_lane(parts.means, arrays["mean"])
        by_lane(parts.scatters, arrays["scatter"])
        self._engine.factorise()

    def start_clock(self, time: float) -> None:
        """Begin event time at ``time`` in s; NaN: with the first event that has one."""
        self._arrays["mass"][2] = time

    def settle(self) -> None:
        """Make the present mass the floor below which time alone does not take it."""
        self._arrays["mass"][1] = self._arrays["mass"][0]

    def merge(self, other: OnlineMixture) -> OnlineMixture:
        """Return the mixture of both streams; neither of the two is changed.

        It is in this one's frame or, where the other's lies outside, in one with room for both.

        Raises
        ------
        ValueError
            If features, rules or identities of the components differ.
        """
        if self.rules != other.rules or self.d != other.d:
            raise ValueError(
                f"cannot merge: {self.d} features under {self.rules} with "
                f"{other.d} features under {other.rules}; both must be equal"
            )
        if not np.array_equal(self.ids, other.ids):
            raise ValueError(
                "cannot merge: the components are not the same ones. Merge mixtures that "
                "descend from one warm-up (copies or restored snapshots of it) and have borne or "
                "lost none since they parted; with structure=False they never do"
            )
        frame = self.frame.joined(other.frame, other.mass / max(self.mass + other.mass, 1e-300))
        merged, theirs = self.copy(), other.copy()
        merged.move_frame(frame)
        theirs.move_frame(frame)
        merged._arrays.update(
            merge_statistics(merged._arrays, theirs._arrays, self.n_components, self.covariance)
        )
        merged._set_frame(frame)
        merged._engine.factorise()
        return merged

    def copy(self) -> OnlineMixture:
        """Return an independent mixture in the same state."""
        return self.from_state(self.state())

    def move_frame(self, frame: Frame) -> None:
        """Express the statistics in another frame and renew the factors.

        Exactly where both frames are linear; elsewhere as it is close to each component's mean.
        """
        if frame is self.frame or all(
            np.array_equal(getattr(frame, name), getattr(self.frame, name))
            for name in ("location", "scale", "ridge")
        ):
            return
        means = by_component(self._arrays["mean"], self.n_components)
        moved, slope = self.frame.moved_to(frame, means)
        move_statistics(self._arrays, self.covariance, moved, slope)
        self._set_frame(frame)
        self._engine.factorise()

    def follow_frame(self) -> bool:
        """Move the frame after features that have left it; returns whether any had."""
        frame = frame_after(self._arrays, self.frame, self.covariance, self.n_components)
        if frame is None:
            return False
        self.move_frame(frame)
        return True

    def with_features(self, frame: Frame) -> OnlineMixture:
        """Return this mixture with further features at its end, placed by ``frame`` (d', each).

        A new feature starts at its location, with its scale (if spherical, with the component's),
        uncorrelated. The belief in the pooled shape grows with the number of features.
        """
        added = len(frame.location)
        joined = Frame(
            np.concatenate([self.frame.location, frame.location]),
            np.concatenate([self.frame.scale, frame.scale]),
            np.concatenate([self.frame.ridge, frame.ridge]),
        )
        wider = OnlineMixture(joined, self.n_components, self.rules, ids=self.ids)
        means = by_component(self._arrays["mean"], self.n_components)
        scatters = np.zeros((self.n_components, self.d + added, self.d + added))
        scatters[:, : self.d, : self.d] = self.scatters
        new = range(self.d, self.d + added)
        packed = by_component(self._arrays["scatter"], self.n_components)
        scatters[:, new, new] = self.covariance.variance_of_newcomer(packed)[:, None]
        wider._arrays["mass"][:] = self._arrays["mass"]
        wider.set_statistics(
            mass=self.mass,
            weights=self.weights,
            counts=self.counts,
            tenure=self.tenure,
            means=np.concatenate([means, np.zeros((self.n_components, added))], axis=1),
            scatters=scatters,
        )
        return wider

    # ---- state ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return all that shapes what it will say, as plain arrays and scalars (copies)."""
        return to_state(
            self.frame, self.n_components, self.rules, ids=self.ids, arrays=self._arrays
        )

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return the mixture that gave ``state``; it goes on bit for bit as that one would.

        Raises
        ------
        ValueError
            If the state is of another version or its arrays do not fit together.
        """
        return cls(**from_state(state))

    def __reduce__(self) -> tuple[Any, ...]:
        return OnlineMixture.from_state, (self.state(),)

    def with_rules(self, **changes: Any) -> OnlineMixture:
        """Return a copy that lives by other rules from here on (its factors renewed)."""
        state = self.state()
        changed = OnlineMixture.from_state(state)
        changed.rules = replace(self.rules, **changes)
        changed._set_frame(self.frame)
        changed._engine.factorise()
        return changed


def _per_row(n: int, weight: Array | None, time: Array | None) -> tuple[Array, Array]:
    """Return learning weights and times as arrays (n,): 1 and NaN where none were given."""
    u = np.ones(n) if weight is None else np.ascontiguousarray(weight, dtype=np.float64)
    t = np.full(n, np.nan) if time is None else np.ascontiguousarray(time, dtype=np.float64)
    if u.shape != (n,) or t.shape != (n,):
        raise ValueError(f"weights {u.shape} and times {t.shape} must both be ({n},), one a row")
    return u, t
