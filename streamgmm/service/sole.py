"""One model over all partitions of a topic takes one worker: its group must have no other."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from streamgmm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamgmm.io.client import Partition, Source

__all__ = ["SoleWorker"]

_LOOK_SECONDS: Final = 0.5
_log = logging.getLogger(__name__)


class SoleWorker:
    """Sees to it that no other worker of the group has a part of the partitions.

    Parameters
    ----------
    group
        Its name.
    others
        Says how many other workers the group has.
    patience
        Seconds to wait for them to be gone at the start: one that was killed counts until its
        session time-out is over.
    check
        Called often while they are waited for; what it raises ends that.
    """

    def __init__(
        self, group: str, others: Callable[[], int], *, patience: float, check: Callable[[], None]
    ) -> None:
        self._group = group
        self._others = others
        self._patience = patience
        self._check = check

    def await_turn(self) -> None:
        """Wait until the group has no other worker.

        Raises
        ------
        ConfigError
            If it still has one when patience is at its end.
        """
        _log.warning(
            'model.scope is "topic": the order of events from different partitions, and with it '
            "what the model learns, is not reproducible, nor after a restart the same again"
        )
        deadline = time.monotonic() + self._patience
        told = False
        while self._others():
            if time.monotonic() >= deadline:
                raise self._refusal()
            if not told:
                _log.warning(
                    "another worker of the group %r runs, or was killed a moment ago: waiting up "
                    "to %g s for it to be gone",
                    self._group,
                    self._patience,
                )
                told = True
            self._check()
            time.sleep(_LOOK_SECONDS)

    def whole_topics(
        self, source: Source, topics: Mapping[str, Sequence[Partition]]
    ) -> dict[str, Sequence[Partition]]:
        """Give those topics of which all partitions are ours; the others wait.

        Where two workers have begun at once the one without a topic's first partition goes.

        Raises
        ------
        ConfigError
            If that is us.
        SourceUnavailableError
            If the broker does not answer.
        """
        whole = {}
        for topic, partitions in topics.items():
            if len(partitions) == source.partitions(topic):
                whole[topic] = partitions
            elif min(partitions).number > 0:
                raise self._refusal()
        return whole

    def _refusal(self) -> ConfigError:
        return ConfigError(
            f'model.scope is "topic", one model over all partitions, but the group {self._group!r} '
            "has another worker, which would learn a part of them in a model of its own: stop that "
            'one, give this job a source.group of its own, or set model.scope to "partition"'
        )
