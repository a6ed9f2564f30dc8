"""Parts of messages about a configuration: a value as it is shown, the nearest known name."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from streamgmm.config.toml import toml_value

if TYPE_CHECKING:
    from collections.abc import Collection

_SHOWN: Final = 80


def nearest(name: str, names: Collection[str]) -> str:
    """Return the end of a message about an unknown name: the nearest one, and all of them."""
    found = get_close_matches(name, list(names), n=1, cutoff=0.6)
    hint = f"; did you mean {found[0]!r}?" if found else ""
    return f"{hint}{' (' if found else '; '}allowed are {', '.join(names)}{')' if found else ''}"


def shown(value: Any) -> str:
    """Return a value as TOML, cut where it is long."""
    text = toml_value(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
