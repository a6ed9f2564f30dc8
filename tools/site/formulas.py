r"""Formulas in TeX, as GitHub takes them, become MathML: no script, nothing from elsewhere.

In a line a formula is written $`\eta_k`$, displayed it is a block of the language `math`. On
GitHub nothing else is safe from Markdown, which takes some of TeX for its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.transforms import SphinxTransform
from sphinx.util.logging import getLogger

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

_LOGGER = getLogger(__name__)
_CONVERTER = LatexToMathML(fancy_error=False)

# What may stand beside a formula for GitHub to see one.
_BEFORE, _AFTER = re.compile(r"(^|[\s(])$"), re.compile(r"^($|[\s.,;:?!)])")
_OPENED, _CLOSING = re.compile(r"\(*$"), re.compile(r"[.,;:?!)]*")
_PLAIN = re.compile(r"\$[^\s$]([^$]*[^\s$])?\$")
# Where it sees none.
_CLOSED = (nodes.emphasis, nodes.strong, nodes.reference, nodes.title)


class FormulasOfGitHub(SphinxTransform):
    """Puts math nodes in the place of code that is marked as a formula."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Replace blocks first: what is written in them is no text any more."""
        for block in list(self.document.findall(nodes.literal_block)):
            if block.get("language") == "math":
                formula = nodes.math_block(block.astext(), block.astext(), classes=["no-search"])
                formula.source, formula.line = block.source, block.line
                block.replace_self(formula)
        for literal in list(self.document.findall(nodes.literal)):
            self._replace(literal)
        for text in self.document.findall(nodes.Text):
            held = text.parent
            if not isinstance(
                held, nodes.FixedTextElement | nodes.literal | nodes.math | nodes.raw
            ):
                self._refuse_plain(text)

    def _replace(self, literal: nodes.literal) -> None:
        """Make code between two dollars a formula, and take the dollars away."""
        parent = literal.parent
        at = parent.index(literal)
        around = parent[max(at - 1, 0)], parent[min(at + 1, len(parent) - 1)]
        if not all(isinstance(one, nodes.Text) for one in around):
            return
        before, after = (one.astext() for one in around)
        if not (before.endswith("$") and after.startswith("$")):
            return
        before, after = before[:-1], after[1:]
        # each line of a paragraph is a text of its own, and so is where it ends
        neighbours = _text_of(parent, at - 2) + before, after + _text_of(parent, at + 2)
        if not (_BEFORE.search(neighbours[0]) and _AFTER.search(neighbours[1])):
            _LOGGER.warning(
                "GitHub sees no formula in %r: on the left may stand a space or (, on the right a "
                "space, ) or punctuation",
                f"{before[-9:]}$`{literal.astext()}`${after[:9]}",
                location=literal,
            )
        if isinstance(parent, _CLOSED):
            _LOGGER.warning(
                "GitHub sees no formula in a %s; got %r",
                parent.tagname,
                literal.astext(),
                location=literal,
            )
        formula: nodes.Node = nodes.math(literal.astext(), literal.astext(), classes=["no-search"])
        opened, closed = _OPENED.search(before)[0], _CLOSING.match(after)[0]
        if opened or closed:  # no line ends between a formula and its comma
            whole = nodes.Text(opened), formula, nodes.Text(closed)
            formula = nodes.inline("", "", *whole, classes=["unbroken"])
        parent[at - 1 : at + 2] = [
            nodes.Text(before.removesuffix(opened)),
            formula,
            nodes.Text(after.removeprefix(closed)),
        ]

    def _refuse_plain(self, text: nodes.Text) -> None:
        if found := _PLAIN.search(text):
            _LOGGER.warning(
                "a formula is written $`...`$, so that GitHub leaves what is in it alone; got %r",
                found[0],
                location=text.parent,
            )


def _text_of(parent: nodes.Element, at: int) -> str:
    """Return the text of a child, or that something else is there."""
    if not 0 <= at < len(parent):
        return ""
    return parent[at].astext() if isinstance(parent[at], nodes.Text) else "`"


def mathml(formula: str, *, display: bool) -> str:
    """Return a formula as MathML.

    Raises
    ------
    LatexError
        Where it is not TeX, or uses a command that is not known.
    """
    return _CONVERTER.convert_with_local_state(formula, displaystyle=display)


def _write(self: HTML5Translator, node: nodes.math | nodes.math_block, *, display: bool) -> None:
    try:
        written = mathml(node.astext(), display=display)
    except LatexError as error:
        _LOGGER.warning("%r is no formula: %s", node.astext(), error, location=node)
        raise nodes.SkipNode from error
    self.body.append(f'<div class="formula">{written}</div>\n' if display else written)
    raise nodes.SkipNode


def _write_inline(self: HTML5Translator, node: nodes.math) -> None:
    _write(self, node, display=False)


def _write_displayed(self: HTML5Translator, node: nodes.math_block) -> None:
    _write(self, node, display=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the transform, and how what it leaves is written."""
    app.add_transform(FormulasOfGitHub)
    app.add_html_math_renderer("mathml", (_write_inline, None), (_write_displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
