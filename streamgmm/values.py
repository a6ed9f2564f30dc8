"""Settings that users hand over: of which type, within which bounds, and what to say if not."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

import numpy as np

__all__ = [
    "check_number",
    "check_truth",
    "check_whole",
    "generator_of",
    "is_number",
    "is_whole",
]


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether it is a whole number; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Return whether it is a number, be it infinite or NaN; True and False are none."""
    return is_whole(value) or isinstance(value, float | np.floating)


def check_whole(name: str, value: object, least: int, most: int | None = None) -> None:
    """Refuse what is not a whole number from ``least`` to ``most`` (None: without end).

    Raises
    ------
    ValueError
        It names what was got and what is allowed.
    """
    if not is_whole(value) or value < least or (most is not None and value > most):
        allowed = f"{least} or more" if most is None else f"from {least:,} to {most:,}"
        raise ValueError(f"{name} is {value!r:.80}; it must be a whole number, {allowed}")


def check_number(name: str, value: object, low: float, high: float, hint: str) -> None:
    """Refuse what is not a finite number from ``low`` to ``high``; ``hint`` says what to do.

    Raises
    ------
    ValueError
        It names what was got and what is allowed.
    """
    if not is_number(value) or not low <= value <= high or not math.isfinite(value):
        bounds = f"at least {low:g}" if high == math.inf else f"in [{low:g}, {high:g}]"
        raise ValueError(f"{name} is {value!r:.80}; it must be {bounds} ({hint})")


def generator_of(name: str, seed: Any) -> np.random.Generator:
    """Return numpy's generator for a seed, or the generator that is given.

    Raises
    ------
    ValueError
        If it is neither; None is none: nothing is random by itself.
    """
    try:
        if seed is not None:
            return np.random.default_rng(seed)
    except (TypeError, ValueError):
        pass
    raise ValueError(
        f"{name} is {seed!r:.80}; give a seed or a numpy Generator: a seed is a whole number, 0 or "
        "more"
    )


def check_truth(name: str, value: object, hint: str) -> None:
    """Refuse what is neither True nor False; a text such as "no" would count as true.

    Raises
    ------
    TypeError
        It names what was got and what is allowed.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} is {value!r:.80}; allowed are True and False ({hint})")
