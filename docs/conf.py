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
    "tools.site.anchors",
    "tools.site.contents",
    "tools.site.docstrings",
    "tools.site.formula_font",
    "tools.site.formulas",
    "tools.site.outside",
    "tools.site.pictures",
    "tools.site.repository",
    "tools.site.titles",
]
root_doc = "index"
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
nitpicky = True
smartquotes = False  # what stands between quotes is to be typed

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

autodoc_typehints = "none"  # `tools.site.docstrings` writes them
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
python_maximum_signature_line_length = 80
default_role = "literal"

# Other packages have sites of their own, which a build does not ask.
nitpick_ignore_regex = [
    ("py:.*", r"(collections|datetime|matplotlib|np|numpy|pandas|river|sklearn|typing)\..*"),
    ("py:class", "Array|ArrayLike|Axes|NDArray|Event|Time|Model|Standing"),  # names of types
    # Of the inside: what they are is told where they are used.
    ("py:class", r"(.*\.)?(Birth|Columns|Forgetting|Frame|OnlineMixture|WarmUp)"),
]

# ---------------------------------------------------------------- the site

html_theme = "furo"
html_title = f"streamgmm {version}"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_math_renderer = "mathml"
html_show_sphinx = False
html_domain_indices = False
highlight_language = "none"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
