"""Held-out likelihoods: that what they measure is a density's, and that the table has them all."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.likelihood import AS_A_DENSITY, DENSITIES, held_out, online, sets, table


def test_each_event_is_judged_by_what_the_others_let_expect() -> None:
    X = np.random.default_rng(0).normal(5.0, 3.0, size=(400, 1))
    standardised = ((X - X.mean()) / X.std())[:, 0]
    found = held_out(X, DENSITIES["one Gaussian"], 5)
    fitted_to_all = float(norm.logpdf(standardised).mean())
    assert fitted_to_all - 0.02 < found < fitted_to_all


def test_the_table_has_every_density_and_marks_the_best() -> None:
    heading, _, row = table(["iris"], 2)
    assert all(name in heading for name in DENSITIES)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == ["iris", "150", "4"]
    values = [float(cell.strip("*")) for cell in cells[3:]]
    assert [cell.startswith("**") for cell in cells[3:]] == [v == max(values) for v in values]


@pytest.mark.parametrize("name", ["iris", "wine"])
def test_what_is_meant_for_densities_fits_better_than_the_detector(name: str) -> None:
    X = sets()[name]()
    assert held_out(X, online(**AS_A_DENSITY), 5) > held_out(X, online(), 5) + 0.3
