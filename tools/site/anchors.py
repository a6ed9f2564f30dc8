"""Headings have the anchors that GitHub gives them, so that one address serves both."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class AnchorsOfGitHub(SphinxTransform):
    """Puts MyST's slug, by which links in Markdown find a heading, before docutils' own id."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Give each section its slug as an id, unless something else has it."""
        for section in self.document.findall(nodes.section):
            slug = section.get("slug")
            if slug and slug not in self.document.ids:
                section["ids"].insert(0, slug)
                self.document.ids[slug] = section


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the transform."""
    app.add_transform(AnchorsOfGitHub)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
