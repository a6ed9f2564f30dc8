from __future__ import annotations

import subprocess
import sys

import pytest
from matplotlib import pyplot as plt

from streamgmm.plots import plot_selection

VALUES = {"full": [(1, 9.0), (2, 5.0), (4, 6.0)], "diag": [(1, 8.0), (2, 7.0)]}


def test_it_draws_a_line_for_each_type_and_marks_the_best_on_the_axes_given() -> None:
    _, ax = plt.subplots()
    assert plot_selection(VALUES, ("full", 2), criterion="AIC", ax=ax) is ax
    *lines, mark = ax.lines
    for line, points in zip(lines, VALUES.values(), strict=True):
        assert list(zip(*line.get_data(), strict=True)) == points
    assert [value[0] for value in mark.get_data()] == [2, 5.0]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "full", "diag", "lowest: 2, full",
    ]  # fmt: skip
    assert "AIC" in ax.get_ylabel()
    ax.figure.canvas.draw()
    assert all(float(tick).is_integer() for tick in ax.get_xticks())


def test_without_axes_it_makes_a_figure() -> None:
    ax = plot_selection(VALUES, ("full", 2))
    assert plt.get_fignums() == [ax.figure.number]


def test_without_matplotlib_the_error_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from streamgmm.plots import plot_selection\n"
        "plot_selection({'full': [(1, 2.0)]}, ('full', 1))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'streamgmm[plots]'" in done.stderr


@pytest.mark.parametrize("module", ["streamgmm.plots", "streamgmm.batch"])
def test_matplotlib_is_not_imported_before_it_is_needed(module: str) -> None:
    code = f"import sys, {module}; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
