"""The garbage collector while a service runs, and after."""

from __future__ import annotations

import gc
import weakref

from streamgmm.service.collector import long_running


class Cycle:
    """Something that only the collector can free."""

    def __init__(self) -> None:
        self.me = self


def test_the_collector_works_on_with_other_thresholds_and_is_put_back() -> None:
    before = gc.get_threshold()
    with long_running():
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
        seen = weakref.ref(Cycle())
        kept = [[] for _ in range(2 * gc.get_threshold()[0])]
        assert seen() is None
        del kept
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
