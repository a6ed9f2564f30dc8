"""The page's files, as they are shipped in the package: nothing is fetched from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

__all__ = ["HEADERS", "Asset", "load_assets"]

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}

HEADERS: Final = {
    # What events bring along is shown as text; should that ever fail, a browser runs none of it.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
"""Of all that the page is made of."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, its media type, and a tag that changes with it."""

    content: bytes
    media_type: str
    tag: str


def load_assets() -> dict[str, Asset]:
    """Read all files, by their paths below the folder of assets."""
    return dict(_below(files("streamgmm.service").joinpath("assets"), ""))


def _below(folder: Traversable, path: str) -> Iterator[tuple[str, Asset]]:
    for one in folder.iterdir():
        name = f"{path}{one.name}"
        if one.is_dir():
            yield from _below(one, f"{name}/")
            continue
        kind = _TYPES.get(f".{name.rpartition('.')[2]}")
        if kind is not None:
            content = one.read_bytes()
            yield name, Asset(content, kind, f'"{blake2b(content, digest_size=8).hexdigest()}"')
