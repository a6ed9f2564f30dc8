from __future__ import annotations

import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning

from benchmarks.batch import COVARIANCES, Size, measure, size_of, table


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_both_come_to_one_likelihood(covariance: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        row = measure(Size(300, 3, 3), covariance, steps=10, repeats=1)
    assert row.apart < 1e-6
    assert min(row.step, row.one_thread, row.default_threads, row.missing) > 0.0


def test_the_table_has_a_line_for_each_type() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        lines = list(table([size_of("60,2,2")], steps=2, repeats=1))
    assert [line.count("|") for line in lines] == [8] * 6
    assert [line.split("|")[2].strip() for line in lines[2:]] == list(COVARIANCES)
