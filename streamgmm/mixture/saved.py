"""A mixture as plain arrays and scalars, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.snapshot import refusal

from .covariance import covariance_of
from .forgetting import law_from_state, law_to_state
from .frame import Frame
from .rules import Rules
from .statistics import FACTORS, STATISTICS, empty_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .statistics import Arrays

STATE_VERSION = 3


def to_state(
    frame: Frame, components: int, rules: Rules, *, ids: NDArray[np.uint64], arrays: Arrays
) -> dict[str, Any]:
    """Return all that a mixture is made of, as plain arrays and scalars (copies)."""
    plain = asdict(rules)
    plain["forgetting"] = law_to_state(rules.forgetting)
    return {
        "version": STATE_VERSION,
        "components": components,
        "rules": plain,
        "ids": ids.copy(),
        "location": frame.location.copy(),
        "scale": frame.scale.copy(),
        "ridge": frame.ridge.copy(),
        **{name: arrays[name].copy() for name in (*STATISTICS, *FACTORS)},
    }


def from_state(state: dict[str, Any]) -> dict[str, Any]:
    """Return what :func:`to_state` was given, by name.

    Raises
    ------
    ValueError
        If the state is of another version or its arrays do not fit together.
    """
    if state.get("version") != STATE_VERSION:
        raise ValueError(refusal("the mixture", state.get("version"), STATE_VERSION))
    rules = dict(state["rules"])
    rules["forgetting"] = law_from_state(rules["forgetting"])
    frame = Frame(*(np.array(state[name]) for name in ("location", "scale", "ridge")))
    components = int(state["components"])
    arrays = empty_arrays(components, len(frame.location), covariance_of(rules["covariance"]))
    for name in (*STATISTICS, *FACTORS):
        stored = np.asarray(state[name])
        if stored.shape != arrays[name].shape:
            raise ValueError(
                f"mixture state: {name} has shape {stored.shape}, "
                f"{arrays[name].shape} is needed for {components} components"
            )
        arrays[name][...] = stored
    ids = np.array(state["ids"], dtype=np.uint64)
    return {
        "frame": frame,
        "components": components,
        "rules": Rules(**rules),
        "ids": ids,
        "arrays": arrays,
    }
