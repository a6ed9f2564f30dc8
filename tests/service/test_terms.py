from __future__ import annotations

from dataclasses import replace

import pytest

from streamgmm.errors import StateError
from streamgmm.service.checkpoint import Checkpoint
from streamgmm.service.terms import Terms, terms_of
from tests.service.test_models import job


def checkpoint(terms: Terms) -> Checkpoint:
    return Checkpoint(
        name="flows-0",
        positions={},
        state={},
        fingerprint=terms.fingerprint,
        configuration=terms.text,
    )


def test_the_terms_of_a_checkpoint_are_those_it_was_learned_under() -> None:
    then, now = job(half_life=500, budget=0.01), job(half_life=60, budget=0.1)
    assert terms_of(checkpoint(Terms.of(then)), now, "") == Terms.of(then)
    assert [change.key for change in Terms.of(now).changes(since=Terms.of(then).text)] == [
        "alerts.budget",
        "model.half_life",
    ]


def test_a_difference_is_refused_by_its_lines() -> None:
    other = checkpoint(Terms.of(job(model="window = 5000")))
    with pytest.raises(StateError) as caught:
        terms_of(other, job(half_life=60), "empty the directory")
    message = str(caught.value)
    assert "- model.window = 5000\n  + model.window = 100000" in message
    assert "(model.half_life may change)" in message
    assert "model.seed" not in message
    assert message.endswith("put the old values back, or empty the directory")


def test_equal_lines_of_another_meaning_are_refused() -> None:
    """A release that reads a key otherwise changes the fingerprint, and no line."""
    older = replace(checkpoint(Terms.of(job())), fingerprint="of an older release")
    with pytest.raises(StateError, match="mean something else in the release that wrote it"):
        terms_of(older, job(), "")
