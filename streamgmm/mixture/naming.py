"""Names that an analyst gives to components: they stay with a component wherever it goes.

A name belongs to a component's identity (``mixture.ids``), not to its slot. Of two components that
merge the heavier goes on, with its name or without one; a component that retires takes its name
with it, and one that is born has none, in whatever slot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from .parameters import Parameters

_LONGEST = 80  # characters


class ComponentNames:
    """Names by identity.

    Parameters
    ----------
    by_id
        What is named so far.
    """

    def __init__(self, by_id: Mapping[int, str] | None = None) -> None:
        self._by_id: dict[int, str] = dict(by_id or {})

    def of(self, mixture: Parameters) -> dict[int, str]:
        """Return the names of the components that are there, by slot."""
        if not self._by_id:
            return {}
        slots = zip(mixture.ids.tolist(), mixture.weights.tolist(), strict=True)
        return {
            k: self._by_id[name]
            for k, (name, weight) in enumerate(slots)
            if weight > 0.0 and name in self._by_id
        }

    def give(self, mixture: Parameters, k: int, name: str | None) -> None:
        """Name the component in slot k, or take its name away (None).

        Names of components that are gone are let go of.

        Raises
        ------
        TypeError
            If the name is not a text.
        ValueError
            If there is no such component, or the name cannot be shown in a line, or is another's.
        """
        mixture.check_component(k, "name")
        names = self.of(mixture)
        names.pop(k, None)
        if name is not None:
            _check(name)
            if name in names.values():
                other = next(slot for slot, taken in names.items() if taken == name)
                raise ValueError(f"component {other} is named {name!r} already; choose another")
            names[k] = name
        self._by_id = {int(mixture.ids[slot]): one for slot, one in names.items()}

    def joined(self, other: Self) -> ComponentNames:
        """Return the names of both; where they differ, and where both use one, this one's."""
        ours = set(self._by_id.values())
        theirs = {key: name for key, name in other._by_id.items() if name not in ours}
        return ComponentNames({**theirs, **self._by_id})

    def state(self) -> list[list[Any]]:
        """Return pairs of identity and name."""
        return [[key, name] for key, name in self._by_id.items()]

    @classmethod
    def from_state(cls, state: list[list[Any]]) -> Self:
        """Return what gave ``state``."""
        return cls({int(key): str(name) for key, name in state})


def called(k: int, name: str | None) -> str:
    """Return what to call the component in slot k in a text."""
    return f"component {k}" if name is None else f"component {k} ({name})"


def _check(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"name is {name!r:.80}; give a text, or None to take the name away")
    if not name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise ValueError(
            f"name is {name!r:.100}; it must be 1 to {_LONGEST} characters in one line, not all "
            "of them spaces"
        )
