"""Which members of an event a schema reads, and of what types each may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamgmm.events.field import FieldKind
    from streamgmm.events.schema import Schema

_NUMBER: Final = (float, bool)
_TEXT_OR_NUMBER: Final = (str, int, float)
_ANY: Final = (str, int, float, bool)
_TYPES: Final[dict[FieldKind, tuple[type, ...]]] = {
    "number": _NUMBER,
    "category": _ANY,
    "time": _TEXT_OR_NUMBER,
}
_ROLES: Final = {"time": _TEXT_OR_NUMBER, "key": _ANY, "label": _ANY}
READABLE: Final = "a name without quotation mark, backslash or control character"
"""What a member may be called."""


class Member(NamedTuple):
    """How one member is decoded.

    Parameters
    ----------
    attribute
        Of the struct.
    types
        That a value may have, beside null.
    required
        Whether an event without it is a dead letter.
    """

    attribute: str
    types: tuple[type, ...]
    required: bool

    @property
    def is_text(self) -> bool:
        """Whether a CSV cell is kept as text."""
        return str in self.types

    @property
    def allowed(self) -> str:
        """The types in words."""
        words = {str: "text", float: "a number", bool: "true, false"}
        named = [word for kind, word in words.items() if kind in self.types]
        return f"{', '.join(named)} or null"


def is_readable(name: str) -> bool:
    """Whether msgspec, which decodes events, takes this for the name of a member."""
    return not any(one in '"\\' or one < " " for one in name)


def members(schema: Schema) -> dict[str, Member]:
    """Return the members that are read, those of the fields first, by name."""
    found: dict[str, Member] = {}
    for name, use in _uses(schema):
        before = found.get(name, use)
        types = tuple(kind for kind in before.types if kind in use.types)
        found[name] = Member(before.attribute, types, before.required or use.required)
    return found


def _uses(schema: Schema) -> Iterator[tuple[str, Member]]:
    for i, field in enumerate(schema.fields):
        if field.member is not None:
            yield field.member, Member(f"f{i}", _TYPES[field.kind], field.required)
    for role, types in _ROLES.items():
        name = getattr(schema, role)
        if name is not None:
            yield name, Member(role, types, required=False)
    for i, field in enumerate(schema.fields):
        if isinstance(field.owner, str):
            yield field.owner, Member(f"g{i}", _ANY, required=False)
