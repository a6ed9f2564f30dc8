"""How well scores rank anomalies above the rest, in memory that does not grow with the stream.

Scores are kept as counts of each distinct one. Where these get too many, all fall into bins of
asinh(score), which grow wider by doubling until they fit, so that each bin becomes part of one: the
figures are exact up to then, and how far they can be off is known after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Rankings"]

_MOST: Final = 1 << 17
_AT_ONCE: Final = 1 << 16
_FINEST: Final = 2.0**-20


class Rankings:
    """Scores with their truth.

    Parameters
    ----------
    most
        So many distinct scores are kept.

    Attributes
    ----------
    step : float
        What is told apart: so many nats near 0, that share of a score far from it; 0 while all is.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self.step = 0.0
        self._places = np.empty(0)  # scores, or bins, rising
        self._counts = np.zeros((2, 0))  # normal, anomalies
        self._waiting: list[tuple[NDArray[np.bool_], Array]] = []
        self._n_waiting = 0

    def take(self, truth: NDArray[np.bool_], score: Array) -> None:
        """Add scores (n,) of events that are anomalies where `truth` (n,)."""
        if len(truth):
            self._waiting.append((truth, score))
            self._n_waiting += len(truth)
        if self._n_waiting >= _AT_ONCE:
            self._settle()

    @property
    def positives(self) -> int:
        """How many anomalies."""
        return int(self._settled()[1].sum())

    @property
    def negatives(self) -> int:
        """How many others."""
        return int(self._settled()[0].sum())

    def __len__(self) -> int:
        return int(self._settled().sum())

    def curve(self) -> tuple[Array, Array]:
        """Return how many others, and how many anomalies, score at least as high as each score.

        Two columns, from the highest score down, beginning with 0, 0.
        """
        counts = self._settled()[:, ::-1]
        falls, finds = np.concatenate([np.zeros((2, 1)), counts.cumsum(axis=1)], axis=1)
        return falls, finds

    def roc_auc(self) -> float:
        """Probability that an anomaly scores higher than another event; ties count half.

        NaN if there are no anomalies, or nothing else.
        """
        falls, finds = self.curve()
        if not falls[-1] or not finds[-1]:
            return float("nan")
        area = (np.diff(falls) * (finds[1:] + finds[:-1]) / 2).sum()
        return float(area / falls[-1] / finds[-1])

    def roc_auc_error(self) -> float:
        """Return by how much `roc_auc` can be off because scores share bins: half of all ties."""
        normal, anomalies = self._settled()
        if not self.step or not normal.sum() or not anomalies.sum():
            return 0.0
        return float((normal * anomalies).sum() / 2 / normal.sum() / anomalies.sum())

    def average_precision(self) -> float:
        """Precision averaged over the anomalies as they are found from the highest score down.

        Events of one score are taken together; NaN if there are no anomalies.
        """
        falls, finds = self.curve()
        if not finds[-1]:
            return float("nan")
        precision = finds[1:] / (finds[1:] + falls[1:])
        return float((np.diff(finds) * precision).sum() / finds[-1])

    def _settled(self) -> NDArray[np.float64]:
        self._settle()
        return self._counts

    def _settle(self) -> None:
        if not self._waiting:
            return
        truth = np.concatenate([one for one, _ in self._waiting])
        places = self._binned(np.concatenate([one for _, one in self._waiting]))
        self._waiting, self._n_waiting = [], 0
        added = np.stack([~truth, truth]).astype(np.float64)
        self._sum_up(
            np.concatenate([self._places, places]), np.concatenate([self._counts, added], axis=1)
        )
        while len(self._places) > self._most:
            if self.step:
                self.step *= 2.0
                wider = np.floor(self._places / 2.0)
            else:
                self.step = _FINEST
                wider = self._binned(self._places)
            self._sum_up(wider, self._counts)

    def _sum_up(self, places: Array, counts: Array) -> None:
        self._places, where = np.unique(places, return_inverse=True)
        self._counts = np.stack([np.bincount(where, weights=row) for row in counts])

    def _binned(self, score: Array) -> Array:
        return np.floor(np.arcsinh(score) / self.step) if self.step else score
