"""Docstrings and signatures as this package writes them.

Sphinx's readers take more for types than there are. Here what stands before a colon in the first
line of a property is a part of its sentence (Google's custom would have it be the type), what
follows an attribute's colon says what it is, and annotations are shown as they are written: what
stands behind `ArrayLike` takes many lines.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from sphinx.ext.napoleon import Config, NumpyDocstring
from sphinx.util.inspect import stringify_signature
from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_RULES = Config(napoleon_use_param=False, napoleon_use_rtype=False, napoleon_attr_annotations=False)


class Docstring(NumpyDocstring):
    """A docstring of this package."""

    def _parse_attributes_section(self, _section: str) -> list[str]:
        fields = [
            (name, "", [f"{said} {''.join(told[:1])}".strip(), *told[1:]])
            for name, said, told in self._consume_fields()
        ]
        return self._format_fields("Attributes", fields)


def _read(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    if what in ("property", "attribute"):
        what = "method"
    read = Docstring(lines, _RULES, app, what, name, thing, options).lines()
    lines[:] = [line.replace("** -- ", "** \N{EN DASH} ") for line in read]


def _signature(
    _app: Sphinx, what: str, _name: str, thing: Any, _options: Any, written: str | None, _: Any
) -> tuple[str, str] | None:
    """Write a signature with the annotations as they stand in the code."""
    if written is None or what == "exception":
        return None
    signature = inspect.signature(thing)
    taken = list(signature.parameters.values())
    if what == "method" and taken and taken[0].name in ("self", "cls"):
        taken = taken[1:]
    given = signature.return_annotation
    shown = stringify_signature(
        signature.replace(parameters=taken, return_annotation=inspect.Signature.empty)
    )
    return shown, given if isinstance(given, str) and what != "class" else ""


def _resolve(
    app: Sphinx, env: BuildEnvironment, link: pending_xref, content: nodes.Element
) -> nodes.reference | None:
    """Find what is named without its module, or by the module that it is defined in."""
    if link.get("refdomain") != "py":
        return None
    last = "." + link["reftarget"].rpartition(".")[2]
    found = [
        (name, entry)
        for name, entry in env.domains.python_domain.objects.items()
        if name.endswith(last) and entry.objtype in ("class", "exception", "function")
    ]
    if len(found) != 1:
        return None
    name, entry = found[0]
    return make_refnode(app.builder, link["refdoc"], entry.docname, entry.node_id, content, name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Read docstrings and signatures, and find what they name."""
    app.connect("autodoc-process-docstring", _read)
    app.connect("autodoc-process-signature", _signature)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
