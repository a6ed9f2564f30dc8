"""The site's table of contents is the lists of links in the first page.

So the page reads as a list of contents on GitHub too, and there is one list. Each section of it
becomes a part of the sidebar, with the pages that the section's bullets link to first, under the
words of these links.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class ContentsFromLists(SphinxTransform):
    """Adds a hidden toctree to each section of the root page."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Walk the sections of the root page; other pages stay as they are."""
        if self.env.docname != self.config.root_doc:
            return
        for section in self.document.findall(nodes.section):
            pages = [page for item in _items(section) if (page := _page_of(item))]
            if pages:
                section.append(self._toctree(section.next_node(nodes.title).astext(), pages))

    def _toctree(self, caption: str, pages: list[tuple[str, str]]) -> nodes.Element:
        tree = addnodes.toctree(
            parent=self.env.docname,
            entries=pages,
            includefiles=[page for _, page in pages],
            rawentries=[title for title, _ in pages],
            maxdepth=-1,
            caption=caption,
            rawcaption=caption,
            glob=False,
            hidden=True,
            includehidden=False,
            numbered=0,
            titlesonly=True,
        )
        return nodes.compound("", tree, classes=["toctree-wrapper"])


def _items(section: nodes.section) -> list[nodes.list_item]:
    lists = [child for child in section.children if isinstance(child, nodes.bullet_list)]
    return [item for one in lists for item in one.findall(nodes.list_item)]


def _page_of(item: nodes.list_item) -> tuple[str, str] | None:
    for link in item[0].findall(addnodes.pending_xref):
        if link["refdomain"] == "doc":
            return link.astext(), str(link["reftarget"])
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the transform."""
    app.add_transform(ContentsFromLists)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
