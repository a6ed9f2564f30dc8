"""How well scores tell anomalies from the rest, where the truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle_rank = last - (counts - 1) / 2
    rank_sum = float(middle_rank[place][truth].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def average_precision(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Precision averaged over the anomalies as they are found from the highest score down.

    The sum over thresholds of (recall gained) x (precision there), events with the same score
    taken together; NaN if there are no anomalies. Parameters as for `roc_auc`.
    """
    positives = int(truth.sum())
    if not positives:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    found = np.cumsum(truth[order])
    descending = score[order]
    ends = np.flatnonzero(np.append(np.diff(descending) != 0, True))
    gained = np.diff(found[ends], prepend=0)
    return float((gained * found[ends] / (ends + 1)).sum() / positives)
