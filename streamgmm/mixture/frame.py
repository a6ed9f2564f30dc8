"""The reference frame: per feature a location and a scale in which the mixture does its sums.

z = (x - location) / scale. Second moments of raw numbers lose everything to rounding (mean 1.7e9,
true variance 1: they give 0), and a frame makes the rules' constants mean the same for every
unit. All estimates are order statistics taken without interpolation, so that shifting the data
or scaling it by a power of two moves the frame by exactly that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Distance from the 10% to the 90% quantile of a Gaussian, in standard deviations.
_SPREAD_10_90 = 2.5631031310892007
_RIDGE = 1e-3  # the least variance of a feature, in frame units
_UNKNOWN = 1.0  # scale of a feature that has shown none
_FEWEST = 32  # values that give a feature its place later
_ROUNDING = 1e-12  # of the location: a smaller scale is none


@dataclass(frozen=True, slots=True)
class Frame:
    """Location, scale and least variance (frame units) of each feature, each (d,)."""

    location: Array
    scale: Array
    ridge: Array

    @property
    def log_scale(self) -> float:
        """Sum of log(scale): what an NLL in frame units lacks of one in the user's."""
        return float(np.log(self.scale).sum())

    def to_frame(self, X: Array) -> Array:
        """Turn (..., d) user's units into frame units."""
        return (X - self.location) / self.scale

    def to_user(self, Z: Array) -> Array:
        """Turn (..., d) frame units into the user's."""
        return self.location + self.scale * Z


def estimate_frame(X: Array, *, resolution: bool = True) -> Frame:
    """Estimate the frame of X (n, d), NaN = missing, column by column.

    Location is the median, scale the 10-90% range of a Gaussian's standard deviation, or the
    standard deviation where that range is 0, or 1 where the feature is constant. A feature
    that only takes values a gap apart is not known better than gap^2 / 12, the variance of
    rounding; that, up to 1, is its ridge.
    """
    with np.errstate(over="ignore"):  # a range beyond all numbers is no scale: 1 takes its place
        columns = [_estimate_column(X[:, i], resolution=resolution) for i in range(X.shape[1])]
    location, scale, ridge = np.array(columns, dtype=np.float64).reshape(-1, 3).T.copy()
    return Frame(location, scale, ridge)


def place_constants(frame: Frame, X: Array, *, resolution: bool = True) -> Frame:
    """Return the frame with a place for features that were constant so far and vary in X (n, d).

    A constant has no scale and is taken in the user's unit, which hides whatever varies within a
    thirtieth of that. One that is seen to vary less than by a unit, in a fifth of the events at
    least so that no stray event decides, gets the place that these events give it. Where there is
    none to give, the frame itself is returned.
    """
    location, scale, ridge = frame.location.copy(), frame.scale.copy(), frame.ridge.copy()
    for i in np.flatnonzero((frame.scale == _UNKNOWN) & (frame.ridge == _RIDGE)).tolist():
        values = X[~np.isnan(X[:, i]), i]
        found = _estimate_column(values, resolution=resolution)
        varies = len(values) >= _FEWEST and np.mean(values == found[0]) < 0.8
        if varies and _ROUNDING * abs(found[0]) < found[1] < _UNKNOWN:
            location[i], scale[i], ridge[i] = found
    return frame if np.array_equal(scale, frame.scale) else Frame(location, scale, ridge)


def _estimate_column(column: Array, *, resolution: bool) -> tuple[float, float, float]:
    values = np.sort(column[~np.isnan(column)])
    n = len(values)
    if n == 0:
        return 0.0, _UNKNOWN, _RIDGE
    location = values[n // 2]
    centred = values - location
    low, high = centred[int(0.1 * (n - 1))], centred[n - 1 - int(0.1 * (n - 1))]
    scale = (high - low) / _SPREAD_10_90
    if scale == 0.0:
        scale = float(np.sqrt(np.mean(centred**2)))
    if not 1e-150 < scale < 1e150:
        return float(location), _UNKNOWN, _RIDGE
    ridge = _RIDGE
    gaps = np.diff(np.unique(centred))
    if resolution and len(gaps):
        gap = np.sort(gaps)[len(gaps) // 2] / scale
        ridge = max(_RIDGE, min(1.0, gap * gap / 12.0))
    return float(location), float(scale), float(ridge)
