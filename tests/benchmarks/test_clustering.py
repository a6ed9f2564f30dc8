"""Clusters beside river's: what is judged, and that the table has every clusterer."""

from __future__ import annotations

import numpy as np
import pytest
from river import base

from benchmarks import clustering


class Told(base.Clusterer):
    """Knows the answer for rows that say it, but only what it has not been shown yet."""

    def __init__(self) -> None:
        self.learned: list[float] = []

    def learn_one(self, x: dict) -> None:
        self.learned.append(x[1])

    def predict_one(self, x: dict) -> int:
        assert x[1] not in self.learned, "asked after it was learned"
        return int(x[0]) + 7


@pytest.mark.parametrize("seed", [0, 1])
def test_right_clusters_under_other_names_are_perfect_and_chance_is_nothing(seed: int) -> None:
    y = np.random.default_rng(seed).integers(3, size=900)
    X = np.column_stack([y, np.arange(900.0)])
    rand, v_measure, _ = clustering.assess(Told(), X, y.tolist())
    assert (rand, v_measure) == pytest.approx((1.0, 1.0))
    shuffled = np.random.default_rng(9).permutation(y).tolist()
    rand, v_measure, _ = clustering.assess(Told(), X, shuffled)
    assert abs(rand) < 0.05
    assert v_measure < 0.05


def test_each_set_has_the_classes_it_is_said_to_have() -> None:
    due = {"ImageSegments": 7, "Phishing": 2, "Bananas": 2, "Waveform": 3}
    found = {name: len(set(make(0)[1])) for name, make in clustering.SETS.items()}
    assert found == {**due, "RandomRBF": 5, "RandomRBFDrift": 5}


def test_the_table_has_every_clusterer_and_marks_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = ("GMMClusterer, told k", "KMeans")
    monkeypatch.setattr(
        clustering, "CLUSTERERS", {name: clustering.CLUSTERERS[name] for name in kept}
    )
    heading, _, ours, theirs = clustering.table(["Phishing"], 1)
    assert "Phishing (1,250 x 9, k = 2)" in heading
    assert (ours.split("|")[1].strip(), theirs.split("|")[1].strip()) == kept
    assert "**" in ours + theirs
