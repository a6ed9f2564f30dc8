"""The letters of formulas: STIX Two Math, as the package ziamath has it, cut to what is used.

A browser draws MathML with whatever font for formulas the machine has, and many have none: then
brackets do not grow, and indices stand anywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import ziamath
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SOURCE = Path(ziamath.__file__).parent / "fonts/STIXTwoMath-Regular.ttf"
FILE = "_static/formulas.woff"
# ASCII, Greek, a few signs, then letters bold, italic, script and Greek, as MathML has them.
CHARACTERS = [
    *range(0x20, 0x7F), 0xA0, 0xAC, 0xAF, 0xB1, 0xB7, 0xD7, 0x2DC, *range(0x391, 0x3F6),
    *range(0x2000, 0x2065), 0x210E, 0x2113, *range(0x2190, 0x219A), *range(0x2200, 0x2300),
    0x23DE, 0x23DF, 0x27E8, 0x27E9,
    *range(0x1D400, 0x1D49C), *range(0x1D49C, 0x1D4D0), *range(0x1D538, 0x1D56C),
    *range(0x1D6A8, 0x1D756), *range(0x1D7CE, 0x1D7D8),
]  # fmt: skip
# Copyright and licence stay; the name does not: it is that of the whole font.
_NAMES = [0, 13, 14]


def write_font(file: Path) -> None:
    """Write the font with these characters, in all their sizes."""
    font = TTFont(SOURCE)
    cut = Subsetter(Options(name_IDs=_NAMES, hinting=False, layout_features=["ssty"]))
    cut.populate(unicodes=CHARACTERS)
    cut.subset(font)
    font.flavor = "woff"
    font.save(file)


def _add(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        write_font(Path(app.outdir, FILE))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the font to the site."""
    app.connect("build-finished", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
