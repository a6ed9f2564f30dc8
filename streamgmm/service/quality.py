"""How well scores tell anomalies from the rest, where the truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamgmm.service.rankings import Rankings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["average_precision", "roc_auc"]


def roc_auc(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Probability that an anomaly scores higher than a normal event; ties count half.

    Parameters
    ----------
    truth : (n,)
        True for anomalies.
    score : (n,)
        Higher is stranger.

    Returns
    -------
    float
        NaN if there are no anomalies, or nothing else.
    """
    return _exact(truth, score).roc_auc()


def average_precision(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Precision averaged over the anomalies as they are found from the highest score down.

    The sum over thresholds of (recall gained) x (precision there), events with the same score
    taken together; NaN if there are no anomalies. Parameters as for `roc_auc`.
    """
    return _exact(truth, score).average_precision()


def _exact(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> Rankings:
    rankings = Rankings(most=len(score))
    rankings.take(truth, score)
    return rankings
