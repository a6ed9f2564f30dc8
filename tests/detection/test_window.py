"""The rolling window of scores, and that its order is the one that sorting gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgmm.detection.order import exchanged
from streamgmm.detection.window import Window

# Few values, so that equal ones come and go, and both zeros.
SCORES = st.lists(st.sampled_from([-0.0, 0.0, -1.5, 1.0, 2.0, 7.0]), max_size=6)


@settings(max_examples=60, deadline=None)
@given(blocks=st.lists(SCORES, max_size=12), asked=st.sets(st.integers(0, 11)))
def test_it_holds_the_latest_in_order_whenever_it_is_asked(
    blocks: list[list[float]], asked: set[int]
) -> None:
    window, seen = Window(8), [3.0, 1.0]
    window.start(np.array(seen))
    for i, block in enumerate(blocks):
        window.add(np.array(block))
        seen += block
        if i in asked:
            expected = np.sort(np.array(seen[-8:]) + 0.0)
            assert window.ordered().tobytes() == expected.tobytes()
    assert len(window) == min(len(seen), 8)


@pytest.mark.parametrize("before", [0, 3, 40])
def test_a_restored_one_goes_on_bit_for_bit(before: int) -> None:
    rng = np.random.default_rng(5)
    window = Window(16)
    window.start(rng.normal(size=4))
    for _ in range(before):
        window.add(rng.normal(size=3))
    restored = Window(16)
    restored.restore(window.state())
    window.ordered()
    for _ in range(9):
        more = rng.normal(size=3)
        window.add(more)
        restored.add(more)
    assert window.ordered().tobytes() == restored.ordered().tobytes()
    np.testing.assert_equal(window.state(), restored.state())


def test_it_lets_go_of_all_but_the_latest() -> None:
    window = Window(100)
    window.start(np.arange(10.0))
    window.add(np.array([-1.0, 30.0]))
    window.keep_latest(3)
    assert window.ordered().tolist() == [-1.0, 9.0, 30.0]
    assert not window.full


def test_values_are_exchanged_as_often_as_they_are_given() -> None:
    ordered = np.array([1.0, 2.0, 2.0, 2.0, 5.0])
    found = exchanged(ordered, np.array([1.0, 2.0, 2.0]), np.array([0.0, 2.0, 9.0]))
    assert found.tolist() == [0.0, 2.0, 2.0, 5.0, 9.0]


@pytest.mark.parametrize("gone", [[4.0], [1.0, 1.0], [0.5, 1.0, 2.0]])
def test_what_was_not_there_cannot_go(gone: list[float]) -> None:
    with pytest.raises(ValueError, match="were not there"):
        exchanged(np.array([1.0, 2.0, 3.0]), np.array(gone), np.array([7.0]))
