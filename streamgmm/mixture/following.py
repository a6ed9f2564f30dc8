"""When features have left a mixture's frame, and the frame that goes after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .frame import LEAST_RIDGE, OFF_CENTRE, SPREAD_10_90, TOO_WIDE, Frame, weighted_quantiles
from .statistics import by_component

if TYPE_CHECKING:
    from .covariance import Covariance
    from .statistics import Arrays

Array = NDArray[np.float64]


def frame_after(
    arrays: Arrays, frame: Frame, covariance: Covariance, components: int
) -> Frame | None:
    """Return the frame for features that have left ``frame``; None if none has.

    As in warm-up, the new location is the median, and the scale the distance between the 10%
    and 90% quantiles in Gaussian standard deviations, where that is more than it was: of the
    components' means a standard deviation to both sides. The least variance keeps its size in
    the user's units; so one gross event, or one in twenty, can not coarsen the model.

    Parameters
    ----------
    arrays
        The statistics of K components, as :func:`.statistics.empty_arrays` lays them out.
    """
    if not _may_leave(arrays, covariance, len(frame.location)):
        return None
    means, weights = (by_component(arrays[name], components) for name in ("mean", "weight"))
    scatters = covariance.unpack(by_component(arrays["scatter"], components), len(frame.location))
    spread = np.sqrt(np.einsum("kii->ki", scatters))
    points = np.concatenate([means - spread, means + spread])
    low, centre, high = weighted_quantiles(points, np.tile(weights, 2), (0.1, 0.5, 0.9))
    left = (np.abs(centre) > OFF_CENTRE) | (high - low > TOO_WIDE * SPREAD_10_90)
    if not left.any():
        return None
    spread = (frame.to_user(high) - frame.to_user(low)) / SPREAD_10_90
    grown = np.where(left, np.maximum(spread / frame.scale, 1.0), 1.0)
    location = np.where(left, frame.to_user(centre), frame.location)
    ridge = np.maximum(frame.ridge / grown**2, LEAST_RIDGE)
    return Frame(location, frame.scale * grown, ridge)


def _may_leave(arrays: Arrays, covariance: Covariance, d: int) -> bool:
    """Return False, quickly, where too little of the traffic is far out for a feature to leave.

    With less than half of it beyond OFF_CENTRE the median is not, and with less than a tenth
    beyond TOO_WIDE the quantiles are closer than that on both sides.
    """
    mean, scatter, weight = (arrays[name] for name in ("mean", "scatter", "weight"))
    rows, columns = covariance.entries(d)
    reach = np.abs(mean) + np.sqrt(scatter[:, rows == columns])
    shares = [
        (weight[:, None] * (reach > bound)).sum(axis=(0, 2)).max()
        for bound in (OFF_CENTRE, TOO_WIDE)
    ]
    total = weight.sum()
    return bool(shares[0] >= 0.49 * total or shares[1] >= 0.09 * total)
