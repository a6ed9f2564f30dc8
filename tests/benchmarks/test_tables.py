"""Means, spreads and differences, and the tables that show them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.comparison.markdown import document
from benchmarks.comparison.protocol import Result
from benchmarks.comparison.summary import Summary, differences, summarise, text

from .results import made


def runs(detector: str, by_seed: list[float], gain: float = 0.0) -> list[Result]:
    """Return results on sets a and b; b is 0.2 lower, and gains more."""
    return [
        made(detector, name, seed, auc=value - below + gain * (1 + seed), precision=value - below)
        for seed, value in enumerate(by_seed)
        for name, below in (("a", 0.0), ("b", 0.2))
    ]


def summary(detector: str, by_seed: list[float], gain: float = 0.0) -> Summary:
    return summarise(runs(detector, by_seed, gain), detector)


def test_means_over_sets_and_over_seeds() -> None:
    found = summary("x", [0.8, 0.9])
    np.testing.assert_allclose(found.by_set["a"], [0.85, 0.85])
    np.testing.assert_allclose(found.by_set["b"], [0.65, 0.65])
    np.testing.assert_allclose(found.by_seed, [[0.7, 0.7], [0.8, 0.8]])
    np.testing.assert_allclose(found.mean, [0.75, 0.75])
    np.testing.assert_allclose(found.spread, np.std([0.7, 0.8], ddof=1))
    assert found.cost == pytest.approx({"a": 1.5, "b": 1.5})
    assert summary("x", [0.8]).spread is None


def test_means_over_different_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="x has no result for b, seed 1: run them first"):
        summarise(runs("x", [0.8, 0.9])[:-1], "x")


def test_differences_are_paired_by_seed() -> None:
    default, variant = summary("default", [0.5, 0.7, 0.9]), summary("off", [0.5, 0.7, 0.9], 0.01)
    mean, spread = differences(default, variant)
    np.testing.assert_allclose(mean, [0.02, 0.0], atol=1e-12)
    # The seeds differ by 0.2, the differences by 0.01 only.
    np.testing.assert_allclose(spread, [0.01, 0.0], atol=1e-12)


def test_differences_of_other_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="off ran on other sets or seeds than default"):
        differences(summary("default", [0.5, 0.7]), summary("off", [0.5]))


def test_the_terminal_table_names_seeds_sets_and_means() -> None:
    table = "\n".join(text(summary("x", [0.8, 0.9])))
    assert "x (mean over seeds 0-1)" in table
    assert "a                            0.850   0.850       1.5" in table
    assert "mean of the sets             0.750   0.750" in table
    assert "spread between seeds (sd)    0.071   0.071" in table


def test_the_document_compares_and_names_who_did_not_run() -> None:
    default, peer = summary("ours", [0.9, 0.9]), summary("peer", [0.95])
    variant = summary("no rule", [0.9, 0.8])
    lines = list(document(default, [peer], [variant], {"absent": "not installed"}))
    detectors = [line for line in lines if line.startswith(("| ours", "| peer"))]
    assert detectors[:2] == [
        "| peer | 0.850 | 0.850 | one run | 2 / 2 | 1.0 (1.0-1.0) |",
        "| ours | 0.800 | 0.800 | 0.000 / 0.000 | 0 / 0 | 1.5 (1.5-1.5) |",
    ]
    assert "| a | **0.950** / **0.950** | 0.900 / 0.900 |" in lines
    assert "- absent: not installed" in lines
    assert "| no rule | 0.750 | 0.750 | -0.050 (0.071) | -0.050 (0.071) | 2 / 0 |" in lines
    assert all(line.count("|") == lines[i + 1].count("|") for i, line in enumerate(lines[:-1])
               if line.startswith("|") and lines[i + 1].startswith("|"))  # fmt: skip


def test_nothing_is_said_of_what_was_not_asked_for() -> None:
    lines = list(document(summary("ours", [0.9]), [], [], {}))
    assert not [line for line in lines if line.startswith(("##", "|"))]
