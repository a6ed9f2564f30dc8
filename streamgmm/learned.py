"""What a model that has learned can tell of itself, and what an operator may tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import Mixture
from streamgmm.mixture.summary import describe, table
from streamgmm.values import check_whole, generator_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from streamgmm.detection import Drift, Learner
    from streamgmm.detection.columns import Columns
    from streamgmm.mixture import OnlineMixture
    from streamgmm.mixture.naming import ComponentNames

Array: TypeAlias = NDArray[np.float64]


class Learned:
    """The part of an estimator that rests on its learner and its columns alone."""

    _learner: Learner
    _columns: Columns
    _names: ComponentNames

    @property
    def feature_names(self) -> list[Hashable]:
        """Names of the features by column, in the order in which they appeared."""
        return list(self._columns.names[: self._learner.n_features])

    @property
    def ready(self) -> bool:
        """Whether warm-up is over; before, scores are provisional."""
        return self._learner.ready

    @property
    def n_seen(self) -> int:
        """Number of events given to learn, also those without weight or values."""
        return self._learner.n_seen

    @property
    def drift(self) -> Drift:
        """How far the model has moved, and how badly the data fit it; all 0 before ready.

        Examples
        --------
        river's drift detectors take the latest event's deviation, once the model is ready:

        >>> import random
        >>> from river import drift
        >>> from streamgmm import OnlineGMM
        >>> rng, model, adwin = random.Random(7), OnlineGMM(n_components=2), drift.ADWIN()
        >>> def changes(size, n):
        ...     for i in range(n):
        ...         model.learn_one({"size": rng.gauss(size, 1), "time": rng.gauss(0, 1)})
        ...         if model.ready:
        ...             adwin.update(model.drift.latest)
        ...             if adwin.drift_detected:
        ...                 yield i
        >>> list(changes(size=0, n=2_000))
        []
        >>> 0 < next(changes(size=3, n=500)) < 100
        True
        """
        return self._learner.drift

    @property
    def mixture(self) -> OnlineMixture:
        """The mixture in force.

        Raises
        ------
        ValueError
            Before two events have been learned.
        """
        mixture = self._learner.mixture
        if mixture is None:
            raise ValueError("there is no mixture yet; learn at least two events first")
        return mixture

    @property
    def weights(self) -> Array:
        """Shares of the traffic (K,); they sum to 1, and an empty slot has 0."""
        return self.mixture.weights

    @property
    def means(self) -> Array:
        """Means (K, d) in the user's units, columns as in `feature_names`."""
        return self.mixture.means

    @property
    def covariances(self) -> Array:
        """Covariances in force (K, d, d) in the user's units."""
        return self.mixture.covariances

    @property
    def density(self) -> Mixture:
        """All components as a plain Gaussian mixture, to evaluate, condition and sample.

        A copy, that later events do not change; without the empty slots, components named by their
        number where they have no other name. It is what the model is within five scales of each
        feature's location. Farther out the model takes a feature on a logarithmic scale
        (`streamgmm.mixture.frame`), where this one goes on as a Gaussian in the user's units, with
        the spread that a component has at its mean. Its covariances are those in force, drawn
        towards the pooled shape and towards no correlation, which finds anomalies better and
        expects less of one feature from another: a model for regression takes ``shrinkage=0`` and
        ``correlation_shrinkage=0``.

        Raises
        ------
        ValueError
            Before two events have been learned.

        Examples
        --------
        >>> import numpy as np
        >>> from streamgmm import OnlineGMM
        >>> model = OnlineGMM(n_components=1, correlation_shrinkage=0)
        >>> size = np.random.default_rng(0).normal(size=2_000)
        >>> model.learn_many(np.column_stack([size, 2 * size + 1]))
        >>> model.density.conditional({0: 1.0}).mean.round(1).tolist()
        [3.0]
        """
        mixture = self.mixture
        weights = mixture.weights
        present = np.flatnonzero(weights > 0.0)
        names: dict[int, Hashable] = {**self.component_names}
        return Mixture(
            weights[present] / weights[present].sum(),
            mixture.means[present],
            mixture.covariances[present],
            self.feature_names,
            [names.get(k, k) for k in present.tolist()],
        )

    def sample(self, n: int, seed: int) -> Array:
        """Return n events (n, d) drawn from the mixture, columns as in `feature_names`."""
        check_whole("n", n, 0)
        return self.mixture.sample(n, generator_of("seed", seed))[0]

    def summary(self) -> str:
        """Describe the components in words, largest first."""
        if self._learner.mixture is None:
            return f"nothing learned yet ({self.n_seen} of {self._learner.length} events)"
        names = [str(name) for name in self.feature_names]
        text = describe(self.mixture, names, called_as=self.component_names)
        if self.ready:
            return text
        return f"in warm-up, {self.n_seen} of {self._learner.length} events\n{text}"

    def summary_table(self) -> list[dict[str, Any]]:
        """Return the components in rows of plain values, for a data frame; largest first.

        A row for each component and feature: "component" (its slot), "name", "weight", "standing"
        ("normal", "partly" under some thresholds of what is established, "rare", "accepted"),
        "feature", "mean" and "spread" (one standard deviation) in the user's units, "low" to "high"
        (90% of a Gaussian), and "apart", how many standard deviations of all events the mean is off
        theirs.

        Raises
        ------
        ValueError
            Before two events have been learned.
        """
        return table(self.mixture, self.feature_names, called_as=self.component_names)

    # ---- names ---------------------------------------------------------------------------

    @property
    def component_names(self) -> dict[int, str]:
        """Names of the components that have one, by component (`name_component`)."""
        mixture = self._learner.mixture
        return {} if mixture is None else self._names.of(mixture)

    def name_component(self, component: int, name: str | None) -> None:
        """Give a component a name, for `summary`, `explain_one`, `density` and the plots.

        It stays with the component: through copies, pickles, `to_bytes` and `merge`, and whichever
        others are born, merge or retire. Where two merge it is the larger one that goes on.

        Parameters
        ----------
        component
            Its number, as `summary` and `predict_one` have it.
        name
            One line, of at most 80 characters; None takes the name away.

        Raises
        ------
        TypeError
            If the name is no text.
        ValueError
            In warm-up, or if there is no such component, or another one has that name.

        Examples
        --------
        >>> import numpy as np
        >>> from streamgmm import OnlineGMM
        >>> model = OnlineGMM(n_components=1)
        >>> model.learn_many(np.random.default_rng(0).normal(size=(500, 1)))
        >>> model.name_component(0, "office hours")
        >>> print(model.summary())
        1 component, covariance full
        component 0 (office hours): 100.0% of the traffic, established
          0  -... to ...
        """
        if not self.ready:
            raise ValueError("there are no components to name in warm-up; learn until ready")
        self._names.give(self.mixture, component, name)

    # ---- the operator --------------------------------------------------------------------

    def accept(self, component: int) -> None:
        """Take a component for normal behaviour from now on, however rare it is.

        `predict_one` names the component of an event. There is no way back but a snapshot taken
        before (`to_bytes`, `from_bytes`).

        Raises
        ------
        ValueError
            In warm-up, or if there is no such component.
        """
        if not self.ready:
            raise ValueError("there are no components to accept in warm-up; learn until ready")
        self.mixture.accept(component)

    @property
    def frozen(self) -> bool:
        """Whether nothing is learned at present."""
        return self._learner.frozen

    def freeze(self) -> None:
        """Learn nothing until `unfreeze`: what is given to learn is scored and passes."""
        self._learner.frozen = True

    def unfreeze(self) -> None:
        """Go on learning, with the model as it was when it was frozen."""
        self._learner.frozen = False
