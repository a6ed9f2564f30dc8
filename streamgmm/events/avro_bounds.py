"""What an Avro event may make its reader do: go deep, and fill lists with what takes no bytes.

Reading takes time and memory in proportion to an event's bytes, with two exceptions that are up
to the schema. A record that holds itself nests as deeply as an event says, and the reader's
stack ends before the event does. An array whose items take no bytes (null, a record without
fields) has as many as an event says: five bytes claim a billion. Events of such schemas are
walked through first, without keeping anything; others have nothing to fear and pay nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from streamgmm.errors import EventError
from streamgmm.events.binary import zigzag

DEEPEST = 100
"""Records, arrays and maps inside one another; as many as Protobuf allows."""

MOST_EMPTY_ITEMS = 10_000
"""Array items of an event that take no bytes."""

_SIZES: Final = {"null": 0, "boolean": 1, "float": 4, "double": 8}
_NUMBERS: Final = frozenset({"int", "long"})

Named = dict[str, Any]


def walk_of(schema: Any, named: Named) -> Callable[[bytes], None] | None:
    """Return what raises EventError for an event that goes too far; None if none of them can.

    Parameters
    ----------
    schema
        As parsed.
    named
        The types that it names, by full name.
    """
    types = _Types(named)
    if not types.are_unbounded(schema):
        return None
    return lambda data: _Walk(data, types).over(schema)


class _Types:
    """The types of a schema, and which of them an event's bytes do not bound."""

    def __init__(self, named: Named) -> None:
        self._named = named
        self._cleared: set[str] = set()

    def are_unbounded(self, schema: Any, above: frozenset[str] = frozenset()) -> bool:
        """Return whether a type, inside of records named `above`, nests or repeats at will."""
        if isinstance(schema, str) and schema in self._cleared:
            return False
        kind = self.full(schema)
        name = kind.get("name") if isinstance(kind, dict) else None
        if name in above:
            return True
        if isinstance(kind, dict) and kind["type"] == "array" and self.is_empty(kind["items"]):
            return True
        inside = above if name is None else above | {name}
        unbounded = any(self.are_unbounded(part, inside) for part in _parts(kind))
        if name is not None and not unbounded:
            self._cleared.add(name)
        return unbounded

    def full(self, schema: Any) -> Any:
        """Return a type that stands for itself: a named one as its definition."""
        return self._named.get(schema, schema) if isinstance(schema, str) else schema

    def is_empty(self, schema: Any) -> bool:
        """Return whether values of a type take no bytes."""
        kind = self.full(schema)
        if kind == "null":
            return True
        if not isinstance(kind, dict):
            return False
        if "fields" in kind:
            return all(self.is_empty(part) for part in _parts(kind))
        return bool(kind["type"] == "null" or (kind["type"] == "fixed" and kind["size"] == 0))


class _Walk:
    """One pass over an event."""

    def __init__(self, data: bytes, types: _Types) -> None:
        self._data = data
        self._at = 0
        self._types = types
        self._depth = 0
        self._empty_items = 0

    def over(self, schema: Any) -> None:
        """Pass a value of a type."""
        kind = self._types.full(schema)
        if isinstance(kind, list):
            self.over(kind[self._index(len(kind), "union")])
            return
        name = kind if isinstance(kind, str) else kind["type"]
        if name in _SIZES:
            self._pass(_SIZES[name])
        elif name in _NUMBERS:
            self._number()
        elif name == "enum":
            self._index(len(kind["symbols"]), "enum")
        elif name == "fixed":
            self._pass(kind["size"])
        elif name in ("string", "bytes"):
            self._pass(self._number())
        else:
            self._depth += 1
            if self._depth > DEEPEST:
                raise EventError(
                    "too_deep",
                    f"the event is nested more than {DEEPEST} levels deep; flatten it",
                )
            self._over_several(name, kind)
            self._depth -= 1

    def _over_several(self, name: str, kind: Any) -> None:
        if name == "array":
            for _ in self._items(empty=self._types.is_empty(kind["items"])):
                self.over(kind["items"])
        elif name == "map":
            for _ in self._items(empty=False):
                self._pass(self._number())
                self.over(kind["values"])
        else:
            for field in kind["fields"]:
                self.over(field["type"])

    def _items(self, *, empty: bool) -> Iterator[None]:
        """Yield once for each item that is to be passed."""
        while count := self._number():
            if count < 0:  # then the block's length in bytes follows
                count = -count
                self._number()
            if empty:
                self._empty_items += count
                if self._empty_items > MOST_EMPTY_ITEMS:
                    raise EventError(
                        "not_avro",
                        f"the event claims {self._empty_items} array items that take no bytes; "
                        f"{MOST_EMPTY_ITEMS} are allowed",
                    )
            else:
                for _ in range(count):
                    yield

    def _index(self, count: int, of: str) -> int:
        index = self._number()
        if not 0 <= index < count:
            raise EventError("not_avro", f"the event names number {index} of {count} of {of}")
        return index

    def _number(self) -> int:
        try:
            number, self._at = zigzag(self._data, self._at)
        except ValueError as error:
            raise EventError("not_avro", str(error)) from None
        return number

    def _pass(self, count: int) -> None:
        if not 0 <= count <= len(self._data) - self._at:
            raise EventError(
                "not_avro",
                f"a value of {count} bytes is claimed at byte {self._at} of {len(self._data)}",
            )
        self._at += count


def _parts(kind: Any) -> list[Any]:
    """Return the types that a type is made of."""
    if isinstance(kind, list):
        return kind
    if not isinstance(kind, dict):
        return []
    of = [kind[key] for key in ("items", "values") if key in kind]
    return of + [field["type"] for field in kind.get("fields", ())]
