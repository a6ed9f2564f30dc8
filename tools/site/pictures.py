"""Pictures in two versions: GitHub's `<picture>` becomes one for light and one for dark pages."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.logging import getLogger

_LOGGER = getLogger(__name__)
_PICTURE = re.compile(
    r'\s*<picture>\s*<source media="\(prefers-color-scheme: dark\)" srcset="(?P<dark>[^"]+)">'
    r'\s*<img alt="(?P<alt>[^"]+)" src="(?P<light>[^"]+)">\s*</picture>\s*'
)


class PicturesForBoth(SphinxTransform):
    """Puts two image nodes in the place of each `<picture>`."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Replace what is a picture; any other HTML is refused: GitHub drops much of it."""
        for raw in list(self.document.findall(nodes.raw)):
            if raw["format"] != "html" or raw.astext().startswith("<!--"):
                continue
            picture = _PICTURE.fullmatch(raw.astext())
            if not picture:
                _LOGGER.warning(
                    "HTML is for no page, but a <picture> for light and dark; got %r",
                    raw.astext(),
                    location=raw,
                )
                continue
            raw.replace_self(
                [
                    nodes.image(uri=picture[theme], alt=picture["alt"], classes=[f"only-{theme}"])
                    for theme in ("light", "dark")
                ]
            )


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the transform."""
    app.add_transform(PicturesForBoth)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
