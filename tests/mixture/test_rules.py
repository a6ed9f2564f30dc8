from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from streamgmm.mixture import HalfLife, Rules
from streamgmm.mixture.rules import thresholds


def test_graded_thresholds_are_eight_from_a_twentieth_to_a_half() -> None:
    np.testing.assert_allclose(
        thresholds(Rules()), np.exp(np.linspace(np.log(0.05), np.log(0.5), 8)), rtol=1e-14
    )
    assert thresholds(Rules(established=None)) == [0.0] * 8
    assert thresholds(Rules(score="nll_full")) == [0.0] * 8
    assert thresholds(Rules(established=0.2)) == [0.2] * 8


def test_the_defaults_are_those_that_were_measured() -> None:
    rules = Rules()
    assert rules.forgetting == HalfLife(events=10_000)
    assert (rules.shrinkage, rules.correlation_shrinkage, rules.influence) == (0.05, 0.1, 30.0)
    assert (rules.score, rules.established, rules.tolerance) == ("nll", "graded", 0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"covariance": "tied-diag"}, "full"),
        ({"score": "likelihood"}, "nll_full"),
        ({"established": "always"}, "graded"),
        ({"established": 1.5}, "established"),
        ({"established": math.nan}, "established"),
        ({"shrinkage": -0.1}, "shrinkage"),
        ({"shrinkage": math.inf}, "shrinkage"),
        ({"correlation_shrinkage": 1.1}, "correlation_shrinkage"),
        ({"influence": 0.0}, "influence"),
        ({"influence": math.nan}, "influence"),
        ({"tolerance": -1e-9}, "tolerance"),
        ({"weight_floor": 0.6}, "weight_floor"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_name(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Rules(**change)
