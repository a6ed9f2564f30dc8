"""The typed struct of events whose members may lie in nested objects (see `readings`)."""

from __future__ import annotations

from functools import partial, reduce
from operator import attrgetter, or_
from typing import TYPE_CHECKING, Any

import msgspec

from streamgmm.events.faults import missing
from streamgmm.events.members import members
from streamgmm.events.readings import readings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from streamgmm.errors import EventError
    from streamgmm.events.readings import Reading
    from streamgmm.events.schema import Schema

# What may stand where an object is looked for: nothing is in it, so what it held is missing.
_NO_OBJECT = str | float | bool | list[msgspec.Raw]


class Paths:
    """A struct with the nested objects as structs of their own, and what brings values to its top.

    Decoding fills only what is at the top by name; `settle` moves there what was found inside.
    Flat events pay nothing for it: msgspec itself takes note, in `signs`, where it makes a
    struct of a nested object or does not find a required member at the top.

    Attributes
    ----------
    struct : type
        Of one event; it has the attributes of `event_struct`, and one for each of `roots`.
    roots : tuple of str
        Members of the event that are looked into.
    signs : list
        Not empty: of the events decoded since it was cleared some are to be settled.
    """

    def __init__(self, schema: Schema) -> None:
        known = members(schema)
        inside = {name: ways[1:] for name, ways in readings_of(known).items() if ways[1:]}
        self.signs: list[bool] = []
        kinds = {way: reduce(or_, known[name].types) for name in inside for way in inside[name]}
        attributes = _attributes(kinds)
        self.roots = tuple(name for name, *below in attributes if not below)
        sign = partial(self.signs.append, True)  # noqa: FBT003  # any value would do
        must: list[tuple[str, Any, Any]] = []
        may = _members((), attributes, kinds, sign)
        for name, member in known.items():
            kind = reduce(or_, member.types)
            if not member.required:
                may.append(_optional(member.attribute, kind, name))
            elif name in inside:
                field = msgspec.field(name=name, default_factory=sign)
                may.append((member.attribute, kind, field))
            else:
                must.append((member.attribute, kind, msgspec.field(name=name)))
        self.struct = msgspec.defstruct("Event", must + may, gc=False)
        self._ways = [
            (known[name].attribute, getter_of([_path(way, attributes)]))
            for name, ways in inside.items()
            for way in ways
        ]
        self._targets = [attribute for attribute, _ in self._ways]
        self._inside = getter_of([_path(way, attributes) for way in kinds])
        self._required = [(name, known[name].attribute) for name in inside if known[name].required]

    def settle(self, event: Any) -> EventError | None:
        """Move what was found inside to the top; return what is wrong, if anything is missing."""
        try:
            found: Iterable[Any] = self._inside(event)
        except AttributeError:  # not all of the objects are there
            found = [value for _, way in self._ways for value in _or_none(way, event)]
        # The readings of a name follow one another, so the first with a value is kept.
        for attribute, value in zip(self._targets, found):  # noqa: B905  # costs as much again
            if value is not None and getattr(event, attribute) is None:
                setattr(event, attribute, value)
        for name, attribute in self._required:
            if getattr(event, attribute) is None:
                return missing(name, "absent")
        return None


def getter_of(attributes: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return the function from a struct to the tuple of some of its attributes."""
    if len(attributes) > 1:
        return attrgetter(*attributes)
    if not attributes:
        return lambda _: ()
    first = attrgetter(attributes[0])
    return lambda event: (first(event),)


def _attributes(values: Mapping[Reading, Any]) -> dict[Reading, str]:
    """Return an attribute for each value and for each object on the way to one."""
    places = {way[:i] for way in values for i in range(1, len(way) + 1)}
    return {place: f"n{i}" for i, place in enumerate(sorted(places))}


def _members(
    above: Reading,
    attributes: Mapping[Reading, str],
    values: Mapping[Reading, Any],
    sign: Callable[[], None],
) -> list[tuple[str, Any, Any]]:
    """Return the struct members of the object at `above`, with structs for the objects in it."""
    found = []
    for place, attribute in attributes.items():
        if place[:-1] != above:
            continue
        kind = values.get(place)
        if kind is None:
            inner = _members(place, attributes, values, sign)
            made = {} if above else {"__post_init__": lambda _: sign()}
            kind = msgspec.defstruct("Object", inner, namespace=made, gc=False) | _NO_OBJECT
        found.append(_optional(attribute, kind, place[-1]))
    return found


def _optional(attribute: str, kind: Any, name: str) -> tuple[str, Any, Any]:
    return (attribute, kind | None, msgspec.field(name=name, default=None))


def _path(way: Reading, attributes: Mapping[Reading, str]) -> str:
    return ".".join(attributes[way[:i]] for i in range(1, len(way) + 1))


def _or_none(way: Callable[[Any], tuple[Any, ...]], event: Any) -> tuple[Any, ...]:
    try:
        return way(event)
    except AttributeError:  # no object is on the way
        return (None,)
