"""The rules of the detector, each switched off in turn.

A new rule needs one row in `RULES`: its name in the tables and the parameters of `OnlineGMM` that
switch it off. A test holds the table to the parameters there are. What has no parameter stays on in
all rows but where its whole rule is off: the frame's logarithm throughout, vicinities and tenure as
long as there is established behaviour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamgmm
from streamgmm import OnlineGMM, Stationary

from .protocol import Array, Detector

DEFAULT = "streamgmm"

RULES: dict[str, Mapping[str, Any]] = {
    "no established behaviour": {"established": None},
    "one threshold of established behaviour": {"established": 0.3},
    "no shrinkage": {"shrinkage": 0.0},
    "no shrinkage of correlations": {"correlation_shrinkage": 0.0},
    "no bound on influence": {"influence": float("inf")},
    "no resolution": {"resolution": False},
    "no gate": {"gate": None},
    "no structure": {"structure": False},
    "no forgetting": {"forgetting": Stationary()},
    "no floor under the weights": {"weight_floor": 0.0},
    "factors renewed at every event": {"tolerance": 0.0},
    "tail probability for density": {"score": "tail"},
    "one covariance for all": {"covariance": "tied"},
    "diagonal covariances": {"covariance": "diag"},
    "spherical covariances": {"covariance": "spherical"},
    "8 components": {"n_components": 8},
    "1 component": {"n_components": 1},
    "plain algorithm: every rule off": {
        "established": None,
        "shrinkage": 0.0,
        "correlation_shrinkage": 0.0,
        "influence": float("inf"),
        "resolution": False,
        "gate": None,
        "structure": False,
        "forgetting": Stationary(),
        "weight_floor": 0.0,
    },
}


def default() -> Detector:
    """Return the one default configuration."""
    return _detector(DEFAULT, {})


def variants() -> list[Detector]:
    """Return the default with each rule off in turn."""
    return [_detector(name, changes) for name, changes in RULES.items()]


def _detector(name: str, changes: Mapping[str, Any]) -> Detector:
    def scorer(X: Array, seed: int) -> Array:
        return OnlineGMM(seed=seed, **changes).score_learn_many(X)

    return Detector(name, scorer, f"{code_digest()} {sorted(changes.items())}")


def code_digest() -> str:
    """Return what tells the code that scores from other versions of it."""
    root = Path(streamgmm.__file__).parent
    files = [root / "estimators.py", root / "inputs.py"]
    for room in ("mixture", "detection"):
        files += [file for file in sorted((root / room).iterdir()) if file.suffix in {".py", ".so"}]
    contents = hashlib.sha256()
    for file in files:
        contents.update(file.read_bytes())
    return contents.hexdigest()[:12]
