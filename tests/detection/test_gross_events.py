"""What one gross event may do to a model: in warm-up and after, next to nothing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from streamgmm.detection import Learner, Rows
from streamgmm.mixture import HalfLife, Rules
from tests.detection.streams import Array
from tests.mixture.streams import COVARIANCES

N = 8_000


def scores(X: Array, components: int, covariance: str) -> tuple[Array, Learner]:
    model = Learner(
        X.shape[1], n_components=components, rules=Rules(covariance=covariance), warmup=500,
        gate=0.98, seed=0,
    )  # fmt: skip
    rows = Rows(X, np.ones(len(X)), np.full(len(X), np.nan))
    model.score_learn(rows)
    return rows.score, model


def stream() -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(N, 4)), np.zeros(N)
    odd = rng.choice(np.arange(1_000, N), 200, replace=False)
    X[odd] += rng.choice([-3.0, 3.0], size=(200, 4))
    y[odd] = 1.0
    return X, y


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("components", [1, 4, 16])
@pytest.mark.parametrize("at", [1, 80, 499, 999])
def test_one_event_at_1e8_sigma_does_not_blind_the_model(
    at: int, components: int, covariance: str
) -> None:
    X, y = stream()
    calm, _ = scores(X, components, covariance)
    X[at] = 1e8
    struck, model = scores(X, components, covariance)
    judged = slice(1_000, None)
    before, after = (roc_auc_score(y[judged], s[judged]) for s in (calm, struck))
    assert after == pytest.approx(before, abs=0.01)
    far, near = model.score(np.vstack([np.full(4, 50.0), np.zeros(4)]))
    assert far - near > 400


def test_a_component_whose_weight_has_vanished_is_gone() -> None:
    rules = Rules(weight_floor=0.0, forgetting=HalfLife(events=10))
    model = Learner(2, n_components=2, rules=rules, warmup=500, gate=None, seed=0)
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (150, 2)), rng.normal(50, 1, (150, 2))])
    rng.shuffle(X)
    for block in (X, rng.normal(0, 1, (12_000, 2)), np.full((5, 2), 50.0), np.zeros((3, 2))):
        rows = Rows(block, np.ones(len(block)), np.full(len(block), np.nan))
        model.score_learn(rows)
        assert np.isfinite(rows.score).all()
    assert model.mixture is not None
    assert model.mixture.weights.sum() == pytest.approx(1.0)
    assert np.isfinite(model.mixture.means).all()
