"""The mixture as a river clusterer: which of the components an event belongs to."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import base

from streamgmm.estimators import OnlineGMM
from streamgmm.inputs import Time
from streamgmm.mixture import OnlineMixture


class GMMClusterer(base.Clusterer):
    """Clustering with a Gaussian mixture that learns from every event.

    A cluster is a component of an `OnlineGMM`: it has a size, a place and a shape of its own.
    `predict_one` gives an event its likeliest cluster, `predict_proba_one` says how sure that is.
    Fields that are missing (absent, None, NaN) are left out of account.

    Parameters
    ----------
    n_components
        Number of clusters, at most. What nothing tells apart becomes one, so give rather more than
        you expect: a start with few is easily a bad one.
    covariance
        Shape of a cluster: "full" (an ellipse of any direction), "tied" (one shape for all), "diag"
        (along the axes), "spherical" (round), or "auto", as in `OnlineGMM`.
    half_life
        When the past has lost half its weight: a number of events, a span of event time such as
        "7d" (then give ``t`` when learning), or None to forget nothing.
    structure
        Whether clusters are born of events that nothing explains, and merge or retire to make
        room for them.
    shrinkage
        How many events a feature it takes until a cluster's shape is half its own, and half the
        one that all have in common.
    warmup
        Events that are collected before the first clusters are made, at most.
    seed
        Of the start: equal events give equal clusters.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not allowed; the message names what is.

    Notes
    -----
    What becomes of a label:

    - Until `ready` there is one cluster, 0. Then clusters are numbered by size, the largest is 0.
    - A label stays with its cluster for as long as that lives, however it moves.
    - One that is born gets a number that none had before.
    - Of two that merge the larger keeps its label. The other's never comes back, and neither does
      that of one that retires: events that had it are not labelled again.

    The model behind is an `OnlineGMM` whose components have shapes of their own: ``shrinkage`` is
    less than there, and correlations are taken as they are, where a detector of anomalies is wary
    of both.

    Examples
    --------
    >>> import random
    >>> from streamgmm import GMMClusterer
    >>> rng, clusterer = random.Random(1), GMMClusterer()
    >>> for _ in range(1_000):
    ...     big = rng.random() < 0.3
    ...     clusterer.learn_one({"size": rng.gauss(9 if big else 3, 1), "time": rng.gauss(0, 1)})
    >>> clusterer.predict_one({"size": 3.5}), clusterer.predict_one({"size": 8.0})
    (0, 1)
    >>> {label: round(p, 1) for label, p in clusterer.predict_proba_one({"size": 5.8}).items()}
    {0: 0.9, 1: 0.1}
    >>> {label: round(center["size"]) for label, center in clusterer.centers.items()}
    {0: 3, 1: 9}
    """

    def __init__(
        self,
        n_components: int = 16,
        covariance: str = "auto",
        half_life: float | str | None = 10_000,
        *,
        structure: bool = True,
        shrinkage: float = 2.0,
        warmup: int = 500,
        seed: int = 0,
    ) -> None:
        self.n_components = n_components
        self.covariance = covariance
        self.half_life = half_life
        self.structure = structure
        self.shrinkage = shrinkage
        self.warmup = warmup
        self.seed = seed
        self._model = OnlineGMM(
            n_components=n_components,
            covariance=covariance,
            half_life=half_life,
            structure=structure,
            shrinkage=shrinkage,
            warmup=warmup,
            seed=seed,
            correlation_shrinkage=0.0,
        )
        self._labels = Labels()

    @property
    def model(self) -> OnlineGMM:
        """The mixture that is behind: its `summary`, `density`, names of components and pictures.

        Its components have other numbers, which are given anew when a component goes; `labels`
        tells which is which. Learn through the clusterer.
        """
        return self._model

    @property
    def ready(self) -> bool:
        """Whether warm-up is over; before, there is one cluster."""
        return self._model.ready

    def learn_one(self, x: Mapping[Any, Any], *, w: float = 1.0, t: Time = None) -> None:
        """Learn x: features by name, with a weight and an event time as `OnlineGMM.learn_one`."""
        self._model.learn_one(x, w=w, t=t)
        self._slots()  # here, so that labels do not depend on when they are asked for

    def predict_one(self, x: Mapping[Any, Any]) -> int:
        """Return the label of the cluster that most likely produced x; 0 before ready."""
        return max(self.predict_proba_one(x).items(), key=lambda item: item[1])[0]

    def predict_proba_one(self, x: Mapping[Any, Any]) -> dict[int, float]:
        """Return {label: probability} for x, over all clusters there are; {0: 1.0} before ready."""
        found = self._model.predict_proba_one(x)
        return {label: found[slot] for slot, label in self._slots().items()}

    @property
    def labels(self) -> dict[int, int]:
        """Labels by the component's number in `model`, in the order of labels."""
        return dict(self._slots())

    @property
    def centers(self) -> dict[int, dict[Hashable, float]]:
        """Centres of the clusters by label, features by name, as river's metrics ask for them.

        Raises
        ------
        ValueError
            Before two events have been learned.
        """
        means, names = self._model.means.tolist(), self._model.feature_names
        return {
            label: dict(zip(names, means[slot], strict=True))
            for slot, label in self._slots().items()
        }

    def _slots(self) -> dict[int, int]:
        return self._labels.of(self._model.mixture) if self._model.ready else {0: 0}


class Labels:
    """Labels 0, 1, ... by the identity of a component, each given once."""

    def __init__(self) -> None:
        self._by_id: dict[int, int] = {}
        self._given = 0
        self._ids: NDArray[np.uint64] | None = None
        self._slots: dict[int, int] = {}

    def of(self, mixture: OnlineMixture) -> dict[int, int]:
        """Return labels by slot of the components there are, in the order of labels.

        New components get the next labels, the largest first; what is gone is forgotten.
        """
        if mixture.ids is self._ids:  # it is replaced, never written to, when components change
            return self._slots
        weights = mixture.weights
        slots = np.argsort(-weights, kind="stable")[: np.count_nonzero(weights)].tolist()
        live = {slot: int(mixture.ids[slot]) for slot in slots}
        for name in live.values():
            if name not in self._by_id:
                self._by_id[name] = self._given
                self._given += 1
        self._by_id = {name: self._by_id[name] for name in live.values()}
        labelled = {slot: self._by_id[name] for slot, name in live.items()}
        self._slots = dict(sorted(labelled.items(), key=lambda item: item[1]))
        self._ids = mixture.ids
        return self._slots
