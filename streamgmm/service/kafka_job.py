"""The job over Kafka: one worker of a consumer group, until it is asked to stop.

The order at every settlement is: outputs delivered, positions committed, checkpoint written. A
crash between two of them repeats some outputs and loses none, and a checkpoint is never ahead of
what is committed. A model's first checkpoint comes with its first commit, not an interval later.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from streamgmm.io.kafka import KafkaSource, Partition, SourceUnavailableError
from streamgmm.service.shards import Start

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from streamgmm.events import Record
    from streamgmm.io.kafka import Owner
    from streamgmm.service.job import Parts

__all__ = ["KafkaJob"]

_SETTLE_SECONDS: Final = 1.0
_MOST_UNCONFIRMED: Final = 20_000
# Partitions are taken away while the group waits for us: shorter than its session time-out.
_RELEASE_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 0.5
_log = logging.getLogger(__name__)


class KafkaJob:
    """Works on the partitions the group assigns; the `Owner` of its source.

    Parameters
    ----------
    connect
        Makes the source, given its owner.
    batch_wait
        Seconds to wait for the first event of a batch.
    by_topic
        One model for a topic's partitions together instead of one for each.
    parts
        What it works with.
    """

    def __init__(
        self,
        connect: Callable[[Owner], KafkaSource],
        *,
        batch_wait: float,
        by_topic: bool,
        parts: Parts,
    ) -> None:
        self._connect = connect
        self._batch_wait = batch_wait
        self._by_topic = by_topic
        self._models = parts.models
        self._sink = parts.sink
        self._house = parts.house
        self._metrics = parts.metrics
        self._stop = parts.stop
        self._partitions: dict[str, Partition] = {}
        self._committed: dict[str, int] = {}
        self._undelivered: set[Partition] = set()
        self._settle_at = 0.0

    def run(self) -> None:
        """Work until asked to stop; then finish what was polled, commit, and leave the group.

        Raises
        ------
        BrokerError
            If the work cannot begin; once it has begun, trouble with a broker is waited out.
        StateError
            If a checkpoint cannot be used.
        StreamGMMError
            If outputs could not be delivered before the stop.
        """
        source = self._connect(self)
        self._house.trouble("waiting for the group to assign partitions")
        try:
            while not self._stop.is_set():
                try:
                    self._turn(source)
                except SourceUnavailableError as error:
                    self._metrics.connected.set(0)
                    self._house.trouble(f"the source does not answer: {error}")
                    self._house.obey()
                    self._house.show()
                    self._stop.wait(_RETRY_SECONDS)
            _log.info("stopping: delivering what was read")
            self._finish(source)
        finally:
            source.close()
        self._house.require_delivery()

    def release(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Deliver the outputs of partitions that are taken away; say what to commit."""
        if not self._house.deliver(_RELEASE_SECONDS):
            self._undelivered.update(partitions)
            return {}
        positions = self._uncommitted()
        return {one: positions[one] for one in partitions if one in positions}

    def released(self, partitions: Collection[Partition], *, committed: bool) -> None:
        """Let partitions go, with a checkpoint where everything is settled."""
        names = {str(partition) for partition in partitions}
        settled = committed and not self._undelivered & set(partitions)
        self._undelivered -= set(partitions)
        if settled:
            self._models.checkpoint(self._models.shard_names(names))
        self._models.close(names, park=settled)
        for name in names:
            self._partitions.pop(name, None)
            self._committed.pop(name, None)

    def _turn(self, source: KafkaSource) -> None:
        self._open_new(source)
        batches = source.poll(self._batch_wait)
        for partition, records in batches.items():
            self._process(partition, records)
        if not batches:
            source.probe()
        self._metrics.connected.set(1)
        if source.joined and not source.unopened():
            self._house.trouble(None)
        asked = self._house.obey()
        now = time.monotonic()
        if asked or now >= self._settle_at or self._sink.unconfirmed >= _MOST_UNCONFIRMED:
            self._settle(source)
            self._settle_at = time.monotonic() + _SETTLE_SECONDS
        if self._house.show_is_due():
            self._show(source)

    def _open_new(self, source: KafkaSource) -> None:
        groups: dict[str, list[Partition]] = defaultdict(list)
        for partition in sorted(source.unopened()):
            groups[partition.topic if self._by_topic else str(partition)].append(partition)
        for name, partitions in groups.items():
            starts = {str(one): self._start(source, one) for one in partitions}
            positions = self._models.open(name, starts)
            for one in partitions:
                self._partitions[str(one)] = one
                source.open(one, positions[str(one)])
                _log.info("%s: working from position %d", one, positions[str(one)])
        if groups:
            self._models.forget_parked()
            self._show(source)

    @staticmethod
    def _start(source: KafkaSource, partition: Partition) -> Start:
        first, end = source.bounds(partition)
        return Start(
            due=source.committed(partition),
            first=first,
            end=end,
            fallback=source.first_position((first, end)),
        )

    def _process(self, partition: Partition, records: list[Record]) -> None:
        outputs = self._models.process(str(partition), records)
        if outputs is None:
            return
        self._sink.take(outputs)
        stamps = np.array([record.timestamp for record in records], dtype=np.float64)
        self._metrics.latency.observe(time.time() - stamps)

    def _settle(self, source: KafkaSource) -> None:
        """Deliver, commit, and write checkpoints where they are due."""
        for partition in self._partitions.values():
            position = source.position(partition)
            if position is not None:
                self._models.pass_over(str(partition), position)
        if not self._house.deliver():
            return
        self._commit(source)
        self._models.checkpoint_new()
        if self._house.checkpoint_is_due():
            self._house.checkpoint()

    def _commit(self, source: KafkaSource) -> None:
        positions = self._uncommitted()
        source.commit(positions)
        self._committed |= {str(one): position for one, position in positions.items()}

    def _uncommitted(self) -> dict[Partition, int]:
        return {
            self._partitions[name]: position
            for name, position in self._models.positions().items()
            if self._committed.get(name) != position
        }

    def _finish(self, source: KafkaSource) -> None:
        if not self._house.deliver():
            return
        try:
            self._commit(source)
        except SourceUnavailableError as error:
            _log.warning("positions could not be committed before the stop (%s)", error)
            return
        self._house.checkpoint()

    def _show(self, source: KafkaSource) -> None:
        for name, partition in self._partitions.items():
            lag = source.lag(partition)
            if lag is not None:
                self._metrics.lag.labels(name).set(lag)
        self._house.show()
