"""The pictures of the documents: small, and each of them shown."""

from __future__ import annotations

from pathlib import Path

from streamgmm import plots

DOCS = Path(__file__).parents[2] / "docs"


def test_each_function_has_a_picture_that_loads_fast() -> None:
    page = (DOCS / "plots.md").read_text("utf-8")
    for name in plots.__all__:
        picture = DOCS / "images" / f"{name.replace('plot_', 'plot-')}.png"
        assert picture.stat().st_size < 40_000
        assert f"(images/{picture.name})" in page
