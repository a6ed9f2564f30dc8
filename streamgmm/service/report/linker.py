"""Makes one script of the page's modules, for a file that is opened from a disk.

There a browser loads no module beside the page, and a script that is part of the page can be held
to its hash. Each module becomes a function that returns what it exports. It is made for the modules
of this package, which import names from paths and export functions and constants, at the left edge.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["link"]

_IMPORT: Final = re.compile(r'^import \{([^}]*)\} from "([^"]+)";$', re.MULTILINE)
_EXPORT: Final = re.compile(
    r"^export (?=(?:async )?(?:function|const|let|class) (\w+))", re.MULTILINE
)
_LEFT: Final = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


def link(entry: str, read: Callable[[str], str]) -> str:
    """Return a script that does what the module at path `entry` does.

    Parameters
    ----------
    read
        Gives the text of a module by its path.

    Raises
    ------
    ValueError
        If a module imports or exports in another way, or modules import one another in a circle.
    """
    linked: dict[str, str] = {}
    _take(entry, read, linked, ())
    return "".join(f"const {_name(path)} = {text};\n" for path, text in linked.items())


def _take(
    path: str, read: Callable[[str], str], linked: dict[str, str], above: tuple[str, ...]
) -> None:
    if path in linked:
        return
    if path in above:
        raise ValueError(f"modules import one another: {' -> '.join((*above, path))}")
    text = read(path)

    def imported(match: re.Match[str]) -> str:
        other = posixpath.normpath(posixpath.join(posixpath.dirname(path), match[2]))
        _take(other, read, linked, (*above, path))
        names = match[1].replace(" as ", ": ")
        return f"const {{{names}}} = {_name(other)};"

    text = _IMPORT.sub(imported, text)
    exports = _EXPORT.findall(text)
    text = _EXPORT.sub("", text)
    left = _LEFT.search(text)
    if left is not None:
        raise ValueError(f"{path}: {left[0]!r} is no import or export that can be linked")
    linked[path] = f"(() => {{\n{text}\nreturn {{ {', '.join(exports)} }};\n}})()"


def _name(path: str) -> str:
    return "$" + re.sub(r"\W", "_", path)
