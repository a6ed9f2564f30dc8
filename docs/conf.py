"""How Sphinx makes the documentation site out of these pages: `make docs`.

Every page is Markdown that reads as well on GitHub; what the site needs beyond that is done by the
extensions in `tools/site`. Warnings are errors, so a link that leads nowhere fails the build.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import streamgmm  # noqa: E402

project = "streamgmm"
author = "The streamgmm developers"
project_copyright = author
version = release = streamgmm.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "tools.site.contents",
    "tools.site.outside",
    "tools.site.pictures",
    "tools.site.repository",
]
root_doc = "index"
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
nitpicky = True

# Pages of the site that stand elsewhere in the repository.
outside_pages = {
    "readme": "README.md",
    "deploy": "deploy/README.md",
    "data": "streamgmm/data/README.md",
    "contributing": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
}

# ---------------------------------------------------------------- Markdown

# Anchors are GitHub's, from every heading.
myst_heading_anchors = 6

# ---------------------------------------------------------------- the API reference

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
autodoc_preserve_defaults = True
napoleon_google_docstring = False

# ---------------------------------------------------------------- the site

html_theme = "furo"
html_title = f"streamgmm {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_domain_indices = False
highlight_language = "none"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
