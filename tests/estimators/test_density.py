"""What a model says as a plain mixture is what it says itself."""

from __future__ import annotations

import numpy as np
import pytest

from streamgmm import Mixture, OnlineGMM
from tests.mixture.streams import modes


def learned(**parameters: object) -> OnlineGMM:
    model = OnlineGMM(n_components=6, score="nll_observed", established=None, **parameters)
    for row in modes(600, 3):
        model.learn_one(dict(zip("abc", row.tolist(), strict=True)))
    return model


def test_a_model_and_its_density_agree_on_what_is_near() -> None:
    model = learned()
    density = model.density
    assert density.feature_names == ("a", "b", "c")
    X = modes(100, 3, seed=1)
    X[:50, 1] = np.nan
    near = (np.abs(np.nan_to_num(model.mixture.frame.to_frame(X))) < 5.0).all(axis=1)
    assert near.sum() > 80
    np.testing.assert_allclose(density.logpdf(X)[near], -model.score_many(X)[near], rtol=1e-8)


def test_empty_slots_are_left_out_and_the_others_keep_their_number() -> None:
    model = learned()
    present = np.flatnonzero(model.weights > 0.0)
    assert 0 < len(present) < 6  # three modes
    density = model.density
    assert density.component_names == tuple(present.tolist())
    X = modes(50, 3, seed=1)
    likeliest = [density.component_names[k] for k in density.responsibilities(X).argmax(axis=1)]
    events = [dict(zip("abc", row, strict=True)) for row in X.tolist()]
    assert likeliest == [model.predict_one(x) for x in events]


def test_it_stays_as_it_was_when_the_model_goes_on() -> None:
    model = learned()
    before = model.density
    kept = Mixture(**before.to_dict())
    model.learn_many(modes(500, 3, seed=2) + 5.0)
    assert before == kept
    assert model.density != kept


def test_there_is_none_before_two_events() -> None:
    with pytest.raises(ValueError, match="learn at least two events first"):
        OnlineGMM().density  # noqa: B018
