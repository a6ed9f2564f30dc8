"""Small streams and mixtures that the tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import (
    Effort,
    Forgetting,
    Frame,
    HalfLife,
    OnlineMixture,
    PowerLaw,
    Rules,
    Stationary,
    estimate_frame,
    fit,
)

Array = NDArray[np.float64]

COVARIANCES = ("full", "tied", "diag", "spherical")
UNCORRELATED = ("diag", "spherical")
LAWS: dict[str, Forgetting] = {
    "stationary": Stationary(),
    "power_law": PowerLaw(alpha=0.7),
    "own_events": HalfLife(events=150),
    "common_events": HalfLife(events=150, clock="common"),
    "seconds": HalfLife(seconds=200),
}
# Every rule that is not the plain algorithm, switched off.
PLAIN: dict[str, Any] = {
    "established": None,
    "shrinkage": 0.0,
    "correlation_shrinkage": 0.0,
    "influence": float("inf"),
    "weight_floor": 0.0,
    "tolerance": 0.0,
}


def modes(n: int, d: int, *, seed: int = 0, k: int = 3) -> Array:
    """Return n events from k correlated Gaussian modes in units far from 0 and 1."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(d).normal(size=(k, d)) * 4
    mixing = np.random.default_rng(d + 1).normal(size=(k, d, d)) * 0.4 + np.eye(d)
    mode = rng.choice(k, size=n, p=np.arange(k, 0, -1) / (k * (k + 1) / 2))
    Z = centres[mode] + np.einsum("nij,nj->ni", mixing[mode], rng.normal(size=(n, d)))
    return 50.0 + Z * 10.0 ** np.arange(-(d // 2), d - d // 2)


def with_holes(X: Array, share: float, *, seed: int = 0) -> Array:
    """Return X with a share of its values missing, and one row with nothing at all."""
    holed = np.where(np.random.default_rng(seed).random(X.shape) < share, np.nan, X)
    holed[len(X) // 2] = np.nan
    return holed


def learning_weights(n: int, *, seed: int = 0) -> Array:
    """Return u (n,): mostly 1, some held back, some 0, some above 1."""
    return np.random.default_rng(seed).choice(
        [1.0, 0.1, 0.0, 2.5], size=n, p=[0.8, 0.1, 0.05, 0.05]
    )


def event_times(n: int, *, seed: int = 0) -> Array:
    """Return times (n,) in s that mostly rise, with late events, absent ones and a quiet night."""
    rng = np.random.default_rng(seed)
    t = 1.7e9 + np.cumsum(rng.exponential(1.0, size=n))
    t[n // 3 :] += 5_000.0
    t[rng.random(n) < 0.1] -= 30.0
    t[rng.random(n) < 0.05] = np.nan
    return t


def fitted(
    X: Array, components: int, *, seed: int = 0, starts: int = 1, **rules: Any
) -> OnlineMixture:
    """Return a mixture fitted to X under these rules."""
    frame = estimate_frame(X)
    rng = np.random.default_rng(seed)
    return fit(
        X, components, frame=frame, rules=Rules(**rules), rng=rng, effort=Effort(starts=starts)
    )


def placed(frame: Frame, X: Array) -> tuple[Array, Array]:
    """Return X (n, d) in a frame's coordinates, and sum log(dx / dz) (n,) of what is observed.

    Written once more, from the definition: linear up to 5 scales, logarithmic beyond.
    """
    z = (X - frame.location) / frame.scale
    far = np.log(np.maximum(np.abs(z), 5.0) / 5.0)
    slope = np.nansum(np.log(frame.scale) + far, axis=1, where=~np.isnan(z))
    return np.where(np.abs(z) > 5.0, np.sign(z) * 5.0 * (1.0 + far), z), slope


def in_linear_part(frame: Frame, X: Array) -> bool:
    """Return whether all of X (n, d) lies where the frame is linear."""
    return bool((np.abs((X - frame.location) / frame.scale) <= 5.0).all())


def shapes(mixture: OnlineMixture) -> list[tuple[Array, Array]]:
    """Return mean (d,) and covariance (d, d) of each component, in the frame's coordinates."""
    return [mixture.shape_in_frame(k) for k in range(mixture.n_components)]


def state_bytes(state: Any) -> Any:
    """Return a state tree with its arrays as bytes: equal if and only if equal bit for bit."""
    if isinstance(state, dict):
        return {key: state_bytes(value) for key, value in state.items()}
    if isinstance(state, list):
        return [state_bytes(value) for value in state]
    if isinstance(state, np.ndarray):
        return (state.dtype.str, state.shape, state.tobytes())
    if isinstance(state, float):
        return np.float64(state).tobytes()
    return state
