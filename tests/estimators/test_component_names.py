"""Names of components stay with them: by identity, wherever the model or the component goes."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

from streamgmm import OnlineGMM, snapshot
from streamgmm.mixture.structure import merge, retire


def stream(n: int, centres: tuple[float, ...] = (0.0, 8.0), *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centre = np.array(centres)[rng.integers(len(centres), size=n)]
    return centre[:, None] + rng.normal(size=(n, 2))


def named() -> tuple[OnlineGMM, int, int]:
    """Return a model of two modes, with the number of the one about 8, "nightly", and the other."""
    model = OnlineGMM(n_components=4)
    model.learn_many(stream(1_000))
    night, day = (model.predict_one({0: x, 1: x}) for x in (8.0, 0.0))
    assert night != day
    model.name_component(night, "nightly backup")
    return model, night, day


def test_it_shows_where_components_are_spoken_of() -> None:
    model, night, day = named()
    assert model.component_names == {night: "nightly backup"}
    assert f"component {night} (nightly backup): " in model.summary()
    assert f"component {day}: " in model.summary()
    explained = model.explain_one({0: 14.0, 1: 8.0})
    assert explained.component == night
    assert explained.name == "nightly backup"
    assert f"from component {night} (nightly backup)" in str(explained)
    assert model.explain_one({0: -6.0, 1: 0.0}).name is None
    assert set(model.density.component_names) == {"nightly backup", day}


def test_the_table_has_a_row_for_each_component_and_feature() -> None:
    model, night, _ = named()
    table = pd.DataFrame(model.summary_table())
    assert len(table) == 4
    rows = table[table["component"] == night].set_index("feature")
    assert (rows["name"] == "nightly backup").all()
    assert (rows["standing"] == "normal").all()
    assert rows["weight"].iloc[0] == pytest.approx(model.weights[night])
    np.testing.assert_allclose(rows["mean"], model.means[night])
    spread = np.sqrt(np.diag(model.covariances[night]))
    np.testing.assert_allclose(rows["spread"], spread)
    np.testing.assert_allclose(rows["high"] - rows["low"], 2 * 1.6449 * spread, rtol=1e-4)
    assert (rows["apart"] > 0.8).all()
    assert (table["weight"].diff().dropna() <= 0).all()


def test_it_goes_along_in_copies_pickles_and_bytes() -> None:
    model, night, _ = named()
    for other in (
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        OnlineGMM.from_bytes(model.to_bytes()),
    ):
        assert other.component_names == {night: "nightly backup"}
        other.name_component(night, None)
        assert other.component_names == {}
    assert model.component_names == {night: "nightly backup"}
    assert model.clone().component_names == {}  # a clone has learned nothing


def test_bytes_from_before_there_were_names_are_read() -> None:
    model, night, _ = named()
    state = snapshot.unpack(model.to_bytes())
    del state["component_names"]
    older = OnlineGMM.from_bytes(snapshot.pack({**state, "version": 5}))
    assert older.component_names == {}
    older.name_component(night, "nightly backup")
    assert older.to_bytes() == model.to_bytes()


def test_a_model_begun_with_a_density_has_its_names() -> None:
    model, night, _ = named()
    begun = OnlineGMM.from_mixture(model.density)
    [component] = begun.component_names
    assert begun.component_names == {component: "nightly backup"}
    np.testing.assert_allclose(begun.means[component], model.means[night], rtol=1e-6)
    begun.learn_many(stream(2_000, seed=3))
    assert begun.component_names == {component: "nightly backup"}


def test_it_changes_nothing_in_what_is_scored_and_learned() -> None:
    model, _, _ = named()
    nameless = OnlineGMM(n_components=4)
    nameless.learn_many(stream(1_000))
    X = stream(500, seed=1)
    assert np.array_equal(model.score_learn_many(X), nameless.score_learn_many(X))


def test_both_models_names_come_together_when_they_merge() -> None:
    model, night, day = named()
    other = copy.deepcopy(model)
    model.name_component(day, "office")
    other.name_component(night, "backup")
    assert model.merge(other).component_names == {night: "nightly backup", day: "office"}
    assert other.merge(model).component_names == {night: "backup", day: "office"}
    assert other.component_names == {night: "backup"}


def test_a_name_that_the_other_gave_elsewhere_is_not_there_twice() -> None:
    model, night, day = named()
    other = copy.deepcopy(model)
    other.name_component(night, None)
    other.name_component(day, "nightly backup")
    assert model.merge(other).component_names == {night: "nightly backup"}


def test_births_give_no_name_and_leave_those_there_are() -> None:
    model, night, _ = named()
    identity = model.mixture.ids[night]
    model.learn_many(stream(3_000, (0.0, 8.0, 30.0), seed=2))
    born = model.predict_one({0: 30.0, 1: 30.0})
    assert born != night
    assert model.mixture.ids[night] == identity
    assert model.component_names == {night: "nightly backup"}


def test_the_name_goes_with_a_component_that_retires_and_does_not_fall_to_its_slot() -> None:
    model, night, _ = named()
    mixture = model.mixture
    mixture.components = retire(mixture.components, night)
    assert model.component_names == {}
    model.learn_many(stream(3_000, (0.0, 30.0), seed=2))
    assert model.weights[night] > 0.0  # another one lives there
    assert model.component_names == {}
    model.name_component(night, "nightly backup")  # it is free again
    assert model.component_names == {night: "nightly backup"}


@pytest.mark.parametrize("which", ["larger", "smaller"])
def test_of_two_that_merge_the_larger_goes_on(which: str) -> None:
    model, night, day = named()
    large, small = (night, day) if model.weights[night] > model.weights[day] else (day, night)
    model.name_component(night, None)
    model.name_component(large if which == "larger" else small, "the one")
    mixture = model.mixture
    mixture.components = merge(mixture.components, small, large)
    assert model.component_names == ({large: "the one"} if which == "larger" else {})


def test_what_cannot_be_a_name_is_refused() -> None:
    model, night, day = named()
    with pytest.raises(ValueError, match=f"component {night} is named 'nightly backup' already"):
        model.name_component(day, "nightly backup")
    with pytest.raises(ValueError, match="there is no component 7 to name; components are"):
        model.name_component(7, "x")
    for name in ("", "   ", "two\nlines", "x" * 81):
        with pytest.raises(ValueError, match="1 to 80 characters in one line"):
            model.name_component(day, name)
    with pytest.raises(TypeError, match="name is 5; give a text, or None"):
        model.name_component(day, 5)
    assert model.component_names == {night: "nightly backup"}
    model.name_component(night, "nightly backup")  # once more is no other
    with pytest.raises(ValueError, match="learn until ready"):
        OnlineGMM().name_component(0, "x")
