"""Rankings as curves: so few points that a picture takes no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from streamgmm.service.rankings import Rankings

__all__ = ["curves"]

# So finely each of the axes is told: recall, false alarms, and their logarithm.
_STEPS: Final = 200


def curves(rankings: Rankings) -> dict[str, Any] | None:
    """Give ROC and precision-recall curve in columns, with their areas, as JSON shows them.

    None where there is nothing to tell apart.
    """
    falls, finds = rankings.curve()
    normal, anomalies = float(falls[-1]), float(finds[-1])
    if not normal or not anomalies:
        return None
    axes = (finds / anomalies, falls / normal, np.log1p(falls) / np.log1p(normal))
    cells = np.stack([np.floor(_STEPS * axis) for axis in axes])
    change = np.any(np.diff(cells, axis=1) != 0, axis=0)
    # Of a cell its first and its last point.
    kept = np.flatnonzero(np.append(True, change) | np.append(change, True))
    falls, finds = falls[kept], finds[kept]
    return {
        "normal": int(normal),
        "anomalies": int(anomalies),
        "false_alarms": (falls / normal).tolist(),
        "recall": (finds / anomalies).tolist(),
        "precision": [
            find / (find + fall) if find + fall else None
            for find, fall in zip(finds.tolist(), falls.tolist(), strict=True)
        ],
        "roc_auc": rankings.roc_auc(),
        "roc_auc_error": rankings.roc_auc_error(),
        "average_precision": rankings.average_precision(),
    }
