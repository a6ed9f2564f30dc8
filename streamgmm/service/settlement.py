"""Bringing out what was worked on, with the positions it came from: in steps, of a second at most.

So the loop polls on while a sink is slow, and nobody takes the worker for dead. While a settlement
is under way nothing more may be worked on: that bounds what waits in memory.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from streamgmm.io.client import Partition, Source
    from streamgmm.service.delivery import Delivery
    from streamgmm.service.job import Parts

__all__ = ["Settlement"]

_SECONDS: Final = 1.0
# A sink that was slow a moment ago is, so that nobody is told of every turn.
_SLOW_SECONDS: Final = 5.0
# While more waits to be read than was read at once, every output is later than that anyway, and a
# commit, which takes as much as a thousand events, may wait for more of them. Not where outputs are
# as many as events: a slow sink would have more to take in one transaction than it is allowed.
_CATCHING_UP_SECONDS: Final = 0.25
_MOST_OUTPUTS: Final = 20_000
_LEAST_OUTPUTS: Final = 500
_MOST_BYTES: Final = 32 * 1024 * 1024


class Settlement:
    """What is put out and not settled yet, and when it is to be.

    Parameters
    ----------
    delivery
        Brings out what was put into the sink, with the positions it came from.
    parts
        What the job works with.
    partitions
        What the job works on, by name; the job keeps it up to date.
    """

    def __init__(
        self, delivery: Delivery, parts: Parts, partitions: Mapping[str, Partition]
    ) -> None:
        self._delivery = delivery
        self._models = parts.models
        self._sink = parts.sink
        self._house = parts.house
        self._partitions = partitions
        self._committed: dict[str, int] = {}
        self._begun: dict[Partition, int] | None = None
        self._slow_until = 0.0
        # A sink may be too slow to take as many within one transaction's time-out.
        self._most = _MOST_OUTPUTS
        self._settle_at = self._deliver_at = 0.0

    @property
    def under_way(self) -> bool:
        """Whether one has begun that is not completed."""
        return self._begun is not None

    @property
    def moves(self) -> bool:
        """Whether what is under way commits a position."""
        return bool(self._begun)

    @property
    def slow(self) -> bool:
        """Whether one keeps us waiting for more than a second, or did so a moment ago."""
        return time.monotonic() < self._slow_until

    def is_due(self, *, behind: int = 0) -> bool:
        """Whether outputs have waited long enough, or are many; or positions alone, or nothing.

        Where more events wait than the `behind` that were read at once, a quarter of a second is
        not too long for fewer outputs than these.
        """
        now, waiting = time.monotonic(), self._sink.unconfirmed
        if waiting == 0:
            self._deliver_at = now + self._delivery.interval
            return now >= self._settle_at
        many = waiting >= self._most or self._sink.unconfirmed_bytes >= _MOST_BYTES
        longer = 0.0
        if waiting < behind:
            longer = max(_CATCHING_UP_SECONDS - self._delivery.interval, 0.0)
        return many or now >= self._deliver_at + longer

    def uncommitted(self) -> dict[Partition, int]:
        """Give the positions up to which all was put out and that are not committed yet."""
        return {
            self._partitions[name]: position
            for name, position in self._models.positions().items()
            if self._committed.get(name) != position
        }

    def begin(self, names: Collection[str] | None = None) -> None:
        """Fix what is settled; where their store takes part, with the state of models.

        Of these models all that have changed, or (None) what is due.
        """
        positions = self.uncommitted()
        if self._models.transactional:
            saved = self._house.checkpoint_within(names)
            # In any case: with them the brokers ask whether the group has left us behind.
            positions |= {self._partitions[name]: position for name, position in saved.items()}
        self._begun = positions

    def advance(self, source: Source) -> bool:
        """Try for a second to complete it; False: not yet, or it was given up for good.

        Raises
        ------
        SourceUnavailableError
            If the outputs are out and the positions could not be committed; to be tried again.
        TransactionLostError
            If nothing was settled, nor will be.
        """
        done = self._house.attempt(partial(self._delivery.settle, source, self._still_ours()))
        if done:
            self._complete()
        else:
            self._slow_until = time.monotonic() + _SLOW_SECONDS
        return done

    def finish(self, source: Source, names: Collection[str], timeout: float | None = None) -> bool:
        """Wait for what is under way, and then settle all there is, with the state of models.

        Raises
        ------
        SourceUnavailableError, TransactionLostError
            As `advance`.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if not self.under_way or self._waited_for(source, deadline):
            self.begin(names)
        else:
            return False
        return self._waited_for(source, deadline)

    def _waited_for(self, source: Source, deadline: float | None) -> bool:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        settle = partial(self._delivery.settle, source, self._still_ours())
        done = self._house.deliver(left, settle=settle)
        if done:
            self._complete()
        return done

    def _still_ours(self) -> dict[Partition, int]:
        """Give the positions to be committed: none of partitions that went away meanwhile."""
        assert self._begun is not None
        return {one: at for one, at in self._begun.items() if str(one) in self._partitions}

    def _complete(self) -> None:
        self._committed |= {str(one): position for one, position in self._still_ours().items()}
        self._begun = None
        self._most = min(2 * self._most, _MOST_OUTPUTS)
        if self._models.transactional:
            self._house.committed()
        now = time.monotonic()
        self._settle_at, self._deliver_at = now + _SECONDS, now + self._delivery.interval

    def forget(self, name: str) -> None:
        """Forget what is committed of a partition that is let go."""
        self._committed.pop(name, None)

    def start_over(self) -> None:
        """Forget all, and try with fewer outputs at once: the transaction was lost."""
        self._committed.clear()
        self._begun = None
        self._most = max(self._most // 2, _LEAST_OUTPUTS)
