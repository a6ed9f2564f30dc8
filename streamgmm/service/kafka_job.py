"""The job over Kafka: one worker of a consumer group, until it is asked to stop.

The order at every settlement is: outputs delivered, positions committed (or both at once, see
`delivery`), checkpoint written; or, where the checkpoints' store takes part in the transaction, all
three at once. So a checkpoint is never ahead of what is committed. A model's first checkpoint is an
empty one, written before it begins, or comes with its first commit. Where a transaction is lost the
models are ahead of the topics: all of them are let go, and the partitions opened as if just
assigned.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from streamgmm.io.client import (
    PositionGoneError,
    SourceUnavailableError,
    TransactionLostError,
)
from streamgmm.service.logs import place
from streamgmm.service.settlement import Settlement
from streamgmm.service.shards import Start

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from streamgmm.events import Records
    from streamgmm.io.client import Owner, Partition, Source
    from streamgmm.service.delivery import Delivery
    from streamgmm.service.job import Parts
    from streamgmm.service.pipeline import Outputs
    from streamgmm.service.sole import SoleWorker
    from streamgmm.service.tracing import Step

__all__ = ["KafkaJob"]

# Partitions are taken away while the group waits for us: shorter than its session time-out.
_RELEASE_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 0.5
# Between two attempts at a transaction that is lost again and again.
_MOST_PATIENCE: Final = 8.0
_log = logging.getLogger(__name__)


class KafkaJob:
    """Works on the partitions the group assigns; the `Owner` of its source.

    Parameters
    ----------
    connect
        Makes the source, given its owner.
    delivery
        Brings out what was put into the sink, with the positions it came from.
    batch_wait
        Seconds to wait for the first event of a batch.
    sole
        With it a topic's partitions have one model together, instead of one for each.
    parts
        What it works with.
    """

    def __init__(
        self,
        connect: Callable[[Owner], Source],
        delivery: Delivery,
        *,
        batch_wait: float,
        sole: SoleWorker | None,
        parts: Parts,
    ) -> None:
        self._connect = connect
        self._delivery = delivery
        self._batch_wait = batch_wait
        self._sole = sole
        self._models = parts.models
        self._sink = parts.sink
        self._house = parts.house
        self._metrics = parts.metrics
        self._stop = parts.stop
        self._tracer = parts.tracer
        self._partitions: dict[str, Partition] = {}
        self._settlement = Settlement(delivery, parts, self._partitions)
        self._undelivered: set[Partition] = set()
        self._source: Source | None = None
        # Partitions went away with outputs of theirs in the open transaction.
        self._torn = False
        # Transactions lost since one was last committed.
        self._losses = 0

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
        with self._tracer.step("connect"):
            self._source = source = self._connect(self)
        self._house.trouble("waiting for the group to assign partitions")
        try:
            while not self._stop.is_set():
                try:
                    self._turn(source)
                except SourceUnavailableError as error:
                    self._metrics.connected.set(0)
                    self._tracer.end(error)
                    self._wait(f"the source does not answer: {error}")
                except TransactionLostError as error:
                    self._start_over(source, error)
            _log.info("stopping: delivering what was read")
            self._tracer.keep()
            with self._tracer.step("stop"):
                self._finish(source)
        finally:
            source.close()
        self._house.require_delivery()

    def _wait(self, trouble: str, seconds: float = _RETRY_SECONDS) -> None:
        self._house.trouble(trouble)
        self._house.obey()
        self._house.show()
        self._stop.wait(seconds)

    def _pass_over_lost(self, source: Source, gone: PositionGoneError) -> None:
        """Go on after what retention took before it was read, or at the end of a log that was cut.

        Or stop, as configured.
        """
        for partition in gone.partitions & set(self._partitions.values()):
            first, end = source.bounds(partition)
            end = min(end, gone.cut_at.get(partition, end))
            source.open(partition, self._models.lose(str(partition), first, end))

    def _start_over(self, source: Source, error: TransactionLostError) -> None:
        """Begin again from the committed positions, with the models as they were there."""
        if self._losses == 0:  # a second one is told as what keeps the job from its work
            _log.warning("a transaction was lost (%s): its events are processed again", error)
        self._losses += 1
        self._metrics.transactions_lost.inc()
        self._tracer.end(error)
        source.hold()
        if self._losses > 1:
            pause = min(_RETRY_SECONDS * 2.0 ** min(self._losses - 2, 10), _MOST_PATIENCE)
            self._wait(f"no transaction can be committed: {error}", pause)
        while True:
            try:
                if self._delivery.start_over():
                    break
            except TransactionLostError as refused:  # says more than what was lost by it
                error = refused
            self._wait(f"a transaction was lost and no new one can be opened: {error}")
            if self._stop.is_set():
                return
        self._house.start_over()
        self._partitions.clear()
        self._settlement.start_over()
        self._undelivered.clear()
        self._torn = False

    def release(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Deliver the outputs of partitions that are taken away; say what to commit."""
        self._tracer.keep()
        with self._tracer.step("release", partitions=sorted(map(str, partitions))):
            return self._released(partitions)

    def _released(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        assert self._source is not None
        if not self._delivery.exactly_once:
            positions = self._settlement.uncommitted()
            if self._house.deliver(_RELEASE_SECONDS):
                return {one: positions[one] for one in partitions if one in positions}
        elif not self._torn:
            names = self._models.shard_names(map(str, partitions))
            try:
                if self._settlement.finish(self._source, names, _RELEASE_SECONDS):
                    self._losses = 0
                    return {}
            except TransactionLostError as error:
                _log.debug("at a hand-over: %s", error)
        self._undelivered.update(partitions)
        return {}

    def released(self, partitions: Collection[Partition], *, committed: bool) -> None:
        """Let partitions go, with a checkpoint where everything is settled."""
        names = {str(partition) for partition in partitions}
        settled = committed and not self._undelivered & set(partitions)
        self._undelivered -= set(partitions)
        self._torn |= self._delivery.exactly_once and not settled
        if settled and not self._models.transactional:
            self._models.checkpoint(self._models.shard_names(names))
        self._models.close(names, park=settled)
        for name in names:
            self._partitions.pop(name, None)
            self._settlement.forget(name)

    def _turn(self, source: Source) -> None:
        self._require_whole()  # first: behind our own open transaction no state can be read
        if self._settlement.under_way:
            source.rest()
        else:
            source.go_on()
            self._open_new(source)
        try:
            batches = self._poll(source)
        except PositionGoneError as error:
            self._pass_over_lost(source, error)
            return
        self._require_whole()
        for partition, records in batches.items():
            self._process(partition, records)
        if not batches:
            source.probe()
        self._metrics.connected.set(1)
        settling = self._settlement.under_way
        held_up = self._settlement.slow or self._losses > 1
        if source.joined and not held_up and not source.unopened():
            self._house.trouble(None)
        asked = self._house.obey()
        sizes = {one: len(records) for one, records in batches.items()}
        behind = max((n for one, n in sizes.items() if (source.lag(one) or 0) > n), default=0)
        if settling or asked or self._settlement.is_due(behind=behind):
            self._settle(source)
        if self._house.show_is_due():
            self._show(source)

    def _poll(self, source: Source) -> Mapping[Partition, Records]:
        with self._tracer.step("poll") as step:
            batches = source.poll(self._batch_wait)
            if not batches:
                step.drop()
            step.note(messages=sum(map(len, batches.values())))
        return batches

    def _require_whole(self) -> None:
        if self._torn:
            raise TransactionLostError("partitions went to others before it was committed")

    def _open_new(self, source: Source) -> None:
        found: dict[str, list[Partition]] = defaultdict(list)
        for partition in sorted(source.unopened()):
            found[str(partition) if self._sole is None else partition.topic].append(partition)
        groups = found if self._sole is None else self._sole.whole_topics(source, found)
        if groups:
            self._tracer.keep()
            with self._tracer.step("assign", partitions=sorted(map(str, source.unopened()))):
                self._open(source, groups)

    def _open(self, source: Source, groups: Mapping[str, Collection[Partition]]) -> None:
        with self._models.opening():
            for name, partitions in groups.items():
                starts = {str(one): self._start(source, one) for one in partitions}
                positions = self._models.open(name, starts)
                for one in partitions:
                    self._partitions[str(one)] = one
                    source.open(one, positions[str(one)])
                    at = positions[str(one)]
                    _log.info("%s: working from position %d", one, at, extra=place(str(one), at))
        self._models.forget_parked()
        if not self._models.transactional:
            self._models.checkpoint_new()
        self._show(source)

    @staticmethod
    def _start(source: Source, partition: Partition) -> Start:
        first, end = source.bounds(partition)
        return Start(
            due=source.committed(partition),
            first=first,
            end=end,
            fallback=source.first_position((first, end)),
        )

    def _process(self, partition: Partition, records: Records) -> None:
        topic, number = partition
        with self._tracer.step(
            "process", topic=topic, partition=str(number), messages=len(records)
        ) as step:
            came = self._models.process(str(partition), records)
            step.alerted(records, came)
        for outputs in came:
            self._take(outputs)
        if came:
            self._metrics.latency.observe(time.time() - records.timestamps)

    def _take(self, outputs: Outputs) -> None:
        with self._tracer.step("send") as step:
            self._sink.take(outputs)
            count = len(outputs.scores) + len(outputs.alerts) + len(outputs.dead_letters)
            if not count:
                step.drop()
            step.note(messages=count)

    def _settle(self, source: Source) -> None:
        """Deliver, commit, and write checkpoints where they are due; or go on with that."""
        with self._tracer.step("commit") as step:
            settled = self._settled(source, step)
        if not settled:
            return
        self._losses = 0
        if not self._models.transactional and self._house.checkpoint_is_due():
            self._house.checkpoint()
        self._tracer.end()

    def _settled(self, source: Source, step: Step) -> bool:
        """Go on with what is under way, or begin; whether it is completed."""
        if not self._settlement.under_way:
            for partition in self._partitions.values():
                position = source.position(partition)
                if position is not None:
                    self._models.pass_over(str(partition), position)
            self._settlement.begin()
        waiting = self._sink.unconfirmed
        if not waiting and not self._settlement.moves:
            step.drop()
        step.note(messages=waiting)
        settled = self._settlement.advance(source)
        step.note(settled=settled)
        return settled

    def _finish(self, source: Source) -> None:
        try:
            names = self._models.shard_names(self._partitions)
            if self._torn or not self._settlement.finish(source, names):
                return
        except SourceUnavailableError as error:
            _log.warning("positions could not be committed before the stop (%s)", error)
            return
        except TransactionLostError as error:
            _log.warning("the last transaction was lost before the stop (%s)", error)
            source.hold()
            self._house.give_up()
            return
        if not self._models.transactional:
            self._house.checkpoint()

    def _show(self, source: Source) -> None:
        for name, partition in self._partitions.items():
            lag = source.lag(partition)
            if lag is not None:
                self._metrics.lag.labels(name).set(lag)
            if lag == 0 and self._models.is_behind(name):
                # At its end before what is out: nothing would ever come, nor anybody say so.
                self._models.lose(name, *source.bounds(partition))
        self._house.show()
