"""The models at work: one for each partition, or one for a topic, with their checkpoints.

A *shard* is a model with the partitions that feed it. Each partition has a position (of the next
event it will see) and a position from which its outputs are due: events before that one are
already out and are only learned again, silently, to bring a restored model up to date.
"""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.detection import Detector
from streamgmm.events import Records
from streamgmm.service.incidents import carry_out
from streamgmm.service.keeper import Keeper
from streamgmm.service.pipeline import Outputs, Pipeline
from streamgmm.service.recovery import Losses, within_bounds
from streamgmm.service.shards import Shard
from streamgmm.service.suspects import Suspects
from streamgmm.service.telling import Telling
from streamgmm.service.terms import Terms
from streamgmm.service.tracing import NOT_TRACED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from streamgmm.config import Config
    from streamgmm.events import BatchDecoder, Record
    from streamgmm.service.checkpoint import CheckpointStore
    from streamgmm.service.commands import Command
    from streamgmm.service.journal import Journals
    from streamgmm.service.metrics import Metrics
    from streamgmm.service.page.recorder import Recorder
    from streamgmm.service.shards import Start
    from streamgmm.service.status import ModelStatus
    from streamgmm.service.tracing import Tracer

__all__ = ["Models"]

_log = logging.getLogger(__name__)


class Models:
    """All models of one worker.

    Parameters
    ----------
    config
        The job.
    store
        Where checkpoints are kept, or None.
    metrics
        Passed on to the pipelines.
    decoder
        Makes the decoder of a partition from its name.
    want_scores
        Whether every event's score is to be written.
    skip_lost
        Whether to go on where events are gone from the source, or to stop.
    journals
        Opens the journal of a partition, by which an event is found that kills this process.
    recorder
        Records what the live page shows; None where there is none.
    tracer
        Is told of the steps.
    """

    def __init__(
        self,
        config: Config,
        *,
        store: CheckpointStore | None,
        metrics: Metrics,
        decoder: Callable[[str], BatchDecoder],
        want_scores: bool,
        skip_lost: bool = False,
        journals: Journals = lambda _: None,
        recorder: Recorder | None = None,
        tracer: Tracer = NOT_TRACED,
    ) -> None:
        self._tracer = tracer
        self._journals = journals
        self._page = Telling(recorder, metrics)
        self._losses = Losses(metrics, skip=skip_lost)
        self._terms = Terms.of(config)
        self._width = config.schema().width
        self._keeper = None if store is None else Keeper(config, store, metrics, tracer)
        self._metrics = metrics
        self._decoder = decoder
        self._want_scores = want_scores
        self._shards: dict[str, Shard] = {}
        self._shard_of: dict[str, Shard] = {}
        self._parked: dict[str, Shard] = {}

    @property
    def transactional(self) -> bool:
        """Whether checkpoints go into the transaction that commits outputs and positions."""
        return self._keeper is not None and self._keeper.transactional

    def opening(self) -> AbstractContextManager[None]:
        """Within it several models are opened in a row."""
        return nullcontext() if self._keeper is None else self._keeper.opening()

    def start_over(self) -> None:
        """Forget all models and what was saved of them since the last commit: that was lost."""
        self.close(set(self._shard_of), park=False)
        self._page.start_over()
        if self._keeper is not None:
            self._keeper.start_over()

    def open(self, shard_name: str, starts: Mapping[str, Start]) -> dict[str, int]:
        """Make a model ready for its partitions and say where each is to begin.

        The state comes from memory if these partitions were here before and nothing happened
        to them since; else from the newest checkpoint not beyond any partition's due position;
        else the model starts empty.

        Raises
        ------
        StateError
            If no checkpoint can be read, or its model cannot go on under this configuration, or
            events are gone from the source that the model should have seen.
        """
        put_out = {name: start.due for name, start in starts.items()}
        starts = {name: within_bounds(name, start, self._losses) for name, start in starts.items()}
        with self._tracer.step("restore", model=shard_name) as step:
            shard = self._unpark(shard_name, starts) or self._restore(shard_name, starts)
            step.note(events=0 if shard is None else shard.detector.n_seen)
        if shard is None:
            shard = Shard(shard_name, Detector(self._width, self._terms.settings), self._terms)
            if self._keeper is not None:
                self._keeper.warn_of_a_lost_past(starts)
        for name, start in starts.items():
            self._add_partition(shard, name, start, put_out[name])
        self._shards[shard_name] = shard
        self._parked.pop(shard_name, None)
        shard.tell_of_changes(self._terms)
        self._change_terms(shard)
        return {name: shard.positions[name] for name in starts}

    def process(self, partition: str, records: Sequence[Record]) -> list[Outputs]:
        """Score and learn records of a partition, in order; nothing comes of what is out already.

        An event that crashes the worker is set aside, see `guard`.
        """
        records = Records.of(records)
        shard = self._shard_of[partition]
        pipeline, due = shard.pipelines[partition], shard.due[partition]
        positions = records.positions
        old = int(np.searchsorted(positions, due))
        if old:
            with self._tracer.step("relearn", events=old):
                learned = shard.guard.run(partition, records[:old], silently=True)
            self._metrics.relearned.labels(partition).inc(sum(len(one.batch) for one in learned))
            shard.progress.tell(partition, due - int(positions[old - 1]) - 1)
            shard.changed = True
        last = int(positions[-1]) + 1
        self._reach(shard, partition, min(due, last))
        outputs = []
        if old < len(records):
            began = time.perf_counter()
            outputs = shard.guard.run(partition, records[old:])
            for one in outputs:
                pipeline.count(one)
            self._metrics.batch_duration.observe(time.perf_counter() - began)
            self._page.take(shard.name, outputs, shard.detector)
            shard.positions[partition] = last
            shard.changed = True
        return outputs

    def lose(self, partition: str, first: int, end: int) -> int:
        """Note that the source holds nothing before `first`, and from `end` on what was never read.

        Returns where to go on.

        Raises
        ------
        StateError
            If the model is not between them, and that is to stop the job.
        """
        shard = self._shard_of[partition]
        at = shard.positions[partition]
        if at < first:
            self._losses.note(partition, at, first - 1, "before they were read")
            self.pass_over(partition, first)
        elif (out := max(at, shard.due[partition])) > end:
            self._losses.note_cut(partition, out, end)
            shard.cut(partition, end)
        return shard.positions[partition]

    def is_behind(self, partition: str) -> bool:
        """Whether a partition's events are still to be learned again."""
        shard = self._shard_of[partition]
        return shard.positions[partition] < shard.due[partition]

    def pass_over(self, partition: str, position: int) -> None:
        """Note that there are no events before `position` (markers, what compaction took)."""
        self._reach(self._shard_of[partition], partition, position)

    def mark(self, partition: str) -> dict[str, Any]:
        """Give what the source keeps with the model's checkpoints; to be changed in place."""
        return self._shard_of[partition].mark

    def restart(self, partition: str) -> None:
        """Keep the model but take the partition from its beginning: it is another source now."""
        shard = self._shard_of[partition]
        shard.positions[partition] = shard.due[partition] = 0

    def positions(self) -> dict[str, int]:
        """Give, for every partition that is up to date, the position of its next event."""
        return {
            name: shard.positions[name]
            for name, shard in self._shard_of.items()
            if shard.positions[name] >= shard.due[name]
        }

    def obey(self, command: Command) -> dict[str, Any]:
        """Do what an operator asks; returns what to answer.

        Raises
        ------
        UnknownModelError, UnknownIncidentError, ValueError
            If it cannot be done.
        """
        models = {name: shard.detector for name, shard in self._shards.items()}
        answer = carry_out(command, models)
        if command.changes:
            for shard in self._shards.values():
                shard.changed = True
                shard.guard.changed()
            _log.info("asked by an operator: %s", command)
        return answer

    def checkpoint(self, shard_names: Collection[str] | None = None) -> bool:
        """Write a checkpoint of each model that has changed since its last one.

        Where that fails (a full disk, say) the service goes on, and says so.

        Returns
        -------
        bool
            Whether all of them are saved.
        """
        if self._keeper is None:
            return False
        chosen = [
            shard
            for name, shard in self._shards.items()
            if shard_names is None or name in shard_names
        ]
        for shard in chosen:
            if shard.changed:
                self._keeper.write(shard)
        return not any(shard.changed for shard in chosen)

    def checkpoint_within(
        self, shard_names: Collection[str] | None = None, *, due: bool = True
    ) -> dict[str, int]:
        """Put checkpoints into the transaction that is about to be committed.

        Of the models that have changed, where that is `due`, and of those that have none yet. A
        model that is still learning again waits: it has no position to be committed with.

        Returns
        -------
        dict
            The positions that the checkpoints reflect, to be committed with them.
        """
        positions: dict[str, int] = {}
        for name, shard in self._shards.items():
            chosen = shard_names is None or name in shard_names
            wanted = chosen and ((due and shard.changed) or not shard.saved)
            if self._keeper is not None and wanted and not shard.behind:
                self._keeper.write(shard)
                positions |= shard.positions
        return positions

    @property
    def unsaved(self) -> bool:
        """Whether a model has changed since its last checkpoint."""
        return any(shard.changed for shard in self._shards.values())

    def checkpoint_new(self) -> None:
        """Write the first checkpoint of each model that has none, be it empty.

        To be called before anything is put out: so there is always one to go on from.
        """
        for shard in self._shards.values():
            if self._keeper is not None and not shard.saved:
                self._keeper.write(shard)

    def close(self, partitions: Collection[str], *, park: bool) -> None:
        """Let go of partitions; `park` keeps their models at hand in case they come back."""
        self._parked.clear()
        for partition in partitions:
            shard = self._shard_of.pop(partition, None)
            if shard is None:
                continue
            self._metrics.forget_partition(partition)
            shard.suspects.pop(partition).close()
            if self._shards.pop(shard.name, None) is not None:
                self._metrics.forget_partition(shard.name)
                self._page.forget(shard.name)
            if park:
                self._parked[shard.name] = shard

    def forget_parked(self) -> None:
        """Let go of the models whose partitions have not come back."""
        self._parked.clear()

    def shard_names(self, partitions: Iterable[str]) -> set[str]:
        """Name the models that these partitions feed."""
        return {self._shard_of[name].name for name in partitions if name in self._shard_of}

    def show(self) -> dict[str, ModelStatus]:
        """Bring metrics and live page up to date and give the state of every model."""
        self._page.show({name: shard.detector for name, shard in self._shards.items()})
        return {name: shard.show(self._metrics) for name, shard in self._shards.items()}

    def _unpark(self, shard_name: str, starts: Mapping[str, Start]) -> Shard | None:
        shard = self._parked.get(shard_name)
        if shard is None or any(
            shard.positions.get(name, start.due) != start.due for name, start in starts.items()
        ):
            return None
        for name in set(shard.pipelines) - set(starts):
            del shard.pipelines[name], shard.positions[name], shard.due[name]
        return shard

    def _restore(self, shard_name: str, starts: Mapping[str, Start]) -> Shard | None:
        found = None if self._keeper is None else self._keeper.find(shard_name, starts)
        if found is None:
            return None
        checkpoint, detector, terms = found
        shard = Shard(shard_name, detector, terms, saved=True)
        for name, position in checkpoint.positions.items():
            if name in starts:
                shard.pipelines[name] = self._pipeline(name, shard)
                shard.pipelines[name].restore(checkpoint.state["partitions"][name])
                shard.positions[name] = position
        shard.mark = dict(checkpoint.state["mark"])
        if checkpoint.skip:
            self._skip(shard, starts)
        _log.info("%s: model restored, %d events seen", shard_name, detector.n_seen)
        return shard

    @staticmethod
    def _skip(shard: Shard, starts: Mapping[str, Start]) -> None:
        """Learn nothing of what was put out before somebody went back to an older model."""
        for name in shard.positions:
            shard.positions[name] = max(shard.positions[name], starts[name].due or 0)
        shard.saved = False  # so that this is not done twice
        _log.info("%s: an older model was put back; what came after it is not learned", shard.name)

    def _add_partition(self, shard: Shard, name: str, start: Start, put_out: int | None) -> None:
        self._metrics.begin_partition(name)
        if name not in shard.pipelines:
            shard.pipelines[name] = self._pipeline(name, shard)
            shard.positions[name] = start.fallback if start.due is None else start.due
        elif start.cut_from is not None and start.due is not None:
            shard.cut(name, start.due)
        if shard.positions[name] < start.first:
            # of what was not put out either, `within_bounds` has told
            last = min(start.first, start.first if put_out is None else put_out) - 1
            if shard.positions[name] <= last:
                what = "and the newest checkpoint that can be used has not seen them"
                self._losses.note(name, shard.positions[name], last, what)
            shard.positions[name] = start.first
        shard.due[name] = shard.positions[name] if start.due is None else start.due
        behind = shard.due[name] - shard.positions[name]
        if behind > 0:
            shard.progress.begin(name, behind)
            self._tracer.recovering(name, behind)
        if name not in shard.suspects:
            shard.suspects[name] = Suspects(name, self._journals(name))
        self._shard_of[name] = shard

    def _reach(self, shard: Shard, partition: str, position: int) -> None:
        """Note that all before `position` is learned, or was never there.

        Once all is that was put out under other terms, the job's begin. A checkpoint says where,
        before anything is put out under them: another life would begin them there as well.
        """
        shard.positions[partition] = max(shard.positions[partition], position)
        if shard.positions[partition] >= shard.due[partition]:
            self._tracer.recovered(partition)
        self._change_terms(shard)

    def _change_terms(self, shard: Shard) -> None:
        if shard.terms == self._terms or shard.behind:
            return
        shard.go_on_under(self._terms)
        if self._keeper is not None and not self._keeper.transactional:
            self._keeper.write(shard)

    def _pipeline(self, name: str, shard: Shard) -> Pipeline:
        pipeline = Pipeline(
            self._decoder(name),
            shard.detector,
            self._metrics,
            want_scores=self._want_scores,
            model=shard.name,
            tracer=self._tracer,
        )
        pipeline.max_ahead = shard.terms.max_ahead
        return pipeline
