"""Links to files of the repository: the site shows them, as they were when it was built.

On GitHub such a link opens the file there. The site has a page for each file that is linked to, and
for each folder a list of what is in it, so that it needs no other server.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_PREFIX = "repository"
_KIND = "repository file"


class LinksToFiles(SphinxTransform):
    """Takes links to files and folders outside `docs/` from Sphinx, which would copy the files."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Mark each link with the file's path in the repository."""
        links = (addnodes.download_reference, addnodes.pending_xref)
        for link in [link for kind in links for link in self.document.findall(kind)]:
            if link.get("reftype") != "myst" or link.get("refdomain") is not None:
                continue
            _, file = self.env.relfn2path(link["reftarget"], self.env.docname)
            root = self.env.srcdir.parent
            if Path(file).exists() and Path(file).is_relative_to(root):
                name = Path(file).relative_to(root).as_posix()
                wrapped = addnodes.pending_xref(
                    "", *link.children, refdoc=self.env.docname, refdomain="", reftype=_KIND,
                    reftarget=name, refexplicit=True,
                )  # fmt: skip
                link.replace_self(wrapped)


def _resolve(
    app: Sphinx, _env: BuildEnvironment, link: addnodes.pending_xref, content: nodes.Element
) -> nodes.reference | None:
    if link["reftype"] != _KIND:
        return None
    name = link["reftarget"]
    app._linked_files.add(name)
    uri = app.builder.get_relative_uri(link["refdoc"], f"{_PREFIX}/{name}")
    return nodes.reference("", "", content, internal=True, refuri=uri)


def _pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    root = app.srcdir.parent
    waiting = sorted(app._linked_files)
    seen = set(waiting)
    for name in waiting:
        path = root / name
        if path.is_dir():
            inside = [child for child in sorted(path.iterdir()) if _is_source(child)]
            names = [child.relative_to(root).as_posix() for child in inside]
            waiting += [name for name in names if name not in seen]
            seen.update(names)
            body = _listing(app, name, inside)
        else:
            body = _text(app, path)
        heading = f"<h1>{escape(name)}</h1>\n"
        yield f"{_PREFIX}/{name}", {"title": name, "body": heading + body}, "page.html"


def _is_source(path: Path) -> bool:
    return not path.name.startswith((".", "__pycache__")) and path.suffix not in (".so", ".pyc")


def _listing(app: Sphinx, name: str, inside: list[Path]) -> str:
    page = f"{_PREFIX}/{name}"
    items = []
    for child in inside:
        uri = app.builder.get_relative_uri(page, f"{page}/{child.name}")
        shown = child.name + ("/" if child.is_dir() else "")
        items.append(f'<li><a href="{uri}">{escape(shown)}</a></li>')
    return f"<ul>{''.join(items)}</ul>"


def _text(app: Sphinx, path: Path) -> str:
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return "<p>This file is no text.</p>"
    try:
        language = get_lexer_for_filename(path.name).aliases[0]
    except ClassNotFound:
        language = "none"
    return app.builder.highlighter.highlight_block(text, language, force=True)


def _begin(app: Sphinx) -> None:
    app._linked_files = set()


def setup(app: Sphinx) -> dict[str, bool]:
    """Mark links while pages are read, resolve them when written, then make the files' pages."""
    app.add_transform(LinksToFiles)
    app.connect("builder-inited", _begin)
    app.connect("missing-reference", _resolve)
    app.connect("html-collect-pages", _pages)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
