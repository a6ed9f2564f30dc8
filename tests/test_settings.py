"""A wrong setting is refused at once, with what was got and what is allowed."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest

from streamgmm import CategoricalSurprise, CyclicTime, HalfLife, KeyHistory, OnlineGMM, PowerLaw
from streamgmm.config.sections import Model
from streamgmm.config.toml import rules_of
from streamgmm.detection import Budget, Detector, DetectorSettings
from streamgmm.detection.learner import MOST_COMPONENTS
from streamgmm.events import Field, Schema

WRONG: list[Any] = ["no", [1], {"a": 1}, math.nan, -1, object(), 1j, b"7d"]
CONSTRUCTORS: dict[Any, dict[str, Any]] = {
    OnlineGMM: {},
    DetectorSettings: {},
    Detector: {"n_features": 2},
    HalfLife: {"events": 10},
    PowerLaw: {},
    Budget: {},
    CategoricalSurprise: {"on": "port", "given": "host"},
    CyclicTime: {"on": "at"},
    KeyHistory: {"history": "mean", "per": "host", "on": "size", "time": "at"},
    Field: {"name": "port", "transform": "surprise", "given": True},
    Schema: {"fields": (Field("size"),)},
}
# Anything that a dictionary takes for a key names a feature; any text a member of the event.
ALLOWED = {
    ("CategoricalSurprise", "on"): ("no", math.nan, -1, object, 1j, b"7d"),
    ("CategoricalSurprise", "given"): ("no", math.nan, -1, object, 1j, b"7d"),
    ("CyclicTime", "on"): ("no", math.nan, -1, object, 1j, b"7d"),
    ("KeyHistory", "per"): ("no", math.nan, -1, object, 1j, b"7d"),
    ("KeyHistory", "time"): ("no", math.nan, -1, object, 1j, b"7d"),
    ("KeyHistory", "on"): ("no", math.nan, -1, object, 1j, b"7d"),
    ("Field", "name"): ("no",),
    ("Field", "unit"): ("no",),  # refused for another reason: a category has none
    ("Field", "given"): ("no",),
    ("Field", "source"): ("no",),
    ("Schema", "key"): ("no",),
    ("Schema", "time"): ("no",),
    ("Schema", "label"): ("no",),
}


def wrong_settings() -> list[Any]:
    cases = []
    for constructor in CONSTRUCTORS:
        for name in inspect.signature(constructor).parameters:
            allowed = ALLOWED.get((constructor.__name__, name), ())
            for value in WRONG:
                if not any(value is one or type(value) is one for one in allowed):
                    label = f"{constructor.__name__}-{name}-{type(value).__name__}"
                    cases.append(pytest.param(constructor, name, value, id=label))
    return cases


@pytest.mark.parametrize(("constructor", "name", "value"), wrong_settings())
def test_the_error_says_what_was_got_and_what_is_allowed(
    constructor: Any, name: str, value: Any
) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        constructor(**{**CONSTRUCTORS[constructor], name: value})
    said = str(caught.value)
    assert repr(value)[:40] in said
    assert any(word in said for word in ("allowed", "must", "needed", "lies in", "give", "is for"))
    assert (
        name.removeprefix("per_").replace("_", " ") in said.replace("_", " ")
        or name == "probability"
    )


@pytest.mark.parametrize("text", ["no", "false", "", "True"])
def test_a_text_is_no_truth_value(text: str) -> None:
    for make in (OnlineGMM, DetectorSettings):
        with pytest.raises(TypeError, match=rf"structure is '{text}'; allowed are True and False"):
            make(structure=text)


def test_jobs_and_python_allow_as_many_components() -> None:
    rule, _ = rules_of(Model)["n_components"]
    assert rule.read(MOST_COMPONENTS) == MOST_COMPONENTS
    assert DetectorSettings(n_components=MOST_COMPONENTS).n_components == MOST_COMPONENTS
    with pytest.raises(ValueError, match=f"a whole number, from 1 to {MOST_COMPONENTS:,}"):
        DetectorSettings(n_components=MOST_COMPONENTS + 1)
    assert rule.allowed == f"a whole number from 1 to {MOST_COMPONENTS:,}"
