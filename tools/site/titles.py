"""A link whose words are a page's file name has the page's title on the site.

On GitHub `[kafka.md](kafka.md)` says where one is led; the site has no such files.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

_FILE = re.compile(r"[\w/.-]+\.md")


class TitlesForFiles(SphinxTransform):
    """Takes the words away, so that MyST puts the title of page or section."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Look at links to pages; those to other files are named by these."""
        for link in self.document.findall(addnodes.pending_xref):
            if link.get("refdomain") == "doc" and _FILE.fullmatch(link.astext()):
                link["refexplicit"] = False
                link.children = []
                link.append(nodes.inline("", "", classes=["xref", "myst"]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the transform."""
    app.add_transform(TitlesForFiles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
