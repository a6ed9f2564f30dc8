"""Which schemas can be read the short way (see `flat`), and the reader for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from streamgmm.events.flat import FlatReader
from streamgmm.events.members import members

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamgmm.events.schema import Schema

__all__ = ["plain_reader"]


def plain_reader(schema: Schema, roots: Collection[str]) -> FlatReader | None:
    """Return what reads plain events of a schema; None where a number has another use as well.

    What it makes of an event has the attributes of the schema's struct, but for the numbers.

    Parameters
    ----------
    roots
        Members that are looked into for others: events that have them are not plain.
    """
    known = members(schema)
    numbers = [one.member for one in schema.fields if one.kind == "number" and one.member]
    elsewhere = {schema.key, schema.time, schema.label}
    for one in schema.fields:
        elsewhere.add(one.owner if isinstance(one.owner, str) else None)
        elsewhere.add(one.member if one.kind != "number" or one.history else None)
    if len(set(numbers)) < len(numbers) or not elsewhere.isdisjoint(numbers):
        return None
    others = {name: member for name, member in known.items() if name not in set(numbers)}
    kept = [(member.attribute, Any) for member in others.values()]
    return FlatReader(
        numbers,
        {name: member.types for name, member in others.items()},
        roots,
        [name for name, member in known.items() if member.required],
        msgspec.defstruct("Plain", kept, gc=False),
    )
