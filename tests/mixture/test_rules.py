from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from streamgmm.mixture import Frame, HalfLife, OnlineMixture, Rules
from streamgmm.mixture.rules import thresholds
from tests.mixture.streams import COVARIANCES


def test_graded_thresholds_are_eight_from_a_fifth_to_a_half() -> None:
    np.testing.assert_allclose(
        thresholds(Rules()), np.exp(np.linspace(np.log(0.2), np.log(0.5), 8)), rtol=1e-14
    )
    assert thresholds(Rules(established=None)) == [0.0] * 8
    assert thresholds(Rules(score="nll_full")) == [0.0] * 8
    assert thresholds(Rules(established=0.2)) == [0.2] * 8


def test_the_defaults_are_those_that_were_measured() -> None:
    rules = Rules()
    assert rules.forgetting == HalfLife(events=10_000)
    assert (rules.shrinkage, rules.correlation_shrinkage, rules.influence) == (10.0, 0.2, 30.0)
    assert (rules.score, rules.established, rules.tolerance) == ("nll", "graded", 0.02)


@pytest.mark.parametrize(
    ("d", "events", "covariance"),
    [(1, 2, "full"), (10, 500, "full"), (166, 500, "full"), (250, 500, "full"), (251, 500, "diag"),
     (256, 9_999, "full"), (257, 9_999, "diag"), (60, 100, "diag")],
)  # fmt: skip
def test_auto_is_decided_by_features_and_events(d: int, events: int, covariance: str) -> None:
    assert Rules(covariance="auto").decided(d, events) == Rules(covariance=covariance)
    for given in COVARIANCES:
        assert Rules(covariance=given).decided(d, events).covariance == given


def test_what_is_not_decided_yet_makes_no_mixture() -> None:
    frame = Frame(np.zeros(2), np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match=r'"auto" is decided.*"full", "tied"'):
        OnlineMixture(frame, 1, Rules(covariance="auto"))


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
        ({"established": True}, "established is True"),
        ({"shrinkage": None}, "shrinkage is None"),
        ({"tolerance": "0"}, "tolerance is '0'"),
        ({"influence": None}, "influence is None"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_name(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Rules(**change)


@pytest.mark.parametrize("law", ["7d", 3, None, HalfLife])
def test_a_law_of_forgetting_that_is_none_is_refused_at_once(law: Any) -> None:
    with pytest.raises(TypeError, match=r"forgetting is .*HalfLife\(...\)"):
        Rules(forgetting=law)
