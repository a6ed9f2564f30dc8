"""Pages that stand outside `docs/`, where readers of the repository expect them.

`outside_pages` names them, page of the site by file of the repository. They are read in place, so
that relative links and pictures in them hold on both.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.errors import ConfigError
from sphinx.project import Project

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class WithOutside(Project):
    """The list of pages, with those outside the folder of the others."""

    outside: dict[str, str]

    def discover(self, *arguments: object, **keywords: object) -> set[str]:
        """Find the pages of the folder, then add the others."""
        super().discover(*arguments, **keywords)
        root = Path(self.srcdir).parent
        for page, name in self.outside.items():
            if page in self.docnames or not (root / name).is_file():
                raise ConfigError(
                    f"outside_pages has {page!r}: {name!r}; the file must be there, and no page "
                    f"of docs/ may have this name"
                )
            file = Path("..", name)
            self.docnames.add(page)
            self._docname_to_path[page] = file
            self._path_to_docname[file] = self._path_to_docname[root / name] = page
        return self.docnames


def _take_in(app: Sphinx) -> None:
    app.project = app.env.project = WithOutside(app.srcdir, app.config.source_suffix)
    app.project.outside = app.config.outside_pages


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the pages once the list of pages is made."""
    app.add_config_value("outside_pages", {}, "env", frozenset({dict}))
    app.connect("builder-inited", _take_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
