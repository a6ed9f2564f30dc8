"""A model as a whole: from a mixture, two of one origin in one, and a model as bytes and back."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, Self

import numpy as np

from streamgmm.by_name import ByName, unplaced
from streamgmm.detection.columns import Columns
from streamgmm.errors import StateError
from streamgmm.mixture.forgetting import law_from_state, law_to_state
from streamgmm.mixture.naming import ComponentNames
from streamgmm.mixture.taking_on import as_value, take_on
from streamgmm.snapshot import pack, refusal, unpack
from streamgmm.values import check_number

_STATE_KIND = "OnlineGMM"
_STATE_VERSION = 6
_NAMELESS = 5  # as 6, without names of components; it is still read


class Portable(ByName):
    """The part of an estimator that merges, saves and restores it."""

    _made_with: dict[str, Any]  # its parameters, as they were when it was made

    @classmethod
    def from_mixture(
        cls,
        mixture: Any,
        *,
        events: float | None = None,
        feature_names: Sequence[Hashable] | None = None,
        **parameters: Any,
    ) -> Self:
        """Return a model that begins with a mixture fitted before, is ready, and goes on learning.

        Parameters
        ----------
        mixture
            A fitted `GaussianMixture`, of this package or of scikit-learn, or a `Mixture`, whose
            components keep their names.
        events
            How many events it counts for against those to come; None: as many as a warm-up.
        feature_names
            Names of its features by column, as events will have them; None: those that it has, or
            0 .. d-1 if it was fitted to an array.
        parameters
            Of the model. ``n_components`` is the mixture's and ``covariance`` its type if they are
            not given; more components leave room for such as are born.

        Raises
        ------
        TypeError
            If it is no fitted mixture.
        ValueError
            If a parameter is not allowed, or there are other than d names.

        Notes
        -----
        The rules of the model hold from the start: with the defaults covariances are drawn towards
        what components have in common, and towards no correlation. With ``shrinkage=0`` and
        ``correlation_shrinkage=0`` they are the mixture's, if in no direction narrower than a
        thousandth of a feature's variance. A component that is much wider than the bulk of events
        reaches to where a model takes features on a logarithmic scale: it has the mean and variance
        there that its events would have, and falls off more slowly than a Gaussian.

        A ``clone`` begins anew, without the mixture.

        Examples
        --------
        >>> import numpy as np
        >>> from streamgmm import Mixture, OnlineGMM
        >>> known = Mixture([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[1.0]]], ["size"])
        >>> model = OnlineGMM.from_mixture(known)
        >>> model.ready, model.score_one({"size": 5.0}) > model.score_one({"size": 8.0})
        (True, True)
        >>> model.learn_one({"size": 8.5})
        """
        value, shape = as_value(mixture)
        names = list(value.feature_names if feature_names is None else feature_names)
        if len(names) != value.n_features or len(set(names)) < len(names):
            raise ValueError(
                f"feature_names are {names!r:.80}; the mixture has {value.n_features} features, "
                "each with a name of its own"
            )
        make: Any = cls
        model: Self = make(
            **{"n_components": value.n_components, "covariance": shape, **parameters}
        )
        learner = model._learner
        if learner.n_components < value.n_components:
            raise ValueError(
                f"n_components is {learner.n_components}, the mixture has {value.n_components}; "
                "give as many or more"
            )
        model._columns = Columns(names)
        learner.widen(unplaced(len(names)))
        mass = float(learner.length) if events is None else events
        check_number("events", mass, 1.0, math.inf, "what the mixture counts for")
        rng = np.random.default_rng(learner.seed)
        rules = learner.rules.decided(len(names), int(mass))
        begun, scores = take_on(value, rules, slots=learner.n_components, mass=mass, rng=rng)
        learner.begin(begun, scores)
        for k, name in enumerate(value.component_names):
            if isinstance(name, str) and value.weights[k] > 0.0:
                model.name_component(k, name)
        return model

    def merge(self, other: Self) -> Self:
        """Return a model that has learned both streams; neither of the two is changed.

        Both must descend from one warm-up (copies, or restored from the same bytes), and no
        component have been born, merged or retired since they parted (``structure=False`` sees to
        that), so that their components are the same ones; with one component any two models of the
        same features do. What both have learned together before they parted counts twice. Beside
        mixture, number of events and clock, all is as in this one: gate, drift, quarantine, frozen
        or not. Components have the names of both, this one's where they differ. Features that are
        still watched are forgotten.

        Raises
        ------
        ValueError
            If features, settings or components differ, or one is still in warm-up.
        """
        if not (self.ready and other.ready):
            raise ValueError("cannot merge in warm-up; learn until both models are ready")
        if self.feature_names != other.feature_names:
            raise ValueError(
                f"cannot merge: features {self.feature_names} and {other.feature_names} differ"
            )
        merged = type(self)(**self._made_with)
        merged._columns = Columns(self.feature_names)
        merged._learner.restore(self._learner.state())
        merged._learner.mixture = self.mixture.merge(other.mixture)
        merged._learner.n_features = self._learner.n_features
        merged._learner.n_seen = self.n_seen + other.n_seen
        merged._learner.n_learned = self._learner.n_learned + other._learner.n_learned
        merged._names = self._names.joined(other._names)
        later = max(self._clock, other._clock, key=lambda clock: clock.latest)
        merged._clock.restore(later.state())
        return merged

    def to_bytes(self) -> bytes:
        """Return all of its state, to go on from later, bit for bit (`from_bytes`).

        Raises
        ------
        TypeError
            If a feature's name is neither a string nor a whole number.
        """
        for name in (*self._columns.names, *self._newcomers.names):
            if not isinstance(name, str | int | np.integer):
                raise TypeError(
                    f"feature {name!r} has a name of type {type(name).__name__}; to_bytes keeps "
                    "names that are strings or whole numbers: rename it, or pickle the model"
                )
        parameters = dict(self._made_with)
        forgetting = parameters.pop("forgetting")
        return pack(
            {
                "kind": _STATE_KIND,
                "version": _STATE_VERSION,
                "parameters": parameters,
                "forgetting": None if forgetting is None else law_to_state(forgetting),
                "names": list(self._columns.names),
                "component_names": self._names.state(),
                "n_features": self._learner.n_features,
                "learner": self._learner.state(),
                "newcomers": self._newcomers.state(),
                "clock": self._clock.state(),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the model that `to_bytes` wrote.

        Raises
        ------
        StateError
            If the bytes are damaged, of a newer release, or not of such a model.
        TypeError
            If they are no bytes.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data is {data!r:.50}; give the bytes that to_bytes returned")
        state = unpack(bytes(data))
        kind, version = state.get("kind"), state.get("version")
        if kind != _STATE_KIND:
            raise StateError(f"the bytes hold {kind!r}, where an {_STATE_KIND!r} is needed")
        if version == _NAMELESS:
            state = {**state, "component_names": []}
        elif version != _STATE_VERSION:
            raise StateError(refusal(f"the {_STATE_KIND}", version, _STATE_VERSION))
        try:
            return cls._from_state(state)
        except (AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise StateError(
                f"the bytes hold an {_STATE_KIND} that cannot be put together again "
                f"({type(error).__name__}: {error}); they were written by something else"
            ) from error

    @classmethod
    def _from_state(cls, state: dict[str, Any]) -> Self:
        law = state["forgetting"]
        forgetting = None if law is None else law_from_state(law)
        make: Any = cls
        model: Self = make(forgetting=forgetting, **state["parameters"])
        model._columns = Columns(state["names"])
        model._learner.widen(unplaced(state["n_features"]))
        model._learner.restore(state["learner"])
        model._newcomers.restore(state["newcomers"])
        model._clock.restore(state["clock"])
        model._names = ComponentNames.from_state(state["component_names"])
        mixture = model._learner.mixture
        d = model._learner.n_features
        if len(model._columns) != d or (mixture is not None and mixture.d != d):
            raise ValueError(f"{d} features, but names {model._columns.names}")
        return model
