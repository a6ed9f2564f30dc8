"""What a name with dots can mean in a JSON object, and which meaning counts.

Some programs write the dots into the name (Zeek: ``{"id.orig_h": ...}``), others nest
(``{"id": {"orig_h": ...}}``), and some do both (``{"attributes": {"http.status": ...}}``). So a
name is looked for as a whole first, and then inside the object that its first part names, where
the rest is looked for in the same way. null and absent are the same: the next reading counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

Reading = tuple[str, ...]
"""Names of members, from the event down to the value."""


def readings(name: str) -> tuple[Reading, ...]:
    """Return what a name can mean, what comes first first; without dots it is one member.

    Examples
    --------
    >>> readings("flow.bytes.out")
    (('flow.bytes.out',), ('flow', 'bytes.out'), ('flow', 'bytes', 'out'))
    >>> readings("so on...")  # the dots part nothing
    (('so on...',),)
    """
    parts = name.split(".")
    if not all(parts):
        return ((name,),)
    return tuple((*parts[:i], ".".join(parts[i:])) for i in range(len(parts)))


def readings_of(names: Collection[str]) -> dict[str, tuple[Reading, ...]]:
    """Return the readings of names that are read together.

    What is read as a value is no object to look into: beside ``load`` the name ``load.max``
    means the member of that name alone.

    Examples
    --------
    >>> readings_of(["load", "load.max"])["load.max"]
    (('load.max',),)
    """
    found = {name: readings(name) for name in names}
    values = {reading for ways in found.values() for reading in ways}
    return {
        name: tuple(way for way in ways if values.isdisjoint(_above(way)))
        for name, ways in found.items()
    }


def find(event: Mapping[str, Any], ways: Sequence[Reading]) -> Any:
    """Return the value of the first reading that has one, or None."""
    for way in ways:
        value: Any = event
        for part in way:
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None


def _above(reading: Reading) -> list[Reading]:
    return [reading[:i] for i in range(1, len(reading))]
