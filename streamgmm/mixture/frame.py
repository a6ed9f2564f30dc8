"""The reference frame: per feature a location and a scale in which the mixture does its sums.

z = (x - location) / scale. Second moments of raw numbers lose everything to rounding (mean 1.7e9,
true variance 1: they give 0), and a frame makes the rules' constants mean the same for every
unit. All estimates are order statistics taken without interpolation, so that shifting the data
or scaling it by a power of two moves the frame by exactly that.

Farther out than ``REACH`` scales a feature is taken on a logarithmic scale, sign(z) REACH
(1 + log(|z| / REACH)), which goes on smoothly: tails there are more like those of a log-normal law
than of any Gaussian that the bulk suggests, and one far feature must not drown the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .kernels import REACH, exp, log

Array = NDArray[np.float64]

# Distance from the 10% to the 90% quantile of a Gaussian, in standard deviations.
SPREAD_10_90 = 2.5631031310892007
# |z| is held to it, as in the kernels: what is derived from it still is a number.
_FARTHEST = 1e100
_MOST_LOG = 700.0
# A feature whose mean is this many scales off, or whose spread is wider, has left its frame: what
# it does most is to lie where the frame is linear, with room to both sides.
OFF_CENTRE, TOO_WIDE = 0.5 * REACH, REACH
LEAST_RIDGE = 1e-30  # above what underflows when squared
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
        with np.errstate(over="ignore"):  # farther than any number is as far as can be
            z = (X - self.location) / self.scale
        far = np.abs(z) > REACH
        if far.any():
            size = np.minimum(np.abs(z[far]), _FARTHEST)
            z[far] = np.sign(z[far]) * REACH * (1.0 + log(size / REACH))
        return z

    def to_user(self, Z: Array) -> Array:
        """Turn (..., d) frame units into the user's."""
        z = np.array(Z, dtype=np.float64)
        far = np.abs(z) > REACH
        if far.any():
            size = np.minimum(REACH * _exp(np.abs(z[far]) / REACH - 1.0), _FARTHEST)
            z[far] = np.sign(z[far]) * size
        with np.errstate(over="ignore"):
            user: Array = self.location + self.scale * z
        return user

    def moved_to(self, other: Frame, Z: Array) -> tuple[Array, Array]:
        """Return Z (..., d) in ``other``'s units, and how much longer small steps become there.

        Where both are linear, by their ratio: the way over the user's units would cost digits.
        """
        ratio = self.scale / other.scale
        moved = Z * ratio + (self.location - other.location) / other.scale
        linear = (np.abs(Z) <= REACH) & (np.abs(moved) <= REACH)
        across = other.to_frame(self.to_user(Z))
        steps = self.slope(Z) / other.slope(across)
        return np.where(linear, moved, across), np.where(linear, ratio, steps)

    def joined(self, other: Frame, share: float) -> Frame:
        """Return a frame for what is in this one and, a ``share`` of it all, in the other.

        It is this one in each feature in which the other lies well inside; else one that has room
        for both where it is linear, with the least variance that this one has in the user's units.
        """
        apart = np.abs(other.location - self.location)
        inside = (apart <= OFF_CENTRE * self.scale) & (other.scale <= 2.0 * self.scale)
        if inside.all():
            return self
        between = (1.0 - share) * self.location + share * other.location
        farther = apart * max(share, 1.0 - share) / OFF_CENTRE
        scale = np.maximum(np.maximum(self.scale, other.scale), farther)
        location = np.where(inside, self.location, between)
        grown = np.where(inside, 1.0, scale / self.scale)
        return Frame(location, self.scale * grown, np.maximum(self.ridge / grown**2, LEAST_RIDGE))

    def stretch(self, X: Array) -> Array:
        """Return sum log(dx / dz) - log_scale (n,) at X (n, d), NaN = missing: 0 where linear."""
        z = np.nan_to_num(np.abs(self.to_frame(X)))
        return np.asarray(np.maximum(z / REACH - 1.0, 0.0).sum(axis=1))

    def slope(self, Z: Array) -> Array:
        """Return dx / dz at Z (..., d) in frame units: what a small step there is worth."""
        steps: Array = _exp(np.maximum(np.abs(Z) / REACH - 1.0, 0.0))
        return self.scale * np.minimum(steps, _FARTHEST)


def _exp(x: Array) -> Array:
    """Return e^x of an array of any shape, held to what still has room below the largest number."""
    return exp(np.minimum(x, _MOST_LOG).reshape(-1)).reshape(x.shape)


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
    constant = (frame.scale == _UNKNOWN) & (frame.ridge == _RIDGE)
    if not constant.any():
        return frame
    location, scale, ridge = frame.location.copy(), frame.scale.copy(), frame.ridge.copy()
    for i in np.flatnonzero(constant).tolist():
        values = X[~np.isnan(X[:, i]), i]
        found = _estimate_column(values, resolution=resolution)
        varies = len(values) >= _FEWEST and np.mean(values == found[0]) < 0.8
        if varies and _ROUNDING * abs(found[0]) < found[1] < _UNKNOWN:
            location[i], scale[i], ridge[i] = found
    return frame if np.array_equal(scale, frame.scale) else Frame(location, scale, ridge)


def weighted_quantiles(points: Array, weights: Array, shares: Sequence[float]) -> list[Array]:
    """Return the least of points (n, d), by feature, up to which ``shares`` of weights (n,) lie."""
    features = np.arange(points.shape[1])
    order = np.argsort(points, axis=0, kind="stable")
    reached = np.cumsum(weights[order], axis=0)
    ordered = points[order, features]
    at = ((reached < share * reached[-1]).sum(axis=0) for share in shares)
    return [ordered[i, features] for i in at]


def _estimate_column(column: Array, *, resolution: bool) -> tuple[float, float, float]:
    values = np.sort(column[~np.isnan(column)])
    n = len(values)
    if n == 0:
        return 0.0, _UNKNOWN, _RIDGE
    location = values[n // 2]
    centred = values - location
    low, high = centred[int(0.1 * (n - 1))], centred[n - 1 - int(0.1 * (n - 1))]
    scale = (high - low) / SPREAD_10_90
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
