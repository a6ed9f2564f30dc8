"""Writes a report: one file with styles, scripts and data in it, which loads nothing."""

from __future__ import annotations

import base64
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamgmm.errors import ConfigError
from streamgmm.service.report.linker import link

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["check_writable", "page", "write"]

_STYLES: Final = (
    "assets/vendor/uPlot.min.css", "assets/page.css", "assets/panels.css",
    "report/assets/report.css",
)  # fmt: skip
_CHARTS: Final = "assets/vendor/uPlot.iife.min.js"
_ENTRY: Final = "report/assets/report.js"
_FRAME: Final = "report/assets/report.html"


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise ConfigError if a report cannot be written there; what is there already stays."""
    try:
        with Path(path).open("ab"):
            pass
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}); name a file in a directory that exists"
        ) from None


def write(path: str | os.PathLike[str], told: Mapping[str, Any]) -> None:
    """Write what a `Report` told as a file."""
    Path(path).write_bytes(page(told))


def page(told: Mapping[str, Any]) -> bytes:
    """Return what a `Report` told as an HTML page.

    Whatever events brought along is data, which the scripts set as text. Beside that the page
    allows a browser no script and no style but its own, by their hashes, and no connection.
    """
    style = "\n".join(map(_read, _STYLES))
    scripts = [_read(_CHARTS), f'"use strict";\n{link(_ENTRY, _read)}']
    icon = base64.b64encode(_read("assets/icon.svg").encode()).decode()
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; "
        f"style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    frame = _read(_FRAME)
    # The data come last: nothing of theirs is looked at for places.
    for place, text in (
        ("policy", policy),
        ("icon", f"data:image/svg+xml;base64,{icon}"),
        ("style", style),
        ("charts", scripts[0]),
        ("script", scripts[1]),
        ("data", _data(told)),
    ):
        frame = frame.replace(f"{{{{{place}}}}}", text)
    return frame.encode()


def _data(told: Mapping[str, Any]) -> str:
    """Write JSON that cannot end the element it stands in."""
    return msgspec.json.encode(told).decode("utf-8", errors="replace").replace("<", "\\u003c")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def _read(path: str) -> str:
    return files("streamgmm.service").joinpath(path).read_text(encoding="utf-8")
